//! Who may guess, and who verifies next: what a service's own `Turns` is asked, and when.

mod support;

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use axum::routing::any;
use support::{
    ACCESS_KEY, Answered, FORM, IDENTIFIER, PAIR, SECRET, SECRET_BCRYPT, SECRET_MD5, SECRET_SHA256,
    STRANGER, Store, access, access_without_key, counted, form, from, post, router, send, store_of,
    unreadable,
};
use tokio::runtime::Builder;
use tokio::sync::Semaphore;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::{JoinHandle, spawn_blocking};
use tokio::time::timeout;
use whmcs_auth::{AutoAuthKey, FixedClock, StoredSecret};
use whmcs_auth_axum::{Authenticator, Cause, LinkVerifier, LoginLink, Permit, Turn, Turns};

/// Says what it is asked, and does what the test wants.
#[derive(Clone)]
struct Recorder {
    events: UnboundedSender<String>,
    refuses: &'static str,
    no_turn_comes: bool,
    /// `ended` needs a permit of it.
    may_end: Arc<Semaphore>,
}

/// A place or a permit, which says when it is dropped.
struct Held(&'static str, UnboundedSender<String>);

impl Drop for Held {
    fn drop(&mut self) {
        let _ = self.1.send(format!("{} dropped", self.0));
    }
}

impl Recorder {
    fn new() -> (Self, Events) {
        let (events, seen) = unbounded_channel();
        let may_end = Arc::new(Semaphore::new(100));
        (Self { events, refuses: "", no_turn_comes: false, may_end }, Events(seen))
    }

    fn refusing(refuses: &'static str) -> (Self, Events) {
        let (recorder, events) = Self::new();
        (Self { refuses, ..recorder }, events)
    }

    /// Counts nothing before the semaphore gets a permit.
    fn slow() -> (Self, Events, Arc<Semaphore>) {
        let (recorder, events) = Self::new();
        let may_end = Arc::new(Semaphore::new(0));
        (Self { may_end: Arc::clone(&may_end), ..recorder }, events, may_end)
    }

    fn say(&self, event: impl Into<String>) {
        let _ = self.events.send(event.into());
    }

    fn held(&self, what: &'static str) -> Result<Permit, Cause> {
        if self.refuses == what {
            let cause = Cause::new("too_many_failures", "wait", 429, "Too Many Requests");
            return Err(cause.with_retry_after(Duration::from_millis(29_001)));
        }
        Ok(Box::new(Held(what, self.events.clone())))
    }
}

impl Turns for Recorder {
    fn begin(&self, address: IpAddr) -> Turn<'_, Result<Permit, Cause>> {
        self.say(format!("begin {address}"));
        Box::pin(async { self.held("place") })
    }

    fn guess(&self, address: IpAddr) -> Turn<'_, Result<Permit, Cause>> {
        self.say(format!("guess {address}"));
        Box::pin(async { self.held("guess") })
    }

    fn turn<'a>(&'a self, address: IpAddr, name: &'a str) -> Turn<'a, Result<Permit, Cause>> {
        self.say(format!("turn {address} {name}"));
        Box::pin(async {
            if self.no_turn_comes {
                std::future::pending::<()>().await;
            }
            self.held("permit")
        })
    }

    fn ended(&self, address: IpAddr, outcome: Result<(), &'static str>) -> Turn<'_, ()> {
        self.say(format!("ending {address} {outcome:?}"));
        Box::pin(async {
            self.may_end.acquire().await.unwrap().forget();
            self.say("ended");
        })
    }
}

struct Events(UnboundedReceiver<String>);

impl Events {
    async fn next(&mut self) -> String {
        let next = timeout(Duration::from_secs(20), self.0.recv()).await;
        next.expect("nothing happens").expect("nothing more can happen")
    }

    /// What happened since the last time.
    fn all(&mut self) -> Vec<String> {
        std::iter::from_fn(|| self.0.try_recv().ok()).collect()
    }
}

fn auth(secret: StoredSecret, turns: impl Turns + 'static) -> Authenticator<Store> {
    Authenticator::new(store_of(secret), access()).with_turns(turns)
}

