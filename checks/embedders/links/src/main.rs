//! Login links with axum: the right account, one use, and a redirect.

use std::error::Error;
use std::sync::Arc;

use axum::extract::{FromRef, State};
use axum::http::HeaderValue;
use axum::http::header::SET_COOKIE;
use axum::middleware::map_response;
use axum::response::Response;
use axum::routing::get;
use axum::{Router, serve};
use tokio::net::TcpListener;
use whmcs_auth_axum::whmcs_auth::AutoAuthKey;
use whmcs_auth_axum::whmcs_auth::replay::ReplayGuard;
use whmcs_auth_axum::{LinkVerifier, LoginLink, Rejection, Report};

#[derive(Clone)]
struct App {
    links: LinkVerifier,
    guard: Arc<ReplayGuard>,
    clients: Arc<[Client]>,
}

impl FromRef<App> for LinkVerifier {
    fn from_ref(app: &App) -> Self {
        app.links.clone()
    }
}

struct Client {
    id: u64,
    email: &'static str,
}

impl App {
    /// Finds what a collation finds that ignores case and accents.
    fn clients_like(&self, email: &str) -> Vec<&Client> {
        let fold = |email: &str| email.to_lowercase().replace('í', "i");
        let email = fold(email);
        self.clients.iter().filter(|client| fold(client.email) == email).collect()
    }
}

async fn dologin(
    LoginLink { login, now }: LoginLink,
    State(app): State<App>,
) -> Result<Response, Rejection> {
    let found = app.clients_like(login.email());
    let login =
        login.check_account(found, |client| client.email, |_| true)?.use_once(&app.guard, now)?;
    let mut response = login.redirect("clientarea.php");
    // A service draws the session's name at random.
    let cookie = HeaderValue::from(login.account().id);
    response.headers_mut().insert(SET_COOKIE, cookie);
    Ok(response)
}

async fn log(response: Response) -> Response {
    if let Some(Report { code, cause, .. }) = response.extensions().get() {
        eprintln!("{code}: {cause}");
    }
    response
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let client = |(id, email)| Client { id, email };
    let clients = [(1, "demo@whmcs.com"), (2, "a+b@example.com"), (3, "míke@example.com")];
    let app = App {
        links: LinkVerifier::new(AutoAuthKey::new("abcXYZ123")?),
        guard: Arc::new(ReplayGuard::new(100_000)),
        clients: clients.into_iter().map(client).collect(),
    };
    let router =
        Router::new().route("/dologin.php", get(dologin)).layer(map_response(log)).with_state(app);

    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("listening on {}", listener.local_addr()?);
    Ok(serve(listener, router).await?)
}
