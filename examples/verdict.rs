//! Prints the verdict on one request or one login link. The program has a few records of its own.
//!
//! Without arguments it prints the verdicts on the samples at the end of this file. With `api` or `link` it prints
//! the verdict on what you give it.
//!
//! | line | what it says |
//! |---|---|
//! | `verdict` | `accepted` or `refused` |
//! | `code`, `sentence` | why it was refused, for the operator |
//! | `caller`, `client` | who was accepted |
//! | `answer` | what the caller gets |
//! | `finding` | what the sender probably did wrong, or what of an accepted request was not followed |
//!
//! The exit status is 0 if the request was accepted, 1 if it was refused, and 2 for wrong arguments.

use std::error::Error;
use std::ffi::OsString;
use std::fmt::Display;
use std::io::{self, Read};
use std::process::ExitCode;

use http::Method;
use time::OffsetDateTime;
use whmcs_auth::answer::Answer;
use whmcs_auth::diagnose::{self, Findings};
use whmcs_auth::http::check_call;
use whmcs_auth::{
    AcceptedLogin, Admin, AdminState, ApiCredential, ApiPolicy, AutoAuthKey, AutoAuthKeys,
    AutoAuthPolicy, AutoAuthRefusal, AutoAuthRequest, Clock, MemoryStore, Received, Refusal,
    StoredPassword, StoredSecret, SystemClock, verify_api_request, verify_autoauth,
};

const USAGE: &str = "\
usage: verdict
       verdict api  [--query QUERY] [--type CONTENT-TYPE] [--method METHOD] [--origin ORIGIN] BODY
       verdict link URL-OR-QUERY [--now UNIX-SECONDS]

Give `-` as BODY or URL-OR-QUERY to read it from standard input. Without --type, BODY is a form. Without --method, the
call is a POST. A browser first sends an OPTIONS.";

const FORM: &str = "application/x-www-form-urlencoded";

fn main() -> ExitCode {
    let arguments = std::env::args_os().skip(1).collect::<Vec<_>>();
    let verdict = match arguments.is_empty() {
        true => samples().map(|()| true),
        false => run(arguments),
    };
    match verdict {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{error}\n{USAGE}");
            ExitCode::from(2)
        }
    }
}

/// Prints the verdict on what the arguments name, and returns whether it was accepted.
fn run<A: Into<OsString>>(arguments: impl IntoIterator<Item = A>) -> Result<bool, Box<dyn Error>> {
    use lexopt::prelude::*;

    let mut words = Vec::new();
    let (mut query, mut content_type, mut now) = (None, None, None);
    let (mut method, mut origin) = (None, None);
    let mut parser = lexopt::Parser::from_args(arguments);
    while let Some(argument) = parser.next()? {
        match argument {
            Long("query") => query = Some(parser.value()?.into_encoded_bytes()),
            Long("type") => content_type = Some(parser.value()?.string()?),
            Long("method") => method = Some(parser.value()?.string()?.parse()?),
            Long("origin") => origin = Some(parser.value()?.string()?),
            Long("now") => {
                now = Some(OffsetDateTime::from_unix_timestamp(parser.value()?.parse()?)?);
            }
            Short('h') | Long("help") => {
                println!("{USAGE}");
                return Ok(true);
            }
            Value(word) => words.push(word),
            _ => return Err(argument.unexpected().into()),
        }
    }
    let Ok([verb, text]) = <[OsString; 2]>::try_from(words) else {
        return Err("wrong arguments".into());
    };
    let records = Records::new()?;
    let is_call = query.is_some() || content_type.is_some() || method.is_some() || origin.is_some();
    match (verb.to_str(), now) {
        (Some("api"), None) => {
            let call = Call {
                method: method.unwrap_or(Method::POST),
                query: query.unwrap_or_default(),
                content_type: content_type.unwrap_or_else(|| FORM.to_owned()),
                // The example has no host that a page could be on.
                page: origin.map_or_else(Findings::default, |origin| diagnose::origin(&origin, "")),
                body: read(text)?,
            };
            Ok(judge_call(&records, &call))
        }
        (Some("link"), now) if !is_call => {
            let clock: &dyn Clock = now.as_ref().map_or(&SystemClock, |now| now);
            // A link that is piped in ends with a line end.
            Ok(judge_link(&records, read(text)?.trim_ascii_end(), clock))
        }
        _ => Err("wrong arguments".into()),
    }
}

