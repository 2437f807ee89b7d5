//! `/includes/api.php`: who may call, how fields arrive, and what is answered.

mod support;

use reqwest::Method;
use support::{ADMIN, FORM, LOGIN, PAIR, Server, access, answer, head};
use whmcs_auth::gate::AddressGate;

const API: &str = "/includes/api.php";
const AUTHENTICATION_FAILED: &str = r#"{"result":"error","message":"Authentication Failed"}"#;

#[tokio::test]
async fn the_three_modes() {
    let server = Server::start().await;
    for (fields, count) in [(PAIR, 1), (LOGIN, 2), (ADMIN, 3)] {
        let (status, answer) = server.json(&format!("action=GetClients&{fields}")).await;
        assert_eq!((status, &answer["result"]), (200, &"success".into()));
        assert_eq!(answer["totalresults"], 30);
        assert_eq!(server.count("api", "accepted").await, count);
    }
}

/// Those that the table of odd requests does not have, and the messages.
#[tokio::test]
async fn each_refusal_has_its_code_and_its_public_answer() {
    let server = Server::start().await;
    let id = "D4j1dKYE3g40VROOPCGyJ9zRwP0ADJIv";
    for (fields, code, status, message) in [
        (String::new(), "missing_credentials", 403, "Authentication Failed"),
        (
            format!("identifier={id}&secret=dfe5ba0e7087a156ebd220df0bca1dd4"),
            "secret_looks_md5",
            403,
            "Authentication Failed",
        ),
        (
            "username=admin&password=696d29e0940a4957748fe3fc9efd22a3".into(),
            "wrong_password",
            403,
            "Authentication Failed",
        ),
        (
            "username=gone&password=c9a92f084247cfb8d50e254f301eb4d0".into(),
            "admin_disabled",
            403,
            "Administrator Account Disabled",
        ),
        (
            "username=clerk&password=2b396c730a20dcf9c13b650a659c8498".into(),
            "no_api_access",
            403,
            "Access Denied",
        ),
        (
            format!("{PAIR}&action=DeleteClient"),
            "action_not_allowed",
            403,
            r#"Invalid Permissions: API action "deleteclient" is not allowed"#,
        ),
        (PAIR.into(), "action_missing", 400, "Empty action request"),
        (format!("{ADMIN}&action=DeleteClient"), "action_unknown", 404, "Command Not Found"),
    ] {
        let (got, answer) = server.json(&fields).await;
        assert_eq!(got, status, "{code}");
        assert_eq!(answer["result"], "error", "{code}");
        assert_eq!(answer["message"], message, "{code}");
        assert_eq!(server.count("api", code).await, 1, "{code}");
    }
    assert_eq!(server.count("api", "accepted").await, 0);
}

#[tokio::test]
async fn answers_come_in_three_formats() {
    let server = Server::start().await;
    let ask = format!("action=GetProducts&pid=3&{PAIR}");
    for (response_type, content_type, accepted, refused) in [
        (
            "json",
            "application/json",
            r#"{"result":"success","totalresults":1,"startnumber":0,"numreturned":1,"products":{"product":[{"pid":3,"gid":2,"type":"other","name":"Site check","description":"One hour; by hand","module":"","paytype":"onetime"}]}}"#,
            AUTHENTICATION_FAILED,
        ),
        (
            "xml",
            "application/xml",
            "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<whmcsapi>\n<action>getproducts</action>\n<result>success</result>\n<totalresults>1</totalresults>\n<startnumber>0</startnumber>\n<numreturned>1</numreturned>\n<products>\n<product>\n<pid>3</pid>\n<gid>2</gid>\n<type>other</type>\n<name>Site check</name>\n<description>One hour; by hand</description>\n<module></module>\n<paytype>onetime</paytype>\n</product>\n</products>\n</whmcsapi>",
            "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<whmcsapi>\n<action>getproducts</action>\n<result>error</result>\n<message>Authentication Failed</message>\n</whmcsapi>",
        ),
        (
            "nvp",
            "text/plain",
            "result=success;totalresults=1;startnumber=0;numreturned=1;products[product][0][pid]=3;products[product][0][gid]=2;products[product][0][type]=other;products[product][0][name]=Site check;products[product][0][description]=One hour  by hand;products[product][0][module]=;products[product][0][paytype]=onetime",
            "result=error;message=Authentication Failed",
        ),
    ] {
        let response = server.post(&format!("{ask}&responsetype={response_type}")).await;
        assert_eq!(head(&response, "content-type"), Some(content_type));
        assert_eq!(answer(response).await, (200, accepted.to_owned()));

        let wrong =
            format!("action=GetProducts&username=admin&password=x&responsetype={response_type}");
        let response = server.post(&wrong).await;
        assert_eq!(head(&response, "content-type"), Some(content_type));
        assert_eq!(answer(response).await, (403, refused.to_owned()));
    }
    // NVP is the default.
    let (_, body) = server.call(&ask).await;
    assert!(body.starts_with("result=success;"));
}

