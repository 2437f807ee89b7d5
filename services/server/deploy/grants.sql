-- The smallest grants in the database of WHMCS. Choose the database first, and create the users:
--
--   CREATE USER whmcs_auth@localhost IDENTIFIED BY '...';
--   CREATE USER whmcs_auth_maker@localhost IDENTIFIED BY '...';

-- The service and `sign-link`. The only column that the service writes is last_access.
GRANT SELECT (setting, value) ON tblconfiguration TO whmcs_auth@localhost;
GRANT SELECT (id, roleid, username, password, passwordhash, disabled) ON tbladmins TO whmcs_auth@localhost;
GRANT SELECT (id) ON tbladminroles TO whmcs_auth@localhost;
GRANT SELECT (roleid, permid) ON tbladminperms TO whmcs_auth@localhost;
GRANT SELECT (id, permissions) ON tblapi_roles TO whmcs_auth@localhost;
GRANT SELECT (id, identifier, secret, user_id, role_ids, last_access, deleted_at) ON tbldeviceauth TO whmcs_auth@localhost;
GRANT UPDATE (last_access) ON tbldeviceauth TO whmcs_auth@localhost;
GRANT SELECT (id, firstname, lastname, companyname, email, datecreated, groupid, status, allow_sso) ON tblclients TO whmcs_auth@localhost;
-- Only WHMCS 8.0 and later have this table. Only `user_id` of CreateSsoToken needs it.
GRANT SELECT (auth_user_id, client_id, owner) ON tblusers_clients TO whmcs_auth@localhost;
GRANT SELECT (id, gid, type, name, description, servertype, paytype) ON tblproducts TO whmcs_auth@localhost;

-- `make-credential`. It reads no secret and no password.
GRANT SELECT (id, roleid, username, disabled) ON tbladmins TO whmcs_auth_maker@localhost;
GRANT SELECT (id) ON tbladminroles TO whmcs_auth_maker@localhost;
GRANT SELECT (roleid, permid) ON tbladminperms TO whmcs_auth_maker@localhost;
GRANT SELECT (id, role) ON tblapi_roles TO whmcs_auth_maker@localhost;
GRANT INSERT (identifier, secret, user_id, role_ids) ON tbldeviceauth TO whmcs_auth_maker@localhost;
