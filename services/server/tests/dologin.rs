//! `/dologin.php`: login links, and the sessions that they start.

mod support;

use std::time::Duration;

use support::{Server, answer, cookie, head};
use whmcs_auth_axum::Access;

/// The name of the cookie without TLS, for an installation at the root.
const NAME: &str = "whmcs-auth-session";

#[tokio::test]
async fn a_genuine_link_starts_a_session() {
    let server = Server::start().await;
    let response = server.get(&server.link("demo@whmcs.com", None)).await;
    assert_eq!(response.status(), 302);
    assert_eq!(head(&response, "location"), Some("clientarea.php"));
    let set = head(&response, "set-cookie").unwrap();
    let (number, attributes) = set.split_once("; ").unwrap();
    assert_eq!(attributes, "HttpOnly; SameSite=Lax; Path=/");
    let number = number.strip_prefix("whmcs-auth-session=").unwrap();
    assert_eq!(number.len(), 64);
    assert!(number.bytes().all(|byte| byte.is_ascii_hexdigit()));
    assert_eq!(head(&response, "cache-control"), Some("no-store"));
    assert_eq!(head(&response, "referrer-policy"), Some("no-referrer"));
    assert_eq!(head(&response, "x-content-type-options"), Some("nosniff"));

    let cookie = cookie(&response);
    let page = server.get_with("/clientarea.php", "cookie", &cookie).await;
    assert_eq!(head(&page, "cache-control"), Some("no-store"));
    let (status, text) = answer(page).await;
    assert_eq!(status, 200);
    assert!(text.contains("<p>Demo Client (demo@whmcs.com)</p>"), "{text}");
}

#[tokio::test]
async fn logging_out_is_a_post_after_a_page_that_asks() {
    let server = Server::start().await;
    let cookie = cookie(&server.get(&server.link("demo@whmcs.com", None)).await);
    let is_logged_in = async || {
        let page = server.get_with("/clientarea.php", "cookie", &cookie).await;
        page.status() == 200
    };
    let page = server.get_with("/logout.php", "cookie", &cookie).await;
    assert_eq!((page.status().as_u16(), head(&page, "set-cookie")), (200, None));
    let policy = head(&page, "content-security-policy").unwrap().to_owned();
    assert!(policy.contains("form-action 'self'"), "{policy}");
    let text = page.text().await.unwrap();
    assert!(text.contains("You are logged in as Demo Client (demo@whmcs.com)."), "{text}");
    let form = r#"<form method="post" action="/logout.php"><button>Log out</button></form>"#;
    assert!(text.contains(form), "{text}");
    assert!(is_logged_in().await);

    let post = async |site: Option<&str>| {
        let post = server.http.post(format!("{}/logout.php", server.base));
        let post = post.header("cookie", &cookie);
        let post = site.into_iter().fold(post, |post, site| post.header("sec-fetch-site", site));
        post.send().await.unwrap()
    };
    for site in ["cross-site", "same-site", "x"] {
        let refused = post(Some(site)).await;
        assert_eq!((refused.status().as_u16(), head(&refused, "set-cookie")), (403, None));
        assert!(is_logged_in().await, "{site}");
    }
    assert_eq!(server.count("logout", "foreign_origin").await, 3);
    let head_request = server.http.head(format!("{}/logout.php", server.base));
    let refused = head_request.header("cookie", &cookie).send().await.unwrap();
    assert_eq!(head(&refused, "allow"), Some("GET, POST"));
    assert_eq!(refused.status(), 405);
    assert!(is_logged_in().await);

    let page = post(Some("same-origin")).await;
    let set = head(&page, "set-cookie").unwrap().to_owned();
    assert!(set.starts_with(&format!("{NAME}=; ")) && set.contains("Max-Age=0"), "{set}");
    let (status, text) = answer(page).await;
    assert_eq!(status, 200);
    assert!(text.contains("<h1>You are logged out</h1>"), "{text}");
    assert!(!is_logged_in().await);
    assert_eq!(server.count("logout", "accepted").await, 1);
    let page = server.get_with("/clientarea.php", "cookie", &cookie).await;
    let (status, text) = answer(page).await;
    assert_eq!(status, 403);
    assert!(text.contains("<h1>You are not logged in</h1>"), "{text}");
    let page = server.get_with("/logout.php", "cookie", &cookie).await;
    let (status, text) = answer(page).await;
    assert_eq!(status, 200);
    assert!(text.contains("<h1>You are logged out</h1>"), "{text}");

    // Programs do not name the site.
    assert_eq!(post(None).await.status(), 200);
}

