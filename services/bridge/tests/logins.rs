//! Links that become logins, and links that do not.

mod support;

use std::sync::Mutex;

use reqwest::Method;
use support::*;
use whmcs_auth_axum::Access;

const NOT_VALID: &str = "This login link is not valid.";
const FIND: &str = "GetClientsDetails";
const SEARCH: &str = "GetClients";
const CREATE: &str = "CreateSsoToken";
const EXPIRED: &str = "This login link has expired.";

fn redirect() -> String {
    format!("{PUBLIC}oauth/singlesignon.php?access_token={TOKEN}")
}

async fn is_refused(setup: &Setup, link: &str, status: u16, code: &str, message: &str) {
    let answer = setup.get(link).await;
    assert_eq!((answer.status, answer.location), (status, String::new()), "{code}");
    assert_eq!(answer.page, page(status, message).await, "{code}");
    assert_eq!(setup.count(code).await, 1, "{code}");
}

#[tokio::test]
async fn a_genuine_link_becomes_a_login() {
    let setup = Setup::start(works(PUBLIC)).await;
    let answer = setup.get(&link(Some("viewinvoice.php?id=12"))).await;
    assert_eq!((answer.status, answer.location, answer.page.as_str()), (302, redirect(), ""));
    let common = [("identifier", IDENTIFIER), ("secret", SECRET), ("responsetype", "json")];
    let call = |action, fields: &[(&str, &str)]| Call {
        path: "/whmcs/includes/api.php".to_owned(),
        fields: [&common[..], &[("action", action)], fields]
            .concat()
            .iter()
            .map(|(n, v)| ((*n).into(), (*v).into()))
            .collect(),
    };
    let expected = [
        call("GetClientsDetails", &[("email", "demo@whmcs.com"), ("stats", "false")]),
        call("GetClients", &[("search", "demo@whmcs.com"), ("limitnum", "100")]),
        call(
            "CreateSsoToken",
            &[
                ("client_id", "7"),
                ("destination", "sso:custom_redirect"),
                ("sso_redirect_path", "viewinvoice.php?id=12"),
            ],
        ),
    ];
    assert_eq!(*setup.whmcs.calls.lock().unwrap(), expected);
    assert_eq!(setup.count("accepted").await, 1);
}

#[tokio::test]
async fn a_link_without_a_target_leads_to_the_home_page() {
    for goto in [
        None,
        Some("https://evil.example"),
        Some("/elsewhere.php"),
        Some("//evil.example"),
        Some("logout.php"),
    ] {
        let setup = Setup::start(works(PUBLIC)).await;
        // The signer refuses such targets, but whoever holds a link can add one.
        let link = match goto {
            Some(goto) => format!("{}&goto={goto}", link(None)),
            None => link(None),
        };
        let answer = setup.get(&link).await;
        assert_eq!((answer.status, answer.location), (302, redirect()), "{goto:?}");
        let call = setup.whmcs.calls.lock().unwrap()[2].clone();
        assert_eq!(call.fields.len(), 5, "{call:?}");
        assert_eq!(call.field("client_id"), "7");
    }
}

#[tokio::test]
async fn a_target_that_whmcs_refuses_is_left_out() {
    let whmcs = works(PUBLIC);
    let setup = Setup::start(move |call| match call.field("sso_redirect_path") {
        "" => whmcs(call),
        _ => error("Invalid destination"),
    })
    .await;
    let answer = setup.get(&link(Some("viewinvoice.php?id=12"))).await;
    assert_eq!((answer.status, answer.location), (302, redirect()));
    let expected = [FIND, SEARCH, CREATE, CREATE];
    assert_eq!(setup.whmcs.actions(), expected);
}

