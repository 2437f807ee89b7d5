//! The program: what it prints, its options, and its log.

mod support;

use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output};

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Connection};
use support::program::Program;
use support::{ADMIN, FORM, LOGIN, PAIR, answer, cookie, head, http};
use whmcs_auth::{AutoAuthKey, SystemClock, sign_autoauth};
use whmcs_auth_state::Store;
use whmcs_auth_state::test_redis::TestRedis;

/// The URL and the form of a printed `curl` command.
fn curl(line: &str) -> (String, String) {
    let mut quoted = line.split('\'');
    assert_eq!(quoted.next().unwrap().trim(), "curl");
    let url = quoted.next().unwrap().to_owned();
    assert_eq!(quoted.next().unwrap(), " -d ");
    (url, quoted.next().unwrap().to_owned())
}

#[tokio::test]
async fn it_prints_commands_to_try_and_they_work() {
    let folder = tempfile::tempdir().unwrap();
    File::create(folder.path().join("whmcs-demo.db")).unwrap();
    let program = Program::start(folder.path(), &[], "info");
    let file = fs::metadata(folder.path().join("whmcs-demo.db")).unwrap();
    assert_eq!(file.permissions().mode() & 0o777, 0o600, "it contains a key");
    let lines = program.printed.iter().filter(|line| line.starts_with("  curl"));
    let mut modes = 0;
    for line in lines {
        let (url, form) = curl(line);
        let request = http().post(url).header("content-type", FORM).body(form);
        let (status, text) = answer(request.send().await.unwrap()).await;
        assert_eq!(status, 200, "{text}");
        let answer: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(answer["clients"]["client"][0]["email"], "demo@whmcs.com");
        modes += 1;
    }
    assert_eq!(modes, 3);

    let link = program.printed.last().unwrap().trim().to_owned();
    let visit = http().get(&link).send().await.unwrap();
    assert_eq!(head(&visit, "location"), Some("clientarea.php"));
    let cookie = cookie(&visit);
    let page = http().get(format!("{}/clientarea.php", program.base()));
    let page = page.header("cookie", cookie).send().await.unwrap();
    assert!(page.text().await.unwrap().contains("demo@whmcs.com"));

    let base = program.base().to_owned();
    let log = program.stop();
    let modes: Vec<_> = log.iter().filter_map(|entry| entry["span"]["mode"].as_str()).collect();
    assert_eq!(modes, ["credential", "credential-as-login", "admin-login"]);
    let callers = log.iter().filter(|entry| entry["span"]["mode"].is_string());
    let callers: Vec<_> = callers.filter_map(|entry| entry["span"]["caller"].as_str()).collect();
    assert_eq!(callers, ["credential 7", "credential 7", "admin 1"]);

    // The second start uses the database of the first.
    let again = Program::start(folder.path(), &["--autoauth-key", "abcXYZ123"], "info");
    let old_key = http().get(link.replace(&base, again.base()));
    assert_eq!(old_key.send().await.unwrap().status(), 403, "the option names another key");
    let new_key = http().get(again.printed.last().unwrap().trim());
    assert_eq!(new_key.send().await.unwrap().status(), 302);
}

#[tokio::test]
async fn options_reach_the_service() {
    let folder = tempfile::tempdir().unwrap();
    let options = [
        "--database",
        "sqlite:other.db",
        "--allow-ip",
        "203.0.113.7",
        "--allow-ip",
        "10.0.0.0/8",
        "--access-key",
        "key#1+2",
        "--allow-get",
        "--one-time-links",
        "--trust-proxy",
        "127.0.0.0/8",
    ];
    let program = Program::start(folder.path(), &options, "info");
    assert!(folder.path().join("other.db").exists());
    let api = format!("{}/includes/api.php?action=GetClients&{PAIR}", program.base());
    let call = async |url: &str, address: &str| {
        let request = http().get(url).header("x-forwarded-for", address);
        answer(request.send().await.unwrap()).await
    };
    let (status, body) = call(&api, "192.0.2.9").await;
    assert_eq!((status, &*body), (403, "result=error;message=Invalid IP 192.0.2.9"));
    assert_eq!(call(&api, "203.0.113.7").await.0, 200);
    assert_eq!(call(&format!("{api}&accesskey=key%231%2B2"), "192.0.2.1").await.0, 200);
    let link = program.printed.last().unwrap().trim().to_owned();
    assert_eq!(call(&link, "192.0.2.1").await.0, 302);
    assert_eq!(call(&link, "192.0.2.1").await.0, 403);
    assert_eq!(call(&api, "10.255.0.1").await.0, 200);
    assert_eq!(call(&api, "11.0.0.1").await.0, 403);
}