/// Over plain HTTP, browsers name the origin and not the site.
#[tokio::test]
async fn a_logout_from_another_origin_ends_nothing() {
    let server = Server::start().await;
    let cookie = cookie(&server.get(&server.link("demo@whmcs.com", None)).await);
    let post = async |headers: &[(&str, &str)]| {
        let post = server.http.post(format!("{}/logout.php", server.base));
        let post = headers.iter().fold(post, |post, (name, value)| post.header(*name, *value));
        post.header("cookie", &cookie).send().await.unwrap().status().as_u16()
    };
    let (_, host) = server.base.split_once("://").unwrap();
    let [longer, shorter] = [format!("http://{host}0"), format!("http://{}", &host[1..])];
    let with_path = format!("http://evil.example/{host}");
    for origin in
        ["null", "", host, "http://evil.example", "http://127.0.0.1", &longer, &shorter, &with_path]
    {
        assert_eq!(post(&[("origin", origin)]).await, 403, "{origin}");
    }
    let own = ("origin", &*server.base);
    assert_eq!(post(&[own, ("sec-fetch-site", "same-site")]).await, 403, "the site counts");
    assert_eq!(post(&[own, ("host", "billing.example")]).await, 403);
    let page = server.get_with("/logout.php", "cookie", &cookie).await;
    // Otherwise the origin of the form would be `null`.
    assert_eq!(head(&page, "referrer-policy"), Some("same-origin"));
    assert!(page.text().await.unwrap().contains("Log out?"));
    let behind_tls = [("origin", "https://Billing.Example"), ("host", "billing.example")];
    for headers in
        [&[own][..], &behind_tls, &[("origin", "null"), ("sec-fetch-site", "same-origin")]]
    {
        assert_eq!(post(headers).await, 200, "{headers:?}");
    }
}

/// The page that a browser with these cookies gets.
async fn client_area(server: &Server, cookies: &[&str]) -> u16 {
    let page = server.http.get(format!("{}/clientarea.php", server.base));
    let page = cookies.iter().fold(page, |page, cookie| page.header("cookie", *cookie));
    page.send().await.unwrap().status().as_u16()
}

/// Another host of the domain can plant a second one.
#[tokio::test]
async fn several_cookies_of_one_name_count_as_none_and_all_are_ended() {
    let server = Server::start().await;
    let link = server.link("demo@whmcs.com", None);
    let log_in = async || cookie(&server.get(&link).await);
    for ends in ["login", "logout"] {
        let (one, other) = (log_in().await, log_in().await);
        let both = format!("{one}; a=b; {other}");
        for cookies in [&[&*both][..], &[&one, &other], &[&other, &one], &[&one, &one]] {
            assert_eq!(client_area(&server, cookies).await, 403, "{cookies:?}");
        }
        let upper = one.replace("whmcs", "WHMCS");
        let longer = one.replace("session", "session2");
        assert_eq!(client_area(&server, &[&one, &upper, &longer]).await, 200);
        assert_eq!(client_area(&server, &[&other]).await, 200);
        let request = match ends {
            "login" => server.http.get(format!("{}{link}", server.base)),
            _ => server.http.post(format!("{}/logout.php", server.base)),
        };
        request.header("cookie", &both).send().await.unwrap();
        for cookie in [&one, &other] {
            assert_eq!(client_area(&server, &[cookie]).await, 403, "{ends}");
        }
    }
}

/// The site may have cookies of other programs, in any encoding and of any name.
#[tokio::test]
async fn cookies_of_others_neither_hide_a_session_nor_are_removed() {
    let server = Server::start().await;
    let link = server.link("demo@whmcs.com", None);
    // One has the name of a session's cookie, and is none.
    let others = ["a=\u{e9}", "session=.eJw", "whmcs-auth-session=x", "x", "\u{2000}__Host-x=1"];
    for ends in ["login", "logout"] {
        for other in others {
            for in_front in [true, false] {
                let session = cookie(&server.get(&link).await);
                let cookies = match in_front {
                    true => format!("{other}; {session}"),
                    false => format!("{session};{other}"),
                };
                assert_eq!(client_area(&server, &[&cookies]).await, 200, "{cookies}");
                let request = match ends {
                    "login" => server.http.get(format!("{}{link}", server.base)),
                    _ => server.http.post(format!("{}/logout.php", server.base)),
                };
                let answer = request.header("cookie", &cookies).send().await.unwrap();
                let set: Vec<_> = answer.headers().get_all("set-cookie").iter().collect();
                assert_eq!(set.len(), 1, "{ends} {cookies}: {set:?}");
                assert_eq!(client_area(&server, &[&session]).await, 403, "{ends} {cookies}");
            }
            let logout = server.http.post(format!("{}/logout.php", server.base));
            let logout = logout.header("cookie", other).send().await.unwrap();
            assert_eq!(head(&logout, "set-cookie"), None, "{other}");
        }
    }
}

