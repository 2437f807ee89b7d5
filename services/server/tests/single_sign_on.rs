//! `CreateSsoToken`, and the page that accepts its tokens.

mod support;

use std::time::Duration;

use support::{PAIR, Server, answer, head};

const PAGE: &str = "/oauth/singlesignon.php";

async fn token(server: &Server, parameters: &str) -> String {
    let ask = format!("action=CreateSsoToken&client_id=2&{PAIR}&{parameters}");
    let (status, answer) = server.json(&ask).await;
    assert_eq!(status, 200, "{answer}");
    let token = answer["access_token"].as_str().unwrap().to_owned();
    assert_eq!(
        answer["redirect_url"],
        format!("http://billing.example{PAGE}?access_token={token}")
    );
    token
}

async fn use_token(server: &Server, token: &str) -> reqwest::Response {
    server.get(&format!("{PAGE}?access_token={token}")).await
}

#[tokio::test]
async fn a_token_works_once() {
    let server = Server::start().await;
    let token = token(&server, "").await;
    let response = use_token(&server, &token).await;
    assert_eq!(response.status(), 302);
    assert_eq!(head(&response, "location"), Some("../clientarea.php"));
    assert_eq!(head(&response, "cache-control"), Some("no-store"));
    assert_eq!(head(&response, "referrer-policy"), Some("no-referrer"));
    let set = head(&response, "set-cookie").unwrap();
    assert!(set.ends_with("; HttpOnly; SameSite=Lax; Path=/"), "{set}");
    let page = server.get_with("/clientarea.php", "cookie", set.split(';').next().unwrap()).await;
    assert!(page.text().await.unwrap().contains("Ada Plus (a+b@example.com)"));

    let again = use_token(&server, &token).await;
    assert_eq!(head(&again, "set-cookie"), None);
    let (status, page) = answer(again).await;
    assert_eq!(status, 403);
    assert!(page.contains("This login link is not valid."), "{page}");
    assert_eq!(server.count("singlesignon", "accepted").await, 1);
    assert_eq!(server.count("singlesignon", "sso_token_unknown").await, 1);
}

