//! What the log and the metrics say about the mistakes of senders.

mod support;

use serde_json::Value;
use support::program::Program;
use support::{FORM, PAIR};

const JSON: &str = "application/json";
const MARKER: &str = "marker-of-a-secret";

/// Requests, and what their line of the log must say: endpoint, code, findings, and a part of the sentences.
struct Case {
    method: &'static str,
    target: &'static str,
    content_type: &'static str,
    body: &'static str,
    line: (&'static str, &'static str, Option<&'static str>),
    says: &'static str,
}

const fn post(
    content_type: &'static str,
    body: &'static str,
    code: &'static str,
    findings: Option<&'static str>,
    says: &'static str,
) -> Case {
    let target = "/includes/api.php";
    Case { method: "POST", target, content_type, body, line: ("api", code, findings), says }
}

const fn get(
    target: &'static str,
    line: (&'static str, &'static str, Option<&'static str>),
    says: &'static str,
) -> Case {
    Case { method: "GET", target, content_type: "", body: "", line, says }
}

const CASES: &[Case] = &[
    post(
        JSON,
        r#"{"identifier":"a","secret":"marker-of-a-secret"}"#,
        "body_not_form",
        Some("body_is_json"),
        "JSON",
    ),
    post(
        FORM,
        "api_identifier=a&api_secret=marker-of-a-secret",
        "missing_credentials",
        Some("resembling_name"),
        "identifier",
    ),
    post(
        FORM,
        "identifier=a&secret=marker-of-a-secret%0D",
        "unknown_identifier",
        Some("line_end"),
        "secret",
    ),
    post(
        "multipart/form-data; boundary=x",
        "--x\r\nContent-Disposition: form-data; name=\"api_identifier\"\r\n\r\na\r\n\
         --x\r\nContent-Disposition: form-data; name=\"secret\"\r\n\r\nmarker-of-a-secret\r\n--x--\r\n",
        "missing_field",
        Some("resembling_name"),
        "identifier",
    ),
    post(FORM, "", "missing_credentials", Some("no_body"), "no body"),
    get("/includes/api.php?secret=marker-of-a-secret", ("api", "get_not_allowed", None), "POST"),
    get(
        "/dologin.php?email=demo@whmcs.com&timestamp=1290100706000&hash=d0d9ee4b59d8b95d9f8cbb8a42d3ed4c",
        ("dologin", "timestamp_format", Some("timestamp_milliseconds,hash_is_md5")),
        "MD5",
    ),
    get(
        "/Includes/Api.php?secret=marker-of-a-secret",
        ("unrouted", "path_case", None),
        "/includes/api.php",
    ),
    get(
        "/marker-of-a-secret/includes/api.php",
        ("unrouted", "path_base", None),
        "/includes/api.php",
    ),
    get("/api.php", ("unrouted", "path_other_folder", None), "/includes/api.php"),
    get("/dologin", ("unrouted", "path_without_php", None), "/dologin.php"),
    get("/dologin.php/", ("unrouted", "path_slash_at_end", None), "/dologin.php"),
    get("/marker-of-a-secret", ("unrouted", "path_unknown", None), "no route"),
    Case {
        method: "POST",
        target: "/dologin.php?hash=marker-of-a-secret",
        content_type: FORM,
        body: "x",
        line: ("page", "method_not_allowed", None),
        says: "GET",
    },
];

#[tokio::test]
async fn each_refusal_has_its_findings_in_one_line() {
    let folder = tempfile::tempdir().unwrap();
    let program = Program::start(folder.path(), &[], "info");
    let http = support::http();
    for Case { method, target, content_type, body, .. } in CASES {
        let url = format!("{}{target}", program.base());
        let request = http.request(method.parse().unwrap(), url);
        let request = request.header("content-type", *content_type).body(*body);
        assert!(request.send().await.unwrap().status().is_client_error(), "{target} {body}");
    }
    let metrics = http.get(format!("{}/metrics", program.operator())).send().await.unwrap();
    let metrics = metrics.text().await.unwrap();
    let log = program.stop();
    let lines: Vec<&Value> = log.iter().filter(|line| line["span"]["name"] == "request").collect();
    assert_eq!(lines.len(), CASES.len(), "{lines:#?}");
    for (line, Case { target, line: expected, says, .. }) in lines.iter().zip(CASES) {
        let fields = &line["fields"];
        assert_eq!(line["span"]["id"].as_str().unwrap().len(), 32, "{line}");
        let text = |name: &str| fields[name].as_str();
        let (endpoint, code, findings) = *expected;
        let found = (text("endpoint").unwrap(), text("code").unwrap(), text("findings"));
        assert_eq!(found, (endpoint, code, findings), "{target}: {line}");
        let sentence = text("hints").unwrap_or_else(|| text("message").unwrap());
        assert!(sentence.contains(says), "{target}: {sentence}");
        for finding in findings.into_iter().flat_map(|codes| codes.split(',')) {
            let has = |case: &&Case| {
                let (of, _, codes) = case.line;
                of == endpoint
                    && codes.is_some_and(|codes| codes.split(',').any(|code| code == finding))
            };
            let count = CASES.iter().filter(has).count();
            let name = format!(
                "whmcs_auth_findings_total{{endpoint=\"{endpoint}\",code=\"{finding}\"}} {count}\n"
            );
            assert!(metrics.contains(&name), "{name} in {metrics}");
        }
    }
    let everything = log.iter().map(Value::to_string).chain([metrics]).collect::<String>();
    assert!(!everything.contains(MARKER));
}

#[tokio::test]
async fn a_line_says_whose_call_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let program = Program::start(folder.path(), &[], "info");
    let api = format!("{}/includes/api.php", program.base());
    for fields in [
        "action=GetClients&responsetype=jsn",
        "action=AddClient",
        "action=GetClientsDetails&clientid=99",
    ] {
        let call = support::http().post(&api).header("content-type", FORM);
        call.body(format!("{fields}&{PAIR}")).send().await.unwrap();
    }
    let log = program.stop();
    let lines: Vec<_> = log
        .iter()
        .filter(|line| line["fields"]["endpoint"] == "api")
        .map(|line| {
            let text = |part: &str, name: &str| line[part][name].as_str().map(str::to_owned);
            (text("fields", "code").unwrap(), text("span", "action"), text("fields", "by"))
        })
        .collect();
    let by = || Some("credential 7".to_owned());
    let expected = [
        ("accepted".to_owned(), Some("getclients".to_owned()), None),
        ("format_unknown".to_owned(), Some("getclients".to_owned()), None),
        ("action_not_allowed".to_owned(), None, by()),
        ("client_not_found".to_owned(), Some("getclientsdetails".to_owned()), by()),
    ];
    assert_eq!(lines, expected);
}

#[tokio::test]
async fn what_is_accepted_or_was_not_checked_has_no_findings() {
    let folder = tempfile::tempdir().unwrap();
    let program = Program::start(folder.path(), &["--max-failures", "1"], "info");
    let http = support::http();
    let post = async |body: String| {
        let call = http.post(format!("{}/includes/api.php", program.base()));
        call.header("content-type", FORM).body(body).send().await.unwrap().status().as_u16()
    };
    assert_eq!(post(format!("action=GetClients&api_secret=x&{PAIR}")).await, 200);
    assert_eq!(post("api_secret=x".to_owned()).await, 403);
    assert_eq!(post("api_secret=x".to_owned()).await, 429);
    let log = program.stop();
    let lines = log.iter().map(|line| &line["fields"]).filter(|fields| fields["endpoint"] == "api");
    let codes: Vec<_> = lines.map(|it| (it["code"].as_str(), it["findings"].as_str())).collect();
    let expected = [
        (Some("accepted"), None),
        (Some("missing_credentials"), Some("resembling_name")),
        (Some("throttled"), None),
    ];
    assert_eq!(codes, expected);
}

/// Requests of different senders, with the header `Origin`, and what the log says of each: code, findings, and a part of
/// a sentence. Without a code, the only line is that of the acceptance.
const MISTAKES: &[(&str, &str, &str, &str, &str, &str)] = &[
    // Accepted, and not as the sender meant.
    (
        "POST",
        "",
        "action=GetClients&json=json&PAIR",
        "format_unknown",
        "format_in_other_field",
        "responsetype",
    ),
    ("GET", "", "&redirect=cart.php", "goto_misread", "resembling_name", "goto"),
    (
        "POST",
        "https://shop.example",
        "action=GetClients&PAIR",
        "browser_call",
        "browser_call",
        "secret",
    ),
    // Refused.
    ("OPTIONS", "https://shop.example", "", "method_not_allowed", "browser_call", "secret"),
    (
        "POST",
        "",
        "username=demo@whmcs.com&password=Passw0rd",
        "unknown_username",
        "client_login",
        "admins",
    ),
    (
        "POST",
        "",
        "action=GetSystemStats&PAIR",
        "action_not_allowed",
        "action_undocumented",
        "no action",
    ),
    (
        "POST",
        "",
        "action=CreateSsoToken&clientid=1&PAIR",
        "client_missing",
        "",
        "`clientid` was sent",
    ),
    (
        "POST",
        "",
        "action=CreateSsoToken&email=demo@whmcs.com&PAIR",
        "client_missing",
        "",
        "`email` was sent",
    ),
    ("POST", "", "action=CreateSsoToken&PAIR", "client_missing", "", "neither was sent"),
    (
        "POST",
        "",
        "action=GetClientsDetails&client_id=1&PAIR",
        "client_missing",
        "",
        "`client_id` was sent",
    ),
    (
        "POST",
        "",
        "action=GetClientsDetails&clientID=1&PAIR",
        "client_missing",
        "",
        "`clientID` was sent",
    ),
    // Near misses.
    ("POST", "", "action=GetClients&PAIR", "", "", ""),
    ("POST", "", "action=GetClients&responsetype=json&format=json&PAIR", "", "", ""),
    ("POST", "http://HOST", "action=GetClients&PAIR", "", "", ""),
];

#[tokio::test]
async fn each_mistake_has_its_line_once_a_minute() {
    let folder = tempfile::tempdir().unwrap();
    let options = ["--trust-proxy", "127.0.0.1", "--allow-ip", "198.51.100.0/24"];
    let program = Program::start(folder.path(), &options, "info");
    let http = support::http();
    let link = program.printed.last().unwrap().trim().to_owned();
    let host = program.base().strip_prefix("http://").unwrap().to_owned();
    for _ in 0..2 {
        for (sender, (method, origin, text, ..)) in MISTAKES.iter().enumerate() {
            let api = format!("{}/includes/api.php", program.base());
            let url = if *method == "GET" { format!("{link}{text}") } else { api };
            let mut request = http
                .request(method.parse().unwrap(), url)
                .header("x-forwarded-for", format!("198.51.100.{sender}"))
                .header("content-type", FORM);
            if !origin.is_empty() {
                request = request.header("origin", origin.replace("HOST", &host));
            }
            if *method == "POST" {
                request = request.body(text.replace("PAIR", PAIR));
            }
            request.send().await.unwrap();
        }
    }
    let log = program.stop();
    for (sender, (method, _, text, code, findings, says)) in MISTAKES.iter().enumerate() {
        let address = format!("198.51.100.{sender}");
        let lines = log.iter().filter(|line| line["span"]["address"] == *address);
        let lines: Vec<_> =
            lines.map(|line| &line["fields"]).filter(|it| it["code"] != "accepted").collect();
        if code.is_empty() {
            assert!(lines.is_empty(), "{method} {text}: {lines:?}");
            continue;
        }
        let [line] = &lines[..] else { panic!("{method} {text}: {lines:?}") };
        assert_eq!(line["code"], *code, "{method} {text}: {line}");
        assert_eq!(line["findings"].as_str().unwrap_or_default(), *findings, "{text}: {line}");
        let sentences = format!("{} {}", line["message"], line["hints"]);
        assert!(sentences.contains(says), "{method} {text}: {sentences}");
    }
}
