//! The commands of an operator: `sign-link` and `make-credential`.

mod support;

use std::fs;
use std::path::Path;
use std::process::{Command, Output};
use std::str::FromStr;

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Connection, SqliteConnection};
use support::program::Program;
use support::{FORM, answer, head};

async fn connect(folder: &Path) -> SqliteConnection {
    let url = format!("sqlite:{}", folder.join("whmcs-demo.db").display());
    SqliteConnectOptions::from_str(&url).unwrap().connect().await.unwrap()
}

async fn sql(folder: &Path, statements: &'static str) {
    let mut connection = connect(folder).await;
    sqlx::raw_sql(statements).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
}

/// Status, standard output and standard error of a command.
fn run(folder: &Path, arguments: &[&str]) -> (Option<i32>, String, String) {
    let mut program = Command::new(env!("CARGO_BIN_EXE_whmcs-auth-server"));
    let Output { status, stdout, stderr } =
        program.current_dir(folder).args(arguments).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (status.code(), text(stdout), text(stderr))
}

/// What the command prints.
fn printed(folder: &Path, arguments: &[&str]) -> String {
    let (status, stdout, stderr) = run(folder, arguments);
    assert_eq!((status, &*stderr), (Some(0), ""), "{arguments:?}");
    stdout
}

/// Why the command fails.
fn refused(folder: &Path, arguments: &[&str]) -> String {
    let (status, stdout, stderr) = run(folder, arguments);
    assert_eq!((status, &*stdout), (Some(1), ""), "{arguments:?}: {stderr}");
    stderr.trim_end().to_owned()
}

async fn visit(url: &str) -> reqwest::Response {
    let http = support::http();
    http.get(url).send().await.unwrap()
}

#[tokio::test]
async fn a_signed_link_logs_in() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let program = Program::start(folder, &[], "info");
    let base = program.base();
    let sign = |more: &[&str]| {
        let arguments = [&["sign-link", "a+b@example.com", "--base-url", base], more].concat();
        printed(folder, &arguments).trim_end().to_owned()
    };
    let link = sign(&[]);
    assert!(link.starts_with(&format!("{base}/dologin.php?email=a%2Bb%40example.com&")), "{link}");
    let entered = visit(&link).await;
    assert_eq!(
        (entered.status().as_u16(), head(&entered, "location")),
        (302, Some("clientarea.php"))
    );
    let entered = visit(&sign(&["--goto", "viewinvoice.php?id=12"])).await;
    assert_eq!(head(&entered, "location"), Some("viewinvoice.php?id=12"));

    // By default with the setting SystemURL.
    sql(folder, "UPDATE tblconfiguration SET value = 'https://b.example/whmcs/' WHERE setting = 'SystemURL'").await;
    let link = printed(folder, &["sign-link", "a+b@example.com"]);
    assert!(link.starts_with("https://b.example/whmcs/dologin.php?email="), "{link}");

    // With the first key of a file.
    fs::write(folder.join("keys"), "new-key\nold\n").unwrap();
    let arguments = ["sign-link", "demo@whmcs.com", "--autoauth-key-file", "keys"];
    let (status, link, warning) = run(folder, &arguments);
    assert_eq!(status, Some(0));
    assert!(warning.contains("every user of this machine can read the file"), "{warning}");
    let options = ["--autoauth-key", "new-key"];
    let program = Program::start(folder, &options, "info");
    let link = link.trim_end().replace("https://b.example/whmcs", program.base());
    assert_eq!(visit(&link).await.status(), 302);
}

#[tokio::test]
async fn a_link_that_the_service_would_refuse_is_not_signed() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    drop(Program::start(folder, &[], "info"));
    let sign = |email: &str, more: &[&str]| {
        refused(folder, &[&["sign-link", email, "--base-url", "https://b.example"], more].concat())
    };
    let unknown = "the service would refuse this link: the link is genuine, but no account";
    for email in ["nobody@example.com", "mike@example.com"] {
        let cause = sign(email, &[]);
        assert!(cause.starts_with(unknown), "{email}: {cause}");
    }
    let cause = sign("closed@example.com", &[]);
    assert!(cause.contains("closed"), "{cause}");
    sql(folder, "UPDATE tblclients SET status = 'Fraud' WHERE id = 3").await;
    let cause = sign("juergen@example.com", &[]);
    assert!(cause.contains("closed"), "{cause}");
    sql(folder, "UPDATE tblclients SET allow_sso = 0 WHERE id = 7").await;
    let no_sso =
        "the service would refuse this link: single sign-on is switched off for the client";
    assert_eq!(sign("client7@example.com", &[]), no_sso);
    let cause = sign("demo@whmcs.com", &["--goto", "//evil.example"]);
    assert!(cause.contains("goto"), "{cause}");
    let cause = refused(folder, &["sign-link", "demo@whmcs.com"]);
    assert_eq!(cause, "the setting SystemURL is empty: give --base-url");

    sql(folder, "UPDATE tblclients SET email = 'demo@whmcs.com' WHERE id = 6").await;
    let several = sign("demo@whmcs.com", &[]);
    assert!(several.ends_with("several accounts have its e-mail"), "{several}");
    sql(folder, "UPDATE tblconfiguration SET value = '' WHERE setting = 'AllowAutoAuth'").await;
    let off = "the service would refuse this link: the setting AllowAutoAuth is not `on`";
    assert_eq!(sign("a+b@example.com", &[]), off);
    sql(folder, "DELETE FROM tblconfiguration WHERE setting = 'AutoAuthKey'").await;
    let no_key = "there is no AutoAuth key: give --autoauth-key-file or --autoauth-key";
    assert_eq!(sign("a+b@example.com", &[]), no_key);
}

