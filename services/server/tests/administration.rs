//! The commands of an operator: `sign-link`, `make-credential` and `check-database`.

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

const NO_PROBLEMS: &str = "\
tables and columns
  all 8 tables have all columns
settings
  SystemURL is empty, so the service uses its own address
  AllowAutoAuth is on
  addresses in APIAllowedIPs: 0; they count with --allowed-ips-from-database
API roles
  roles: 2
API credentials
  credentials: 1; deleted ones: 0
  stored as bcrypt, cost 4: 1
admins
  admins: 2; disabled ones: 1
  stored as bcrypt-of-md5, cost 4: 2
clients
  clients: 29; closed accounts: 1
no problems
";

#[tokio::test]
async fn the_check_of_good_tables_finds_no_problems() {
    let folder = tempfile::tempdir().unwrap();
    drop(Program::start(folder.path(), &[], "info"));
    assert_eq!(printed(folder.path(), &["check-database", "--bcrypt-cost", "4"]), NO_PROBLEMS);
    let page = printed(folder.path(), &["check-database", "--bcrypt-cost", "5"]);
    assert!(page.contains("\n  the cost is under --bcrypt-cost 5: 7\n"), "{page}");
}

#[tokio::test]
async fn the_check_tells_each_problem_and_no_secret() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    drop(Program::start(folder, &["--bcrypt-cost", "5"], "info"));
    sql(
        folder,
        r#"
        INSERT INTO tblconfiguration VALUES ('APIAllowedIPs',
            'a:3:{i:0;a:2:{s:2:"ip";s:0:"";s:4:"note";s:0:"";}i:1;a:1:{s:2:"ip";s:10:"10.0.0.0/8";}i:2;a:1:{s:2:"ip";s:3:"::1";}}');
        UPDATE tblconfiguration SET value = 'https://b.example' WHERE setting = 'SystemURL';
        UPDATE tblconfiguration SET value = '' WHERE setting = 'AllowAutoAuth';
        INSERT INTO tblapi_roles VALUES (3, 'Broken', '{"getclients":'), (4, 'List', '["getclients"]'), (5, 'Empty', '');
        CREATE TABLE one AS SELECT secret FROM tbldeviceauth WHERE id = 7;
        INSERT INTO tbldeviceauth (id, identifier, secret, user_id, role_ids)
            SELECT 8, 'orphan', secret, 99, '[1]' FROM one UNION
            SELECT 9, 'disabled', secret, 3, '[1]' FROM one UNION
            SELECT 10, 'no access', secret, 2, '[1]' FROM one UNION
            SELECT 11, 'comma', secret, 1, '1,2' FROM one UNION
            SELECT 12, 'unknown role', secret, 1, '[1,77]' FROM one UNION
            SELECT 13, 'no role', secret, 1, '' FROM one UNION
            SELECT 14, 'plain', 'presented-secret', 1, '[1]' UNION
            SELECT 15, 'md5', '5f4dcc3b5aa765d61d8327deb882cf99', 1, '[1]';
        INSERT INTO tbldeviceauth (id, identifier, secret, user_id, role_ids, deleted_at)
            VALUES (16, 'deleted', 'x', 1, '', '2024-01-01');
        INSERT INTO tbladmins VALUES
            (4, 1, 'reset', '5f4dcc3b5aa765d61d8327deb882cf99', '', 0),
            (5, 1, 'ADMIN', 'presented-password', 'x', 0);
        UPDATE tblclients SET email = 'DEMO@whmcs.com' WHERE id = 6;
        UPDATE tblclients SET email = 'demo@whmcs.com' WHERE id = 4;
        UPDATE tblclients SET email = 'a b@example.com' WHERE id = 2;
        "#,
    )
    .await;
    let (status, page, stderr) = run(folder, &["check-database", "--bcrypt-cost", "4"]);
    assert_eq!((status, &*stderr), (Some(1), ""));
    let expected = "\
tables and columns
  all 8 tables have all columns