/// A browser sends the cookies of outer folders as well.
#[tokio::test]
async fn each_folder_has_a_cookie_of_its_own() {
    let outer = Server::start().await;
    let inner = Server::with(|settings| settings.base_path = "/a/whmcs".parse().unwrap()).await;
    let outer = cookie(&outer.get(&outer.link("demo@whmcs.com", None)).await);
    let login = inner.get(&format!("/a/whmcs{}", inner.link("demo@whmcs.com", None))).await;
    let session = cookie(&login);
    assert!(session.starts_with("whmcs-auth-session!a!whmcs="), "{session}");
    let both = format!("{session}; {outer}");
    let page = inner.get_with("/a/whmcs/clientarea.php", "cookie", &both).await;
    assert_eq!(page.status(), 200);
}

#[tokio::test]
async fn a_request_ends_eight_sessions_at_most() {
    let server = Server::with(|settings| settings.limits.sessions_by_client = 100).await;
    let link = server.link("demo@whmcs.com", None);
    let mut cookies = Vec::new();
    for _ in 0..10 {
        cookies.push(cookie(&server.get(&link).await));
    }
    let log_out = async |cookies: String| {
        let logout = server.http.post(format!("{}/logout.php", server.base));
        assert_eq!(logout.header("cookie", cookies).send().await.unwrap().status(), 200);
    };
    let ended = async |cookies: &[String]| {
        let mut ended = 0;
        for cookie in cookies {
            ended += usize::from(client_area(&server, &[cookie]).await == 403);
        }
        ended
    };
    log_out(cookies.join("; ")).await;
    assert_eq!(ended(&cookies).await, 8);

    // A cookie that is sent again and again is one.
    let plain = cookie(&server.get(&link).await);
    server.sql("UPDATE tblconfiguration SET value = 'https://a' WHERE setting = 'SystemURL'").await;
    let session = cookie(&server.get(&link).await);
    let again = vec![&*session; 20].join("; ");
    log_out(format!("{again}; {plain}")).await;
    assert_eq!(ended(&[session, plain]).await, 2);

    // The session behind TLS is ended before others, which anybody can plant.
    let session = cookie(&server.get(&link).await);
    let planted = (0..8).map(|number| format!("{NAME}={}", number.to_string().repeat(64)));
    let planted = planted.collect::<Vec<_>>().join("; ");
    log_out(format!("{planted}; {session}; {planted}")).await;
    assert_eq!(ended(&[session]).await, 1);
}

#[tokio::test]
async fn a_login_leads_to_no_page_that_acts_or_is_elsewhere() {
    let server = Server::with(|settings| settings.base_path = "/whmcs".parse().unwrap()).await;
    let link = format!("/whmcs{}", server.link("demo@whmcs.com", None));
    for goto in [
        "logout.php",
        "/logout.php",
        "/whmcs/logout.php",
        "/whmcs//logout.php",
        "Logout.PHP%3Fx%3D1",
        "logout.php%23x",
        "dologin.php%3Femail%3Da%26timestamp%3D1%26hash%3Db",
        "oauth/singlesignon.php%3Faccess_token%3Dx",
        "includes/api.php%3Faction%3Dx",
        // Another site, and a header of its own.
        "%2F%2Fevil.example",
        "x%0D%0ASet-Cookie%3A%20a%3Db",
    ] {
        let response = server.get(&format!("{link}&goto={goto}")).await;
        assert_eq!(head(&response, "location"), Some("clientarea.php"), "{goto}");
        assert_eq!(response.headers().get_all("set-cookie").iter().count(), 1, "{goto}");
    }
    let response = server.get(&format!("{link}&goto=clientarea.php%3Fnext%3Dlogout.php")).await;
    assert_eq!(head(&response, "location"), Some("clientarea.php?next=logout.php"));
}

