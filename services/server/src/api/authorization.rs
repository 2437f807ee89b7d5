//! Checks address, credentials and API roles, in WHMCS's order, over an async database.

use std::net::IpAddr;
use std::time::Instant;

use tokio::task::{JoinError, spawn_blocking};
use tracing::Instrument;
use whmcs_auth::cache::Recall;
use whmcs_auth::{
    Action, ActionName, ApiAttempt, ApiCaller, ApiPolicy, ApiRequest, PendingDecision,
};

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
    service.verifications.prove(address);
    let span = tracing::Span::current();
    span.record("caller", tracing::field::display(&caller.id));
    span.record("mode", tracing::field::display(caller.mode));

    if let Action::Named(action) = request.action() {
        span.record("action", action);
    }

    service.database.touch(&caller.id, service.now()).await;
    let allowed = service.database.allowed_actions(&caller.id, service.settings.role_ids);
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
    let name = attempt.identifier().unwrap_or_default().to_owned();
    let pending = attempt.look_up(&service.credentials()).await?;
    let pending = match recall(service, pending) {
        Recall::Accepted(caller) => return Ok(caller),
        Recall::Pending(pending) => pending,
    };
    // After the look-ups, so that a slow database holds no slot.
    let waiting = service.metrics.waiting();
    let slot = service.verifications.slot(address, &name).await?;
    drop(waiting);
    // The client may have reached the limit of failures while it waited, so check again.
    service.throttle.check(Guess::Secret, address).await?;
    // A call with the same secret may have been verified while this one waited.
    let pending = match recall(service, pending) {
        Recall::Accepted(caller) => return Ok(caller),
        Recall::Pending(pending) => pending,
    };

    let running = service.metrics.verification();
    let throttle = service.throttle.clone();
    // In a task of its own, which goes on when the caller hangs up. Otherwise a caller could guess, hang up before
    // the failure counts, and ask the cache whether the guess was right.
    let decision = async move {
        // Both are held until the failure is counted.
        let held = (slot, running);
        let decided = spawn_blocking(move || (pending.decide(&ApiPolicy::new()), held));
        let (verdict, _held) = decided.await?;
        let mut verdict = verdict.map_err(Refusal::from);
        if let Err(refusal) = &mut verdict
            && let Some(guess) = refusal.guess.take()
        {
            throttle.count(guess, address).await;
        }
        Ok(verdict)
    };
    let verdict: Result<_, JoinError> = tokio::spawn(decision.in_current_span()).await.flatten();
    verdict.map_err(|stopped| Refusal::unavailable("thread_stopped", stopped))?
}

/// Asks the cache, if there is one. It takes no thread and no slot.
fn recall(
    service: &Service,
    pending: PendingDecision<CallerId>,
) -> Recall<ApiCaller<CallerId>, PendingDecision<CallerId>> {
    match &service.cache {
        Some(cache) => pending.recall(cache, Instant::now(), &ApiPolicy::new()),
        None => Recall::Pending(pending),
    }
}
