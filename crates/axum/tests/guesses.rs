//! A limit of failures holds for guesses that come at once, and costs right callers nothing.

mod support;

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard};

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use axum::routing::any;
use support::{ACCESS_KEY, FORM, PAIR, STRANGER, access, auth, form, from, post, router, send};
use tokio::sync::Notify;
use tokio::task::{JoinSet, yield_now};
use whmcs_auth::{AutoAuthKey, FixedClock};
use whmcs_auth_axum::{Cause, LinkVerifier, LoginLink, Permit, Turn, Turns};

const AT_ONCE: usize = 500;
const MOST: usize = 20;
const LINK: &str =
    "email=demo@whmcs.com&timestamp=1290100706&hash=6624fa4b6fb3c5fcd24e587154a949911046d92b";

/// Refuses everybody after a number of failures. A guess waits while others may still succeed.
#[derive(Clone, Default)]
struct Limit(Arc<Shared>);

#[derive(Default)]
struct Shared {
    /// Failures, and guesses whose outcome is not known.
    counts: Mutex<(usize, usize)>,
    is_less: Notify,
}

impl Shared {
    fn counts(&self) -> MutexGuard<'_, (usize, usize)> {
        self.counts.lock().unwrap()
    }
}

struct Guess(Arc<Shared>);

impl Drop for Guess {
    fn drop(&mut self) {
        self.0.counts().1 -= 1;
        self.0.is_less.notify_waiters();
    }
}

impl Turns for Limit {
    fn guess(&self, _: IpAddr) -> Turn<'_, Result<Permit, Cause>> {
        Box::pin(async {
            loop {
                let is_less = self.0.is_less.notified();
                match &mut *self.0.counts() {
                    (failures, _) if *failures >= MOST => {
                        return Err(Cause::new("throttled", "too many failures", 429, ""));
                    }
                    (failures, guesses) if *failures + *guesses < MOST => {
                        *guesses += 1;
                        return Ok(Box::new(Guess(Arc::clone(&self.0))) as Permit);
                    }
                    _ => {}
                }
                is_less.await;
            }
        })
    }

    fn turn<'a>(&'a self, _: IpAddr, _: &'a str) -> Turn<'a, Result<Permit, Cause>> {
        Box::pin(async { Ok(Box::new(()) as Permit) })
    }

    /// Takes a while, as a store of failures does.
    fn ended(&self, _: IpAddr, outcome: Result<(), &'static str>) -> Turn<'_, ()> {
        Box::pin(async move {
            for _ in 0..10 {
                yield_now().await;
            }
            if outcome.is_err() {
                self.0.counts().0 += 1;
            }
        })
    }
}

fn calls() -> Router {
    router(auth().with_turns(Limit::default()))
}

fn links() -> Router {
    async fn dologin(_: LoginLink) {}
    let access = access().with_keys(AutoAuthKey::new("abcXYZ123").unwrap());
    let links = LinkVerifier::new(access).with_clock(FixedClock::from_unix(1_290_100_706));
    let links = links.with_turns(Limit::default());
    Router::new().route("/dologin.php", any(dologin)).with_state(links)
}

/// How often each code came, of requests at once. The code of an accepted request is empty.
async fn at_once(router: Router, request: impl Fn() -> Request<Body>) -> BTreeMap<String, usize> {
    let mut answers = JoinSet::new();
    for _ in 0..AT_ONCE {
        let answer = send(router.clone(), request());
        answers.spawn(async { answer.await.code().to_owned() });
    }
    let mut codes = BTreeMap::new();
    for code in answers.join_all().await {
        *codes.entry(code).or_default() += 1;
    }
    codes
}

fn link(query: &str) -> Request<Body> {
    support::request("GET", &format!("/dologin.php?{query}")).body(Body::empty()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn no_more_guesses_at_once_are_compared_than_may_fail() {
    let secret = || form("action=GetClients&identifier=x&secret=y");
    let in_query = || from(STRANGER, post(FORM, "accesskey=wrong", PAIR));
    let in_body = || from(STRANGER, form(format!("accesskey=wrong&{PAIR}")));
    let wrong = || link(&LINK.replace("demo", "emo"));
    for (codes, code) in [
        (at_once(calls(), secret).await, "unknown_identifier"),
        (at_once(calls(), in_query).await, "wrong_access_key"),
        (at_once(calls(), in_body).await, "wrong_access_key"),
        (at_once(links(), wrong).await, "hash_mismatch"),
    ] {
        assert_eq!(codes.get(code), Some(&MOST), "{codes:?}");
        assert_eq!(codes.get("throttled"), Some(&(AT_ONCE - MOST)), "{codes:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn right_callers_at_once_are_all_let_in() {
    let secret = || form(format!("action=GetClients&{PAIR}"));
    let key = || from(STRANGER, post(FORM, ACCESS_KEY, format!("action=GetClients&{PAIR}")));
    for codes in [
        at_once(calls(), secret).await,
        at_once(calls(), key).await,
        at_once(links(), || link(LINK)).await,
    ] {
        assert_eq!(codes.get(""), Some(&AT_ONCE), "{codes:?}");
    }
}