#[tokio::test]
async fn a_refused_link_tells_who_is_still_logged_in() {
    let server = Server::with(|settings| {
        settings.one_time_links = true;
        settings.limits.failures = 1;
    })
    .await;
    let link = server.link("demo@whmcs.com", None);
    let cookie = cookie(&server.get(&link).await);
    let wrong = link.replace("demo", "dem0");
    for (path, status, text) in [
        (&*link, 403, "This login link was used before, and it works only once."),
        (&wrong, 403, "This login link is not valid."),
        (&link, 429, "Too many login links from your network were not genuine."),
        ("/nothing", 404, "This site has no such page."),
    ] {
        let (got, page) = answer(server.get_with(path, "cookie", &cookie).await).await;
        assert_eq!(got, status, "{path}");
        assert!(page.contains(text), "{page}");
        assert!(
            page.contains("You are still logged in as Demo Client (demo@whmcs.com)."),
            "{page}"
        );
        let go_on = r#"<a class="next" href="/clientarea.php">Go to the client area</a>"#;
        assert!(page.contains(go_on), "{page}");
        // Nobody else learns it.
        let (_, page) = answer(server.get(path).await).await;
        assert!(!page.contains("still logged in") && !page.contains("Demo"), "{page}");
    }
    server.sql("ALTER TABLE tblclients RENAME TO gone").await;
    let (status, page) = answer(server.get_with("/nothing", "cookie", &cookie).await).await;
    assert_eq!(status, 404, "although the database cannot say who is logged in");
    assert!(!page.contains("still logged in"), "{page}");
}

#[tokio::test]
async fn the_start_page_leads_to_the_client_area() {
    let server = Server::start().await;
    for path in ["/", "/index.php"] {
        let (status, page) = answer(server.get(path).await).await;
        assert_eq!(status, 200, "{path}");
        assert!(page.contains("<h1>You are not logged in</h1>"), "{page}");
    }
    let cookie = cookie(&server.get(&server.link("demo@whmcs.com", None)).await);
    let start = server.get_with("/", "cookie", &cookie).await;
    assert_eq!(start.status(), 302);
    assert_eq!(head(&start, "location"), Some("clientarea.php"));
}

#[tokio::test]
async fn a_page_has_its_style_and_runs_no_script() {
    let server = Server::start().await;
    let page = server.get("/").await;
    let policy = head(&page, "content-security-policy").unwrap();
    assert!(policy.starts_with("default-src 'none'; style-src 'sha256-"), "{policy}");
    assert!(policy.contains("form-action 'none'"), "{policy}");
    let text = page.text().await.unwrap();
    assert!(text.contains("<style>") && !text.contains("<script"), "{text}");
}

#[tokio::test]
async fn nobody_is_logged_in_without_a_session() {
    let server = Server::start().await;
    assert_eq!(server.get("/clientarea.php").await.status(), 403);
    assert_eq!(server.count("clientarea", "session_missing").await, 1);
    let zeros = format!("{NAME}={}", "0".repeat(64));
    let no_ids = ["", "1", "\"x\""].map(|value| format!("{NAME}={value}"));
    for cookie in [&*zeros, &no_ids[0], &no_ids[1], &no_ids[2], NAME, "=", ";;"] {
        let page = server.get_with("/clientarea.php", "cookie", cookie).await;
        assert_eq!(page.status(), 403, "{cookie}");
    }
    assert_eq!(server.count("clientarea", "session_unknown").await, 1);
    assert_eq!(server.count("clientarea", "session_missing").await, 7);
}

/// A browser drops the `Secure` cookie of a link that it opened over http. Two servers without shared state do not know
/// each other's sessions and tokens. The operator learns both.
#[tokio::test]
async fn a_lost_session_has_a_code() {
    let server = Server::start().await;
    server
        .sql("UPDATE tblconfiguration SET value = 'https://a.example' WHERE setting = 'SystemURL'")
        .await;
    let response = server.get(&server.link("demo@whmcs.com", None)).await;
    assert!(head(&response, "set-cookie").unwrap().contains("; Secure"));
    assert_eq!(server.get("/clientarea.php").await.status(), 403);
    assert_eq!(server.count("clientarea", "session_missing").await, 1);

    let other = Server::start().await;
    let page = other.get_with("/clientarea.php", "cookie", &cookie(&response)).await;
    assert_eq!(page.status(), 403);
    assert_eq!(other.count("clientarea", "session_unknown").await, 1);
    let ask = format!("action=CreateSsoToken&client_id=2&{}", support::PAIR);
    let token = server.json(&ask).await.1["access_token"].as_str().unwrap().to_owned();
    let page = other.get(&format!("/oauth/singlesignon.php?access_token={token}")).await;
    assert_eq!(page.status(), 403);
    assert_eq!(other.count("singlesignon", "sso_token_unknown").await, 1);
}

