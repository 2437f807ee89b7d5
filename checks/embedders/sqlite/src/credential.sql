-- One query, so that a known identifier takes no more queries than an unknown one.
SELECT c.id, c.identifier, c.secret, a.disabled, p.permid IS NOT NULL,
    (SELECT coalesce(group_concat(e.key), '') FROM tblapi_roles r, json_each(r.permissions) e
     WHERE e.value AND r.id IN (SELECT value FROM json_each(c.role_ids)))
FROM tbldeviceauth c
JOIN tbladmins a ON a.id = c.user_id
LEFT JOIN tbladminperms p ON p.roleid = a.roleid AND p.permid = 81
WHERE c.identifier = ? AND c.deleted_at IS NULL