#[tokio::test]
async fn what_whmcs_does_not_document_is_an_option() {
    let folder = tempfile::tempdir().unwrap();
    let call = async |options: &[&str], environment: &[(&str, &str)]| {
        let program = Program::start_in(folder.path(), options, environment, "info");
        let api = format!("{}/includes/api.php", program.base());
        let form = format!("action=GetClients&limitnum=0&accesskey=k&{PAIR}");
        let call = http().post(api).header("content-type", FORM).body(form);
        answer(call.send().await.unwrap()).await.1
    };
    let denied = "result=error;message=Access Denied";
    assert_eq!(call(&["--api-access-permission", "7"], &[]).await, denied);
    let no_role =
        r#"result=error;message=Invalid Permissions: API action "getclients" is not allowed"#;
    assert_eq!(call(&["--role-ids", "comma"], &[]).await, no_role);
    let invalid = "result=error;message=Invalid IP 127.0.0.1";
    let elsewhere = ["--allow-ip", "192.0.2.1"];
    assert_eq!(call(&elsewhere, &[]).await, invalid);
    let answer = call(&elsewhere, &[("WHMCS_ACCESS_KEY", "k")]).await;
    assert!(answer.starts_with("result=success;"), "{answer}");
}

#[tokio::test]
async fn the_limit_of_a_body_is_an_option_and_the_log_names_it() {
    let folder = tempfile::tempdir().unwrap();
    let program = Program::start(folder.path(), &["--max-body", "2"], "info");
    let api = format!("{}/includes/api.php", program.base());
    let post = async |bytes: usize| {
        let form = format!("action=GetClients&limitnum=0&{PAIR}&attachment=");
        let form = format!("{form}{}", "A".repeat(bytes - form.len()));
        let call = http().post(&api).header("content-type", FORM).body(form);
        call.send().await.unwrap().status().as_u16()
    };
    assert_eq!(post(2048).await, 200);
    assert_eq!(post(2049).await, 413);
    let log = program.stop();
    let entry = log.iter().find(|entry| entry["fields"]["code"] == "body_too_large").unwrap();
    let cause = "the body has more than 2048 bytes";
    assert_eq!(entry["fields"]["message"], cause);
}

#[tokio::test]
async fn keys_come_from_options_and_from_the_environment() {
    let folder = tempfile::tempdir().unwrap();
    let link = async |program: &Program, key: &str| {
        let key = AutoAuthKey::new(key).unwrap();
        let link = sign_autoauth("demo@whmcs.com", None, &key, &SystemClock).unwrap();
        let visit = http().get(link.url(program.base()).unwrap());
        visit.send().await.unwrap().status().as_u16()
    };
    let rotating = ["--autoauth-key", "new-key", "--autoauth-key", "old"];
    let program = Program::start(folder.path(), &rotating, "info");
    for (key, expected) in [("new-key", 302), ("old", 302), ("other", 403)] {
        assert_eq!(link(&program, key).await, expected, "{key}");
    }
    let environment = [("WHMCS_AUTOAUTH_KEY", "k,1"), ("WHMCS_DATABASE", "sqlite:named.db")];
    let program = Program::start_in(folder.path(), &[], &environment, "info");
    assert_eq!(link(&program, "k,1").await, 302);
    assert!(folder.path().join("named.db").exists());
}