#[tokio::test]
async fn each_login_starts_a_new_session() {
    let server = Server::start().await;
    let link = server.link("demo@whmcs.com", None);
    let planted = format!("{NAME}={}", "a".repeat(64));
    let first = cookie(&server.get_with(&link, "cookie", &planted).await);
    assert_ne!(first, planted);
    let page = server.get_with("/clientarea.php", "cookie", &planted).await;
    assert_eq!(page.status(), 403);

    let second = cookie(&server.get_with(&link, "cookie", &first).await);
    assert_ne!(second, first);
    let page = server.get_with("/clientarea.php", "cookie", &first).await;
    assert_eq!(page.status(), 403, "the previous session has ended");
    let page = server.get_with("/clientarea.php", "cookie", &second).await;
    assert_eq!(page.status(), 200);
}

#[tokio::test]
async fn behind_tls_the_cookie_is_secure() {
    let server = Server::start().await;
    for (change, is_secure) in [
        (
            "UPDATE tblconfiguration SET value = 'https://billing.example/' WHERE setting = 'SystemURL'",
            true,
        ),
        (
            "UPDATE tblconfiguration SET value = 'HTTPS://billing.example' WHERE setting = 'SystemURL'",
            true,
        ),
        (
            "UPDATE tblconfiguration SET value = 'http://billing.example' WHERE setting = 'SystemURL'",
            false,
        ),
        ("DELETE FROM tblconfiguration", false),
    ] {
        server.sql(change).await;
        let response = server.get(&server.link("demo@whmcs.com", None)).await;
        let set = head(&response, "set-cookie").unwrap();
        let (number, attributes) = set.split_once("; ").unwrap();
        let (name, expected) = match is_secure {
            true => ("__Host-whmcs-auth-session", "HttpOnly; SameSite=Lax; Secure; Path=/"),
            false => (NAME, "HttpOnly; SameSite=Lax; Path=/"),
        };
        assert_eq!(number.split_once('=').unwrap().0, name, "{change}");
        assert_eq!(attributes, expected, "{change}");
        assert_eq!(client_area(&server, &[number]).await, 200);
    }
}

/// Only the service can set a cookie whose name begins with `__Host-`, and anybody near it can set the other.
#[tokio::test]
async fn behind_tls_a_planted_cookie_is_no_session() {
    for (folder, plain) in [("", NAME), ("/a/whmcs", "whmcs-auth-session!a!whmcs")] {
        let name = &format!("__Host-{plain}");
        let server = Server::with(|settings| {
            settings.base_path = format!("{folder}/").parse().unwrap();
        })
        .await;
        let link = format!("{folder}{}", server.link("demo@whmcs.com", None));
        let status = async |cookies: &str| {
            let path = format!("{folder}/clientarea.php");
            server.get_with(&path, "cookie", cookies).await.status().as_u16()
        };
        // From before the site had TLS.
        let old = cookie(&server.get(&link).await);
        server
            .sql("UPDATE tblconfiguration SET value = 'https://a' WHERE setting = 'SystemURL'")
            .await;
        let login = server.get(&link).await;
        let session = cookie(&login);
        let (given, id) = session.split_once('=').unwrap();
        assert_eq!(given, name);
        assert!(head(&login, "set-cookie").unwrap().ends_with("; Secure; Path=/"));
        // A browser takes a name that begins with another space and the prefix from any host.
        for planted in [plain, &format!("\u{2000}{name}"), &format!("\u{a0}{name}")] {
            assert_eq!(status(&format!("{planted}={id}")).await, 403, "planted {planted:?}");
        }
        assert_eq!(status(&format!("{name}={}", old.split_once('=').unwrap().1)).await, 403);
        assert_eq!(status(&format!("{plain}={id}; {session}; {plain}=x")).await, 200);
        assert_eq!(status(&format!("{session}; {session}")).await, 403);

        // A login ends and removes the session of the other kind.
        assert_eq!(status(&old).await, 200);
        let both = format!("{old}; {session}");
        let login = server.get_with(&link, "cookie", &both).await;
        let set: Vec<_> = login.headers().get_all("set-cookie").iter().collect();
        let [removed, given] = &set[..] else { panic!("{set:?}") };
        assert!(removed.to_str().unwrap().starts_with(&format!("{plain}=; ")), "{set:?}");
        assert!(given.to_str().unwrap().starts_with(&format!("{name}=")), "{set:?}");
        assert_eq!([status(&old).await, status(&session).await], [403, 403]);

        let logout = server.http.post(format!("{}{folder}/logout.php", server.base));
        let logout = logout.header("cookie", &both).send().await.unwrap();
        let removed = |cookie: &str| {
            let mut set = logout.headers().get_all("set-cookie").iter();
            set.any(|set| set.to_str().unwrap().starts_with(&format!("{cookie}=; ")))
        };
        assert!(removed(name) && removed(plain), "{:?}", logout.headers());
    }
}

