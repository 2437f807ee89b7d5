SELECT a.id, a.username, a.password, a.disabled, p.permid IS NOT NULL
FROM tbladmins a
LEFT JOIN tbladminperms p ON p.roleid = a.roleid AND p.permid = 81
WHERE a.username = ?
