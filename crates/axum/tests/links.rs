//! Login links.

mod support;

use std::sync::Arc;

use axum::body::Body;
use axum::extract::FromRef;
use axum::http::Request;
use axum::response::Response;
use axum::routing::{any, get};
use axum::{Extension, Router};
use support::{Answered, Store, api, auth, request, send};
use whmcs_auth::replay::ReplayGuard;
use whmcs_auth::{AutoAuthKey, AutoAuthPolicy, FixedClock};
use whmcs_auth_axum::{Access, Authenticator, Cause, LinkVerifier, LoginLink, Rejection};

const LINK: &str =
    "email=demo@whmcs.com&timestamp=1290100706&hash=6624fa4b6fb3c5fcd24e587154a949911046d92b";
const SIGNED: i64 = 1_290_100_706;

/// The account is what the header `x-account` holds, or there is no database.
async fn dologin(
    LoginLink { login, now, address, .. }: LoginLink,
    Extension(guard): Extension<Arc<ReplayGuard>>,
    request: Request<Body>,
) -> Result<Response, Rejection> {
    assert!((now.unix_timestamp() - SIGNED).abs() <= 900);
    assert_eq!(address, Some("203.0.113.7".parse().unwrap()));
    let found = request.headers().get("x-account").ok_or("the pool is empty");
    let found = found.map_err(Cause::store_failure)?.to_str().unwrap().split_whitespace();
    let login = login.check_account(found, |email| email, |_| true)?.use_once(&guard, now)?;
    Ok(login.redirect("clientarea.php"))
}

fn verifier(seconds: i64) -> LinkVerifier {
    let access = Access::new().with_keys(AutoAuthKey::new("abcXYZ123").unwrap());
    LinkVerifier::new(access).with_clock(FixedClock::from_unix(SIGNED + seconds))
}

fn router(verifier: LinkVerifier) -> Router {
    Router::new()
        .route("/dologin.php", any(dologin))
        .layer(Extension(Arc::new(ReplayGuard::new(10))))
        .with_state(verifier)
}

fn open(method: &str, query: &str) -> Request<Body> {
    let request = request(method, &format!("/dologin.php?{query}"));
    request.header("x-account", "demo@whmcs.com").body(Body::empty()).unwrap()
}

async fn ask(verifier: LinkVerifier, request: Request<Body>) -> Answered {
    send(router(verifier), request).await
}

/// No answer to a link may be kept, nor its address be shown to another site.
fn is_refused(answer: &Answered, status: u16, code: &str, message: &str) {
    assert_eq!(answer.verdict(), (status, code));
    assert_eq!(answer.body, message);
    assert_eq!(answer.header("cache-control"), "no-store");
    assert_eq!(answer.header("referrer-policy"), "no-referrer");
    assert_eq!(answer.header("location"), "");
    let sentence = answer.sentence();
    assert!(!sentence.is_empty() && !sentence.contains("demo"), "{sentence}");
}

const NOT_VALID: &str = "This login link is not valid.";
const EXPIRED: &str = "This login link has expired.";
const UNAVAILABLE: &str = "Service Unavailable";

#[tokio::test]
async fn a_genuine_link_is_redirected() {
    for (goto, location, code) in [
        ("", "clientarea.php", ""),
        ("&goto=", "clientarea.php", ""),
        ("&goto=viewinvoice.php%3Fid%3D12", "viewinvoice.php?id=12", ""),
        // Nobody signed it.
        ("&goto=//evil.example", "clientarea.php", "goto_refused"),
        ("&goto=a.php&goto=b.php", "clientarea.php", "goto_refused"),
        ("&goto=%FF", "clientarea.php", "goto_refused"),
        // It would act on the visitor's behalf.
        ("&goto=logout.php", "clientarea.php", "goto_acts"),
    ] {
        let answer = ask(verifier(900), open("GET", &format!("{LINK}{goto}"))).await;
        assert_eq!(answer.verdict(), (302, code), "{goto}");
        let location = format!("location: {location}");
        let headers = [
            "cache-control: no-store",
            "content-length: 0",
            &location,
            "referrer-policy: no-referrer",
        ];
        assert_eq!(answer.all_headers(), headers, "{goto}");
        assert_eq!(answer.body, "");
    }
}

#[tokio::test]
async fn other_links_are_refused() {
    let answer = ask(verifier(901), open("GET", LINK)).await;
    is_refused(&answer, 403, "expired", EXPIRED);
    let answer = ask(verifier(-901), open("GET", LINK)).await;
    is_refused(&answer, 403, "from_future", EXPIRED);
    let answer = ask(verifier(0), open("GET", &LINK.replace("demo", "emo"))).await;
    is_refused(&answer, 403, "hash_mismatch", NOT_VALID);
    let answer = ask(verifier(0), open("GET", "")).await;
    is_refused(&answer, 403, "missing_field", NOT_VALID);
    let answer = ask(verifier(0), open("GET", &format!("{LINK}&email=demo@whmcs.com"))).await;
    is_refused(&answer, 403, "repeated_field", NOT_VALID);
    let disabled = LinkVerifier::new(Access::new());
    let answer = ask(disabled, open("GET", LINK)).await;
    is_refused(&answer, 403, "autoauth_disabled", NOT_VALID);
}