#[tokio::test]
async fn a_link_with_an_unencoded_email_is_accepted() {
    let server = Server::start().await;
    let link = "/dologin.php?email=a+b@example.com&timestamp=1700000000\
                &hash=a28c27c2b14aa0d24698af1a453501c92d0d75e8&goto=index.php";
    let response = server.get(link).await;
    assert_eq!(head(&response, "location"), Some("index.php"));
    let page = server.get_with("/clientarea.php", "cookie", &cookie(&response)).await;
    let (_, text) = answer(page).await;
    assert!(text.contains("Ada Plus (a+b@example.com)"), "{text}");
}

#[tokio::test]
async fn a_refused_link_shows_a_message_and_sets_no_cookie() {
    let server = Server::start().await;
    let genuine = server.link("demo@whmcs.com", None);
    let unknown = server.link("nobody@example.com", None);
    let closed = server.link("closed@example.com", None);
    let invalid = "This login link is not valid.";
    let expired = "This login link has expired.";
    for (seconds, link, code, text) in [
        (0, "/dologin.php", "missing_field", invalid),
        (0, &*genuine.replace("demo", "dem0"), "hash_mismatch", invalid),
        (0, &*genuine.replace("1700000000", "1700000001"), "hash_mismatch", invalid),
        (0, &*genuine.replace("1700000000", "1700000000000"), "timestamp_format", invalid),
        (0, &*format!("{genuine}&hash=x"), "repeated_field", invalid),
        (0, &*format!("{genuine}&email[]=x"), "disguised_field", invalid),
        (0, &*unknown, "unknown_email", invalid),
        (0, &*closed, "account_closed", invalid),
        (901, &*genuine, "expired", expired),
        (-901, &*genuine, "from_future", expired),
    ] {
        let before = server.count("dologin", code).await;
        server.clock.set(support::at(1_700_000_000 + seconds));
        let response = server.get(link).await;
        assert_eq!(head(&response, "set-cookie"), None, "{code}");
        assert_eq!(head(&response, "location"), None, "{code}");
        assert_eq!(head(&response, "cache-control"), Some("no-store"), "{code}");
        assert_eq!(head(&response, "referrer-policy"), Some("no-referrer"), "{code}");
        let (status, page) = answer(response).await;
        assert_eq!(status, 403, "{code}");
        assert!(page.contains(&format!("<p>{text}</p>")), "{code}: {page}");
        let may_be_broken = page.contains("Open the whole link as you received it.");
        assert_eq!(may_be_broken, text == invalid, "{code}: {page}");
        assert_eq!(server.count("dologin", code).await, before + 1, "{code}");
    }
    server.clock.set(support::at(1_700_000_900));
    assert_eq!(server.get(&genuine).await.status(), 302, "900 s are accepted");
}

#[tokio::test]
async fn the_stored_email_is_compared_with_the_signed_one() {
    let server = Server::start().await;
    // A collation that ignores trailing spaces finds an account with another e-mail.
    server.fold_emails(1, "demo@whmcs.com  ").await;
    let link = server.link("demo@whmcs.com", None);
    let response = server.get(&link).await;
    assert_eq!(head(&response, "set-cookie"), None);
    assert_eq!(response.status(), 403);
    assert_eq!(server.count("dologin", "account_email_mismatch").await, 1);

    // If the database finds several accounts, the one with the signed e-mail counts.
    server
        .sql("INSERT INTO tblclients VALUES (50, 'D', 'C', '', 'demo@whmcs.com', '', 0, 'Active', 1)")
        .await;
    let response = server.get(&link).await;
    let page = server.get_with("/clientarea.php", "cookie", &cookie(&response)).await;
    assert!(page.text().await.unwrap().contains("D C (demo@whmcs.com)"));
}