fn bcrypt() -> StoredSecret {
    StoredSecret::bcrypt(SECRET_BCRYPT).unwrap()
}

/// What a call answers, and what its `Turns` was asked.
async fn ask(secret: StoredSecret, request: Request<Body>) -> (Answered, Vec<String>) {
    let (recorder, mut events) = Recorder::new();
    let answer = send(router(auth(secret, recorder)), request).await;
    (answer, events.all())
}

const BEGIN: &str = "begin 203.0.113.7";
const GUESS: &str = "guess 203.0.113.7";

fn without_turn(outcome: &str) -> [String; 6] {
    let ending = format!("ending 203.0.113.7 {outcome}");
    [BEGIN, GUESS, &ending, "ended", "place dropped", "guess dropped"].map(str::to_owned)
}

fn with_turn(name: &str, outcome: &str) -> [String; 8] {
    let turn = format!("turn 203.0.113.7 {name}");
    let ending = format!("ending 203.0.113.7 {outcome}");
    let dropped = ["place dropped", "guess dropped", "permit dropped"];
    let [place, guess, permit] = dropped;
    [BEGIN, GUESS, &turn, &ending, "ended", place, guess, permit].map(str::to_owned)
}

const UNKNOWN: &str = "identifier=x&secret=y";

fn wrong() -> String {
    format!("identifier={IDENTIFIER}&secret=wrong")
}