#[tokio::test]
async fn errors_at_the_start_are_reported() {
    let folder = tempfile::tempdir().unwrap();
    change_database(&folder.path().join("other.db"), "CREATE TABLE tblclients (id INTEGER)").await;
    fs::create_dir(folder.path().join("folder.db")).unwrap();
    fs::write(folder.path().join("text.db"), "This is no database, however you look at it.")
        .unwrap();
    for (options, code, text) in [
        (&["--listen", "nowhere"][..], 2, "invalid value 'nowhere' for '--listen <ADDRESS>'"),
        (&["--bcrypt-cost", "3"], 2, "3 is not in 4..=31"),
        (&["--max-failures", "0"], 2, "0 is not in 1.."),
        (&["--max-body", "0"], 2, "0 is not in 1..=1048576"),
        (&["--role-ids", "xml"], 2, "possible values: json, comma"),
        (
            &["--allow-ip", "127.0.0.1", "--allow-ip", "10.0.0.0/33"],
            2,
            "invalid value '10.0.0.0/33' for '--allow-ip <ADDRESS>': the entry \"10.0.0.0/33\" has a wrong prefix length",
        ),
        (
            &["--allow-ip", "localhost"],
            2,
            "invalid value 'localhost' for '--allow-ip <ADDRESS>': the entry \"localhost\" is a host name",
        ),
        (
            &["--allow-ip", "127.0.0.1:80"],
            2,
            "invalid value '127.0.0.1:80' for '--allow-ip <ADDRESS>': the entry \"127.0.0.1:80\" has a port",
        ),
        (
            &["--trust-proxy", "proxy"],
            2,
            "invalid value 'proxy' for '--trust-proxy <ADDRESS>': the entry \"proxy\" is a host name",
        ),
        (&["--trust-proxy", "10.0.0.0/"], 2, "invalid value '10.0.0.0/'"),
        (&["--autoauth-key-file", "nowhere"], 1, "cannot read nowhere: No such file"),
        (&["--access-key-file", "folder.db"], 1, "cannot read folder.db: Is a directory"),
        (&["--database-url-file", "nowhere"], 1, "cannot read nowhere: No such file"),
        (&["--allow-ip-file", "text.db"], 1, "line 1 of text.db: the entry \"This is no database"),
        (&["--autoauth-key", "k", "--autoauth-key-file", "keys"], 2, "cannot be used with"),
        (&["--access-key", "k", "--access-key-file", "keys"], 2, "cannot be used with"),
        (&["--access-key", "k", "--access-key", "l"], 2, "cannot be used multiple times"),
        (&["--database", "sqlite:x", "--database-url-file", "url"], 2, "cannot be used with"),
        (&["--allow-ip", "::1", "--allow-ip-file", "allowed"], 2, "cannot be used with"),
        (&["--trust-proxy", "::1", "--trust-proxy-file", "proxies"], 2, "cannot be used with"),
        (&["--idle-connections", "1000001"], 2, "is not in 0..=1000000"),
        (&["--cache-entries", "10000001"], 2, "it is not a number from 0 to 10000000"),
        (&["--cache-entries", "-1"], 2, "unexpected argument '-1'"),
        (&["--unknown"], 2, "unexpected argument '--unknown'"),
        (&["--redis", "redis://127.0.0.1:1"], 2, "--installation <NAME>"),
        (
            &["--redis", "redis://127.0.0.1:1", "--installation", "a b"],
            1,
            "a name has 1 to 64 letters, digits, `.`, `_` or `-` (option --installation)",
        ),
        (
            &["--redis", "redis://:marker@127.0.0.1:x", "--installation", "a"],
            1,
            "not a URL such as redis://HOST:6379/0",
        ),
        (
            &[
                "--redis",
                "redis://127.0.0.1:1",
                "--installation",
                "a",
                "--one-time-links",
                "--max-ahead",
                "121",
            ],
            1,
            "with --one-time-links, --max-ahead is at most 120",
        ),
        (&["--autoauth-key", ""], 1, "an AutoAuth key cannot be empty"),
        (
            &["--autoauth-key", "18abc", "--autoauth-key", "abc"],
            1,
            "two AutoAuth keys of a set are equal, or one ends with the other",
        ),
        (&["--database", "sqlite:folder.db"], 1, "Is a directory"),
        (&["--database", "sqlite:text.db"], 1, "file is not a database"),
        (&["--database", "nonsense"], 1, "cannot open the database: "),
        (&["--database", "sqlite::memory:"], 1, "the path of a file, without parameters"),
        (&["--database", "sqlite:x.db?mode=rwc"], 1, "the path of a file, without parameters"),
        (&["--database", "nonsense"], 1, "its URL must start with sqlite: or mysql://"),
        (
            &["--database", "mysql://u:p@127.0.0.1:1/whmcs"],
            1,
            "Connection refused (os error 111): no server answers: start it, or correct the host and the port in the URL",
        ),
        (
            &["--database", "mysql://u:marker/x@127.0.0.1:1/whmcs"],
            1,
            "must be percent-encoded: write %25 for %",
        ),
        (&["--database", "mysql://u:marker@x@127.0.0.1:1/whmcs"], 1, "must be percent-encoded"),
        (&["--database", "mysql://u:marker%x@127.0.0.1:1/whmcs"], 1, "must be percent-encoded"),
        (&["--database", "mysql://u:marker#x@127.0.0.1:1/whmcs"], 1, "must be percent-encoded"),
        (&["--database", "mysql://u:marker?x@127.0.0.1:1/whmcs"], 1, "must be percent-encoded"),
        (&["--database", "mysql://u:marker%23@127.0.0.1:1/whmcs"], 1, "no server answers"),
        (
            &["--database", "sqlite:other.db"],
            1,
            "cannot use the database: it has no table tblconfiguration, tbldeviceauth, tbladmins, tbladminroles, \
             tbladminperms, tblapi_roles, tblproducts: name the database of a WHMCS installation at the end of the URL",
        ),
    ] {
        // clap accepts --listen only once.
        let mut program = Command::new(env!("CARGO_BIN_EXE_whmcs-auth-server"));
        if options[0] != "--listen" {
            program.args(["--listen", "127.0.0.1:0"]);
        }
        program.args(["--operator-listen", "127.0.0.1:0"]);
        let program = program.current_dir(folder.path()).args(options);
        let Output { status, stderr, .. } = program.output().unwrap();
        let stderr = String::from_utf8(stderr).unwrap();
        assert_eq!(status.code(), Some(code), "{stderr}");
        assert!(!stderr.contains("marker"), "the password is not shown: {stderr}");
        assert!(stderr.contains(text), "{stderr}");
    }
}

