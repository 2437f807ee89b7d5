-- The tables of a WHMCS database, with the columns that the queries use. COLLATE NOCASE ignores case
-- as MariaDB's collation does.
CREATE TABLE tblconfiguration (
    setting TEXT PRIMARY KEY,
    value TEXT NOT NULL
);
CREATE TABLE tbladminroles (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL
);
CREATE TABLE tbladminperms (
    roleid INTEGER NOT NULL,
    permid INTEGER NOT NULL
);
CREATE TABLE tbladmins (
    id INTEGER PRIMARY KEY,
    roleid INTEGER NOT NULL,
    username TEXT NOT NULL COLLATE NOCASE,
    password TEXT NOT NULL,
    passwordhash TEXT NOT NULL DEFAULT '',
    disabled INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX tbladmins_username ON tbladmins (username);
CREATE TABLE tblapi_roles (
    id INTEGER PRIMARY KEY,
    role TEXT NOT NULL,
    permissions TEXT NOT NULL
);
CREATE TABLE tbldeviceauth (
    id INTEGER PRIMARY KEY,
    identifier TEXT NOT NULL UNIQUE,
    secret TEXT NOT NULL,
    user_id INTEGER NOT NULL,
    role_ids TEXT NOT NULL,
    last_access TEXT,
    deleted_at TEXT
);
CREATE TABLE tblclients (
    id INTEGER PRIMARY KEY,
    firstname TEXT NOT NULL COLLATE NOCASE,
    lastname TEXT NOT NULL COLLATE NOCASE,
    companyname TEXT NOT NULL DEFAULT '' COLLATE NOCASE,
    email TEXT NOT NULL COLLATE NOCASE,
    datecreated TEXT NOT NULL,
    groupid INTEGER NOT NULL DEFAULT 0,
    status TEXT NOT NULL DEFAULT 'Active',
    allow_sso INTEGER NOT NULL DEFAULT 1
);
CREATE INDEX tblclients_email ON tblclients (email);
CREATE TABLE tblusers_clients (
    auth_user_id INTEGER NOT NULL,
    client_id INTEGER NOT NULL,
    owner INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE tblproducts (
    id INTEGER PRIMARY KEY,
    gid INTEGER NOT NULL,
    type TEXT NOT NULL,
    name TEXT NOT NULL,
    description TEXT NOT NULL DEFAULT '',
    servertype TEXT NOT NULL DEFAULT '',
    paytype TEXT NOT NULL
);
