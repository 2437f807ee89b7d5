//! The same check as a layer, for many routes at once.

use std::fmt;

use axum::BoxError;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use whmcs_auth::AsyncCredentialStore;

use crate::authenticator::Authenticator;
use crate::rejection::Rejection;

/// A middleware for [`from_fn_with_state`](axum::middleware::from_fn_with_state). It lets authorized API
/// calls through, and answers all others.
///
/// A handler after it takes the verified call as `Extension<ApiCall<S>>`. The extractor
/// [`ApiCall`](crate::ApiCall) alone would verify the call once more.
///
/// The body is passed on unchanged.
///
/// # Errors
///
/// A [`Rejection`].
///
/// # Security
///
/// Take the fields from [`received`](crate::ApiCall::received). A handler that reads the body by other rules
/// may read other fields than those that were verified.
///
/// # Examples
///
/// ```
/// use axum::middleware::from_fn_with_state;
/// use axum::response::Response;
/// use axum::routing::post;
/// use axum::{Extension, Router};
/// use whmcs_auth_axum::whmcs_auth::MemoryStore;
/// use whmcs_auth_axum::{ApiCall, Authenticator, authorize};
///
/// type Store = MemoryStore<u64>;
///
/// async fn api(Extension(call): Extension<ApiCall<Store>>) -> Response {
///     call.success(&[])
/// }
///
/// fn router(auth: Authenticator<Store>) -> Router {
///     let layer = from_fn_with_state(auth, authorize::<Store>);
///     Router::new().route("/includes/api.php", post(api)).route_layer(layer)
/// }
/// ```
pub async fn authorize<S>(
    State(auth): State<Authenticator<S>>,
    request: Request,
    next: Next,
) -> Result<Response, Rejection>
where
    S: AsyncCredentialStore<Id: fmt::Debug, Error: Into<BoxError>> + Send + 'static,
{
    let (mut head, body) = request.into_parts();
    let (call, body) = auth.call(&head, body).await?;
    head.extensions.insert(call);
    Ok(next.run(Request::from_parts(head, Body::from(body))).await)
}