/// The site of the installation is the setting `SystemURL`.
#[tokio::test]
async fn a_name_that_another_installation_has_stops_the_start() {
    let redis = TestRedis::start(&[]);
    redis.store_of("billing", "https://other.example").check().await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let url = redis.url();
    let options = ["--redis", &url, "--one-time-links", "--installation", "billing"];
    let listen = ["--listen", "127.0.0.1:0", "--operator-listen", "127.0.0.1:0"];
    let start = || {
        let mut program = Command::new(env!("CARGO_BIN_EXE_whmcs-auth-server"));
        program.args(listen).args(options).current_dir(folder.path()).output().unwrap()
    };
    let output = start();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert!(
        stderr.contains("this Redis knows the installation billing at other.example"),
        "{stderr}"
    );

    change_database(
        &folder.path().join("whmcs-demo.db"),
        "UPDATE tblconfiguration SET value = 'https://mine.example/whmcs' WHERE setting = 'SystemURL'",
    )
    .await;
    let stderr = String::from_utf8(start().stderr).unwrap();
    assert!(stderr.contains("this is billing at mine.example/whmcs: "), "{stderr}");

    // With a name of its own it starts, and the log says why links are refused at first.
    let options = [&options[..4], &["mine"]].concat();
    let log = Program::start(folder.path(), &options, "info").stop();
    let young = log.iter().find(|line| line["fields"]["code"] == "state_young").unwrap();
    let sentence = young["fields"]["message"].as_str().unwrap();
    assert!(sentence.starts_with("Redis remembers used links since "), "{sentence}");
    let sites: Vec<String> = redis.run(&["HVALS", "whmcs-auth:installations"]).await;
    assert_eq!(sites, ["other.example", "mine.example/whmcs"]);
}

/// Changes an SQLite file.
async fn change_database(file: &Path, statements: &'static str) {
    let options = SqliteConnectOptions::new().filename(file).create_if_missing(true);
    let mut connection = options.connect().await.unwrap();
    sqlx::raw_sql(statements).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
}

#[tokio::test]
async fn start_and_stop_are_lines_of_the_log() {
    let folder = tempfile::tempdir().unwrap();
    let options =
        ["--autoauth-key", "marker-1", "--autoauth-key", "marker-2", "--allow-ip", "10.0.0.0/8"];
    let program = Program::start(folder.path(), &options, "info");
    let address = program.base().strip_prefix("http://").unwrap().to_owned();
    let log = program.stop();
    let [started, stopping, stopped] = &log[..] else { panic!("{log:#?}") };
    let expected = serde_json::json!({
        "message": "started", "version": env!("CARGO_PKG_VERSION"), "address": address, "database": "sqlite",
        "autoauth_keys": 2, "access_key": false, "allowed_networks": 1, "trusted_networks": 0,
    });
    assert_eq!(started["fields"], expected);
    let expected = serde_json::json!({ "message": "stopping", "signal": "SIGTERM" });
    assert_eq!(stopping["fields"], expected);
    assert_eq!(stopped["fields"], serde_json::json!({ "message": "stopped" }));
}

