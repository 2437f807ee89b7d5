-- The tables of a WHMCS database, with the columns that the service reads. Types and collations are those of
-- WHMCS as far as they are public. Some tables use a character set that is older than utf8mb4, as in old
-- installations. Use it for tests; in production WHMCS creates its tables.
SET NAMES utf8mb4;
ALTER DATABASE CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci;

CREATE TABLE tblconfiguration (
    id INT UNSIGNED AUTO_INCREMENT PRIMARY KEY,
    setting VARCHAR(64) NOT NULL,
    value TEXT NOT NULL,
    created_at TIMESTAMP NOT NULL DEFAULT '2000-01-01 00:00:00',
    UNIQUE (setting)
);
CREATE TABLE tbladminroles (
    id INT(1) AUTO_INCREMENT PRIMARY KEY,
    name TEXT NOT NULL
);
CREATE TABLE tbladminperms (
    roleid INT(1) NOT NULL,
    permid INT(1) NOT NULL
);
CREATE TABLE tbladmins (
    id INT(10) AUTO_INCREMENT PRIMARY KEY,
    roleid INT(1) NOT NULL,
    username VARCHAR(255) NOT NULL,
    password VARCHAR(255) NOT NULL,
    passwordhash VARCHAR(255) NOT NULL DEFAULT '',
    disabled TINYINT(1) NOT NULL DEFAULT 0,
    KEY (username)
) CHARACTER SET latin1;
CREATE TABLE tblapi_roles (
    id INT UNSIGNED AUTO_INCREMENT PRIMARY KEY,
    role VARCHAR(255) NOT NULL DEFAULT '',
    permissions TEXT
);
CREATE TABLE tbldeviceauth (
    id INT UNSIGNED AUTO_INCREMENT PRIMARY KEY,
    identifier VARCHAR(255) NOT NULL,
    secret VARCHAR(255) NOT NULL,
    compat_secret VARCHAR(255) NOT NULL DEFAULT '',
    user_id INT NOT NULL,
    role_ids TEXT,
    last_access TIMESTAMP NULL,
    deleted_at TIMESTAMP NULL,
    UNIQUE (identifier)
) CHARACTER SET utf8mb3 COLLATE utf8mb3_unicode_ci;
CREATE TABLE tblclients (
    id INT(10) AUTO_INCREMENT PRIMARY KEY,
    firstname TEXT NOT NULL,
    lastname TEXT NOT NULL,
    companyname TEXT NOT NULL,
    email TEXT NOT NULL,
    datecreated DATE NOT NULL,
    groupid INT(1) NOT NULL DEFAULT 0,
    status ENUM('Active', 'Inactive', 'Closed') NOT NULL DEFAULT 'Active',
    allow_sso TINYINT(1) NOT NULL DEFAULT 1,
    KEY (email(64))
) CHARACTER SET utf8mb3 COLLATE utf8mb3_unicode_ci;
CREATE TABLE tblusers_clients (
    id INT(10) UNSIGNED AUTO_INCREMENT PRIMARY KEY,
    auth_user_id INT(10) UNSIGNED NOT NULL,
    client_id INT(10) UNSIGNED NOT NULL,
    owner TINYINT(4) NOT NULL DEFAULT 0
);
CREATE TABLE tblproducts (
    id INT(10) AUTO_INCREMENT PRIMARY KEY,
    type TEXT NOT NULL,
    gid INT(10) NOT NULL,
    name TEXT NOT NULL,
    description TEXT NOT NULL,
    paytype TEXT NOT NULL,
    servertype TEXT NOT NULL,
    hidden TINYINT(1) NOT NULL DEFAULT 0
);