#[tokio::test]
async fn with_one_time_links_a_link_works_once() {
    let server = Server::start().await;
    let link = server.link("demo@whmcs.com", None);
    for _ in 0..2 {
        assert_eq!(server.get(&link).await.status(), 302);
    }

    let server = Server::with(|settings| {
        settings.one_time_links = true;
        settings.limits.failures = 2;
    })
    .await;
    let link = server.link("demo@whmcs.com", None);
    let unknown = server.link("nobody@example.com", None);
    assert_eq!(server.get(&unknown).await.status(), 403);
    assert_eq!(server.get(&link).await.status(), 302);
    let hash = link.rsplit_once('=').unwrap().1;
    for again in [link.clone(), link.replace(hash, &hash.to_uppercase()), format!("{link}&goto=x")]
    {
        let response = server.get(&again).await;
        assert_eq!(head(&response, "set-cookie"), None);
        let (status, page) = answer(response).await;
        assert_eq!(status, 403);
        assert!(page.contains("This login link was used before"), "{page}");
    }
    assert_eq!(server.count("dologin", "link_used").await, 3);
    server.clock.advance(Duration::from_secs(1));
    let next = server.link("demo@whmcs.com", None);
    assert_eq!(server.get(&next).await.status(), 302);
}

#[tokio::test]
async fn a_full_replay_guard_refuses_every_link() {
    let server = Server::with(|settings| {
        settings.one_time_links = true;
        settings.limits.remembered_links = 1;
    })
    .await;
    assert_eq!(server.get(&server.link("demo@whmcs.com", None)).await.status(), 302);
    let response = server.get(&server.link("a+b@example.com", None)).await;
    assert_eq!(head(&response, "set-cookie"), None);
    assert_eq!(response.status(), 503);
    assert_eq!(server.count("dologin", "replay_guard_full").await, 1);
}

#[tokio::test]
async fn autoauth_can_be_switched_off() {
    let server = Server::start().await;
    let link = server.link("demo@whmcs.com", None);
    server.sql("UPDATE tblconfiguration SET value = '' WHERE setting = 'AllowAutoAuth'").await;
    assert_eq!(server.get(&link).await.status(), 403);
    assert_eq!(server.count("dologin", "autoauth_switched_off").await, 1);
    // MariaDB's collation finds the row in another case, too.
    server
        .sql(
            "UPDATE tblconfiguration SET setting = 'allowautoauth' WHERE setting = 'AllowAutoAuth'",
        )
        .await;
    server
        .sql(
            "CREATE TABLE folded (setting TEXT COLLATE NOCASE, value TEXT);
                INSERT INTO folded SELECT setting, value FROM tblconfiguration;
                INSERT INTO folded VALUES ('AllowAutoAuth', 'on');
                DROP TABLE tblconfiguration;
                ALTER TABLE folded RENAME TO tblconfiguration",
        )
        .await;
    assert_eq!(server.get(&link).await.status(), 403);
    assert_eq!(server.count("dologin", "autoauth_switched_off").await, 2);
    // An installation without the switch.
    server.sql("DELETE FROM tblconfiguration WHERE setting = 'AllowAutoAuth'").await;
    assert_eq!(server.get(&link).await.status(), 302);

    let server = Server::with_access(Access::new(), |_| {}).await;
    assert_eq!(server.get(&link).await.status(), 403);
    assert_eq!(server.count("dologin", "autoauth_disabled").await, 1);
}

#[tokio::test]
async fn an_unused_session_ends() {
    let server = Server::with(|settings| {
        settings.limits.session_idle_time = Duration::from_secs(3);
    })
    .await;
    let cookie = cookie(&server.get(&server.link("demo@whmcs.com", None)).await);
    for (after, expected) in [(1600, 200), (1600, 200), (4000, 403)] {
        tokio::time::sleep(Duration::from_millis(after)).await;
        let page = server.get_with("/clientarea.php", "cookie", &cookie).await;
        assert_eq!(page.status(), expected, "{after} ms after the last use");
    }
}

#[tokio::test]
async fn a_session_has_a_longest_life() {
    let server = Server::with(|settings| {
        settings.limits.session_time = Duration::from_secs(2);
    })
    .await;
    let begun = std::time::Instant::now();
    let cookie = cookie(&server.get(&server.link("demo@whmcs.com", None)).await);
    // Each use would prolong it.
    let uses = async {
        while client_area(&server, &[&cookie]).await == 200 {
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), uses).await.expect("it never ends");
    // Its end is in whole milliseconds.
    assert!(begun.elapsed() > Duration::from_millis(1_990), "it ended after {:?}", begun.elapsed());
    assert_eq!(client_area(&server, &[&cookie]).await, 403);
}