#[tokio::test]
async fn get_is_accepted_only_if_allowed() {
    let ask = format!("{API}?endpoint=x&action=GetClients&responsetype=json&{PAIR}");
    for (allow_get, get, method, allowed) in
        [(false, 405, Method::GET, "POST"), (true, 200, Method::PUT, "GET, POST")]
    {
        let server = Server::with(|settings| settings.allow_get = allow_get).await;
        assert_eq!(server.get(&ask).await.status(), get);
        let request = server.http.request(method, format!("{}{ask}", server.base));
        let refused = request.send().await.unwrap();
        assert_eq!(head(&refused, "allow"), Some(allowed));
        let message = r#"{"result":"error","message":"Method Not Allowed"}"#.to_owned();
        assert_eq!(answer(refused).await, (405, message));
    }
}

/// The body is not read, unless an access key may be in it. So the format is that of the query.
#[tokio::test]
async fn an_address_that_is_not_listed_is_refused_before_anything_else() {
    let addresses = AddressGate::new().with_entries(["203.0.113.7"]);
    let server = Server::with_access(access().with_addresses(addresses), |_| {}).await;
    for (query, expected) in [
        ("", "result=error;message=Invalid IP 127.0.0.1"),
        ("?responsetype=json", r#"{"result":"error","message":"Invalid IP 127.0.0.1"}"#),
    ] {
        let path = format!("{API}{query}");
        let refused = server.post_to(&path, FORM, &format!("responsetype=json&{PAIR}")).await;
        assert_eq!(answer(refused).await, (403, expected.to_owned()));
    }
    assert_eq!(server.count("api", "loopback_not_listed").await, 2);
}

#[tokio::test]
async fn the_database_decides() {
    let ask = format!("action=GetClients&{PAIR}");
    let as_admin = "action=GetClients&username=admin&password=5f4dcc3b5aa765d61d8327deb882cf99";
    for (change, fields, code) in [
        // Deleted credentials.
        ("UPDATE tbldeviceauth SET deleted_at = '2024-01-01'", &*ask, "unknown_identifier"),
        ("DELETE FROM tbldeviceauth", &*ask, "unknown_identifier"),
        // The admin who owns the credential.
        ("UPDATE tbladmins SET disabled = 1", &*ask, "admin_disabled"),
        ("DELETE FROM tbladmins", &*ask, "admin_disabled"),
        ("DELETE FROM tbladminperms", &*ask, "no_api_access"),
        ("DELETE FROM tbladminroles", &*ask, "no_api_access"),
        ("UPDATE tbladminperms SET permid = 80", &*ask, "no_api_access"),
        // API roles.
        ("UPDATE tbldeviceauth SET role_ids = '[2]'", &*ask, "action_not_allowed"),
        ("UPDATE tbldeviceauth SET role_ids = '[]'", &*ask, "action_not_allowed"),
        ("UPDATE tbldeviceauth SET role_ids = '1,2'", &*ask, "action_not_allowed"),
        ("UPDATE tbldeviceauth SET role_ids = ''", &*ask, "action_not_allowed"),
        ("UPDATE tbldeviceauth SET role_ids = '[\"x\",1]'", &*ask, "action_not_allowed"),
        // The query finds the roles 1 and 2 for this list, which has neither.
        ("UPDATE tbldeviceauth SET role_ids = '[12]'", &*ask, "action_not_allowed"),
        ("DELETE FROM tblapi_roles WHERE id = 1", &*ask, "action_not_allowed"),
        ("DELETE FROM tblapi_roles WHERE id = 2", &*ask, "accepted"),
        (
            "UPDATE tblapi_roles SET permissions = '{\"getclients\":\"0\"}'",
            &*ask,
            "action_not_allowed",
        ),
        ("UPDATE tblapi_roles SET permissions = '[]' WHERE id = 2", &*ask, "accepted"),
        ("UPDATE tblapi_roles SET permissions = '{\"getclients\":0}'", &*ask, "action_not_allowed"),
        ("UPDATE tblapi_roles SET permissions = 'getclients'", &*ask, "action_not_allowed"),
        (
            "CREATE TABLE bare AS SELECT id, NULL AS permissions FROM tblapi_roles;
             DROP TABLE tblapi_roles;
             ALTER TABLE bare RENAME TO tblapi_roles",
            &*ask,
            "action_not_allowed",
        ),
        ("UPDATE tbldeviceauth SET role_ids = '[\"1\"]'", &*ask, "accepted"),
        ("UPDATE tblapi_roles SET permissions = '{\"GETCLIENTS\":\"1\"}'", &*ask, "accepted"),
        // A row that the library cannot read counts as absent.
        (
            "UPDATE tbldeviceauth SET secret = 'F1CKGXRIpylMfsrig3mwwdSdYUdLiFlo'",
            &*ask,
            "credential_unreadable",
        ),
        ("UPDATE tbladmins SET password = 'password'", as_admin, "admin_unreadable"),
        ("UPDATE tbladmins SET password = CAST(x'ff' AS TEXT)", as_admin, "admin_unreadable"),
        (
            "UPDATE tblapi_roles SET permissions = CAST(x'ff' AS TEXT)",
            &*ask,
            "credential_unreadable",
        ),
        (
            "UPDATE tbladmins SET password = 'password'",
            "action=GetClients&username=nobody&password=x",
            "unknown_username",
        ),
        // An MD5 counts only after a manual reset, which empties `passwordhash`.
        (
            "UPDATE tbladmins SET password = '5f4dcc3b5aa765d61d8327deb882cf99'",
            as_admin,
            "admin_unreadable",
        ),
        (
            "UPDATE tbladmins SET password = '5f4dcc3b5aa765d61d8327deb882cf99', passwordhash = 'x'",
            as_admin,
            "admin_unreadable",
        ),
        (
            "UPDATE tbladmins SET password = '5F4DCC3B5AA765D61D8327DEB882CF99', passwordhash = ''",
            as_admin,
            "accepted",
        ),
        // A new password of the admin does not change the credential.
        ("UPDATE tbladmins SET password = passwordhash", &*ask, "accepted"),
        ("UPDATE tbladmins SET password = passwordhash", as_admin, "wrong_password"),
        // A collation that folds letters finds another name.
        (
            "CREATE TABLE folded (id, identifier TEXT COLLATE NOCASE, secret, user_id, role_ids,
                                  last_access, deleted_at);
             INSERT INTO folded SELECT id, lower(identifier), secret, user_id, role_ids, NULL, NULL
                 FROM tbldeviceauth;
             DROP TABLE tbldeviceauth;
             ALTER TABLE folded RENAME TO tbldeviceauth",
            &*ask,
            "record_name_mismatch",
        ),
        // If it finds several rows, the one with the exact name counts.
        (
            "CREATE TABLE folded (id, identifier TEXT COLLATE NOCASE, secret, user_id, role_ids,
                                  last_access, deleted_at);
             INSERT INTO folded SELECT 1, lower(identifier), secret, 9, '', NULL, NULL
                 FROM tbldeviceauth;
             INSERT INTO folded SELECT * FROM tbldeviceauth;
             DROP TABLE tbldeviceauth;
             ALTER TABLE folded RENAME TO tbldeviceauth",
            &*ask,
            "accepted",
        ),
        (
            "CREATE TABLE folded (id, roleid, username TEXT COLLATE RTRIM, password, passwordhash,
                                  disabled);
             INSERT INTO folded SELECT 0, 2, 'admin  ', password, '', 1 FROM tbladmins WHERE id = 2;
             INSERT INTO folded SELECT * FROM tbladmins;
             DROP TABLE tbladmins;
             ALTER TABLE folded RENAME TO tbladmins",
            as_admin,
            "accepted",
        ),
        // A column with NULL, or with bytes that are not text.
        (
            "CREATE TABLE bare AS SELECT * FROM tbldeviceauth;
             UPDATE bare SET secret = NULL;
             DROP TABLE tbldeviceauth;
             ALTER TABLE bare RENAME TO tbldeviceauth",
            &*ask,
            "credential_unreadable",
        ),
        ("UPDATE tbldeviceauth SET secret = x'FF'", &*ask, "credential_unreadable"),
        ("UPDATE tbladmins SET password = x'FF'", as_admin, "admin_unreadable"),
        // A call succeeds even if `last_access` cannot be written.
        (
            "CREATE TRIGGER unwritable BEFORE UPDATE ON tbldeviceauth
             BEGIN SELECT RAISE(FAIL, 'unwritable'); END",
            &*ask,
            "accepted",
        ),
        // Usernames ignore case.
        ("UPDATE tbladmins SET username = 'AdMiN' WHERE id = 1", as_admin, "accepted"),
    ] {
        let server = Server::start().await;
        server.sql(change).await;
        let (status, answer) = server.call(fields).await;
        assert_eq!(server.count("api", code).await, 1, "{change}");
        // The caller does not learn whether the row is there.
        if code.ends_with("_unreadable") {
            let like_unknown = (403, "result=error;message=Authentication Failed".to_owned());
            assert_eq!((status, answer), like_unknown, "{change}");
        }
    }
}