#[tokio::test]
async fn a_cheap_scheme_needs_no_turn() {
    for secret in [
        StoredSecret::plain(SECRET).unwrap(),
        StoredSecret::md5(SECRET_MD5).unwrap(),
        StoredSecret::sha256(SECRET_SHA256).unwrap(),
    ] {
        for (fields, code, outcome) in [
            (PAIR.to_owned(), "", "Ok(())"),
            (wrong(), "wrong_secret", r#"Err("wrong_secret")"#),
            (UNKNOWN.to_owned(), "unknown_identifier", r#"Err("unknown_identifier")"#),
            (
                "username=admin&password=x".to_owned(),
                "password_not_md5",
                r#"Err("password_not_md5")"#,
            ),
        ] {
            let request = form(format!("action=GetClients&{fields}"));
            let (answer, events) = ask(secret.clone(), request).await;
            assert_eq!(answer.code(), code);
            assert_eq!(events, without_turn(outcome));
        }
    }
}

/// Also for an unknown name: a refusal costs the same (API-8).
#[tokio::test]
async fn bcrypt_needs_one_turn() {
    for (fields, name, code, outcome) in [
        (PAIR.to_owned(), IDENTIFIER, "", "Ok(())"),
        (wrong(), IDENTIFIER, "wrong_secret", r#"Err("wrong_secret")"#),
        (UNKNOWN.to_owned(), "x", "unknown_identifier", r#"Err("unknown_identifier")"#),
        (
            "username=nobody&password=x".to_owned(),
            "nobody",
            "unknown_username",
            r#"Err("unknown_username")"#,
        ),
    ] {
        let (answer, events) = ask(bcrypt(), form(format!("action=GetClients&{fields}"))).await;
        assert_eq!(answer.code(), code);
        assert_eq!(events, with_turn(name, outcome));
    }
}

/// The secret is right, whatever the action is.
#[tokio::test]
async fn the_action_is_not_the_outcome() {
    for secret in [StoredSecret::plain(SECRET).unwrap(), bcrypt()] {
        let (answer, events) = ask(secret, form(format!("action=DeleteClient&{PAIR}"))).await;
        assert_eq!(answer.code(), "action_not_allowed");
        assert!(events.contains(&"ending 203.0.113.7 Ok(())".to_owned()), "{events:?}");
    }
}

#[tokio::test]
async fn a_request_without_one_pair_needs_no_turn() {
    for (fields, code, outcome) in [
        ("x=y", "missing_credentials", r#"Err("missing_credentials")"#),
        ("identifier=x", "missing_field", r#"Err("missing_field")"#),
        ("identifier=x&secret=y&secret=y", "repeated_field", r#"Err("repeated_field")"#),
    ] {
        let (answer, events) = ask(bcrypt(), form(fields)).await;
        assert_eq!(answer.code(), code);
        assert_eq!(events, without_turn(outcome));
    }
}

/// A guess of the access key counts as a guess.
#[tokio::test]
async fn a_refused_address_is_an_outcome() {
    let in_query = post(FORM, "accesskey=wrong", unreadable());
    let in_body = form(format!("accesskey=wrong&{PAIR}"));
    let right = format!("action=GetClients&{PAIR}&{ACCESS_KEY}");
    // Not counted while the body comes, which may take long.
    let (guess, taken_back) = ("guess 198.51.100.1", "guess dropped");
    let before_body = [guess, taken_back, guess];
    for (request, code, guesses) in [
        (in_query, "wrong_access_key", &before_body[..1]),
        (in_body, "wrong_access_key", &before_body),
        (form(format!("accesskey[]=x&{PAIR}")), "malformed_access_key", &before_body),
        (form(PAIR), "address_not_listed", &before_body),
        (form(right.clone()), "", &before_body),
        (post(FORM, ACCESS_KEY, right.replace(ACCESS_KEY, "")), "", &before_body),
    ] {
        let secret = StoredSecret::plain(SECRET).unwrap();
        let (answer, events) = ask(secret, from(STRANGER, request)).await;
        assert_eq!(answer.code(), code);
        let outcome = match code {
            "" => "Ok(())".to_owned(),
            code => format!("Err({code:?})"),
        };
        let ending = format!("ending 198.51.100.1 {outcome}");
        let end = [&*ending, "ended", "place dropped", taken_back];
        assert_eq!(events, [&["begin 198.51.100.1"], guesses, &end].concat());
    }
}

/// Nothing secret was compared.
#[tokio::test]
async fn a_request_that_ends_before_its_secret_is_compared_has_no_outcome() {
    let broken = async { Err(std::io::Error::other("reset")) };
    for (request, code) in [
        (
            support::request("GET", "/includes/api.php").body(Body::empty()).unwrap(),
            "get_not_allowed",
        ),
        (form("x".repeat(3 * 1024 * 1024)), "body_too_large"),
        (form(support::ending(PAIR, broken)), "body_broken"),
    ] {
        let (answer, events) = ask(bcrypt(), request).await;
        assert_eq!(answer.code(), code);
        assert_eq!(events, [BEGIN, "place dropped"]);
    }
}

/// Without an address nobody is asked.
#[tokio::test]
async fn a_hidden_caller_is_refused_before_anybody_is_asked() {
    let mut request = form(PAIR);
    request.extensions_mut().clear();
    let (answer, events) = ask(bcrypt(), request).await;
    assert_eq!(answer.code(), "no_connect_info");
    assert!(events.is_empty(), "{events:?}");
}

#[tokio::test]
async fn who_may_not_begin_is_refused_before_the_body_is_read() {
    for peer in [support::CALLER, STRANGER] {
        let (recorder, mut events) = Recorder::refusing("place");
        let auth = auth(bcrypt(), recorder);
        let request = from(peer, post(FORM, "accesskey=wrong&responsetype=json", unreadable()));
        let answer = send(router(auth), request).await;
        assert_eq!(answer.verdict(), (429, "too_many_failures"));
        assert_eq!(answer.header("retry-after"), "30");
        assert_eq!(answer.body, r#"{"result":"error","message":"Too Many Requests"}"#);
        let address = answer.report.unwrap().address().unwrap();
        assert_eq!(events.all(), [format!("begin {address}")]);
    }
}

/// Nothing is compared: neither a secret, nor an access key, nor the hash of a link.
#[tokio::test]
async fn who_may_not_guess_is_refused_before_anything_is_compared() {
    let plain = || StoredSecret::plain(SECRET).unwrap();
    for (request, expected) in [
        (form(format!("action=GetClients&{PAIR}")), [BEGIN, GUESS]),
        (
            from(STRANGER, post(FORM, ACCESS_KEY, unreadable())),
            ["begin 198.51.100.1", "guess 198.51.100.1"],
        ),
    ] {
        let (recorder, mut events) = Recorder::refusing("guess");
        let answer = send(router(auth(plain(), recorder)), request).await;
        assert_eq!(answer.verdict(), (429, "too_many_failures"));
        assert_eq!(events.all(), [&expected[..], &["place dropped"]].concat());
    }
    let (recorder, mut events) = Recorder::refusing("guess");
    let answer = open(Some(recorder), link("GET", LINK)).await;
    assert_eq!(answer.verdict(), (429, "too_many_failures"));
    assert_eq!(events.all(), [BEGIN, GUESS, "place dropped"]);
}

#[tokio::test]
async fn a_turn_that_is_refused_is_answered() {
    let (recorder, mut events) = Recorder::refusing("permit");
    let count = Arc::default();
    let body = counted(format!("action=GetClients&responsetype=json&{PAIR}"), &count);
    let answer = send(router(auth(bcrypt(), recorder)), form(body)).await;
    assert_eq!(AtomicUsize::load(&count, Ordering::SeqCst), 1);
    assert_eq!(answer.verdict(), (429, "too_many_failures"));
    assert_eq!(answer.header("retry-after"), "30");
    assert_eq!(answer.body, r#"{"result":"error","message":"Too Many Requests"}"#);
    let turn = format!("turn 203.0.113.7 {IDENTIFIER}");
    let ending = r#"ending 203.0.113.7 Err("given_up")"#;
    let end = [&*turn, ending, "ended", "place dropped", "guess dropped"];
    assert_eq!(events.all(), [&[BEGIN, GUESS], &end[..]].concat());
}

/// A right secret that is cached is accepted at once. So a guess that waits is known to be wrong, and counts.
#[tokio::test]
async fn a_caller_who_hangs_up_before_the_turn_has_guessed() {
    let (mut recorder, mut events) = Recorder::new();
    recorder.no_turn_comes = true;
    let request = form(format!("action=GetClients&{}", wrong()));
    let call = tokio::spawn(send(router(auth(bcrypt(), recorder)), request));
    assert_eq!([events.next().await, events.next().await], [BEGIN, GUESS]);
    assert!(events.next().await.starts_with("turn 203.0.113.7 "));
    hang_up(call).await;
    assert_eq!(events.next().await, r#"ending 203.0.113.7 Err("given_up")"#);
    assert_eq!(events.next().await, "ended");
    assert_eq!([events.next().await, events.next().await], ["place dropped", "guess dropped"]);
}

/// A failure counts, however slowly it is counted: of a secret, an access key and a link.
#[tokio::test]
async fn a_caller_who_hangs_up_while_a_failure_is_counted_prevents_nothing() {
    async fn check(
        answer: impl Future<Output = Answered> + Send + 'static,
        mut events: Events,
        may_end: Arc<Semaphore>,
    ) {
        let call = tokio::spawn(answer);
        while !events.next().await.starts_with("ending") {}
        hang_up(call).await;
        assert!(events.all().is_empty());
        may_end.add_permits(1);
        assert_eq!(events.next().await, "ended");
        assert_eq!([events.next().await, events.next().await], ["place dropped", "guess dropped"]);
    }
    let plain = || StoredSecret::plain(SECRET).unwrap();
    for request in [
        form(format!("action=GetClients&{}", wrong())),
        from(STRANGER, form(format!("accesskey=wrong&{PAIR}"))),
        from(STRANGER, post(FORM, "accesskey=wrong", unreadable())),
    ] {
        let (recorder, events, may_end) = Recorder::slow();
        check(send(router(auth(plain(), recorder)), request), events, may_end).await;
    }
    let (recorder, events, may_end) = Recorder::slow();
    let wrong_link = link("GET", &LINK.replace("demo", "emo"));
    check(open(Some(recorder), wrong_link), events, may_end).await;
}

/// An `Arc`, which a service keeps for its metrics, is asked the same.
#[tokio::test]
async fn an_arc_of_turns_is_asked_the_same() {
    let (recorder, mut events) = Recorder::new();
    let shared: Arc<dyn Turns> = Arc::new(recorder);
    let request = form(format!("action=GetClients&{PAIR}"));
    assert_eq!(send(router(auth(bcrypt(), shared)), request).await.status, 200);
    assert_eq!(events.all(), with_turn(IDENTIFIER, "Ok(())"));
}

/// Only `turn` has to be written.
#[tokio::test]
async fn everybody_may_begin_by_default() {
    struct OnlyTurn;
    impl Turns for OnlyTurn {
        fn turn<'a>(&'a self, _: IpAddr, _: &'a str) -> Turn<'a, Result<Permit, Cause>> {
            Box::pin(async { Ok(Box::new(()) as Permit) })
        }
    }
    let request = form(format!("action=GetClients&{PAIR}"));
    assert_eq!(send(router(auth(bcrypt(), OnlyTurn)), request).await.status, 200);
}

/// A call whose decision has its turn, but no thread yet: a runtime with one thread for blocking work, which the test
/// holds.
struct Waiting {
    call: JoinHandle<Answered>,
    events: Events,
    may_end: Arc<Semaphore>,
    release: mpsc::Sender<()>,
}

async fn waiting(fields: &str) -> Waiting {
    let (release, released) = mpsc::channel();
    spawn_blocking(move || released.recv());
    let (recorder, mut events, may_end) = Recorder::slow();
    let request = form(format!("action=GetClients&{fields}"));
    let call = tokio::spawn(send(router(auth(bcrypt(), recorder)), request));
    assert_eq!([events.next().await, events.next().await], [BEGIN, GUESS]);
    assert!(events.next().await.starts_with("turn 203.0.113.7 "));
    Waiting { call, events, may_end, release }
}

fn with_one_blocking_thread(test: impl Future<Output = ()>) {
    let runtime = Builder::new_current_thread().enable_all().max_blocking_threads(1).build();
    let in_time = async { timeout(Duration::from_secs(60), test).await };
    runtime.unwrap().block_on(in_time).expect("the call never ends");
}

async fn hang_up(call: JoinHandle<Answered>) {
    call.abort();
    assert!(call.await.unwrap_err().is_cancelled());
}

/// Otherwise a caller could guess, and hang up before the failure counts.
#[test]
fn a_caller_who_hangs_up_while_bcrypt_runs_prevents_nothing() {
    for (fields, ending) in [
        (PAIR.to_owned(), "ending 203.0.113.7 Ok(())"),
        (wrong(), r#"ending 203.0.113.7 Err("wrong_secret")"#),
        (UNKNOWN.to_owned(), r#"ending 203.0.113.7 Err("unknown_identifier")"#),
    ] {
        with_one_blocking_thread(async {
            let Waiting { call, mut events, may_end, release } = waiting(&fields).await;
            hang_up(call).await;
            assert!(events.all().is_empty(), "permit and place are held while bcrypt runs");
            release.send(()).unwrap();
            assert_eq!(events.next().await, ending);
            assert!(events.all().is_empty(), "permit and place are held until it has ended");
            may_end.add_permits(1);
            assert_eq!(events.next().await, "ended");
            assert_eq!(events.next().await, "place dropped");
            assert_eq!(events.next().await, "guess dropped");
            assert_eq!(events.next().await, "permit dropped");
            assert!(events.all().is_empty());
        });
    }
}

/// Nor does a caller who hangs up after it.
#[test]
fn a_caller_who_hangs_up_while_the_outcome_is_counted_prevents_nothing() {
    with_one_blocking_thread(async {
        let Waiting { call, mut events, may_end, release } = waiting(&wrong()).await;
        release.send(()).unwrap();
        assert_eq!(events.next().await, r#"ending 203.0.113.7 Err("wrong_secret")"#);
        hang_up(call).await;
        assert!(events.all().is_empty());
        may_end.add_permits(1);
        assert_eq!(events.next().await, "ended");
        assert_eq!(events.next().await, "place dropped");
        assert_eq!(events.next().await, "guess dropped");
        assert_eq!(events.next().await, "permit dropped");
    });
}

/// The failure counts before the caller learns of it, and the next guess begins.
#[test]
fn nobody_is_answered_before_the_outcome_is_counted() {
    with_one_blocking_thread(async {
        let Waiting { call, mut events, may_end, release } = waiting(&wrong()).await;
        release.send(()).unwrap();
        assert_eq!(events.next().await, r#"ending 203.0.113.7 Err("wrong_secret")"#);
        assert!(!call.is_finished());
        may_end.add_permits(1);
        assert_eq!(call.await.unwrap().code(), "wrong_secret");
        assert_eq!(events.all(), ["ended", "place dropped", "guess dropped", "permit dropped"]);
    });
}

const LINK: &str =
    "email=demo@whmcs.com&timestamp=1290100706&hash=6624fa4b6fb3c5fcd24e587154a949911046d92b";

async fn open(recorder: Option<Recorder>, request: Request<Body>) -> Answered {
    let access = access_without_key().with_keys(AutoAuthKey::new("abcXYZ123").unwrap());
    let links = LinkVerifier::new(access).with_clock(FixedClock::from_unix(1_290_100_706));
    let links = match recorder {
        Some(recorder) => links.with_turns(recorder),
        None => links,
    };
    async fn dologin(_: LoginLink) -> &'static str {
        "logged in"
    }
    send(Router::new().route("/dologin.php", any(dologin)).with_state(links), request).await
}

fn link(method: &str, query: &str) -> Request<Body> {
    support::request(method, &format!("/dologin.php?{query}")).body(Body::empty()).unwrap()
}

/// From any address: the list is for the API.
#[tokio::test]
async fn a_link_begins_and_ends_without_a_turn() {
    for (query, code, outcome) in [
        (LINK.to_owned(), "", "Ok(())"),
        (LINK.replace("demo", "emo"), "hash_mismatch", r#"Err("hash_mismatch")"#),
        (String::new(), "missing_field", r#"Err("missing_field")"#),
    ] {
        let (recorder, mut events) = Recorder::new();
        let answer = open(Some(recorder), from(STRANGER, link("GET", &query))).await;
        assert_eq!(answer.code(), code);
        let ending = format!("ending 198.51.100.1 {outcome}");
        let end = [&*ending, "ended", "place dropped", "guess dropped"];
        assert_eq!(
            events.all(),
            [&["begin 198.51.100.1", "guess 198.51.100.1"], &end[..]].concat()
        );
    }
}

#[tokio::test]
async fn a_request_that_opens_no_link_is_not_a_guess() {
    let mut ahead = link("GET", LINK);
    ahead.headers_mut().insert("sec-purpose", "prefetch".parse().unwrap());
    for (request, code) in [(link("HEAD", LINK), "method_not_allowed"), (ahead, "prefetch")] {
        let (recorder, mut events) = Recorder::new();
        assert_eq!(open(Some(recorder), request).await.code(), code);
        assert!(events.all().is_empty());
    }
}

#[tokio::test]
async fn a_visitor_who_may_not_begin_is_refused() {
    let (recorder, mut events) = Recorder::refusing("place");
    let answer = open(Some(recorder), link("GET", LINK)).await;
    assert_eq!(answer.verdict(), (429, "too_many_failures"));
    assert_eq!((answer.header("retry-after"), &*answer.body), ("30", "Too Many Requests"));
    assert_eq!(events.all(), [BEGIN]);
}

/// With turns the address counts, and without them a link needs none.
#[tokio::test]
async fn a_hidden_visitor_is_refused_only_if_turns_are_set() {
    let hidden = || {
        let mut request = from("127.0.0.1:1", link("GET", LINK));
        request.headers_mut().insert("x-forwarded-for", "203.0.113.7".parse().unwrap());
        request
    };
    let (recorder, mut events) = Recorder::new();
    let answer = open(Some(recorder), hidden()).await;
    assert_eq!((answer.verdict(), &*answer.body), ((403, "untrusted_proxy"), "Invalid IP"));
    assert!(events.all().is_empty());
    assert_eq!(open(None, hidden()).await.body, "logged in");
    let mut unknown = link("GET", LINK);
    unknown.extensions_mut().clear();
    assert_eq!(open(None, unknown).await.body, "logged in");
}