#[tokio::test]
async fn what_will_surprise_is_a_warning_at_the_start() {
    let folder = tempfile::tempdir().unwrap();
    drop(Program::start(folder.path(), &[], "info"));
    change_database(
        &folder.path().join("whmcs-demo.db"),
        "UPDATE tbladmins SET password = '5f4dcc3b5aa765d61d8327deb882cf99', passwordhash = '' WHERE id < 3;
         UPDATE tbladmins SET password = '5f4dcc3b5aa765d61d8327deb882cf99' WHERE id = 3;
         INSERT INTO tbladmins (id, roleid, username, password, passwordhash, disabled)
             VALUES (9, 1, 'x', '5f4dcc3b5aa765d61d8327deb882cf99', 'x', 0);
         INSERT INTO tbldeviceauth (id, identifier, secret, user_id, role_ids) VALUES (8, 'x', 'marker', 1, '[]');
         INSERT INTO tblconfiguration VALUES
             ('APIAllowedIPs', 'a:2:{i:0;a:2:{s:2:\"ip\";s:9:\"192.0.2.1\";s:4:\"note\";s:0:\"\";}i:1;a:2:{s:2:\"ip\";s:11:\"192.0.2.0/8\";s:4:\"note\";s:0:\"\";}}')",
    )
    .await;
    let warnings = |options: &[&str]| -> Vec<(String, Option<u64>)> {
        let log = Program::start(folder.path(), options, "info").stop();
        assert!(!log.iter().any(|line| line.to_string().contains("marker")));
        let log = log.iter().filter(|line| line["level"] == "WARN").map(|line| &line["fields"]);
        let what = |it: &serde_json::Value| it["table"].as_str().map(str::to_owned);
        log.map(|it| (what(it).unwrap_or_else(|| it["message"].to_string()), it["count"].as_u64()))
            .collect()
    };
    let tables = [
        ("tbladmins".to_owned(), Some(2)),
        ("tbladmins".to_owned(), Some(1)),
        ("tbldeviceauth".to_owned(), Some(1)),
    ];
    let not_obeyed = ("tblconfiguration".to_owned(), None);
    assert_eq!(warnings(&[]), [&tables[..], std::slice::from_ref(&not_obeyed)].concat());
    let keys = ["--autoauth-key", "marker ", "--access-key", "marker\r"];
    let white_space =
        "the text ends with white space, which counts: remove it unless it belongs to the secret";
    let line_end = white_space.replace("white space", "a line end");
    let key = |text: &str| (format!("{text:?}"), None);
    let of_keys =
        [key(&format!("AutoAuth key 1: {white_space}")), key(&format!("access key: {line_end}"))];
    assert_eq!(warnings(&keys), [&of_keys[..], &tables, &[not_obeyed]].concat());
}

#[tokio::test]
async fn each_cause_of_a_store_failure_is_one_line_of_the_log() {
    let folder = tempfile::tempdir().unwrap();
    let program = Program::start(folder.path(), &[], "info");
    let file = folder.path().join("whmcs-demo.db");
    let api = format!("{}/includes/api.php", program.base());
    let call = async || {
        let call = http().post(&api).header("content-type", FORM).body(PAIR);
        assert_eq!(call.send().await.unwrap().status(), 503);
    };
    fs::remove_file(&file).unwrap();
    call().await;
    call().await;
    fs::write(&file, []).unwrap();
    call().await;
    let mut log = program.stop();
    log.retain(|line| line["span"]["name"] == "request");
    assert_eq!(log.len(), 2, "{log:?}");
    for (line, expected) in log.iter().zip(["unable to open database file", "no such table"]) {
        assert_eq!(line["level"], "ERROR");
        assert_eq!(line["fields"]["code"], "store_failure");
        let cause = line["fields"]["message"].as_str().unwrap();
        assert!(cause.contains(expected), "{cause}");
    }
}