settings
  SystemURL is set
  AllowAutoAuth is off, so login links are refused
  addresses in APIAllowedIPs: 1; they count with --allowed-ips-from-database
  PROBLEM: APIAllowedIPs: the entry \"10.0.0.0/8\" is a network, and an entry is one address: list each of its addresses, or use a setting for networks
API roles
  roles: 5
  PROBLEM: permissions cannot be read, so these roles allow nothing: 3, 4
  these roles allow nothing: 5
API credentials
  credentials: 9; deleted ones: 1
  stored as bcrypt, cost 5: 7
  PROBLEM: cannot be read, so they count as absent (the text is not a bcrypt string of version 2a, 2b or 2y): 14, 15
  PROBLEM: the cost is over --bcrypt-cost 4, so the time of a refusal shows that the name is known: 7, 8, 9, 10, 11, 12, 13
  PROBLEM: the admin does not exist, so these credentials are refused: 8
  PROBLEM: the admin is disabled, so these credentials are refused: 9
  PROBLEM: the admin has no API Access, so these credentials are refused: 10
  PROBLEM: role_ids cannot be read, so these credentials have no roles: 11
  role_ids names a role that does not exist: 12
  without a role these credentials may do nothing: 13
admins
  admins: 4; disabled ones: 1
  stored as bcrypt-of-md5, cost 5: 2
  stored as md5: 1
  PROBLEM: cannot be read, so they count as absent (the text is not a bcrypt string of version 2a, 2b or 2y): 5
  PROBLEM: the cost is over --bcrypt-cost 4, so the time of a refusal shows that the name is known: 1, 2
  PROBLEM: stored in a weak scheme, as after a manual reset: 4
  PROBLEM: several admins have the username of these: 1
clients
  clients: 29; closed accounts: 1
  PROBLEM: several clients have the e-mail of these, so a login link may be refused as ambiguous: 1
  PROBLEM: the e-mail holds a space, which a login link reads as `+`: 2
14 problems
";
    assert_eq!(page, expected);
    for secret in ["presented-", "5f4dcc", "$2y$", "@", "orphan"] {
        assert!(!page.contains(secret), "{secret}");
    }
}

#[tokio::test]
async fn the_check_names_missing_tables_and_columns() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    drop(Program::start(folder, &[], "info"));
    sql(
        folder,
        "DROP TABLE tblproducts; ALTER TABLE tbldeviceauth DROP COLUMN role_ids;
         ALTER TABLE tbldeviceauth DROP COLUMN last_access;
         UPDATE tblconfiguration SET setting = 'APIAllowedIPs', value = '127.0.0.1' WHERE setting = 'SystemURL'",
    )
    .await;
    let (status, page, _) = run(folder, &["check-database", "--bcrypt-cost", "4"]);
    assert_eq!(status, Some(1));
    for line in [
        "  PROBLEM: tblproducts does not exist, or this user may read none of its columns\n",
        "  PROBLEM: tbldeviceauth has no column role_ids, last_access, or this user may not read it\n",
        "  PROBLEM: APIAllowedIPs is no PHP array of `ip` and `note`, so it admits nobody\n",
        "API credentials\n  not read, because a table or a column is missing\nadmins\n  admins: 2;",
        "\n3 problems\n",
    ] {
        assert!(page.contains(line), "{line}: {page}");
    }
    fs::write(folder.join("text.db"), "This is no database, however you look at it.").unwrap();
    let cause = refused(folder, &["check-database", "--database", "sqlite:text.db"]);
    assert!(cause.contains("file is not a database"), "{cause}");
}

#[tokio::test]
async fn a_long_list_of_rows_is_cut() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    drop(Program::start(folder, &[], "info"));
    sql(folder, "UPDATE tblclients SET email = 'a b' || id || '@example.com'").await;
    let (_, page, _) = run(folder, &["check-database", "--bcrypt-cost", "4"]);
    assert!(page.contains("`+`: 1, 2, 3, 5, 6, 7, 8, 9, 10, 11 and 19 more\n"), "{page}");
}