#[tokio::test]
async fn with_too_many_sessions_the_least_recently_used_one_ends() {
    let server = Server::with(|settings| settings.limits.sessions = 2).await;
    let link = server.link("demo@whmcs.com", None);
    let status = async |cookie: &str| {
        let page = server.get_with("/clientarea.php", "cookie", cookie);
        page.await.status().as_u16()
    };
    // The cache evicts entries in the background.
    let settle = || tokio::time::sleep(Duration::from_millis(500));
    let old = [cookie(&server.get(&link).await), cookie(&server.get(&link).await)];
    for _ in 0..20 {
        assert_eq!([status(&old[0]).await, status(&old[1]).await], [200, 200]);
    }
    settle().await;
    let new = cookie(&server.get(&link).await);
    settle().await;
    assert_eq!(status(&old[1]).await, 200);
    settle().await;
    assert_eq!(status(&new).await, 200, "even if the others were used more often");
    assert_eq!(status(&old[0]).await, 403);
}

#[tokio::test]
async fn a_client_has_eight_sessions_and_ends_none_of_others() {
    let server = Server::with(|settings| settings.limits.sessions = 20).await;
    let status = async |cookie: &str| {
        let page = server.get_with("/clientarea.php", "cookie", cookie);
        page.await.status().as_u16()
    };
    let other = cookie(&server.get(&server.link("a+b@example.com", None)).await);
    let link = server.link("demo@whmcs.com", None);
    let mut cookies = Vec::new();
    for _ in 0..200 {
        cookies.push(cookie(&server.get(&link).await));
    }
    assert_eq!(status(&other).await, 200);
    let (ended, live) = cookies.split_at(192);
    for cookie in live {
        assert_eq!(status(cookie).await, 200);
    }
    for cookie in ended {
        assert_eq!(status(cookie).await, 403);
    }

    // A session that was ended by its browser takes no room.
    let again = server.get_with(&link, "cookie", &live[7]).await;
    assert_eq!(status(&live[7]).await, 403);
    for cookie in [&live[..7], &[cookie(&again)]].concat() {
        assert_eq!(status(&cookie).await, 200);
    }
}

/// Only Active and Inactive get in, and stay in.
#[tokio::test]
async fn accounts_of_other_statuses_are_kept_out() {
    let server = Server::with(|settings| settings.one_time_links = true).await;
    let link = server.link("demo@whmcs.com", None);
    let cookie = cookie(&server.get(&link).await);
    server.clock.advance(Duration::from_secs(1));
    let link = server.link("demo@whmcs.com", None);
    let statuses = ["Closed", "Closed ", "closed", "Fraud", "Cancelled", "Active ", "active", ""];
    for (refused, status) in (1..).zip(statuses) {
        server.sql(&format!("UPDATE tblclients SET status = '{status}' WHERE id = 1")).await;
        let page = server.get_with("/clientarea.php", "cookie", &cookie).await;
        assert_eq!(page.status(), 403, "{status:?}");
        let response = server.get(&link).await;
        assert_eq!((response.status().as_u16(), head(&response, "set-cookie")), (403, None));
        assert_eq!(server.count("dologin", "account_closed").await, refused, "{status:?}");
    }
    server.sql("UPDATE tblclients SET status = 'Inactive' WHERE id = 1").await;
    let page = server.get_with("/clientarea.php", "cookie", &cookie).await;
    assert_eq!(page.status(), 200);
    assert_eq!(server.get(&link).await.status(), 302, "the link was not used up");
}

#[tokio::test]
async fn a_client_who_may_not_sign_on_uses_no_link_up() {
    let server = Server::with(|settings| settings.one_time_links = true).await;
    let link = server.link("demo@whmcs.com", None);
    server.sql("UPDATE tblclients SET allow_sso = 0 WHERE id = 1").await;
    let response = server.get(&link).await;
    assert_eq!((response.status().as_u16(), head(&response, "set-cookie")), (403, None));
    assert_eq!(server.count("dologin", "sso_not_allowed").await, 1);
    server.sql("UPDATE tblclients SET allow_sso = 1 WHERE id = 1").await;
    assert_eq!(server.get(&link).await.status(), 302);
}

#[tokio::test]
async fn names_are_escaped() {
    let server = Server::start().await;
    server.sql("UPDATE tblclients SET firstname = '<script>\"&' WHERE id = 1").await;
    let cookie = cookie(&server.get(&server.link("demo@whmcs.com", None)).await);
    let page = server.get_with("/clientarea.php", "cookie", &cookie).await;
    let policy = head(&page, "content-security-policy").unwrap().to_owned();
    assert!(policy.starts_with("default-src 'none'"), "{policy}");
    let text = page.text().await.unwrap();
    assert!(text.contains("&#60;script&#62;&#34;&#38; Client"), "{text}");
}