#[tokio::test]
async fn the_policy_counts() {
    let policy = AutoAuthPolicy::new().with_past_limit(std::time::Duration::from_secs(60));
    let verifier = |seconds| verifier(seconds).with_policy(policy);
    assert_eq!(ask(verifier(60), open("GET", LINK)).await.status, 302);
    is_refused(&ask(verifier(61), open("GET", LINK)).await, 403, "expired", EXPIRED);
}

/// The router, and what its links are remembered in.
fn remembering() -> (Router, Arc<ReplayGuard>) {
    let guard = Arc::new(ReplayGuard::new(10));
    let router = Router::new().route("/dologin.php", get(dologin));
    (router.layer(Extension(Arc::clone(&guard))).with_state(verifier(0)), guard)
}

/// axum passes a HEAD to the handler of GET.
#[tokio::test]
async fn a_head_is_refused_and_uses_nothing_up() {
    let (router, guard) = remembering();
    let answer = send(router.clone(), open("HEAD", LINK)).await;
    is_refused(&answer, 405, "method_not_allowed", "");
    assert_eq!(answer.header("allow"), "GET");
    assert_eq!(guard.remembered(), 0);
    assert_eq!(send(router, open("GET", LINK)).await.status, 302);
}

/// Several lines of a header are read together.
#[tokio::test]
async fn a_browser_that_fetches_ahead_is_refused_and_uses_nothing_up() {
    let (router, guard) = remembering();
    let mut request = open("GET", LINK);
    for value in ["x", "prefetch;anonymous-client-ip"] {
        request.headers_mut().append("sec-purpose", value.parse().unwrap());
    }
    is_refused(&send(router.clone(), request).await, 503, "prefetch", UNAVAILABLE);
    assert_eq!(guard.remembered(), 0);
    let mut request = open("GET", LINK);
    request.headers_mut().insert("sec-purpose", "navigate".parse().unwrap());
    assert_eq!(send(router.clone(), request).await.status, 302);
    let answer = send(router, open("GET", LINK)).await;
    is_refused(&answer, 403, "link_used", EXPIRED);
}

#[tokio::test]
async fn later_refusals_and_failures_convert_into_a_rejection() {
    let with_account = |account: &'static str| {
        let mut request = open("GET", LINK);
        request.headers_mut().insert("x-account", account.parse().unwrap());
        request
    };
    let answer = ask(verifier(0), with_account("")).await;
    is_refused(&answer, 403, "unknown_email", NOT_VALID);
    let answer = ask(verifier(0), with_account("other@whmcs.com")).await;
    is_refused(&answer, 403, "account_email_mismatch", NOT_VALID);
    let answer = ask(verifier(0), with_account("demo@whmcs.com demo@whmcs.com")).await;
    is_refused(&answer, 403, "ambiguous_account", NOT_VALID);

    let router = router(verifier(0));
    assert_eq!(send(router.clone(), open("GET", LINK)).await.status, 302);
    is_refused(&send(router, open("GET", LINK)).await, 403, "link_used", EXPIRED);

    let mut request = open("GET", LINK);
    request.headers_mut().clear();
    let answer = ask(verifier(0), request).await;
    is_refused(&answer, 503, "store_failure", UNAVAILABLE);
    assert_eq!(answer.sentence(), "the store failed: the pool is empty");
}

/// One state for the API and for links.
#[tokio::test]
async fn the_states_may_be_parts_of_another() {
    #[derive(Clone)]
    struct App {
        auth: Authenticator<Store>,
        links: LinkVerifier,
    }
    impl FromRef<App> for Authenticator<Store> {
        fn from_ref(app: &App) -> Self {
            app.auth.clone()
        }
    }
    impl FromRef<App> for LinkVerifier {
        fn from_ref(app: &App) -> Self {
            app.links.clone()
        }
    }
    let router = Router::new()
        .route("/includes/api.php", any(api))
        .route("/dologin.php", get(dologin))
        .layer(Extension(Arc::new(ReplayGuard::new(10))))
        .with_state(App { auth: auth(), links: verifier(0) });
    assert_eq!(send(router.clone(), open("GET", LINK)).await.status, 302);
    let request = support::form(format!("action=GetClients&{}", support::PAIR));
    assert_eq!(send(router, request).await.status, 200);
}

#[test]
fn debug_shows_no_key() {
    let shown = format!("{:?}", verifier(0));
    assert!(shown.starts_with("LinkVerifier") && !shown.contains("abcXYZ123"), "{shown}");
}
