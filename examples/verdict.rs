//! Verdicts on requests and login links, over a small embedded store.
//!
//! Without arguments it prints a table of requests as real clients send them, and of every cause of a
//! refusal. With `api` or `link` it prints the verdict on the text that you give it. Each verdict is one
//! line with tabs between its columns:
//!
//! | verdict | columns that follow |
//! |---|---|
//! | `accepted`, for `api` | the mode, and the admin who owns the credential |
//! | `accepted`, for `link` | the client's e-mail, and the page to open |
//! | `refused` | the code, the public message, the operator's sentence, and the codes of the findings, with commas |
//!
//! The table has the sentences of the findings below a request.
//!
//! The exit status is 0 if everything was accepted, 1 if something was refused, and 2 for wrong
//! arguments.

use std::borrow::Cow;
use std::convert::Infallible;
use std::error::Error;
use std::ffi::OsString;
use std::io::{self, BufRead, Write};
use std::process::ExitCode;

use time::{Duration, OffsetDateTime};
use whmcs_auth::diagnose::{self, Findings};
use whmcs_auth::replay::ReplayGuard;
use whmcs_auth::{
    AcceptedLogin, AccountLogin, Admin, AdminState, ApiCredential, ApiPolicy, ApiRequest,
    AutoAuthKey, AutoAuthKeys, AutoAuthPolicy, AutoAuthRefusal, AutoAuthRequest, Clock,
    CredentialStore, ExpectedSchemes, FixedClock, Lookup, PasswordScheme, Received, Refusal,
    SchemeError, SecretScheme, StoredPassword, StoredSecret, SystemClock, sign_autoauth,
    verify_api_request,
};

const USAGE: &str = "\
usage: verdict
       verdict api  'FORM BODY'
       verdict link 'URL OR QUERY' [--now UNIX_SECONDS]

Give `-` instead of the text to read one text a line from standard input.";

const IDENTIFIER: &str = "D4j1dKYE3g40VROOPCGyJ9zRwP0ADJIv";
const SECRET: &str = "F1CKGXRIpylMfsrig3mwwdSdYUdLiFlo";
const AUTOAUTH_KEY: &str = "abcXYZ123";
const FORM: &str = "application/x-www-form-urlencoded";
const DEFAULT_TARGET: &str = "clientarea.php";

