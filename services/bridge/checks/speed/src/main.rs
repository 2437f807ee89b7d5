//! A WHMCS that answers at once, for `measure.py`. It knows every e-mail, and never answers for those that begin with
//! `silent`. It also signs links, and shows the calls that it got first.

use std::error::Error;
use std::fmt::Write;
use std::future::pending;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use tokio::net::TcpListener;
use whmcs_auth::{AutoAuthKey, SystemClock, sign_autoauth};

/// The bodies of the first calls.
type Calls = Arc<Mutex<Vec<String>>>;

const SHOWN: usize = 10;

async fn api(State(calls): State<Calls>, body: String) -> Response {
    let field = |wanted| {
        let mut fields = form_urlencoded::parse(body.as_bytes());
        fields.find(|(name, _)| name == wanted).map(|(_, value)| value).unwrap_or_default()
    };
    let email = field("email");
    let answer = match &*field("action") {
        _ if email.starts_with("silent") => pending().await,
        "GetClientsDetails" => format!(
            r#"{{"result":"success","client":{{"id":7,"email":"{email}","status":"Active"}}}}"#
        ),
        "GetClients" => {
            let email = field("search");
            format!(
                r#"{{"result":"success","totalresults":1,"clients":{{"client":[{{"id":7,"email":"{email}","status":"Active"}}]}}}}"#
            )
        }
        "CreateSsoToken" => r#"{"result":"success","access_token":"tokentoken42","redirect_url":"https://billing.example/oauth/singlesignon.php?access_token=tokentoken42"}"#.to_owned(),
        _ => return StatusCode::BAD_REQUEST.into_response(),
    };
    if let Ok(mut calls) = calls.lock()
        && calls.len() < SHOWN
    {
        calls.push(body);
    }
    ([(CONTENT_TYPE, "application/json")], answer).into_response()
}

async fn shown(State(calls): State<Calls>) -> String {
    calls.lock().map_or(String::new(), |calls| calls.join("\n"))
}

/// The queries of links with different e-mails.
async fn links(Path((name, count)): Path<(String, u32)>) -> Result<String, StatusCode> {
    let key = AutoAuthKey::new("abcXYZ123").map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?;
    let mut queries = String::new();
    for number in 0..count {
        let email = format!("{name}{number}@example.com");
        let link =
            sign_autoauth(&email, Some("clientarea.php?action=products"), &key, &SystemClock)
                .map_err(|_| StatusCode::BAD_REQUEST)?;
        // Writing to a string cannot fail.
        let _ = writeln!(queries, "{}", link.query());
    }
    Ok(queries)
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let router = Router::new()
        .route("/includes/api.php", post(api))
        .route("/calls", get(shown))
        .route("/links/{name}/{count}", get(links))
        .with_state(Calls::default());
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("listening on http://{}", listener.local_addr()?);
    Ok(axum::serve(listener, router).await?)
}
