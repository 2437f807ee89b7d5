//! Why nobody was logged in: a code and a sentence for the operator, a page for the visitor.

use axum::http::StatusCode;
use axum::response::Response;
use whmcs_auth::{AutoAuthRefusal, Refusal as _};
use whmcs_auth_axum::{Cause, Report};
use whmcs_auth_services_base::{Page, advice, title};
use whmcs_auth_state::UseError;

pub(crate) const LATER: &str = "The login does not work at the moment. Please try again later.";
/// A link that was used up cannot be used again, because WHMCS may have made a token.
pub(crate) const NEW_LINK: &str =
    "The login did not work, and the link cannot be used again. Please ask for a new link.";

pub(crate) fn link_in_flight() -> Cause {
    let sentence = "the link is genuine, but another login with it is in flight";
    Cause::new("link_in_flight", sentence, 503, LATER)
}

pub(crate) fn too_many_logins() -> Cause {
    let sentence = "too many logins wait for WHMCS: see --max-calls-in-flight";
    Cause::new("too_many_logins", sentence, 503, LATER)
}

/// Only the operator learns it.
pub(crate) fn visitor_gone() -> Cause {
    let sentence =
        "the visitor hung up before WHMCS had found the client, so the link was not used";
    Cause::new("visitor_gone", sentence, 499, LATER)
}

/// The task of a login did not end.
pub(crate) fn stopped() -> Cause {
    let sentence = "the login did not end: the service stops, or a line above names a fault";
    Cause::new("stopped", sentence, 503, NEW_LINK)
}

/// The answer is the same as for a link without an account.
pub(crate) fn sso_not_allowed() -> Cause {
    let sentence = "the link is genuine, but WHMCS does not allow single sign-on for its client";
    let like = AutoAuthRefusal::UnknownEmail;
    Cause::new("sso_not_allowed", sentence, like.http_status(), like.public_message())
}

/// The link was used, or the store cannot tell.
pub(crate) fn not_used(error: UseError) -> Cause {
    match error {
        UseError::Refused(refusal) => refusal.into(),
        UseError::State(error) => {
            let cause = Cause::new(error.code, error.cause, 503, LATER);
            match error.wait {
                Some(wait) => cause.with_retry_after(wait),
                None => cause,
            }
        }
    }
}

/// The page. The message is a fixed sentence of this program or of the library.
pub(crate) fn page(report: &Report) -> Response {
    let (status, message) = (report.http_status(), report.cause().message());
    let page = Page::new(title(status)).says(message);
    let not_genuine = AutoAuthRefusal::HashMismatch.public_message();
    match status {
        StatusCode::FORBIDDEN => page.says(advice(message == not_genuine)),
        _ => page,
    }
    .answer(status)
}