fn main() -> ExitCode {
    let command = match Command::parse() {
        Ok(command) => command,
        Err(error) => {
            eprintln!("{error}\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    match command.run() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::from(2)
        }
    }
}

enum Command {
    Help,
    Show,
    Api(OsString),
    Link(OsString, Option<OffsetDateTime>),
}

impl Command {
    fn parse() -> Result<Self, lexopt::Error> {
        use lexopt::prelude::*;

        let mut words = Vec::new();
        let mut now = None;
        let mut parser = lexopt::Parser::from_env();
        while let Some(argument) = parser.next()? {
            match argument {
                Long("now") => {
                    let seconds = parser.value()?.parse()?;
                    let time = OffsetDateTime::from_unix_timestamp(seconds);
                    now = Some(time.map_err(|error| lexopt::Error::Custom(error.into()))?);
                }
                Short('h') | Long("help") => return Ok(Self::Help),
                Value(word) => words.push(word),
                _ => return Err(argument.unexpected()),
            }
        }
        let mut words = words.into_iter();
        match (words.next(), words.next(), words.next(), now) {
            (None, None, None, None) => Ok(Self::Show),
            (Some(verb), Some(text), None, None) if verb == "api" => Ok(Self::Api(text)),
            (Some(verb), Some(text), None, now) if verb == "link" => Ok(Self::Link(text, now)),
            _ => Err("wrong arguments".into()),
        }
    }

    /// Returns whether everything was accepted.
    fn run(self) -> Result<bool, Box<dyn Error>> {
        let demo = Demo::new()?;
        match self {
            Self::Help => Ok(writeln!(io::stdout(), "{USAGE}").map(|()| true)?),
            Self::Show => show(&demo).map(|()| true),
            Self::Api(text) => print_verdicts(text, |body| {
                let request = ApiRequest::from_form(body);
                match verify_api_request(&request, &demo, &ApiPolicy::new()) {
                    Ok(caller) => Ok(format!("{}\t{}", caller.mode, caller.id)),
                    Err(error) => Err(columns(&error, &diagnose::api("", Some(FORM), body))),
                }
            }),
            Self::Link(text, now) => print_verdicts(text, |link| {
                let query = query_of(link);
                let request = AutoAuthRequest::from_query(query);
                let clock: &dyn Clock = now.as_ref().map_or(&SystemClock, |now| now);
                match demo.log_in(&request, clock, &AutoAuthPolicy::new()) {
                    Ok(login) => Ok(format!(
                        "{}\t{}",
                        login.login().email(),
                        login.goto().target_or(DEFAULT_TARGET)
                    )),
                    Err(refusal) => Err(columns(&refusal, &diagnose::link(query))),
                }
            }),
        }
    }
}

/// The query of a URL, or the text if it is a query. In a URL the `?` comes before the first field. In a query
/// a `?` can only come later, in `goto`.
fn query_of(text: &[u8]) -> &[u8] {
    let start = match text.iter().position(|byte| b"?=&".contains(byte)) {
        Some(mark) if text[mark] == b'?' => mark + 1,
        _ => return text,
    };
    text[start..].split(|byte| *byte == b'#').next().unwrap_or_default()
}

fn columns(refusal: &dyn Refusal, findings: &Findings) -> String {
    let codes: Vec<_> = findings.iter().map(|finding| finding.code()).collect();
    let (code, message) = (refusal.code(), refusal.public_message());
    format!("{code}\t{message}\t{refusal}\t{}", codes.join(","))
}

/// Prints one verdict a line, and returns whether everything was accepted.
fn print_verdicts(
    text: OsString,
    verify: impl Fn(&[u8]) -> Result<String, String>,
) -> Result<bool, Box<dyn Error>> {
    let mut out = io::stdout().lock();
    let mut all_accepted = true;
    let mut print = |text: &[u8]| match verify(text) {
        Ok(columns) => writeln!(out, "accepted\t{columns}"),
        Err(columns) => {
            all_accepted = false;
            writeln!(out, "refused\t{columns}")
        }
    };
    if text == "-" {
        for line in io::stdin().lock().split(b'\n') {
            let line = line?;
            print(line.strip_suffix(b"\r").unwrap_or(&line))?;
        }
    } else {
        print(text.as_encoded_bytes())?;
    }
    Ok(all_accepted)
}

/// The e-mail of a client, and whether the account is open.
type Client = (&'static str, bool);

/// One credential, three admins, and six clients. Like many databases it ignores case and accents when it
/// looks up a name. The library then checks the record that was found.
struct Demo {
    credential: ApiCredential<&'static str>,
    admins: [Admin<&'static str>; 3],
    clients: [Client; 6],
    keys: AutoAuthKeys,
}

impl Demo {
    fn new() -> Result<Self, Box<dyn Error>> {
        let admin = |username: &'static str, password: &str, state| {
            let password = StoredPassword::plain(password)?;
            Ok::<_, SchemeError>(Admin::new(username, username, password, state))
        };
        Ok(Self {
            credential: ApiCredential::new(
                "admin",
                IDENTIFIER,
                StoredSecret::plain(SECRET)?,
                AdminState::WithApiAccess,
            ),
            admins: [
                admin("admin", "password", AdminState::WithApiAccess)?,
                admin("clerk", "clerk-password", AdminState::WithoutApiAccess)?,
                admin("gone", "gone-password", AdminState::Disabled)?,
            ],
            clients: [
                ("demo@whmcs.com", true),
                ("a+b@example.com", true),
                ("m\u{ed}ke@example.com", true),
                ("closed@example.com", false),
                ("twice@example.com", true),
                ("twice@example.com", true),
            ],
            keys: AutoAuthKeys::from(AutoAuthKey::new(AUTOAUTH_KEY)?),
        })
    }

    /// Accepts the link however often it is used.
    fn log_in<'r>(
        &self,
        request: &'r AutoAuthRequest<'_>,
        clock: &dyn Clock,
        policy: &AutoAuthPolicy,
    ) -> Result<AcceptedLogin<'r, Client>, AutoAuthRefusal> {
        Ok(self.check(request, clock, policy)?.repeatable())
    }

    /// Verifies the link, then looks up the account and checks its e-mail.
    fn check<'r>(
        &self,
        request: &'r AutoAuthRequest<'_>,
        clock: &dyn Clock,
        policy: &AutoAuthPolicy,
    ) -> Result<AccountLogin<'r, Client>, AutoAuthRefusal> {
        let login = request.verify(&self.keys, clock, policy)?;
        let fold = |email: &str| email.to_lowercase().replace('\u{ed}', "i");
        let email = fold(login.email());
        let found = self.clients.into_iter().filter(|(stored, _)| fold(stored) == email);
        login.check_account(found, |(stored, _)| stored, |(_, is_open)| *is_open)
    }
}