#[tokio::test]
async fn what_whmcs_does_not_document_is_a_setting() {
    use whmcs_auth_server::RoleIds;

    let ask = format!("action=GetClients&{PAIR}");
    let server = Server::with(|settings| {
        settings.role_ids = RoleIds::Comma;
        settings.api_access_permission = 7;
    })
    .await;
    server.sql("UPDATE tbldeviceauth SET role_ids = '2, 1'").await;
    server.call(&ask).await;
    assert_eq!(server.count("api", "no_api_access").await, 1);
    server.sql("UPDATE tbladminperms SET permid = 7").await;
    assert_eq!(server.call(&ask).await.0, 200);
    server.sql("UPDATE tbldeviceauth SET role_ids = '[1]'").await;
    assert_eq!(server.call(&ask).await.0, 403);
    server.sql("UPDATE tbldeviceauth SET role_ids = ''").await;
    assert_eq!(server.call(&ask).await.0, 403);
    assert_eq!(server.count("api", "action_not_allowed").await, 2);
}

#[tokio::test]
async fn last_access_is_written_at_most_once_a_minute() {
    let server = Server::start().await;
    let ask = format!("action=GetClients&{PAIR}");
    for (seconds, time) in [(0, "22:13:20"), (59, "22:13:20"), (61, "22:14:21"), (200, "22:16:40")]
    {
        server.clock.set(support::at(1_700_000_000 + seconds));
        assert_eq!(server.call(&ask).await.0, 200);
        let written = server.text("SELECT last_access FROM tbldeviceauth").await;
        assert_eq!(written, format!("2023-11-14 {time}"));
    }
    server.sql("UPDATE tbldeviceauth SET last_access = NULL").await;
    server.call(&ask.replace("F1CK", "F2CK")).await;
    assert_eq!(
        server.text("SELECT COALESCE(last_access, 'never') FROM tbldeviceauth").await,
        "never"
    );
}
