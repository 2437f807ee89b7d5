-- The tables of WHMCS, with their types and collations. Some tables use a character set that is older than
-- utf8mb4, as in old installations.
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
    KEY (email(64))
) CHARACTER SET utf8mb3 COLLATE utf8mb3_unicode_ci;
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

INSERT INTO tblconfiguration (setting, value) VALUES ('SystemURL', ''), ('AllowAutoAuth', 'on');
INSERT INTO tbladminroles VALUES (1, 'Full Administrator'), (2, 'Support Operator');
INSERT INTO tbladminperms VALUES (1, 1), (1, 81), (2, 1);
INSERT INTO tblapi_roles VALUES
    (1, 'Reader', '{"getclients":1,"getproducts":1}'),
    (2, 'Single sign-on', '{"createssotoken":1}'),
    (3, 'Empty', NULL);
INSERT INTO tblproducts (id, gid, type, name, description, paytype, servertype) VALUES
    (1, 1, 'hostingaccount', 'Starter', '5 GB & one site', 'recurring', 'cpanel'),
    (2, 1, 'hostingaccount', 'Business', '50 GB, <b>ten</b> sites', 'recurring', 'cpanel'),
    (3, 2, 'other', 'Site check', 'One hour; by hand', 'onetime', '');
INSERT INTO tblclients (id, firstname, lastname, companyname, email, datecreated, status) VALUES
    (1, 'Demo', 'Client', 'Example Ltd', 'demo@whmcs.com', '2010-11-18', 'Active'),
    (2, 'Ada', 'Plus', '', 'a+b@example.com', '2015-01-01', 'Active'),
    (3, 'Jürgen', 'Groß', 'Groß & Söhne', 'juergen@example.com', '2016-02-29', 'Inactive'),
    (4, 'Carla', 'Closed', '', 'closed@example.com', '2017-03-01', 'Closed'),
    -- The collation finds this row for mike@example.com.
    (5, 'Mallory', 'Accented', '', 'míke@example.com', '2018-01-01', 'Active');
INSERT INTO tblclients (id, firstname, lastname, companyname, email, datecreated)
    SELECT seq, 'Client', CONCAT('No ', seq), '', CONCAT('client', seq, '@example.com'), '2020-01-01'
    FROM seq_6_to_30;