impl CredentialStore for Demo {
    /// The username of the admin who owns the credential.
    type Id = &'static str;
    type Error = Infallible;

    fn find_credential(
        &self,
        identifier: &str,
    ) -> Lookup<'_, ApiCredential<&'static str>, Infallible> {
        let found = self.credential.identifier().eq_ignore_ascii_case(identifier);
        Ok(found.then_some(Cow::Borrowed(&self.credential)))
    }

    fn find_admin(&self, username: &str) -> Lookup<'_, Admin<&'static str>, Infallible> {
        let has_name = |admin: &&Admin<_>| admin.username().eq_ignore_ascii_case(username);
        Ok(self.admins.iter().find(has_name).map(Cow::Borrowed))
    }

    fn expected_schemes(&self) -> ExpectedSchemes {
        ExpectedSchemes::new(SecretScheme::Plain, PasswordScheme::Plain)
    }
}

/// Prints the table: every known client, every mode, every cause of a refusal.
fn show(demo: &Demo) -> Result<(), Box<dyn Error>> {
    let mut table = Table::new("what real clients send");
    let pair = format!("identifier={IDENTIFIER}&secret={SECRET}");
    let login = format!("username={IDENTIFIER}&password={SECRET}");
    let admin = "username=admin&password=5f4dcc3b5aa765d61d8327deb882cf99";
    let get = "action=GetClients&responsetype=json";
    let key = "accesskey=key%231%2B2";
    for (client, query, body) in [
        (
            "whmcs 0.1.1 (Rust)",
            "",
            format!("action=GetClients&identifier={IDENTIFIER}&responsetype=json&secret={SECRET}"),
        ),
        ("whmcspy 0.3.0 (Python)", "", format!("{pair}&{get}&search=a%2Bb%40example.com")),
        (
            "whmcs-api-client 1.0.32 (Python)",
            "action=GetClients",
            format!("{login}&{key}&responsetype=json"),
        ),
        (
            "whmcs 1.2.2 (Node)",
            "",
            format!("action=getproducts&pid=1&responsetype=json&{admin}&{key}"),
        ),
        (
            "whmcs-api 1.5.5 (Node, GET)",
            &format!("endpoint=api.php&{pair}&responsetype=json&action=GetClients"),
            String::new(),
        ),
        ("whmcs-js 2.0.1 (Node)", "", format!("{pair}&{get}")),
    ] {
        table.api(client, demo, &Call { query, ..Call::form(&body) }, &ApiPolicy::new());
    }

    table.section("the three modes");
    table.form("identifier and secret", demo, &pair);
    table.form("the same pair as username and password", demo, &login);
    table.form("an admin and the md5 of the password", demo, admin);

    table.section("requests refused");
    table.form("no credentials", demo, get);
    table.form("half a pair", demo, "identifier=id");
    table.form("a field twice", demo, &format!("{pair}&secret=other"));
    table.form("a field that only PHP reads", demo, &format!("{pair}&password[]=x"));
    let json = Call { query: "", content_type: "application/json", body: r#"{"identifier":"id"}"# };
    table.api("a body that is JSON", demo, &json, &ApiPolicy::new());
    table.form("10001 fields", demo, &format!("{}{pair}", "x&".repeat(9_999)));
    let long = format!("username=admin&password={}", "x".repeat(1025));
    table.form("a password of 1025 bytes", demo, &long);
    table.form("bytes that are not UTF-8", demo, "username=admin&password=%FF");
    table.form("a line break in a username", demo, "username=admin%0A&password=x");
    table.form("an unknown identifier", demo, "identifier=id&secret=s%2Be+c");
    table.form("an unknown username", demo, "username=nobody&password=x");
    let folded = format!("identifier={}&secret={SECRET}", IDENTIFIER.to_lowercase());
    table.form("an identifier in another case", demo, &folded);
    table.form("a wrong secret", demo, &format!("identifier={IDENTIFIER}&secret=x"));
    let hashed = format!("identifier={IDENTIFIER}&secret=dfe5ba0e7087a156ebd220df0bca1dd4");
    table.form("the md5 of the secret", demo, &hashed);
    table.form("the password itself", demo, "username=admin&password=password");
    let twice = "username=admin&password=696d29e0940a4957748fe3fc9efd22a3";
    table.form("the md5 of the md5", demo, twice);
    let without_logins = ApiPolicy::new().with_admin_login(false);
    table.api("an admin, where the mode is off", demo, &Call::form(admin), &without_logins);
    let gone = "username=gone&password=c9a92f084247cfb8d50e254f301eb4d0";
    table.form("a disabled admin", demo, gone);
    let clerk = "username=clerk&password=2b396c730a20dcf9c13b650a659c8498";
    table.form("an admin without API Access", demo, clerk);

    table.section("mistakes of API clients");
    let json = r#"{"identifier":"id","secret":"s"}"#;
    table.form("JSON under the type of a form", demo, json);
    table.form("a BOM before the first name", demo, &format!("\u{feff}{pair}"));
    let typed = Call { content_type: "text/plain", ..Call::form(&pair) };
    table.api("a form under another type", demo, &typed, &ApiPolicy::new());
    table.form("credentials in headers", demo, "");
    let named = format!("api_identifier={IDENTIFIER}&api_secret={SECRET}");
    table.form("fields named after the settings", demo, &named);
    table.form("a secret with a line end", demo, &format!("{pair}%0D%0A"));
    table.form("a secret with a no-break space", demo, &format!("{pair}%C2%A0"));
    let of_raw = |secret: &str| format!("identifier={IDENTIFIER}&secret={secret}");
    table.form("a secret with an unencoded `&`", demo, &of_raw("a&b"));
    table.form("a secret with an unencoded `+`", demo, &of_raw("a+b"));
    table.form("a secret encoded twice", demo, &of_raw("a%252Bb"));
    table.form("a secret in quotes", demo, &of_raw("%22s%22"));
    let sha1 = "username=admin&password=5baa61e4c9b93f3f0682250b6cf8331b7ee68fd8";
    table.form("the sha1 of the password", demo, sha1);
    let stored = "username=admin&password=$2y$10$CCCCCCCCCCCCCCCCCCCCC.";
    table.form("the bcrypt of the password", demo, stored);

    let signed = OffsetDateTime::from_unix_timestamp(1_700_000_000)?;
    let now = FixedClock::new(signed + Duration::MINUTE);
    let hash = "a28c27c2b14aa0d24698af1a453501c92d0d75e8";
    let sample = format!("email=a+b@example.com&timestamp=1700000000&hash={hash}");
    let key = AutoAuthKey::new(AUTOAUTH_KEY)?;
    let minted = sign_autoauth("demo@whmcs.com", Some("viewinvoice.php?id=12"), &key, &now)?
        .url("https://billing.example.com")?;

    table.section("login links");
    let php = format!(
        "https://billing.example.com/dologin.php?{sample}&goto={}",
        "clientarea.php%3Faction%3Dproducts"
    );
    table.link("as the vendor's PHP sample writes it", demo, &php, &now);
    table.link("minted by the signer", demo, &minted, &now);
    let elsewhere = format!("{sample}&goto=https%3A%2F%2Fevil.example");
    table.link("its goto changed to another site", demo, &elsewhere, &now);
    let upwards = format!("{sample}&goto=../cart.php");
    table.link("its goto outside the folder", demo, &upwards, &now);

    table.section("links refused");
    let disabled = Demo { keys: AutoAuthKeys::default(), ..Demo::new()? };
    table.link("no key configured", &disabled, &sample, &now);
    let millis = sample.replace("1700000000", "1700000000000");
    table.link("a timestamp in milliseconds", demo, &millis, &now);
    table.link("a hash cut short", demo, &sample.replace(hash, "a28c27"), &now);
    let changed = sample.replace("a+b", "c+d");
    table.link("another e-mail", demo, &changed, &now);
    for (what, email) in [
        ("an e-mail of no account", "nobody@example.com"),
        ("an account with an accent", "mike@example.com"),
        ("an account that is closed", "closed@example.com"),
        ("an e-mail of two accounts", "twice@example.com"),
    ] {
        let signed = sign_autoauth(email, None, &key, &now)?;
        table.link(what, demo, signed.query(), &now);
    }
    let strict = AutoAuthPolicy::new().with_space_as_plus(false);
    table.link_under("a bare `+`, where the policy is strict", demo, &sample, &now, &strict);
    now.advance(std::time::Duration::from_secs(841));
    table.link("901 seconds old", demo, &sample, &now);
    now.set(signed - Duration::seconds(901));
    table.link("901 seconds ahead", demo, &sample, &now);
    now.set(OffsetDateTime::UNIX_EPOCH - Duration::SECOND);
    table.link("the clock never set", demo, &sample, &now);

    table.section("mistakes in links");
    now.set(signed + Duration::MINUTE);
    table.link("escaped for HTML", demo, &sample.replace('&', "&amp;"), &now);
    table.link("`&times` shown by a browser", demo, &sample.replace("&times", "\u{d7}"), &now);
    table.link("wrapped in a mail", demo, &sample.replace("&hash", "&%0D%0Ahash"), &now);
    table.link("a full stop behind the link", demo, &format!("{sample}."), &now);
    let md5 = sample.replace(hash, "5e5fca8bb38d58ac2e2e7f6f8d6a1d0a");
    table.link("an MD5", demo, &md5, &now);
    table.link("cut by a shell", demo, "email=a+b@example.com", &now);
    let date = sample.replace("1700000000", "2023-11-14T22:13:20Z");
    table.link("a date", demo, &date, &now);
    let twice = sample.replace("a+b@", "a%252Bb%2540");
    table.link("an e-mail encoded twice", demo, &twice, &now);

    table.section("links that work once");
    let guard = ReplayGuard::new(1);
    now.set(signed + Duration::MINUTE);
    table.link_once("the first use", demo, &minted, &now, &guard)?;
    table.link_once("the second use", demo, &minted, &now, &guard)?;
    table.link_once("another link, where the guard is full", demo, &sample, &now, &guard)?;
    now.advance(std::time::Duration::from_secs(3600));
    let later = sign_autoauth("demo@whmcs.com", None, &key, &now)?;
    table.link_once("a link after an hour", demo, later.query(), &now, &guard)?;
    now.set(signed + Duration::MINUTE);
    table.link_once("the clock an hour back", demo, &minted, &now, &guard)?;

    Ok(io::stdout().lock().write_all(table.text.as_bytes())?)
}

/// An API call as it was sent.
struct Call<'a> {
    query: &'a str,
    content_type: &'a str,
    body: &'a str,
}

