//! Checks address, credentials and API roles, in WHMCS's order, over an async database.

use std::net::IpAddr;
use std::sync::Arc;

use tokio::task::spawn_blocking;
use whmcs_auth::{Action, ActionName, ApiAttempt, ApiCaller, ApiPolicy, ApiRequest};

use super::address::check_address;
use crate::database::CallerId;
use crate::refusal::Refusal;
use crate::service::Service;
use crate::throttle::Guess;

/// Returns the action if the caller may do it.
pub(super) async fn authorize(
    service: &Service,
    address: IpAddr,
    request: &ApiRequest<'_>,
) -> Result<ActionName, Refusal> {
    check_address(service, address, request).await?;

    let caller = verify(service, address, request.attempt()).await?;
    let span = tracing::Span::current();
    span.record("caller", tracing::field::display(&caller.id));
    span.record("mode", tracing::field::display(caller.mode));

    if let Action::Named(action) = request.action() {
        span.record("action", action);
    }

    service.database.touch(&caller.id, service.now()).await;
    let allowed = caller.id.allowed_actions(service.settings.role_ids);
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
    let pending = attempt.look_up(&service.credentials()).await?;
    // After the look-ups, so that a slow database holds no permit.
    let permit = Arc::clone(&service.verifications).acquire_owned().await;
    let permit = permit.map_err(|error| Refusal::unavailable("stopping", error))?;
    // The client may have reached the limit of failures while it waited, so check again.
    service.throttle.check(Guess::Secret, address)?;

    let running = service.metrics.verification();
    let decision = spawn_blocking(move || {
        // The thread holds both, because it goes on when the caller hangs up.
        let _permit = permit;
        let _running = running;
        pending.decide(&ApiPolicy::new())
    });
    let verdict = decision.await;
    let verdict = verdict.map_err(|stopped| Refusal::unavailable("thread_stopped", stopped))?;
    Ok(verdict?)
}
