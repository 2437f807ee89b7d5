//! A genuine login link, as an extractor.

use axum::extract::{FromRef, FromRequestParts};
use axum::http::request::Parts;
use std::marker::PhantomData;
use whmcs_auth::time::OffsetDateTime;
use whmcs_auth::{AutoAuthLogin, AutoAuthRequest};

use crate::authenticator::Authenticator;
use crate::rejection::{Cause, Rejection};

/// The login of a genuine link inside its window, out of the query of a GET.
///
/// Look its e-mail up, and pass all accounts that were found to
/// [`check_account`](AutoAuthLogin::check_account). Then choose how often the link may be used, and answer with
/// [`redirect`](whmcs_auth::AcceptedLogin::redirect).
///
/// Any other method than GET is refused with status 405: a HEAD would use up a link that works once. So
/// is a request that says that a browser fetches ahead.
#[derive(Debug)]
#[must_use]
pub struct LoginLink<S> {
    login: AutoAuthLogin<'static>,
    verified_at: OffsetDateTime,
    store: PhantomData<fn() -> S>,
}

impl<S> LoginLink<S> {
    /// The login.
    pub fn into_login(self) -> AutoAuthLogin<'static> {
        self.login
    }

    /// The time at which the link was verified. Pass it to
    /// [`use_once`](whmcs_auth::AccountLogin::use_once).
    #[must_use]
    pub fn verified_at(&self) -> OffsetDateTime {
        self.verified_at
    }

    /// The login.
    pub fn login(&self) -> &AutoAuthLogin<'static> {
        &self.login
    }
}

impl<S, T> FromRequestParts<T> for LoginLink<S>
where
    S: Send + Sync + 'static,
    Authenticator<S>: FromRef<T>,
    T: Send + Sync,
{
    type Rejection = Rejection;

    async fn from_request_parts(parts: &mut Parts, state: &T) -> Result<Self, Rejection> {
        let auth = Authenticator::<S>::from_ref(state);
        if parts.method != axum::http::Method::GET {
            return Err(Rejection::of_link(Cause::MethodNotGet));
        }
        let purpose = parts.headers.get("sec-purpose").map(|value| value.as_bytes());
        if purpose.is_some_and(|purpose| purpose.starts_with(b"prefetch")) {
            return Err(Rejection::of_link(Cause::Prefetch));
        }
        let settings = auth.settings();
        let request = AutoAuthRequest::from_query(parts.uri.query().unwrap_or_default());
        let now = settings.clock.now();
        let login = request.verify(&settings.keys, &now, &settings.link_policy)?;
        Ok(Self { login: login.into_owned(), verified_at: now, store: PhantomData })
    }
}
