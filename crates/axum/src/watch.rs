//! Who watches: a layer that hands each report to the service.

use std::fmt;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::http::Extensions;
use axum::http::header::{
    CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG, LAST_MODIFIED, SET_COOKIE,
    TRANSFER_ENCODING, VARY,
};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::recent::Recent;
use crate::report::Report;

type Watcher = Arc<dyn Fn(&Report) + Send + Sync>;
type Page = Arc<dyn Fn(&Report) -> Response + Send + Sync>;

/// Who watches the requests, and what the page of a refusal looks like: the state of [`watch`].
#[derive(Clone)]
#[must_use]
pub struct Watch {
    watcher: Watcher,
    recent: Arc<Recent>,
    page: Option<Page>,
}

impl Watch {
    /// Hands each [`Report`] to this function. The function gets one for each refusal, and one for each accepted
    /// request that was followed only in part. It gets the latter at most once a minute for each code and each sender. A
    /// sender is an IPv4 address or an IPv6 /64.
    pub fn new(watcher: impl Fn(&Report) + Send + Sync + 'static) -> Self {
        Self { watcher: Arc::new(watcher), recent: Arc::default(), page: None }
    }

    /// Answers refused login links, and refusals of the service's own routes, with this page in place of a line of
    /// text. The status and the headers of the refusal are kept. Refused API calls are not changed.
    pub fn with_page<R: IntoResponse>(
        mut self,
        page: impl Fn(&Report) -> R + Send + Sync + 'static,
    ) -> Self {
        self.page = Some(Arc::new(move |report| page(report).into_response()));
        self
    }
}

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watch").field("has_page", &self.page.is_some()).finish_non_exhaustive()
    }
}

/// What an extractor leaves for the layer.
#[derive(Clone, Default)]
struct Notes(Arc<Mutex<Note>>);

#[derive(Default)]
struct Note {
    /// The report of an accepted request.
    report: Option<Report>,
    /// The address of the visitor who opened a link. A handler's refusal of the link does not know it.
    address: Option<IpAddr>,
}

impl Notes {
    fn lock(&self) -> MutexGuard<'_, Note> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Leaves the report of an accepted request, if it has one, for the layer, if there is one.
pub(crate) fn leave(extensions: &Extensions, report: impl FnOnce() -> Option<Report>) {
    if let Some(notes) = extensions.get::<Notes>() {
        notes.lock().report = report();
    }
}

/// Leaves the address of a visitor for the layer, if there is one.
pub(crate) fn leave_address(extensions: &Extensions, address: Option<IpAddr>) {
    if let Some(notes) = extensions.get::<Notes>() {
        notes.lock().address = address;
    }
}

/// A middleware for [`from_fn_with_state`](axum::middleware::from_fn_with_state), around all routes.
///
/// # Examples
///
/// ```
/// use axum::Router;
/// use axum::middleware::from_fn_with_state;
/// use whmcs_auth_axum::{Report, Watch, watch};
///
/// fn watched(routes: Router) -> Router {
///     routes.layer(from_fn_with_state(Watch::new(|report: &Report| eprintln!("{report}")), watch))
/// }
/// ```
pub async fn watch(State(watch): State<Watch>, mut request: Request, next: Next) -> Response {
    let notes = Notes::default();
    request.extensions_mut().insert(notes.clone());
    let uri = request.uri().clone();
    let route = request.extensions().get::<MatchedPath>().cloned();
    let mut response = next.run(request).await;
    let Note { report: left, address } = std::mem::take(&mut *notes.lock());
    let of_answer = response.extensions_mut().remove::<Report>();
    let Some(report) = of_answer.or(left) else { return response };
    let report = report.on_route(uri, route).or_address(address);
    if report.is_accepted() {
        let report = report.with_status(response.status());
        if watch.recent.note(report.code(), report.address(), Instant::now()) {
            (watch.watcher)(&report);
        }
        return response;
    }
    (watch.watcher)(&report);
    match &watch.page {
        Some(page) if !report.is_call() => with_page(response, page(&report)),
        _ => response,
    }
}

/// The page, with the status and the headers of the refusal.
fn with_page(refusal: Response, page: Response) -> Response {
    let (mut head, _) = refusal.into_parts();
    let (page_head, body) = page.into_parts();
    // These describe the line of text. A layer in between may have set any of them.
    for of_text in [
        CONTENT_TYPE,
        CONTENT_LENGTH,
        CONTENT_ENCODING,
        CONTENT_RANGE,
        TRANSFER_ENCODING,
        ETAG,
        LAST_MODIFIED,
    ] {
        head.headers.remove(of_text);
    }
    let of_refusal = std::mem::replace(&mut head.headers, page_head.headers);
    // A response may have several of these.
    for name in of_refusal.keys().filter(|name| ![SET_COOKIE, VARY].contains(name)) {
        head.headers.remove(name);
    }
    for (name, value) in &of_refusal {
        head.headers.append(name, value.clone());
    }
    Response::from_parts(head, body)
}
