//! The answer to a refused request.

use std::net::IpAddr;

use axum::http::{self, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use whmcs_auth::answer::Answer;
use whmcs_auth::{AutoAuthRefusal, Received, ReplayRefusal};

use crate::cause::Cause;
use crate::report::Report;

/// The answer to a refused request. It holds the [`Report`] for [`watch`](crate::watch).
///
/// An API call is answered in the format that the caller asked for. Everything else is answered with a line of plain
/// text, or with the page of [`Watch::with_page`](crate::Watch::with_page). No cache may keep these answers.
///
/// A handler also returns one: [`ApiCall::refuse`](crate::ApiCall::refuse) makes one for an API call, and `?` makes
/// one out of a [`Cause`] and out of the refusals of a login link.
#[derive(Debug)]
#[must_use]
pub struct Rejection(Box<Refused>);

/// Boxed, so that a `Result` with a [`Rejection`] is small.
#[derive(Debug)]
struct Refused {
    response: Response,
    report: Report,
}

const NO_REFERRER: HeaderValue = HeaderValue::from_static("no-referrer");

impl Rejection {
    /// The answer to an API call.
    pub(crate) fn of_call(report: Report, received: &Received) -> Self {
        let cause = report.cause();
        let status = cause.http_status().as_u16();
        let answer = Answer::error(status, cause.message(), &received.api_request());
        let mut response = http::Response::<String>::from(answer).into_response();
        cause.add_headers(response.headers_mut());
        Self(Box::new(Refused { response, report }))
    }

    /// The answer to any other request. No other site learns its URL, which may be a login link.
    pub(crate) fn of_page(report: Report) -> Self {
        let cause = report.cause();
        let mut response = (cause.http_status(), cause.message().to_owned()).into_response();
        let headers = response.headers_mut();
        cause.add_headers(headers);
        headers.insert(header::REFERRER_POLICY, NO_REFERRER);
        Self(Box::new(Refused { response, report }))
    }

    /// The refusal of a login link, after its [`LoginLink`](crate::LoginLink) was extracted. Its report has findings.
    /// `?` converts the library's refusals of a link into it.
    pub fn of_link(cause: impl Into<Cause>, address: Option<IpAddr>) -> Self {
        Self::of_page(Report::of_link(cause.into()).with_address(address))
    }

    /// Answers with another response, such as a page of the service. The headers of the refusal are added to it, and
    /// its report stays.
    pub fn with_response(self, response: impl IntoResponse) -> Self {
        let mut response = response.into_response();
        let cause = self.report().cause();
        *response.status_mut() = cause.http_status();
        cause.add_headers(response.headers_mut());
        if !self.report().is_call() {
            response.headers_mut().insert(header::REFERRER_POLICY, NO_REFERRER);
        }
        Self(Box::new(Refused { response, report: self.0.report }))
    }

    /// What to log and to count.
    pub fn report(&self) -> &Report {
        &self.0.report
    }
}

impl From<Cause> for Rejection {
    fn from(cause: Cause) -> Self {
        Self::of_page(Report::of_other(cause))
    }
}

impl From<AutoAuthRefusal> for Rejection {
    fn from(refusal: AutoAuthRefusal) -> Self {
        Self::of_link(refusal, None)
    }
}

impl From<ReplayRefusal> for Rejection {
    fn from(refusal: ReplayRefusal) -> Self {
        Self::of_link(refusal, None)
    }
}

impl IntoResponse for Rejection {
    fn into_response(self) -> Response {
        let Refused { mut response, report } = *self.0;
        response.extensions_mut().insert(report);
        response
    }
}
