//! What the operator learns: reports, their findings, and the pages that are made of them.

mod support;

use std::sync::{Arc, Mutex};

use axum::body::{Body, to_bytes};
use axum::extract::FromRequest;
use axum::http::{HeaderValue, Request, header};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{any, post};
use axum::{Extension, Router};
use support::{
    Answered, FORM, IDENTIFIER, MULTIPART, PAIR, SECRET, STRANGER, Store, access, auth, call, form,
    from, multipart, request, router, send, store,
};
use tower::{Layer, ServiceExt};
use whmcs_auth::gate::AddressGate;
use whmcs_auth::replay::ReplayGuard;
use whmcs_auth::{ApiPolicy, ApiRefusal, AutoAuthKey, FixedClock, sign_autoauth};
use whmcs_auth_axum::{
    Access, ApiCall, Authenticator, Cause, LinkVerifier, LoginLink, NotFollowed, Rejection, Report,
    Watch, authorize, watch,
};

const ADMIN: &str = "username=admin&password=5f4dcc3b5aa765d61d8327deb882cf99";
const LINK: &str =
    "email=demo@whmcs.com&timestamp=1290100706&hash=6624fa4b6fb3c5fcd24e587154a949911046d92b";

fn findings(report: &Report) -> Vec<&'static str> {
    report.findings().iter().map(|finding| finding.code()).collect()
}

async fn report_of(request: Request<Body>) -> Report {
    call(request).await.report.expect("nothing is reported")
}

#[tokio::test]
async fn an_ordinary_call_that_is_accepted_is_not_reported() {
    for query in ["", "responsetype=json", "responsetype=XML", "responsetype=nvp", "responsetype="]
    {
        let answer = call(support::post(FORM, query, format!("action=GetClients&{PAIR}"))).await;
        assert_eq!(answer.status, 200);
        assert!(answer.report.is_none(), "{query}: {:?}", answer.report);
    }
}

#[tokio::test]
async fn a_report_names_the_address_and_holds_the_request_as_it_was_sent() {
    let report = report_of(support::post(FORM, "responsetype=json&x=%20", "identifier=a")).await;
    assert_eq!(report.code(), "missing_field");
    assert_eq!(report.http_status(), 403);
    assert_eq!(report.cause().message(), "Authentication Failed");
    assert_eq!(report.address(), Some("203.0.113.7".parse().unwrap()));
    assert_eq!(report.caller(), None);
    assert_eq!(report.query(), "responsetype=json&x=%20");
    assert_eq!(report.content_type(), Some(FORM));
    assert_eq!(report.body(), b"identifier=a");
    assert!(report.is_call() && !report.is_accepted());

    let report = report_of(from(STRANGER, form(PAIR))).await;
    assert_eq!(report.address(), Some("198.51.100.1".parse().unwrap()));
    let mut hidden = form(PAIR);
    hidden.extensions_mut().clear();
    assert_eq!(report_of(hidden).await.address(), None);
}

#[tokio::test]
async fn two_content_types_are_none() {
    let request = request("POST", "/includes/api.php")
        .header(header::CONTENT_TYPE, FORM)
        .header(header::CONTENT_TYPE, FORM);
    let report = report_of(request.body(PAIR.into()).unwrap()).await;
    assert_eq!((report.code(), report.content_type()), ("body_not_form", None));
}

#[tokio::test]
async fn whose_call_it_was_is_known_once_the_secret_is_right() {
    let without_actions = auth().with_policy(ApiPolicy::new().with_admin_actions(false));
    let login = format!("username={IDENTIFIER}&password={SECRET}");
    for (auth, fields, code, caller) in [
        (auth(), &*format!("action=DeleteClient&{PAIR}"), "action_not_allowed", "credential 7"),
        (auth(), PAIR, "action_missing", "credential 7"),
        (auth(), ADMIN, "action_missing", "admin-login 1"),
        (auth(), &login, "action_missing", "credential-as-login 7"),
        (
            without_actions,
            &format!("action=GetClients&{ADMIN}"),
            "admin_action_not_allowed",
            "admin-login 1",
        ),
    ] {
        let report = send(router(auth), form(fields.to_owned())).await.report.unwrap();
        assert_eq!((report.code(), report.caller()), (code, Some(caller)));
        assert!(report.to_string().contains(&format!("; caller {caller}")), "{report}");
    }
    let wrong = format!("action=GetClients&identifier={IDENTIFIER}&secret=wrong");
    assert_eq!(report_of(form(wrong)).await.caller(), None);
}

