-- The tables of a WHMCS database, as far as the store reads them. Secrets are bcrypt, as WHMCS stores them.
CREATE TABLE tbladmins (
    id INTEGER PRIMARY KEY,
    roleid INTEGER NOT NULL,
    username TEXT NOT NULL COLLATE NOCASE,
    password TEXT NOT NULL,
    disabled INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE tbladminperms (roleid INTEGER NOT NULL, permid INTEGER NOT NULL);
CREATE TABLE tblapi_roles (id INTEGER PRIMARY KEY, permissions TEXT NOT NULL);
CREATE TABLE tbldeviceauth (
    id INTEGER PRIMARY KEY,
    identifier TEXT NOT NULL COLLATE NOCASE,
    secret TEXT NOT NULL,
    user_id INTEGER NOT NULL,
    role_ids TEXT NOT NULL,
    deleted_at TEXT
);

INSERT INTO tbladminperms VALUES (1, 81);
-- The passwords are `password`, `clerk` and `gone`.
INSERT INTO tbladmins VALUES
    (1, 1, 'admin', '$2y$10$lmZb2kUC4yNyBz.g6y0IA.n67RTAKg5xrx436g9CKdeU3QA9dNPwC', 0),
    (2, 2, 'clerk', '$2y$10$TNcYylJfC86Cn/B5CpbP1u9L8mSkTz039bLoAhAT.fHAGzSAYSInO', 0),
    (3, 1, 'gone', '$2y$10$aL/KvMUPBtO57nFdDsCm/eXlrbRTs57JJEFZWjEWUen8yJuEE6fL.', 1);
INSERT INTO tblapi_roles VALUES (1, '{"getclients":1,"getinvoices":0}'), (2, '{"getproducts":1}');
-- The secret of each is `F1CKGXRIpylMfsrig3mwwdSdYUdLiFlo`.
INSERT INTO tbldeviceauth VALUES
    (7, 'D4j1dKYE3g40VROOPCGyJ9zRwP0ADJIv', '$2y$10$q0xMe7kxOEv4uoJmcOPI6OB3jP45RBfeTAQkSdI5J2zXbaO6FB5eu', 1, '[1,2]', NULL),
    (8, 'deleted', '$2y$10$q0xMe7kxOEv4uoJmcOPI6OB3jP45RBfeTAQkSdI5J2zXbaO6FB5eu', 1, '[1]', '2024-01-01'),
    (9, 'disabled', '$2y$10$q0xMe7kxOEv4uoJmcOPI6OB3jP45RBfeTAQkSdI5J2zXbaO6FB5eu', 3, '[1]', NULL),
    (10, 'unreadable', 'no bcrypt', 1, '[1]', NULL);