/// As the tables of old versions of WHMCS are.
#[tokio::test]
async fn without_the_column_of_the_switch_everybody_may_sign_on() {
    let folder = tempfile::tempdir().unwrap();
    drop(Program::start(folder.path(), &[], "info"));
    let file = folder.path().join("whmcs-demo.db");
    let token = async || {
        let program = Program::start(folder.path(), &[], "info");
        let api = format!("{}/includes/api.php", program.base());
        let form = format!("action=CreateSsoToken&client_id=1&{PAIR}");
        let call = http().post(api).header("content-type", FORM).body(form);
        call.send().await.unwrap().text().await.unwrap()
    };
    change_database(&file, "UPDATE tblclients SET allow_sso = 0").await;
    assert!(token().await.starts_with("result=error;message=Token could not be provisioned"));
    change_database(&file, "ALTER TABLE tblclients DROP COLUMN allow_sso").await;
    assert!(token().await.starts_with("result=success;access_token="));
}

/// The second query would wait once more for a database that is slow.
#[tokio::test]
async fn no_query_follows_one_that_failed() {
    let folder = tempfile::tempdir().unwrap();
    let options = ["--action-error-statuses"];
    let program = Program::start(folder.path(), &options, "info,sqlx::query=debug");
    change_database(&folder.path().join("whmcs-demo.db"), "DROP TABLE tblclients").await;
    let api = format!("{}/includes/api.php", program.base());
    let form = format!("action=GetClients&{PAIR}");
    let call = http().post(api).header("content-type", FORM).body(form);
    assert_eq!(call.send().await.unwrap().status(), 503);
    let log = program.stop();
    let of_clients = log.iter().filter(|line| {
        line["target"] == "sqlx::query"
            && line["fields"].to_string().contains("tblclients")
            && line["span"]["name"] == "request"
    });
    assert_eq!(of_clients.count(), 1, "{log:?}");
}

#[tokio::test]
async fn the_log_shows_causes_and_no_secret() {
    let folder = tempfile::tempdir().unwrap();
    let options =
        ["--access-key", "key-of-access", "--autoauth-key", "key-of-links", "--allow-get"];
    for level in ["info", "trace"] {
        let program = Program::start(folder.path(), &options, level);
        let base = program.base().to_owned();
        let api = format!("{base}/includes/api.php");
        let post = async |form: String| {
            let request = http().post(&api).header("content-type", FORM).body(form);
            request.send().await.unwrap().text().await.unwrap()
        };
        for fields in [PAIR, LOGIN, ADMIN] {
            post(format!("action=GetClients&accesskey=key-of-access&{fields}")).await;
        }
        post("action=PresentedAction&identifier=D4j1dKYE3g40VROOPCGyJ9zRwP0ADJIv&secret=presented-secret".into()).await;
        post("username=admin&password=presented-password".into()).await;
        post("identifier=presented-identifier&secret=presented-secret".into()).await;
        post(format!("action=presented-action&{PAIR}")).await;
        http().get(format!("{api}?{PAIR}&action=GetClients")).send().await.unwrap();
        http().get(format!("{base}/presented-path?secret=presented-secret")).send().await.unwrap();

        let link = program.printed.last().unwrap().trim().to_owned();
        let hash = link.rsplit('=').next().unwrap().to_owned();
        let visit = http().get(&link).send().await.unwrap();
        let cookie = head(&visit, "set-cookie").unwrap().to_owned();
        let session = cookie.split(['=', ';']).nth(1).unwrap().to_owned();
        let page = http().get(format!("{base}/clientarea.php"));
        page.header("cookie", cookie).send().await.unwrap();
        http().get(link.replace("demo%40", "presented%40")).send().await.unwrap();
        let made =
            post(format!("action=CreateSsoToken&responsetype=json&client_id=1&{PAIR}")).await;
        let made: serde_json::Value = serde_json::from_str(&made).unwrap();
        let token = made["access_token"].as_str().unwrap().to_owned();
        for _ in 0..2 {
            let url = made["redirect_url"].as_str().unwrap();
            http().get(url).send().await.unwrap();
        }

        let log = program.stop();
        let codes: Vec<_> =
            log.iter().filter_map(|entry| entry["fields"]["code"].as_str()).collect();
        let expected = [
            "accepted",
            "accepted",
            "accepted",
            "wrong_secret",
            "password_not_md5",
            "unknown_identifier",
            "action_invalid",
            "accepted",
            "path_unknown",
            "accepted",
            "hash_mismatch",
            "accepted",
            "accepted",
            "sso_token_unknown",
        ];
        assert_eq!(codes, expected);
        let entry = log.iter().find(|entry| entry["fields"]["code"] == "password_not_md5").unwrap();
        assert_eq!(
            entry["fields"]["message"],
            "the password is not 32 hexadecimal digits: the client must send its md5"
        );
        assert_eq!(entry["fields"]["status"], 403);
        assert_eq!(entry["span"]["address"], "127.0.0.1");
        assert_eq!(entry["span"]["path"], "/includes/api.php");

        let whole: String = log.iter().map(serde_json::Value::to_string).collect();
        for secret in [
            "F1CKGXRIpylMfsrig3mwwdSdYUdLiFlo",
            "5f4dcc3b5aa765d61d8327deb882cf99",
            "presented-",
            "resentedAction",
            "key-of-access",
            "key-of-links",
            "$2y$",
            &hash,
            &session,
            &token,
        ] {
            assert!(!whole.contains(secret), "{level}: {secret}");
        }
    }
}