impl<'a> Call<'a> {
    fn form(body: &'a str) -> Self {
        Self { query: "", content_type: FORM, body }
    }

    fn received(&self) -> Received {
        Received::new().with_query(self.query).with_body(Some(self.content_type), self.body)
    }
}

struct Table {
    text: String,
}

impl Table {
    fn new(section: &str) -> Self {
        let mut table = Self { text: String::new() };
        table.line(section, "verdict", "mode or cause", "public answer");
        table
    }

    fn section(&mut self, section: &str) {
        self.text.push('\n');
        self.line(section, "verdict", "mode or cause", "public answer");
    }

    fn line(&mut self, what: &str, verdict: &str, cause: &str, answer: &str) {
        let line = format!("{what:<40} {verdict:<9} {cause:<22} {answer}");
        self.text.push_str(line.trim_end());
        self.text.push('\n');
    }

    fn form(&mut self, what: &str, demo: &Demo, body: &str) {
        self.api(what, demo, &Call::form(body), &ApiPolicy::new());
    }

    fn api(&mut self, what: &str, demo: &Demo, call: &Call<'_>, policy: &ApiPolicy) {
        match call.received().api_request().verify(demo, policy) {
            Ok(caller) => {
                let answer = format!("200 as {}", caller.id);
                self.line(what, "accepted", &caller.mode.to_string(), &answer);
            }
            Err(error) => {
                self.refused(what, &error);
                self.findings(&diagnose::api(call.query, Some(call.content_type), call.body));
            }
        }
    }