/// The word, or all of standard input for `-`.
fn read(word: OsString) -> io::Result<Vec<u8>> {
    if word != "-" {
        return Ok(word.into_encoded_bytes());
    }
    let mut text = Vec::new();
    io::stdin().read_to_end(&mut text)?;
    Ok(text)
}

struct Call {
    method: Method,
    query: Vec<u8>,
    content_type: String,
    /// What the header `Origin` says of the page that sent it.
    page: Findings,
    body: Vec<u8>,
}

/// GET is allowed, as by the option `--allow-get` of the services.
fn judge_call(records: &Records, call: &Call) -> bool {
    let Call { method, query, content_type, page, body } = call;
    let content_type = Some(content_type.as_str());
    let received = Received::new().with_query(query).with_body(content_type, body);
    let request = received.api_request();
    let refuse = |refusal: &dyn Refusal, found: Findings| {
        let answer = Answer::refusal(refusal, &request);
        refused(refusal, format_args!("{} {}", answer.http_status, answer.body));
        findings(&page.and(found));
        false
    };
    if let Err(refusal) = check_call(method, true) {
        return refuse(&refusal, Findings::default());
    }
    match verify_api_request(&request, &records.store, &ApiPolicy::new()) {
        Ok(caller) => {
            line("verdict", "accepted");
            line("caller", format_args!("{}, by {}", caller.id, caller.mode));
            findings(&page.and(diagnose::accepted_api(query, content_type, body)));
            true
        }
        Err(error) => refuse(&error, diagnose::api(query, content_type, body)),
    }
}

fn judge_link(records: &Records, link: &[u8], clock: &dyn Clock) -> bool {
    let query = query_of(link);
    match records.log_in(&AutoAuthRequest::from_query(query), clock) {
        Ok(login) => {
            line("verdict", "accepted");
            line("client", login.account());
            line("answer", format_args!("302 to {}", login.goto().target_or("clientarea.php")));
            findings(&diagnose::accepted_link(query));
            true
        }
        Err(refusal) => {
            let answer = format!("{} {}", refusal.http_status(), refusal.public_message());
            refused(&refusal, answer);
            findings(&diagnose::link(query));
            false
        }
    }
}

/// The query of a URL, or the text if it is a query. In a URL the `?` comes before the first field. In a query
/// a `?` can only come later, in `goto`.
fn query_of(link: &[u8]) -> &[u8] {
    let start = match link.iter().position(|byte| b"?=&".contains(byte)) {
        Some(mark) if link[mark] == b'?' => mark + 1,
        _ => return link,
    };
    link[start..].split(|byte| *byte == b'#').next().unwrap_or_default()
}

fn refused(refusal: &dyn Refusal, answer: impl Display) {
    line("verdict", "refused");
    line("code", refusal.code());
    line("sentence", refusal);
    line("answer", answer);
}

fn findings(findings: &Findings) {
    for finding in findings.iter() {
        line("finding", format_args!("{}: {finding}", finding.code()));
    }
}

fn line(name: &str, text: impl Display) {
    println!("{name:<9} {text}");
}

