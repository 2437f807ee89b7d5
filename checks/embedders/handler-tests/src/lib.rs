//! Handlers of a service, tested with callers and logins that no request made.

use axum::body::Body;
use axum::http::header::SET_COOKIE;
use axum::response::{IntoResponse, Response};
use whmcs_auth_axum::whmcs_auth::answer::Value;
use whmcs_auth_axum::whmcs_auth::gate::AuthorizedCall;
use whmcs_auth_axum::whmcs_auth::{
    AcceptedLogin, ApiMode, AutoAuthLogin, AutoAuthRefusal, MemoryStore,
};
use whmcs_auth_axum::{ApiCall, LoginLink, Rejection};

type Store = MemoryStore<u64>;

/// Admins see all clients, and an API credential the first ones.
pub fn visible_clients(call: &AuthorizedCall<u64>) -> i64 {
    match call.caller.mode {
        ApiMode::AdminLogin => 1000,
        ApiMode::Credential | ApiMode::CredentialAsLogin => 10,
    }
}

/// The answer to `GetClients`.
pub async fn api(call: ApiCall<Store>) -> Response {
    match call.parameter("search") {
        Some(_) => call.success(&[("totalresults", Value::from(1))]),
        None => call.error(400, "Search Is Missing"),
    }
}

/// The line that the log gets for a login.
pub fn log_line(login: &AcceptedLogin<'_, u64>) -> String {
    format!("{} goes to {}", login.account(), login.goto().target_or("clientarea.php"))
}

/// The account, out of those that were found.
pub fn account(login: AutoAuthLogin<'_>, found: &[&str]) -> Result<usize, AutoAuthRefusal> {
    let found = found.iter().copied().enumerate();
    Ok(login.check_account(found, |(_, email)| email, |_| true)?.repeatable().into_account().0)
}

/// The page that a link opens.
pub async fn dologin(LoginLink { login, .. }: LoginLink) -> Result<Response, Rejection> {
    let login = login.check_account(["demo@whmcs.com"], |email| email, |_| true)?.repeatable();
    let cookie = [(SET_COOKIE, "session=1; SameSite=Lax")];
    Ok((cookie, login.redirect::<Body>("clientarea.php")).into_response())
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::http::Request;
    use axum::routing::any;
    use tower::ServiceExt;
    use whmcs_auth_axum::whmcs_auth::replay::ReplayGuard;
    use whmcs_auth_axum::whmcs_auth::time::OffsetDateTime;
    use whmcs_auth_axum::whmcs_auth::{
        AllowedActions, ApiCaller, AutoAuthKey, Received, SystemClock, sign_autoauth,
    };
    use whmcs_auth_axum::{Access, LinkVerifier, Report};

    use super::*;

    fn call(mode: ApiMode) -> AuthorizedCall<u64> {
        AuthorizedCall::for_test(ApiCaller::for_test(7, mode), "GetClients")
    }

    #[test]
    fn admins_see_all_clients() {
        assert_eq!(visible_clients(&call(ApiMode::AdminLogin)), 1000);
        assert_eq!(visible_clients(&call(ApiMode::Credential)), 10);
    }

    #[test]
    fn calls_and_callers_are_compared() {
        assert_eq!(call(ApiMode::Credential), call(ApiMode::Credential));
        assert_ne!(call(ApiMode::Credential), call(ApiMode::CredentialAsLogin));
        let caller = call(ApiMode::Credential).caller;
        assert_ne!(caller.clone().with_actions(AllowedActions::all()), caller);
    }

    #[tokio::test]
    async fn a_search_is_needed() {
        let status = async |query: &str| {
            let received = Received::new().with_query(query);
            let call =
                ApiCall::for_test(call(ApiMode::Credential), received, [127, 0, 0, 1].into());
            api(call).await.status()
        };
        assert_eq!(status("search=demo").await, 200);
        assert_eq!(status("search=").await, 400);
    }

    #[test]
    fn a_goto_is_logged_only_if_it_stays_on_the_site() {
        let line = |goto| log_line(&AcceptedLogin::for_test(7, goto));
        assert_eq!(line("index.php"), "7 goes to index.php");
        assert_eq!(line("//evil.example"), "7 goes to clientarea.php");
    }

    #[test]
    fn the_right_account_is_found() {
        let login = || AutoAuthLogin::for_test("mike@example.com", 1_700_000_000);
        assert_eq!(account(login(), &["míke@example.com", "Mike@example.com"]), Ok(1));
        let refusal = account(login(), &["míke@example.com"]);
        assert_eq!(refusal, Err(AutoAuthRefusal::AccountEmailMismatch));
    }

    #[test]
    fn a_guard_tells_made_logins_apart() {
        let guard = ReplayGuard::new(10);
        let now = OffsetDateTime::from_unix_timestamp(1_700_000_000).unwrap();
        for (email, timestamp, is_first) in [
            ("a@example.com", 1_700_000_000, true),
            ("a@example.com", 1_700_000_000, false),
            ("b@example.com", 1_700_000_000, true),
            ("a@example.com", 1_700_000_001, true),
            ("a@example.com", 1_699_999_099, false),
        ] {
            let login = AutoAuthLogin::for_test(email, timestamp);
            assert_eq!(guard.first_use(&login, now).is_ok(), is_first, "{email} {timestamp}");
        }
    }

    #[tokio::test]
    async fn a_login_gets_a_session() {
        let key = || AutoAuthKey::new("abcXYZ123").unwrap();
        let links = LinkVerifier::new(Access::new().with_keys(key()));
        let router = Router::new().route("/dologin.php", any(dologin)).with_state(links);
        let open = async |email| {
            let link = sign_autoauth(email, None, &key(), &SystemClock).unwrap();
            let url = link.url("https://billing.example.com").unwrap();
            router.clone().oneshot(Request::get(url).body(Body::empty()).unwrap()).await.unwrap()
        };
        let response = open("demo@whmcs.com").await;
        assert_eq!(response.status(), 302);
        assert_eq!(response.headers()["location"], "clientarea.php");
        assert_eq!(response.headers()["set-cookie"], "session=1; SameSite=Lax");
        let response = open("other@whmcs.com").await;
        assert_eq!(response.status(), 403);
        let report = response.extensions().get::<Report>().unwrap();
        assert_eq!(report.code(), "account_email_mismatch");
    }
}