    fn link(&mut self, what: &str, demo: &Demo, link: &str, clock: &dyn Clock) {
        self.link_under(what, demo, link, clock, &AutoAuthPolicy::new());
    }

    fn link_under(
        &mut self,
        what: &str,
        demo: &Demo,
        link: &str,
        clock: &dyn Clock,
        policy: &AutoAuthPolicy,
    ) {
        let query = query_of(link.as_bytes());
        match demo.log_in(&AutoAuthRequest::from_query(query), clock, policy) {
            Ok(login) => {
                self.logged_in(what, &login);
                if login.login().is_goto_refused() {
                    self.findings(&diagnose::link(query));
                }
            }
            Err(refusal) => {
                self.refused(what, &refusal);
                self.findings(&diagnose::link(query));
            }
        }
    }

    fn link_once(
        &mut self,
        what: &str,
        demo: &Demo,
        link: &str,
        clock: &dyn Clock,
        guard: &ReplayGuard,
    ) -> Result<(), AutoAuthRefusal> {
        let request = AutoAuthRequest::from_query(query_of(link.as_bytes()));
        let login = demo.check(&request, clock, &AutoAuthPolicy::new())?;
        match login.use_once(guard, clock.now()) {
            Ok(login) => self.logged_in(what, &login),
            Err(refusal) => self.refused(what, &refusal),
        }
        Ok(())
    }

    fn logged_in(&mut self, what: &str, login: &AcceptedLogin<'_, Client>) {
        let answer = format!("302 to {}", login.goto().target_or(DEFAULT_TARGET));
        self.line(what, "accepted", login.login().email(), &answer);
    }

    fn refused(&mut self, what: &str, refusal: &dyn Refusal) {
        let answer = format!("{} {}", refusal.http_status(), refusal.public_message());
        self.line(what, "refused", refusal.code(), &answer);
    }

    fn findings(&mut self, findings: &Findings) {
        for finding in findings.iter() {
            self.text.push_str(&format!("    - {finding}\n"));
        }
    }
}