#[tokio::test]
async fn answers_of_several_versions_are_read() {
    for client in [
        r#""client":{"id":"7","email":"Demo@whmcs.com","status":"Inactive"}"#,
        r#""userid":7,"id":7,"email":"demo@whmcs.com","status":"Active""#,
        r#""client":{"userid":7,"email":"demo@whmcs.com","status":"Active","more":[1,null]}"#,
        r#""client":{"id":7,"email":"demo@whmcs.com","status":"Active","allowSingleSignOn":1}"#,
        r#""client":{"id":7,"email":"demo@whmcs.com","status":"Active","allowSingleSignOn":true}"#,
    ] {
        let (whmcs, client) = (works(PUBLIC), client.to_owned());
        let setup = Setup::start(move |call| match call.field("action") {
            "GetClientsDetails" => json(&format!(r#"{{"result":"success",{client}}}"#)),
            _ => whmcs(call),
        })
        .await;
        assert_eq!(setup.get(&link(None)).await.status, 302);
        assert_eq!(setup.whmcs.calls.lock().unwrap()[2].field("client_id"), "7");
    }
}

/// WHMCS escapes for HTML.
#[tokio::test]
async fn an_escaped_email_is_the_signed_one() {
    const CLIENT: &str = r#"{"id":7,"email":"o&#039;brien&amp;co@whmcs.com","status":"Active"}"#;
    let second = CLIENT.replace('7', "8");
    let link = link_made_in(0, "o'brien&co@whmcs.com", None);
    for (others, status) in [(CLIENT.to_owned(), 302), (format!("{CLIENT},{second}"), 403)] {
        let whmcs = works(PUBLIC);
        let setup = Setup::start(move |call| match call.field("action") {
            FIND => json(&format!(r#"{{"result":"success","client":{CLIENT}}}"#)),
            SEARCH => found(&others),
            _ => whmcs(call),
        })
        .await;
        assert_eq!(setup.get(&link).await.status, status);
        assert_eq!(setup.count("ambiguous_account").await, u64::from(status == 403));
    }
}

#[tokio::test]
async fn other_links_are_refused_without_a_call() {
    let setup = Setup::start(works(PUBLIC)).await;
    let genuine = link(None);
    is_refused(&setup, &genuine.replace("demo", "emo"), 403, "hash_mismatch", NOT_VALID).await;
    is_refused(&setup, "/dologin.php?hash=x", 403, "missing_field", NOT_VALID).await;
    let repeated = format!("{genuine}&email=demo@whmcs.com");
    is_refused(&setup, &repeated, 403, "repeated_field", NOT_VALID).await;
    let old = link_made_in(-901, "demo@whmcs.com", None);
    is_refused(&setup, &old, 403, "expired", EXPIRED).await;
    let early = link_made_in(903, "demo@whmcs.com", None);
    is_refused(&setup, &early, 403, "from_future", EXPIRED).await;
    assert_eq!(setup.get("/").await.status, 404);
    assert_eq!(setup.whmcs.actions(), [""; 0]);

    let setup = Setup::with(works(PUBLIC), None, |settings| {
        settings.access = Access::new().into();
    })
    .await;
    is_refused(&setup, &genuine, 403, "autoauth_disabled", NOT_VALID).await;
}

#[tokio::test]
async fn an_account_must_have_the_signed_email_and_be_open() {
    for (client, code) in [
        (r#"{"id":7,"email":"dem\u00f3@whmcs.com","status":"Active"}"#, "account_email_mismatch"),
        (r#"{"id":7,"email":"other@whmcs.com","status":"Closed"}"#, "account_email_mismatch"),
        (r#"{"id":7,"email":"Demo@whmcs.com","status":"Closed"}"#, "account_closed"),
        (r#"{"id":7,"email":"demo@whmcs.com","status":"Closed "}"#, "account_closed"),
        (r#"{"id":7,"email":"demo@whmcs.com","status":"Cancelled"}"#, "account_closed"),
        (r#"{"id":7,"email":"demo@whmcs.com","status":"Fraud"}"#, "account_closed"),
        (r#"{"id":7,"email":"demo@whmcs.com","status":"active"}"#, "account_closed"),
        (r#"{"id":7,"email":"demo@whmcs.com","status":""}"#, "account_closed"),
        (
            r#"{"id":7,"email":"demo@whmcs.com","status":"Active","allowSingleSignOn":0}"#,
            "sso_not_allowed",
        ),
        (
            r#"{"id":7,"email":"demo@whmcs.com","status":"Active","allowSingleSignOn":"0"}"#,
            "sso_not_allowed",
        ),
        (
            r#"{"id":7,"email":"demo@whmcs.com","status":"Active","allowSingleSignOn":""}"#,
            "sso_not_allowed",
        ),
        (
            r#"{"id":7,"email":"demo@whmcs.com","status":"Active","allowSingleSignOn":false}"#,
            "sso_not_allowed",
        ),
    ] {
        let (whmcs, answer) = (works(PUBLIC), Mutex::new(Some(client)));
        let answers = move |call: &Call| match answer.lock().unwrap().take() {
            Some(client) => json(&format!(r#"{{"result":"success","client":{client}}}"#)),
            None => whmcs(call),
        };
        let setup = Setup::with(answers, Some(memory()), |_| {}).await;
        let link = link(None);
        is_refused(&setup, &link, 403, code, NOT_VALID).await;
        assert_eq!(setup.whmcs.actions(), [FIND, SEARCH], "no token is asked for");
        assert_eq!(setup.get(&link).await.status, 302, "the link is not used up");
    }
    for message in ["Client Not Found", "Client ID Not Found"] {
        let setup = Setup::start(move |_| error(message)).await;
        is_refused(&setup, &link(None), 403, "unknown_email", NOT_VALID).await;
        assert_eq!(setup.whmcs.actions(), [FIND]);
    }
}

/// `GetClientsDetails` answers the first client with an e-mail. Others may have it, too.
#[tokio::test]
async fn several_clients_with_one_email() {
    const OPEN: &str = r#"{"id":7,"email":"demo@whmcs.com","status":"Active"}"#;
    let other = |fields: &str| format!(r#"{{"id":8,{fields}}}"#);
    let closed = OPEN.replace("Active", "Closed");
    for (first, others, expected) in [
        // They are equally good, whatever the case of the letters.
        (OPEN, other(r#""email":"demo@whmcs.com","status":"Active""#), Err("ambiguous_account")),
        (OPEN, other(r#""email":"demo@whmcs.com","status":"Inactive""#), Err("ambiguous_account")),
        // The exact e-mail is better than one in other case.
        (OPEN, other(r#""email":"DEMO@whmcs.com","status":"Active""#), Ok("7")),
        (
            &OPEN.replace("demo", "Demo"),
            other(r#""email":"demo@whmcs.com","status":"Active""#),
            Ok("8"),
        ),
        // An open client is better than a closed one, which may be the first.
        (OPEN, other(r#""email":"demo@whmcs.com","status":"Closed""#), Ok("7")),
        (&closed, other(r#""email":"demo@whmcs.com","status":"Active""#), Ok("8")),
        (&closed, other(r#""email":"demo@whmcs.com","status":"Closed""#), Err("account_closed")),
        // The switch of the one that logs in counts.
        (
            &closed,
            other(r#""email":"demo@whmcs.com","status":"Active","allowSingleSignOn":0"#),
            Err("sso_not_allowed"),
        ),
        // A search finds names, and e-mails that begin with the text.
        (OPEN, other(r#""email":"demo@whmcs.community","status":"Active""#), Ok("7")),
        (
            OPEN,
            other(r#""email":"x@y.example","status":"Active","firstname":"demo@whmcs.com""#),
            Ok("7"),
        ),
        (OPEN, String::new(), Ok("7")),
    ] {
        let (whmcs, clients) = (works(PUBLIC), [first.to_owned(), others]);
        let answers = {
            let clients = clients.clone();
            move |call: &Call| match (call.field("action"), call.field("clientid")) {
                (FIND, id) => {
                    let client = &clients[usize::from(id == "8")];
                    json(&format!(r#"{{"result":"success","client":{client}}}"#))
                }
                (SEARCH, _) => found(clients.join(",").trim_end_matches(',')),
                _ => whmcs(call),
            }
        };
        let setup = Setup::with(answers, Some(memory()), |_| {}).await;
        match expected {
            Ok(id) => {
                assert_eq!(setup.get(&link(None)).await.status, 302, "{clients:?}");
                let calls = setup.whmcs.calls.lock().unwrap();
                assert_eq!(calls.last().unwrap().field("client_id"), id, "{clients:?}");
                // Only an open client with the same e-mail is asked for.
                let is_asked_for =
                    clients[1].to_lowercase().contains(r#""demo@whmcs.com","status":"active""#);
                assert_eq!(calls.len(), 3 + usize::from(is_asked_for), "{clients:?}");
            }
            Err(code) => {
                is_refused(&setup, &link(None), 403, code, NOT_VALID).await;
                assert!(!setup.whmcs.actions().contains(&CREATE.to_owned()), "{clients:?}");
            }
        }
    }
}

/// WHMCS has a page of the same name, to which login forms post a password.
#[tokio::test]
async fn what_is_not_an_old_link_is_passed_on() {
    let setup = Setup::with(works(PUBLIC), Some(memory()), |_| {}).await;
    let query = link(None).split_off("/dologin.php?".len());
    let without_hash = &query[..query.find("&hash").unwrap()];
    for (method, path, passed_on) in [
        (Method::POST, "/dologin.php", "?&passed_on=1"),
        (Method::POST, "/dologin.php?a=%2F&b", "?a=%2F&b&passed_on=1"),
        (Method::POST, &format!("/dologin.php?{query}"), &format!("?{query}&passed_on=1")),
        (Method::HEAD, &format!("/dologin.php?{query}"), &format!("?{query}&passed_on=1")),
        (Method::GET, "/dologin.php", "?&passed_on=1"),
        (
            Method::GET,
            &format!("/dologin.php?{without_hash}"),
            &format!("?{without_hash}&passed_on=1"),
        ),
    ] {
        let answer = setup.send(method.clone(), path, &[]).await;
        let expected = format!("{PUBLIC}dologin.php{passed_on}");
        assert_eq!((answer.status, answer.location), (307, expected), "{method} {path}");
    }
    assert_eq!(setup.count("passed_on").await, 6);
    // A link with a mistake is diagnosed here.
    for query in ["email=a%40b.example&HASH=1", "email=a&amp;timestamp=1&amp;hash=2"] {
        assert_eq!(setup.get(&format!("/dologin.php?{query}")).await.status, 403, "{query}");
    }
    // The web server sends it to the bridge once more, so it is not passed on again.
    for (method, code) in [(Method::POST, "method_not_allowed"), (Method::GET, "missing_field")] {
        let answer = setup.send(method, "/dologin.php?&passed_on=1", &[]).await;
        assert_eq!(answer.location, "");
        assert!(answer.status >= 400 && setup.count(code).await > 0, "{code}");
    }
    assert_eq!(setup.whmcs.actions(), [""; 0]);
}

#[tokio::test]
async fn a_one_time_link_is_used_once() {
    let setup = Setup::with(works(PUBLIC), Some(memory()), |_| {}).await;
    let once = link(None);
    assert_eq!(setup.get(&once).await.status, 302);
    is_refused(&setup, &once, 403, "link_used", EXPIRED).await;
    let expected = [FIND, SEARCH, CREATE, FIND, SEARCH];
    assert_eq!(setup.whmcs.actions(), expected);

    let setup = Setup::start(works(PUBLIC)).await;
    for _ in 0..2 {
        assert_eq!(setup.get(&once).await.status, 302);
    }
}

#[tokio::test]
async fn a_one_time_link_raced_by_many_gets_one_token() {
    let setup = Setup::with(works(PUBLIC), Some(memory()), |_| {}).await;
    let once = link(None);
    let setup = std::sync::Arc::new(setup);
    let mut visits = tokio::task::JoinSet::new();
    for _ in 0..20 {
        let (setup, once) = (std::sync::Arc::clone(&setup), once.clone());
        visits.spawn(async move { setup.get(&once).await.status });
    }
    let statuses = visits.join_all().await;
    assert_eq!(statuses.iter().filter(|status| **status == 302).count(), 1, "{statuses:?}");
    let tokens = setup.whmcs.actions().iter().filter(|action| *action == "CreateSsoToken").count();
    assert_eq!(tokens, 1);
}

/// No answer has a header that tells the visitor more.
#[tokio::test]
async fn answers_have_these_headers() {
    const OF_ALL: [&str; 6] = [
        "cache-control",
        "content-length",
        "content-security-policy",
        "date",
        "referrer-policy",
        "x-content-type-options",
    ];
    let whmcs = works(PUBLIC);
    let setup = Setup::start(move |call| match call.field("email") {
        "later@whmcs.com" => error("Authentication Failed"),
        _ => whmcs(call),
    })
    .await;
    let later = link_made_in(0, "later@whmcs.com", None);
    for (method, link, status, more) in [
        (Method::GET, link(None), 302, &["location"][..]),
        (Method::GET, link(None).replace("demo", "emo"), 403, &["content-type"]),
        (Method::GET, link_made_in(-901, "demo@whmcs.com", None), 403, &["content-type"]),
        (Method::GET, later, 502, &["content-type"]),
        (Method::POST, link(None), 307, &["location"]),
        (Method::POST, format!("{}&passed_on=1", link(None)), 405, &["allow", "content-type"]),
    ] {
        let answer = setup.send(method, &link, &[]).await;
        let mut expected = [&OF_ALL, more].concat();
        expected.sort_unstable();
        assert_eq!((answer.status, answer.headers), (status, to_strings(&expected)));
    }
}

fn to_strings(texts: &[&str]) -> Vec<String> {
    texts.iter().map(ToString::to_string).collect()
}

/// Programs that only look at a link do not use it up.
#[tokio::test]
async fn only_a_visit_uses_a_link_up() {
    let setup = Setup::with(works(PUBLIC), Some(memory()), |_| {}).await;
    let once = link(None);
    for method in [Method::HEAD, Method::POST, Method::PUT, Method::OPTIONS] {
        assert_eq!(setup.send(method.clone(), &once, &[]).await.status, 307, "{method}");
        let answer = setup.send(method.clone(), &format!("{once}&passed_on=1"), &[]).await;
        assert_eq!((answer.status, answer.allow.as_str()), (405, "GET"), "{method}");
    }
    assert_eq!(setup.count("method_not_allowed").await, 4);
    let answer = setup.send(Method::GET, &once, &[("sec-purpose", "prefetch")]).await;
    assert_eq!((answer.status, answer.page), (503, page(503, "Service Unavailable").await));
    assert_eq!(setup.count("prefetch").await, 1);
    for destination in ["image", "iframe", "empty"] {
        let answer = setup.send(Method::GET, &once, &[("sec-fetch-dest", destination)]).await;
        assert_ne!(answer.status, 302, "{destination}");
    }
    assert_eq!(setup.whmcs.actions(), [""; 0]);
    assert_eq!(setup.get(&once).await.status, 302);
}

#[tokio::test]
async fn the_pages_of_the_operator_are_not_for_visitors() {
    let setup = Setup::start(works(PUBLIC)).await;
    assert_eq!(setup.get("/metrics").await.status, 404);
    assert_eq!(setup.get("/readyz").await.status, 404);
    assert_eq!(setup.operator("/readyz").await, (200, r#"{"log":"ready"}"#.to_owned()));
    assert_eq!(setup.operator("/dologin.php").await.0, 404);
}
