//! When a request must be answered. It limits everything that waits while the request is answered.

use std::time::{Duration, Instant};

use tokio::time::timeout;

use crate::refusal::Refusal;

tokio::task_local! {
    /// When the request began, and how long it may take.
    static TIME: (Instant, Duration);
}

/// Within `work`, [`in_time`] refuses once this time is over.
pub(crate) async fn with_time<T>(time: Duration, work: impl Future<Output = T>) -> T {
    TIME.scope((Instant::now(), time), work).await
}

/// Runs `work`, and refuses the request if its time ends before `work` does. Outside a request there is
/// no limit.
pub(crate) async fn in_time<T>(
    work: impl Future<Output = Result<T, Refusal>>,
) -> Result<T, Refusal> {
    let left = TIME.try_with(|(begun, time)| time.saturating_sub(begun.elapsed()));
    timeout(left.unwrap_or(Duration::MAX), work)
        .await
        .unwrap_or_else(|late| Err(Refusal::unavailable("too_slow", late)))
}