fn make<'a>(admin: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    [&["make-credential", "--bcrypt-cost", "4", "--admin", admin], more].concat()
}

/// Identifier and secret out of what the command prints.
fn pair(printed: &str) -> (&str, &str) {
    let mut lines = printed.lines();
    let identifier = lines.next().unwrap().strip_prefix("identifier: ").unwrap();
    let secret = lines.next().unwrap().strip_prefix("secret: ").unwrap();
    assert_eq!(lines.next(), None);
    for text in [identifier, secret] {
        assert_eq!(text.len(), 32);
        assert!(text.bytes().all(|byte| byte.is_ascii_alphanumeric()), "{text}");
    }
    (identifier, secret)
}

#[tokio::test]
async fn a_made_credential_works() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let program = Program::start(folder, &[], "info");
    let call = async |printed: &str, action: &str| {
        let (identifier, secret) = pair(printed);
        let form = format!("action={action}&identifier={identifier}&secret={secret}");
        let call = support::http().post(format!("{}/includes/api.php", program.base()));
        answer(call.header("content-type", FORM).body(form).send().await.unwrap()).await.1
    };
    let refused = |action: &str| {
        format!("result=error;message=Invalid Permissions: API action \"{action}\" is not allowed")
    };
    let reader = printed(folder, &make("admin", &["--role", "Reader"]));
    assert!(call(&reader, "GetClients").await.starts_with("result=success;"));
    assert_eq!(call(&reader, "CreateSsoToken").await, refused("createssotoken"));
    let both = printed(folder, &make("1", &["--role", "2", "--role", "Reader", "--role", "2"]));
    assert!(call(&both, "GetClients").await.starts_with("result=success;"));
    assert_ne!(call(&both, "CreateSsoToken").await, refused("createssotoken"));
    assert_ne!(pair(&reader).0, pair(&both).0);
    assert_ne!(pair(&reader).1, pair(&both).1);

    let mut connection = connect(folder).await;
    let query = "SELECT secret, user_id, role_ids FROM tbldeviceauth WHERE identifier = ?";
    let (hash, admin, roles): (String, i64, String) =
        sqlx::query_as(query).bind(pair(&both).0).fetch_one(&mut connection).await.unwrap();
    assert_eq!((admin, &*roles), (1, "[2,1]"));
    assert!(hash.starts_with("$2y$04$"), "{hash}");

    let comma = printed(folder, &make("admin", &["--role", "Reader", "--role-ids", "comma"]));
    let roles: String =
        sqlx::query_scalar("SELECT role_ids FROM tbldeviceauth WHERE identifier = ?")
            .bind(pair(&comma).0)
            .fetch_one(&mut connection)
            .await
            .unwrap();
    assert_eq!(roles, "1");
}

#[tokio::test]
async fn a_credential_that_the_service_would_refuse_is_not_made() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    drop(Program::start(folder, &[], "info"));
    let count = async || -> i64 {
        let mut connection = connect(folder).await;
        sqlx::query_scalar("SELECT COUNT(*) FROM tbldeviceauth")
            .fetch_one(&mut connection)
            .await
            .unwrap()
    };
    sql(folder, "INSERT INTO tbladmins VALUES (9, 1, '1', '', '', 0); INSERT INTO tblapi_roles VALUES (9, 'Reader', '{}')").await;
    let reader = ["--role", "Single sign-on"];
    for (arguments, cause) in [
        (make("nobody", &reader), "no admin has this username or number"),
        (make("7", &reader), "no admin has this username or number"),
        (make("1", &reader), "several admins have this username or number"),
        (make("gone", &reader), "the admin is disabled, so a credential would be refused"),
        (
            make("clerk", &reader),
            "the admin's role does not have the permission API Access, so a credential would be refused",
        ),
        (make("admin", &["--role", "Writer"]), "no API role has the name or number \"Writer\""),
        (
            make("admin", &["--role", "Reader"]),
            "several API roles have the name or number \"Reader\"",
        ),
        (
            make("admin", &["--role", "2", "--database", "sqlite:other.db"]),
            "the database: error returned from database: (code: 14) unable to open database file",
        ),
        (
            make("admin", &["--role", "2", "--database", "sqlite:o.db?mode=rwc"]),
            "the database: sqlite: takes the path of a file, without parameters",
        ),
    ] {
        assert_eq!(refused(folder, &arguments), cause, "{arguments:?}");
    }
    assert!(!folder.join("other.db").exists());
    // It could not be shown.
    let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let mut program = Command::new(env!("CARGO_BIN_EXE_whmcs-auth-server"));
    let program = program.current_dir(folder).args(make("admin", &reader)).stdout(full);
    assert_eq!(program.output().unwrap().status.code(), Some(1));
    assert_eq!(count().await, 1, "only that of the demo");
}