/// The handler refuses with the client's mistake or the store's failure, and the middleware verified it.
fn refusing() -> Router {
    async fn by_extractor(call: ApiCall<Store>) -> Rejection {
        refuse(&call)
    }
    async fn by_layer(Extension(call): Extension<ApiCall<Store>>) -> Rejection {
        refuse(&call)
    }
    fn refuse(call: &ApiCall<Store>) -> Rejection {
        match call.parameter("why") {
            Some("library") => call.refuse(ApiRefusal::NoApiAccess),
            Some("store") => call.unavailable("the pool is empty"),
            _ => call.refuse(Cause::new("client_missing", "no client", 200, "Client Not Found")),
        }
    }
    let layer = from_fn_with_state(auth(), authorize::<Store>);
    Router::new()
        .route("/layer", post(by_layer))
        .route_layer(layer)
        .route("/extractor", post(by_extractor))
        .with_state(auth())
}

#[tokio::test]
async fn a_refusal_of_the_handler_is_reported_as_one_of_the_library() {
    for path in ["/layer", "/extractor"] {
        let ask = async |why: &str, fields: &str| {
            let request = request("POST", &format!("{path}?responsetype=json"))
                .header(header::CONTENT_TYPE, FORM)
                .body(format!("action=GetClients&why={why}&{fields}").into());
            let answer = send(refusing(), request.unwrap()).await;
            (answer.status.as_u16(), answer.body, answer.report.unwrap())
        };
        let json = |message: &str| format!(r#"{{"result":"error","message":"{message}"}}"#);

        let (status, body, report) = ask("", PAIR).await;
        assert_eq!((status, body), (200, json("Client Not Found")));
        assert_eq!((report.code(), report.caller()), ("client_missing", Some("credential 7")));
        assert!(report.is_call() && !report.is_accepted());
        assert_eq!(report.address(), Some("203.0.113.7".parse().unwrap()));
        assert_eq!(report.query(), "responsetype=json");
        assert!(report.body().starts_with(b"action=GetClients&why="));
        assert!(findings(&report).is_empty());

        let (status, body, report) = ask("library", ADMIN).await;
        assert_eq!((status, body), (403, json("Access Denied")));
        assert_eq!((report.code(), report.caller()), ("no_api_access", Some("admin-login 1")));

        let (status, body, report) = ask("store", PAIR).await;
        assert_eq!((status, body), (503, json("Service Unavailable")));
        assert_eq!(
            report.to_string(),
            "store_failure: the store failed: the pool is empty; address 203.0.113.7; \
             caller credential 7"
        );
    }
}

#[tokio::test]
async fn a_refusal_says_what_the_sender_probably_did_wrong() {
    let json = format!(r#"{{"identifier":"{IDENTIFIER}","secret":"{SECRET}"}}"#);
    let report = report_of(support::post("application/json", "action=GetClients", json)).await;
    assert_eq!(report.code(), "body_not_form");
    assert_eq!(findings(&report), ["body_is_json"]);
    assert!(report.to_string().contains("; body_is_json: the body is JSON"), "{report}");

    let misspelt = |parts: &[(&str, &str)]| support::post(MULTIPART, "", multipart(parts));
    let report = report_of(misspelt(&[
        ("; name=\"identifier\"", IDENTIFIER),
        ("; name=\"api_secret\"", SECRET),
    ]));
    let report = report.await;
    assert_eq!((report.code(), findings(&report)), ("missing_field", vec!["resembling_name"]));
    let report = report_of(misspelt(&[("; name=\"x\"", "y")])).await;
    assert_eq!(
        (report.code(), findings(&report)),
        ("missing_credentials", vec!["no_credential_field"])
    );

    let report = report_of(form("identifier=x&Secret=y")).await;
    assert_eq!(findings(&report), ["resembling_name"]);
    let report = report_of(form("")).await;
    assert_eq!(findings(&report), ["no_body"]);
}

#[tokio::test]
async fn an_access_key_that_is_wrong_or_misnamed_has_its_finding() {
    for (field, code, finding) in [
        ("accesskey=key#1+2", "wrong_access_key", "raw_plus"),
        ("access_key=key%231%2B2", "address_not_listed", "resembling_name"),
    ] {
        let report = report_of(from(STRANGER, form(format!("{field}&{PAIR}")))).await;
        assert_eq!((report.code(), findings(&report)), (code, vec![finding]));
    }
    let report = report_of(from(STRANGER, form("accesskey=key#1+2"))).await;
    assert!(report.cause().sentence().contains("must be percent-encoded"), "{report}");
}

/// Then the sender did nothing wrong.
#[tokio::test]
async fn a_failure_of_the_service_has_no_findings() {
    let mut request = support::post("application/json", "", "{\"identifier\":\"x\"}");
    request.extensions_mut().clear();
    let report = report_of(request).await;
    assert_eq!((report.code(), findings(&report)), ("no_connect_info", vec![]));

    let mut ahead = visit("email=x&goto=//evil.example");
    ahead.headers_mut().insert("sec-purpose", "prefetch".parse().unwrap());
    let report = send(links(), ahead).await.report.unwrap();
    assert_eq!((report.code(), findings(&report)), ("prefetch", vec![]));

    let mut posted = visit("email=x&goto=//evil.example");
    *posted.method_mut() = "POST".parse().unwrap();
    let report = send(links(), posted).await.report.unwrap();
    assert_eq!((report.code(), findings(&report)), ("method_not_allowed", vec![]));
}

/// Not even that a browser sent the call.
#[tokio::test]
async fn a_caller_who_must_wait_gets_no_findings() {
    let mut request = form(format!("action=GetClients&{PAIR}&json=json"));
    request.headers_mut().insert(header::ORIGIN, HeaderValue::from_static("https://shop.example"));
    let call = ApiCall::<Store>::from_request(request, &auth()).await.unwrap();
    for (status, expected) in
        [(429, &[][..]), (500, &[]), (403, &["browser_call", "format_in_other_field"])]
    {
        let rejection = call.refuse(Cause::new("own", "a refusal of the service", status, ""));
        assert_eq!(rejection.report().cause().to_string(), "a refusal of the service");
        assert_eq!(findings(rejection.report()), expected, "{status}");
    }
}

#[tokio::test]
async fn a_body_that_was_not_read_has_no_findings() {
    let auth = Authenticator::new(store(), support::access_without_key());
    let report = send(router(auth), from(STRANGER, form(""))).await.report.unwrap();
    assert_eq!((report.code(), findings(&report)), ("address_not_listed", vec![]));
}

#[tokio::test]
async fn a_format_that_is_unknown_is_answered_as_text_and_reported() {
    for (fields, caller) in [(PAIR, "credential 7"), (ADMIN, "admin-login 1")] {
        let answer = call(support::post(
            FORM,
            "responsetype=jsn",
            format!("action=GetClients&search=x&{fields}"),
        ))
        .await;
        assert_eq!((answer.status.as_u16(), answer.header("content-type")), (200, "text/plain"));
        let report = answer.report.unwrap();
        assert_eq!((report.code(), report.caller()), ("format_unknown", Some(caller)));
        assert_eq!(report.http_status(), 200);
        assert_eq!(report.address(), Some("203.0.113.7".parse().unwrap()));
        assert_eq!(report.query(), "responsetype=jsn");
        assert!(report.is_accepted() && report.is_call());
        assert!(report.to_string().starts_with("format_unknown: no `responsetype` is json"));
    }
}

/// Each asks for a format, and gets text.
#[tokio::test]
async fn a_format_that_is_asked_for_in_another_way_is_reported_with_its_finding() {
    for (field, expected) in [
        ("json=json", &["format_in_other_field"][..]),
        ("responsetype=json%0D", &["line_end"]),
        ("responsetype=application/json", &[]),
    ] {
        let pair = PAIR.replace(SECRET, &format!("{SECRET}&access_key=x%0A"));
        let answer = call(form(format!("action=GetClients&{field}&{pair}"))).await;
        assert_eq!((answer.status.as_u16(), answer.header("content-type")), (200, "text/plain"));
        assert_eq!(answer.code(), "format_unknown", "{field}");
        assert_eq!(findings(&answer.report.unwrap()), expected, "{field}");
    }
}

#[tokio::test]
async fn what_client_libraries_send_is_not_reported() {
    let router = router(auth().with_get(true));
    for body in [
        format!("action=GetClients&{PAIR}&responsetype=json"),
        // WHMCS answers as text by default, and an installation may have actions of its own.
        format!("{PAIR}&action=GetClients"),
        format!("{ADMIN}&action=OurOwnAction"),
        format!("{PAIR}&action=GetClients&type=general&format=pdf&email=a%40b.test&json="),
    ] {
        assert_eq!(send(router.clone(), form(body.clone())).await.verdict(), (200, ""), "{body}");
    }
    let query = format!("endpoint=e&{PAIR}&responsetype=json&action=GetClients");
    let get = request("GET", &format!("/includes/api.php?{query}")).body(Body::empty()).unwrap();
    assert_eq!(send(router.clone(), get).await.verdict(), (200, ""));

    // Node's `fetch` sends one header of a browser.
    let mut node = form(format!("action=GetClients&{PAIR}"));
    node.headers_mut().insert("sec-fetch-mode", HeaderValue::from_static("cors"));
    assert_eq!(send(router, node).await.verdict(), (200, ""));
}

#[tokio::test]
async fn a_call_of_a_browser_is_reported() {
    let sent = |method: &str, origins: &[&'static str], body: &str| {
        let mut request = request(method, "/includes/api.php")
            .header(header::HOST, "billing.example.com")
            .header(header::CONTENT_TYPE, FORM)
            .body(Body::from(body.to_owned()))
            .unwrap();
        for origin in origins {
            request.headers_mut().append(header::ORIGIN, HeaderValue::from_static(origin));
        }
        request
    };
    let accepted = format!("action=GetClients&{PAIR}");
    let (other, same) = ("https://shop.example", "https://billing.example.com");
    for (method, origins, body, verdict, expected) in [
        // Browsers ask first. Nothing else is said of a request without a body.
        ("OPTIONS", &[other][..], "", (405, "method_not_allowed"), &["browser_call"][..]),
        ("OPTIONS", &[], "", (405, "method_not_allowed"), &[]),
        ("OPTIONS", &[same], "", (405, "method_not_allowed"), &[]),
        ("GET", &[other], "", (405, "get_not_allowed"), &["browser_call"]),
        ("POST", &[other], &accepted, (200, "browser_call"), &["browser_call"]),
        ("POST", &["null"], &accepted, (200, "browser_call"), &["browser_call"]),
        ("POST", &[same, same], &accepted, (200, "browser_call"), &["browser_call"]),
        ("POST", &[same], &accepted, (200, ""), &[]),
        ("POST", &[], &accepted, (200, ""), &[]),
        (
            "POST",
            &[other],
            &format!("{accepted}&json=json"),
            (200, "browser_call"),
            &["browser_call", "format_in_other_field"],
        ),
        ("POST", &[other], "", (403, "missing_credentials"), &["browser_call", "no_body"]),
    ] {
        let answer = send(router(auth()), sent(method, origins, body)).await;
        assert_eq!(answer.verdict(), verdict, "{method} {origins:?} {body}");
        let found = answer.report.map_or_else(Vec::new, |report| findings(&report));
        assert_eq!(found, expected, "{method} {origins:?} {body}");
    }
    // HTTP/2 has the host in the URL. And the body of a stranger is not read.
    let mut whole = sent("POST", &[same], &accepted);
    whole.headers_mut().remove(header::HOST);
    *whole.uri_mut() = "https://billing.example.com/includes/api.php".parse().unwrap();
    assert_eq!(send(router(auth()), whole).await.verdict(), (200, ""));
    let auth = Authenticator::new(store(), support::access_without_key());
    let report =
        send(router(auth), from(STRANGER, sent("POST", &[other], "x"))).await.report.unwrap();
    assert_eq!((report.code(), findings(&report)), ("address_not_listed", vec!["browser_call"]));
}

/// Hands the codes to a list, over several requests.
fn listed(router: Router) -> (Router, Arc<Mutex<Vec<&'static str>>>) {
    let codes = Arc::<Mutex<Vec<_>>>::default();
    let seen = Arc::clone(&codes);
    let log = Watch::new(move |report: &Report| seen.lock().unwrap().push(report.code()));
    (router.layer(from_fn_with_state(log, watch)), codes)
}

/// A client makes the same mistake on every call. A refusal is always handed over: somebody may guess.
#[tokio::test]
async fn an_accepted_request_is_reported_once_a_minute_for_each_sender() {
    let access =
        access().with_addresses(AddressGate::new().with_entries(["203.0.113.7", "2001:db8::7"]));
    let (router, codes) = listed(router(Authenticator::new(store(), access)));
    let text = || form(format!("action=GetClients&json=json&{PAIR}"));
    for request in [text(), text(), from("[2001:db8::7]:1", text()), text(), form(""), form("")] {
        let _ = router.clone().oneshot(request).await.unwrap();
    }
    let refused = "missing_credentials";
    assert_eq!(*codes.lock().unwrap(), ["format_unknown", "format_unknown", refused, refused]);
}

/// One request has one report.
#[tokio::test]
async fn a_refusal_takes_the_place_of_what_was_not_followed() {
    let body = format!("action=DeleteClient&responsetype=jsn&{PAIR}");
    assert_eq!(report_of(form(body)).await.code(), "action_not_allowed");

    let request = request("POST", "/extractor").header(header::CONTENT_TYPE, FORM);
    let body = format!("action=GetClients&responsetype=jsn&{PAIR}");
    let answer = send(refusing(), request.body(body.into()).unwrap()).await;
    assert_eq!(answer.code(), "client_missing");
}

/// The answer of the handler, whatever it is.
#[tokio::test]
async fn a_report_has_the_status_of_the_answer() {
    async fn handler(call: ApiCall<Store>) -> Response {
        call.error(404, "Command Not Found")
    }
    let router = Router::new().route("/includes/api.php", post(handler)).with_state(auth());
    let body = format!("action=GetClients&responsetype=jsn&{PAIR}");
    let answer = send(router.clone(), form(body)).await;
    assert_eq!(answer.verdict(), (404, "format_unknown"));
    assert_eq!(answer.report.unwrap().http_status(), 404);
    let answer = send(router, form(format!("action=GetClients&responsetype=json&{PAIR}"))).await;
    assert_eq!((answer.verdict(), answer.report.is_none()), ((404, ""), true));
    assert_eq!(answer.body, r#"{"result":"error","message":"Command Not Found"}"#);
}

/// Without the layer nobody is told, and nothing else changes.
#[tokio::test]
async fn the_layer_may_be_left_out() {
    for (fields, status) in [
        (format!("action=GetClients&responsetype=jsn&{PAIR}"), 200),
        (format!("action=DeleteClient&{PAIR}"), 403),
    ] {
        let response = router(auth()).oneshot(form(fields)).await.unwrap();
        assert_eq!(response.status(), status);
    }
}

fn verifier() -> LinkVerifier {
    let access = Access::new().with_keys(AutoAuthKey::new("abcXYZ123").unwrap());
    LinkVerifier::new(access).with_clock(FixedClock::from_unix(1_290_100_706))
}

/// Links, and a route of the service's own.
fn links() -> Router {
    async fn dologin(
        LoginLink { login, now, .. }: LoginLink,
        Extension(guard): Extension<Arc<ReplayGuard>>,
    ) -> Result<Response, Rejection> {
        let login = login.check_account(["demo@whmcs.com"], |email| email, |_| true)?;
        Ok(login.use_once(&guard, now)?.redirect("clientarea.php"))
    }
    async fn own() -> Rejection {
        Cause::new("cart_empty", "the cart is empty", 404, "Nothing Here").into()
    }
    Router::new()
        .route("/dologin.php", any(dologin))
        .route("/own", any(own))
        .layer(Extension(Arc::new(ReplayGuard::new(10))))
        .with_state(verifier())
}

fn visit(query: &str) -> Request<Body> {
    request("GET", &format!("/dologin.php?{query}")).body(Body::empty()).unwrap()
}

#[tokio::test]
async fn a_link_that_is_refused_is_reported_with_what_the_sender_did_wrong() {
    let report = send(links(), visit("Email=demo@whmcs.com&timestamp=1290100706000&hash=x")).await;
    let report = report.report.unwrap();
    assert_eq!(report.code(), "missing_field");
    assert_eq!(report.address(), Some("203.0.113.7".parse().unwrap()));
    assert!(report.query().starts_with("Email="));
    assert!(!report.is_call() && !report.is_accepted());
    let expected = ["resembling_name", "timestamp_milliseconds"];
    assert_eq!(findings(&report), expected);
}

/// Also what the handler refuses: the layer knows the link.
#[tokio::test]
async fn a_link_that_the_handler_refuses_is_reported_with_its_query() {
    let links = links();
    assert_eq!(send(links.clone(), visit(LINK)).await.verdict(), (302, ""));
    let report = send(links, visit(LINK)).await.report.unwrap();
    assert_eq!((report.code(), report.query()), ("link_used", LINK));
    assert!(!report.is_call() && !report.is_accepted());
}

#[tokio::test]
async fn a_goto_that_is_not_followed_is_reported() {
    for (goto, code, found) in [
        ("//evil.example", "goto_refused", &["goto_other_site"][..]),
        ("logout.php", "goto_acts", &[]),
    ] {
        let answer = send(links(), visit(&format!("{LINK}&goto={goto}"))).await;
        assert_eq!((answer.status.as_u16(), answer.header("location")), (302, "clientarea.php"));
        let report = answer.report.unwrap();
        assert_eq!((report.code(), findings(&report)), (code, found.to_vec()));
        assert_eq!(report.http_status(), 302);
        assert_eq!(report.address(), Some("203.0.113.7".parse().unwrap()));
        assert!(report.is_accepted() && !report.is_call());
        assert!(report.query().ends_with(goto));
    }
    for (fields, location, expected) in [
        (
            "goto=clientarea.php?action=productdetails&id=5",
            "clientarea.php?action=productdetails",
            "goto_cut_at_ampersand",
        ),
        ("redirect=cart.php", "clientarea.php", "resembling_name"),
        ("amp;goto=cart.php", "clientarea.php", "html_escaped_name"),
    ] {
        let answer = send(links(), visit(&format!("{LINK}&{fields}"))).await;
        assert_eq!((answer.status.as_u16(), answer.header("location")), (302, location));
        let report = answer.report.unwrap();
        assert_eq!((report.code(), findings(&report)), ("goto_misread", vec![expected]));
        assert!(report.is_accepted() && !report.is_call());
    }
    for fields in ["", "&goto=cart.php", "&goto=cart.php?a=b&utm_source=mail", "&x=y"] {
        assert_eq!(send(links(), visit(&format!("{LINK}{fields}"))).await.verdict(), (302, ""));
    }
    // A used link is refused, whatever its goto is.
    let links = links();
    assert_eq!(send(links.clone(), visit(LINK)).await.status, 302);
    let answer = send(links, visit(&format!("{LINK}&goto=logout.php"))).await;
    assert_eq!(answer.code(), "link_used");
}

/// The page of the tests, and a header that would contradict the refusal.
fn page(report: &Report) -> impl IntoResponse + use<> {
    let headers = [(header::CACHE_CONTROL, "public"), (header::CONTENT_LANGUAGE, "en")];
    (headers, Html(format!("<h1>{}</h1><p>{} is long</p>", report.code(), report.http_status())))
}

type Reports = Arc<Mutex<Vec<Report>>>;

fn watch_with_page() -> (Watch, Reports) {
    let reports = Reports::default();
    let seen = Arc::clone(&reports);
    let watch = Watch::new(move |report: &Report| seen.lock().unwrap().push(report.clone()));
    (watch.with_page(page), reports)
}

/// A handler may leave out a point as well.
#[tokio::test]
async fn what_a_handler_does_not_follow_is_reported() {
    async fn dologin(_: LoginLink) -> Response {
        let cause = Cause::new("shop_closed", "the shop is closed", 500, "x");
        (NotFollowed::of_link(cause, None), [("location", "/")], "home").into_response()
    }
    let links = || Router::new().route("/dologin.php", any(dologin)).with_state(verifier());
    for fields in ["", "&redirect=shop.php"] {
        let answer = send(links(), visit(&format!("{LINK}{fields}"))).await;
        assert_eq!((answer.verdict(), &*answer.body), ((200, "shop_closed"), "home"));
        let report = answer.report.unwrap();
        assert!(report.is_accepted() && !report.is_call());
        assert_eq!(report.address(), Some("203.0.113.7".parse().unwrap()));
        assert_eq!((report.http_status().as_u16(), report.route()), (200, Some("/dologin.php")));
    }
    assert_eq!(with_page(links(), visit(LINK)).await.body, "home");
    let (links, codes) = listed(links());
    for _ in 0..3 {
        let _ = links.clone().oneshot(visit(LINK)).await.unwrap();
    }
    assert_eq!(*codes.lock().unwrap(), ["shop_closed"]);
}

/// What the README shows.
#[tokio::test]
async fn the_readme_shows_the_lines_of_accepted_requests() {
    let readme = include_str!("../README.md");
    let call = report_of(form(format!("action=GetClients&json=json&{PAIR}"))).await;
    let goto = "goto=clientarea.php?action=productdetails&id=5";
    let link = send(links(), visit(&format!("{LINK}&{goto}"))).await.report.unwrap();
    for report in [call, link] {
        assert!(readme.contains(&format!("\n{report}\n")), "{report}");
    }
}

async fn answered(response: Response, reports: Reports) -> Answered {
    let (head, body) = response.into_parts();
    let body = to_bytes(body, usize::MAX).await.unwrap();
    let report = reports.lock().unwrap().pop();
    let body = String::from_utf8(body.to_vec()).unwrap();
    Answered { status: head.status, headers: head.headers, body, report }
}

async fn with_page(router: Router, request: Request<Body>) -> Answered {
    let (log, reports) = watch_with_page();
    let router = router.layer(from_fn_with_state(log, watch));
    answered(router.oneshot(request).await.unwrap(), reports).await
}

#[tokio::test]
async fn a_page_takes_the_place_of_the_text_and_of_nothing_else() {
    let used = links();
    assert_eq!(send(used.clone(), visit(LINK)).await.status, 302);
    let mut posted = visit(LINK);
    *posted.method_mut() = "POST".parse().unwrap();
    let own = request("GET", "/own").body(Body::empty()).unwrap();
    for (router, request, status, code, allow) in [
        (links(), visit("email=x"), 403, "missing_field", ""),
        (used, visit(LINK), 403, "link_used", ""),
        (links(), posted, 405, "method_not_allowed", "GET"),
        (links(), own, 404, "cart_empty", ""),
    ] {
        let answer = with_page(router, request).await;
        assert_eq!(answer.verdict(), (status, code));
        let body = format!("<h1>{code}</h1><p>{} is long</p>", answer.status);
        assert_eq!(answer.body, body);
        let allow = Some(format!("allow: {allow}")).filter(|allow| allow != "allow: ");
        let mut headers = vec![
            "cache-control: no-store".to_owned(),
            "content-language: en".to_owned(),
            format!("content-length: {}", body.len()),
            "content-type: text/html; charset=utf-8".to_owned(),
            "referrer-policy: no-referrer".to_owned(),
        ];
        headers.extend(allow);
        headers.sort();
        assert_eq!(answer.all_headers(), headers);
    }
}

/// Around a whole router, whose answers have a length.
#[tokio::test]
async fn a_page_does_not_have_the_length_of_the_text() {
    let (log, reports) = watch_with_page();
    let service = from_fn_with_state(log, watch).layer(links());
    let answer = answered(service.oneshot(visit("email=x")).await.unwrap(), reports).await;
    assert_eq!(answer.code(), "missing_field");
    assert!(answer.body.starts_with("<h1>"), "{}", answer.body);
    assert!(["", &answer.body.len().to_string()].contains(&answer.header("content-length")));
}

/// A layer in between may have described the text, and set a cookie.
#[tokio::test]
async fn a_page_is_not_described_as_the_text_and_cookies_are_kept() {
    let describe = async |request: axum::extract::Request, next: Next| {
        let mut response = next.run(request).await;
        for (name, value) in [
            ("etag", "\"x\""),
            ("content-encoding", "gzip"),
            ("set-cookie", "a=1"),
            ("vary", "accept"),
        ] {
            response.headers_mut().append(name, HeaderValue::from_static(value));
        }
        response
    };
    let page = |_: &Report| ([("set-cookie", "b=2"), ("vary", "cookie")], "page");
    let log = Watch::new(|_: &Report| {}).with_page(page);
    let router = links().layer(from_fn(describe)).layer(from_fn_with_state(log, watch));
    let answer =
        answered(router.oneshot(visit("email=x")).await.unwrap(), Reports::default()).await;
    let all = answer.all_headers();
    for kept in ["set-cookie: a=1", "set-cookie: b=2", "vary: accept", "vary: cookie"] {
        assert!(all.contains(&kept.to_owned()), "{kept}");
    }
    for gone in ["etag", "content-encoding"] {
        assert_eq!(answer.header(gone), "");
    }
}

/// An accepted request keeps its answer, and so does every answer to an API call.
#[tokio::test]
async fn a_page_never_takes_the_place_of_another_answer() {
    let answer = with_page(links(), visit(&format!("{LINK}&goto=logout.php"))).await;
    assert_eq!((answer.verdict(), &*answer.body), ((302, "goto_acts"), ""));
    for (fields, verdict) in [
        ("identifier=x&secret=y".to_owned(), (403, "unknown_identifier")),
        (format!("action=DeleteClient&{PAIR}"), (403, "action_not_allowed")),
        (format!("action=GetClients&{PAIR}"), (200, "")),
    ] {
        let request = support::post(FORM, "responsetype=json", fields);
        let answer = with_page(router(auth()), request).await;
        assert_eq!(answer.verdict(), verdict);
        assert_eq!(answer.header("content-type"), "application/json");
        assert!(answer.body.starts_with('{'), "{}", answer.body);
    }
    for (why, code) in [("library", "no_api_access"), ("store", "store_failure")] {
        let body = format!("action=GetClients&responsetype=json&why={why}&{PAIR}");
        let request = request("POST", "/extractor").header(header::CONTENT_TYPE, FORM);
        let answer = with_page(refusing(), request.body(body.into()).unwrap()).await;
        assert_eq!(answer.code(), code);
        assert!(answer.body.starts_with('{'), "{}", answer.body);
    }
    let get = request("GET", "/includes/api.php").body(Body::empty()).unwrap();
    let answer = with_page(router(auth()), get).await;
    assert_eq!(answer.code(), "get_not_allowed");
    assert_eq!(answer.body, "result=error;message=Method Not Allowed");
}

/// A text that stands in every field, in a header and in the path.
const MARKER: &str = "Zx9MarkerQ7";

#[tokio::test]
async fn a_report_shows_nothing_of_the_request() {
    let known = format!("identifier={IDENTIFIER}&secret={MARKER}&action={MARKER}-&x={MARKER}");
    for (content_type, body) in [
        (FORM.to_owned(), known.clone()),
        (FORM.to_owned(), format!("username={MARKER}&password={MARKER}&accesskey={MARKER}")),
        (FORM.to_owned(), format!("username=admin&password={MARKER}")),
        (FORM.to_owned(), format!("identifier={MARKER}&secret[]={MARKER}")),
        (FORM.to_owned(), format!("identifier={MARKER}%FF&secret={MARKER}")),
        (FORM.to_owned(), format!("{PAIR}&action={MARKER}-")),
        (format!("application/{MARKER}"), known.clone()),
        (format!("multipart/form-data; boundary={MARKER}"), known.clone()),
        (format!("multipart/form-data; {MARKER}"), known.clone()),
        (format!("multipart/form-data;= {MARKER}"), known),
        (
            MULTIPART.to_owned(),
            format!("--cut\r\n{MARKER}: {MARKER}\r\n{MARKER}\u{0}: x\r\n\r\n{MARKER}"),
        ),
        (
            MULTIPART.to_owned(),
            format!("--cut\r\nContent-Disposition: form-data; name=\"{MARKER}\"\r\n\r\n{MARKER}"),
        ),
        (
            MULTIPART.to_owned(),
            multipart(&[(&format!("; name=\"{MARKER}\""), MARKER), ("; name=\"secret \"", MARKER)]),
        ),
    ] {
        for peer in [support::CALLER, STRANGER] {
            let query = format!("search={MARKER}");
            let mut request = from(peer, support::post(&content_type, &query, body.clone()));
            request.headers_mut().insert("x-marker", MARKER.parse().unwrap());
            let rejection = ApiCall::<Store>::from_request(request, &auth()).await.unwrap_err();
            let report = rejection.report();
            let shown = format!("{rejection:?} {report:?} {report} {:?}", report.cause());
            assert!(shown.contains("Report { cause: Cause {"), "{shown}");
            assert!(!shown.contains(MARKER), "{shown}");
            let response = rejection.into_response();
            assert!(response.extensions().get::<Report>().is_some());
            assert!(!format!("{response:?}").contains(MARKER), "{response:?}");
            let body = to_bytes(response.into_body(), usize::MAX).await.unwrap();
            assert!(!String::from_utf8_lossy(&body).contains(MARKER), "{body:?}");
        }
    }
}

#[tokio::test]
async fn a_report_of_an_accepted_request_shows_no_secret() {
    let body = format!("action=GetClients&responsetype={MARKER}&search={MARKER}&{PAIR}");
    let report = report_of(form(body)).await;
    assert_eq!(report.code(), "format_unknown");
    let shown = format!("{report:?} {report}");
    assert!(!shown.contains(MARKER) && !shown.contains(SECRET), "{shown}");

    let query = format!("{LINK}&goto=//{MARKER}");
    let report = send(links(), visit(&query)).await.report.unwrap();
    assert_eq!(report.code(), "goto_refused");
    let shown = format!("{report:?} {report}");
    assert!(!shown.contains(MARKER) && !shown.contains("6624fa"), "{shown}");
}

#[tokio::test]
async fn an_accepted_call_shows_no_secret() {
    let request = form(format!("action=GetClients&{PAIR}&search={MARKER}"));
    let call = ApiCall::<Store>::from_request(request, &auth()).await.unwrap();
    let shown = format!("{call:?} {:?}", auth());
    assert!(shown.contains("ApiCall") && shown.contains("Authenticator"), "{shown}");
    assert_eq!(call.received().field("search"), Some(MARKER.as_bytes()));
    assert!(!shown.contains(SECRET) && !shown.contains(MARKER), "{shown}");
    assert!(!shown.contains("key#1+2"), "{shown}");
}

#[tokio::test]
async fn a_link_and_its_verifier_show_no_key_and_no_hash() {
    let key = AutoAuthKey::new(MARKER).unwrap();
    let clock = FixedClock::from_unix(1_290_100_706);
    let signed = sign_autoauth("demo@whmcs.com", None, &key, &clock).unwrap();
    let query = signed.query().to_owned();
    let hash = query.split("hash=").nth(1).unwrap().split('&').next().unwrap();
    assert_eq!(hash.len(), 40);

    let access = access().with_keys(key);
    let links = LinkVerifier::new(access.clone()).with_clock(clock);
    let auth = Authenticator::new(store(), access.clone());
    let watch = Watch::new(|_: &Report| ()).with_page(|_: &Report| MARKER);
    let link = LoginLink::from_request(visit(&query), &links).await.unwrap();
    let shown = format!("{link:?} {links:?} {auth:?} {access:?} {watch:?}");
    assert!(shown.ends_with("Watch { has_page: true, .. }"), "{shown}");
    for secret in [MARKER, hash, "key#1+2"] {
        assert!(!shown.contains(secret), "{shown}");
    }
}