/// What a service reads from its database.
struct Records {
    store: MemoryStore<&'static str>,
    keys: AutoAuthKeys,
    clients: [&'static str; 2],
}

impl Records {
    fn new() -> Result<Self, Box<dyn Error>> {
        let credential = ApiCredential::new(
            "admin",
            "D4j1dKYE3g40VROOPCGyJ9zRwP0ADJIv",
            StoredSecret::plain("F1CKGXRIpylMfsrig3mwwdSdYUdLiFlo")?,
            AdminState::WithApiAccess,
        );
        let password = StoredPassword::plain("password")?;
        let admin = Admin::new("admin", "admin", password, AdminState::WithApiAccess);
        Ok(Self {
            store: MemoryStore::new([credential], [admin])?,
            keys: AutoAuthKeys::from(AutoAuthKey::new("abcXYZ123")?),
            clients: ["demo@whmcs.com", "a+b@example.com"],
        })
    }

    /// It accepts a link again and again. A service that accepts each link once calls `use_once` here.
    fn log_in<'r>(
        &self,
        request: &'r AutoAuthRequest<'_>,
        clock: &dyn Clock,
    ) -> Result<AcceptedLogin<'r, &'static str>, AutoAuthRefusal> {
        let login = verify_autoauth(request, &self.keys, clock, &AutoAuthPolicy::new())?;
        // Many databases ignore case when they look up an e-mail. `check_account` compares what they found.
        let email = login.email().to_owned();
        let found = self.clients.into_iter().filter(|client| client.eq_ignore_ascii_case(&email));
        Ok(login.check_account(found, |email| email, |_| true)?.repeatable())
    }
}

/// Pairs of lines: a title, and the arguments of a call of this program.
const SAMPLES: &str = r#"An identifier and a secret
api --query=action=GetClients identifier=D4j1dKYE3g40VROOPCGyJ9zRwP0ADJIv&secret=F1CKGXRIpylMfsrig3mwwdSdYUdLiFlo
An admin and the md5 of the password
api username=admin&password=5f4dcc3b5aa765d61d8327deb882cf99
The password itself
api username=admin&password=password
A secret in quotes
api identifier=D4j1dKYE3g40VROOPCGyJ9zRwP0ADJIv&secret=%22s%22&responsetype=json
A format that is asked for by another name
api identifier=D4j1dKYE3g40VROOPCGyJ9zRwP0ADJIv&secret=F1CKGXRIpylMfsrig3mwwdSdYUdLiFlo&json=json
A client's own login
api username=demo@whmcs.com&password=Passw0rd
A browser that asks before it calls
api  --method=OPTIONS --origin=https://shop.example
JSON in place of a form
api --type=application/json {"identifier":"id","secret":"s"}
A genuine link
link --now=1700000060 email=a%2Bb@example.com&timestamp=1700000000&hash=a28c27c2b14aa0d24698af1a453501c92d0d75e8
A link whose goto was changed to another site
link --now=1700000060 email=a%2Bb@example.com&timestamp=1700000000&hash=a28c27c2b14aa0d24698af1a453501c92d0d75e8&goto=//evil.example
A link whose goto is not percent-encoded
link --now=1700000060 email=a%2Bb@example.com&timestamp=1700000000&hash=a28c27c2b14aa0d24698af1a453501c92d0d75e8&goto=clientarea.php?action=productdetails&id=5
A link that was escaped for HTML
link --now=1700000060 email=a%2Bb@example.com&amp;timestamp=1700000000&amp;hash=a28c27c2b14aa0d24698af1a453501c92d0d75e8
A link that is a second too old
link --now=1700000901 email=a%2Bb@example.com&timestamp=1700000000&hash=a28c27c2b14aa0d24698af1a453501c92d0d75e8"#;

fn samples() -> Result<(), Box<dyn Error>> {
    let mut lines = SAMPLES.lines();
    while let (Some(title), Some(arguments)) = (lines.next(), lines.next()) {
        let arguments = arguments.split(' ').collect::<Vec<_>>();
        println!("{title}:\nverdict '{}'", arguments.join("' '"));
        run(arguments)?;
        println!();
    }
    Ok(())
}
