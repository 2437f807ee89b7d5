-- The demo data in the tables of services/server/deploy/schema.sql, without hashes.
SET NAMES utf8mb4;

INSERT INTO tblconfiguration (setting, value) VALUES ('SystemURL', ''), ('AllowAutoAuth', 'on');
INSERT INTO tbladminroles VALUES (1, 'Full Administrator'), (2, 'Support Operator');
INSERT INTO tbladminperms VALUES (1, 1), (1, 81), (2, 1);
INSERT INTO tblapi_roles VALUES
    (1, 'Reader', '{"getclients":1,"getclientsdetails":1,"getproducts":1}'),
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
INSERT INTO tblusers_clients (auth_user_id, client_id, owner) VALUES
    (101, 6, 1), (101, 1, 1), (101, 2, 0), (102, 2, 1), (104, 4, 1);
INSERT INTO tblclients (id, firstname, lastname, companyname, email, datecreated)
    SELECT seq, 'Client', CONCAT('No ', seq), '', CONCAT('client', seq, '@example.com'), '2020-01-01'
    FROM seq_6_to_30;