#[tokio::test]
async fn verifications_at_the_same_time_are_limited_to_the_cores() {
    let folder = tempfile::tempdir().unwrap();
    let program =
        Program::start(folder.path(), &["--bcrypt-cost", "8", "--cache-age", "0"], "info");
    let base = program.base();
    let running = async || -> usize {
        let counts = http().get(format!("{}/metrics", program.operator())).send().await.unwrap();
        let counts = counts.text().await.unwrap();
        let mut lines = counts.lines();
        let count = lines.find_map(|line| line.strip_prefix("whmcs_auth_verifications "));
        count.unwrap().parse().unwrap()
    };
    let mut calls = tokio::task::JoinSet::new();
    let cores = std::thread::available_parallelism().unwrap().get();
    let mut most = 0;
    // Until one was seen: on a busy machine all may have ended before.
    while most == 0 || !calls.is_empty() {
        while calls.len() < 8 * cores && most == 0 {
            let call = http().post(format!("{base}/includes/api.php"));
            calls.spawn(call.header("content-type", FORM).body(PAIR).send());
        }
        most = most.max(running().await);
        while let Some(answer) = calls.try_join_next() {
            answer.unwrap().unwrap();
        }
    }
    assert!(most <= cores, "{most} of {cores}");
}

#[tokio::test]
async fn known_and_unknown_names_take_the_same_queries() {
    let folder = tempfile::tempdir().unwrap();
    let program = Program::start(folder.path(), &[], "info,whmcs_auth=debug,sqlx::query=debug");
    let id = "D4j1dKYE3g40VROOPCGyJ9zRwP0ADJIv";
    let refused = [
        (format!("identifier={id}&secret=x"), "wrong_secret", 1),
        ("identifier=unknown&secret=x".into(), "unknown_identifier", 1),
        (format!("username={id}&password=x"), "wrong_secret", 2),
        ("username=admin&password=x".into(), "password_not_md5", 2),
        ("username=gone&password=x".into(), "password_not_md5", 2),
        ("username=unknown&password=x".into(), "unknown_username", 2),
        (format!("identifier={id}"), "missing_field", 0),
        (format!("{PAIR}&secret=x"), "repeated_field", 0),
    ];
    let api = format!("{}/includes/api.php", program.base());
    for (fields, ..) in &refused {
        let form = format!("action=GetClients&{fields}");
        let request = http().post(&api).header("content-type", FORM).body(form);
        assert_eq!(request.send().await.unwrap().status(), 403);
    }
    // In the log the queries of a request come before its verdict.
    let mut verdicts = Vec::new();
    let mut queries = 0;
    let log = program.stop().into_iter();
    for entry in log.filter(|entry| entry["span"]["name"] == "request") {
        if entry["target"] == "sqlx::query" {
            let query = entry["fields"]["summary"].as_str().unwrap();
            queries += i32::from(query.starts_with("SELECT"));
        } else if let Some(code) = entry["fields"]["code"].as_str() {
            verdicts.push((code.to_owned(), queries));
            queries = 0;
        }
    }
    let expected = refused.map(|(_, code, queries)| (code.to_owned(), queries));
    assert_eq!(verdicts, expected);
}
