//! Address, credentials, roles: WHMCS's order, over tables that are awaited.

use std::net::IpAddr;
use std::sync::Arc;

use tokio::task::spawn_blocking;
use whmcs_auth::ActionName;
use whmcs_auth::{Action, ApiAttempt, ApiCaller, ApiPolicy, ApiRequest};

use crate::database::CallerId;
use crate::refusal::Refusal;
use crate::service::Service;

/// The action, if whoever calls may do it.
pub(super) async fn authorize(
    service: &Service,
    address: IpAddr,
    request: &ApiRequest<'_>,
) -> Result<ActionName, Refusal> {
    let access_key = request.access_key();
    service.settings.addresses.check(address, access_key)?;

    let caller = verify(service, address, request.attempt()).await?;
    let span = tracing::Span::current();
    span.record("caller", tracing::field::display(&caller.id));
    span.record("mode", tracing::field::display(caller.mode));

    if let Action::Named(action) = request.action() {
        span.record("action", action);
    }

    // Roles are read for those alone who proved who they are, so that a known identifier takes no
    // more queries than an unknown one.
    let roles = service.settings.role_ids;
    let allowed = service.database.allowed_actions(&caller.id, roles).await?;
    service.database.touch(&caller.id, service.now()).await;
    let caller = caller.with_actions(allowed);
    Ok(caller.authorize(request.action(), &ApiPolicy::new())?)
}

async fn verify(
    service: &Service,
    address: IpAddr,
    attempt: ApiAttempt<'_>,
) -> Result<ApiCaller<CallerId>, Refusal> {
    if let Some(refusal) = attempt.refusal() {
        return Err(refusal.into());
    }
    // As many at once as there are cores. Whoever waited may have failed too often meanwhile.
    let permit = Arc::clone(&service.verifications).acquire_owned().await;
    let permit = permit.map_err(|error| Refusal::unavailable("stopping", error))?;
    service.throttle.check(address)?;

    let settings = &service.settings;
    let credential = match attempt.identifier() {
        Some(identifier) => service.database.credential(identifier, settings).await?,
        None => None,
    };
    let admin = match attempt.username() {
        Some(username) => service.database.admin(username, settings).await?,
        None => None,
    };
    let expected = settings.stored_forms();
    let attempt = attempt.into_owned();
    let under_way = service.metrics.verification();
    let decision = spawn_blocking(move || {
        // Held here, as this thread goes on when the caller hangs up.
        let _permit = permit;
        let _under_way = under_way;
        attempt.decide(credential.as_ref(), admin.as_ref(), expected, &ApiPolicy::new())
    });
    let verdict = decision.await;
    let verdict = verdict.map_err(|stopped| Refusal::unavailable("thread_stopped", stopped))?;
    Ok(verdict?)
}