#[tokio::test]
async fn a_token_lives_60_seconds() {
    let server = Server::start().await;
    for (seconds, status) in [(0, 302), (59, 302), (60, 403), (61, 403), (3600, 403)] {
        let token = token(&server, "").await;
        server.clock.advance(Duration::from_secs(seconds));
        let response = use_token(&server, &token).await;
        assert_eq!(response.status(), status, "{seconds}");
        assert_eq!(head(&response, "set-cookie").is_some(), status == 302);
    }
    assert_eq!(server.count("singlesignon", "sso_token_expired").await, 3);
    let token = token(&server, "").await;
    server.clock.advance(Duration::from_secs(60));
    let (_, page) = answer(use_token(&server, &token).await).await;
    assert!(page.contains("This login link has expired."), "{page}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn concurrent_uses_of_a_token_succeed_once() {
    let server = Server::start().await;
    for _ in 0..10 {
        let token = token(&server, "").await;
        let mut visits = tokio::task::JoinSet::new();
        for _ in 0..32 {
            let url = format!("{}{PAGE}?access_token={token}", server.base);
            visits.spawn(server.http.get(url).send());
        }
        let answers = visits.join_all().await;
        let is_302 =
            |answer: &&Result<reqwest::Response, _>| answer.as_ref().unwrap().status() == 302;
        assert_eq!(answers.iter().filter(is_302).count(), 1);
    }
}

#[tokio::test]
async fn a_token_redirects_to_its_target() {
    let server = Server::start().await;
    let custom = "destination=sso:custom_redirect&sso_redirect_path=";
    for (parameters, location) in [
        (&*format!("{custom}viewinvoice.php%3Fid%3D12"), "../viewinvoice.php?id=12"),
        (&format!("{custom}cart.php%3Fgid%3D1"), "../cart.php?gid=1"),
        (&format!("{custom}%2Findex.php"), "/index.php"),
        (custom, "../clientarea.php"),
        // The path counts only with its destination.
        ("sso_redirect_path=viewinvoice.php", "../clientarea.php"),
        ("sso_redirect_path=https://evil.example", "../clientarea.php"),
        (
            "destination=clientarea:invoices&sso_redirect_path=x",
            "../clientarea.php?action=invoices",
        ),
    ] {
        let token = token(&server, parameters).await;
        let response = server
            .get(&format!("{PAGE}?access_token={token}&sso_redirect_path=https://evil.example"))
            .await;
        assert_eq!(head(&response, "location"), Some(location), "{parameters}");
    }
}

#[tokio::test]
async fn each_documented_destination_has_a_page() {
    let server = Server::start().await;
    for (destination, page) in [
        ("profile", "clientarea.php?action=details"),
        ("billing_info", "clientarea.php?action=creditcard"),
        ("emails", "clientarea.php?action=emails"),
        ("announcements", "announcements.php"),
        ("downloads", "downloads.php"),
        ("knowledgebase", "knowledgebase.php"),
        ("network_status", "serverstatus.php"),
        ("services", "clientarea.php?action=services"),
        ("product_details&service_id=7", "clientarea.php?action=productdetails&id=7"),
        ("domains", "clientarea.php?action=domains"),
        ("domain_details&domain_id=8", "clientarea.php?action=domaindetails&id=8"),
        ("invoices", "clientarea.php?action=invoices"),
        ("tickets", "supporttickets.php"),
        ("submit_ticket", "submitticket.php"),
        ("shopping_cart", "cart.php"),
        ("shopping_cart_addons", "cart.php?gid=addons"),
        ("upgrade&service_id=7&domain_id=8", "upgrade.php?type=package&id=7"),
        ("shopping_cart_domain_register", "cart.php?a=add&domain=register"),
        ("shopping_cart_domain_transfer", "cart.php?a=add&domain=transfer"),
    ] {
        let token = token(&server, &format!("destination=clientarea:{destination}")).await;
        let response = use_token(&server, &token).await;
        assert_eq!(head(&response, "location"), Some(&*format!("../{page}")), "{destination}");
    }
}

#[tokio::test]
async fn a_user_logs_in_to_its_client() {
    let server = Server::start().await;
    for (parameters, client) in [
        ("client_id=1", "Demo Client"),
        ("client_id=1&user_id=101", "Demo Client"),
        // The user is no owner of this client, and may log in to it.
        ("client_id=2&user_id=101", "Ada Plus"),
        ("user_id=102", "Ada Plus"),
        // The first of the two clients that the user owns.
        ("user_id=101", "Demo Client"),
    ] {
        let (_, made) = server.json(&format!("action=CreateSsoToken&{PAIR}&{parameters}")).await;
        let token = made["access_token"].as_str().unwrap();
        let login = use_token(&server, token).await;
        let page = server.get_with("/clientarea.php", "cookie", &support::cookie(&login)).await;
        let page = page.text().await.unwrap();
        assert!(page.contains(&format!("<p>{client} (")), "{parameters}: {page}");
    }
}

#[tokio::test]
async fn tokens_that_were_never_issued() {
    let server = Server::start().await;
    let token = token(&server, "").await;
    for query in [
        String::new(),
        "?access_token=".to_owned(),
        format!("?access_token={}", "0".repeat(64)),
        format!("?access_token={}", token.to_uppercase()),
        format!("?access_token={token}%00"),
        format!("?x&token={token}"),
    ] {
        let response = server.get(&format!("{PAGE}{query}")).await;
        assert_eq!(response.status(), 403, "{query}");
        assert_eq!(head(&response, "set-cookie"), None);
    }
    let url = format!("{}{PAGE}?access_token={token}", server.base);
    assert_eq!(server.http.head(&url).send().await.unwrap().status(), 405);
    assert_eq!(use_token(&server, &token).await.status(), 302);
}

#[tokio::test]
async fn an_account_that_was_closed_is_not_logged_in() {
    let server = Server::start().await;
    let token = token(&server, "").await;
    server.sql("UPDATE tblclients SET status = 'Closed' WHERE id = 2").await;
    let response = use_token(&server, &token).await;
    assert_eq!(head(&response, "set-cookie"), None);
    assert_eq!(response.status(), 403);
    assert_eq!(server.count("singlesignon", "sso_client_gone").await, 1);
    server.sql("UPDATE tblclients SET status = 'Inactive', allow_sso = 0 WHERE id = 2").await;
    let response = use_token(&server, &token).await;
    assert_eq!((response.status().as_u16(), head(&response, "set-cookie")), (403, None));
    assert_eq!(server.count("singlesignon", "sso_not_allowed").await, 1);
    server.sql("UPDATE tblclients SET allow_sso = 1 WHERE id = 2").await;
    assert_eq!(use_token(&server, &token).await.status(), 302, "the token was not used up");
}

#[tokio::test]
async fn the_url_starts_with_the_system_url() {
    let server = Server::start().await;
    server
        .sql("UPDATE tblconfiguration SET value = 'https://x.example/whmcs/' WHERE setting = 'SystemURL'")
        .await;
    let (_, answer) = server.json(&format!("action=CreateSsoToken&client_id=2&{PAIR}")).await;
    let url = answer["redirect_url"].as_str().unwrap();
    assert!(
        url.starts_with("https://x.example/whmcs/oauth/singlesignon.php?access_token="),
        "{url}"
    );
    let token = answer["access_token"].as_str().unwrap();
    let response = use_token(&server, token).await;
    assert!(head(&response, "set-cookie").unwrap().contains("; Secure"));
}
