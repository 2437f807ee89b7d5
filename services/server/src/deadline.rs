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
    let Ok((begun, time)) = TIME.try_with(|time| *time) else { return work.await };
    let left = time.saturating_sub(begun.elapsed());
    timeout(left, work).await.unwrap_or_else(|_| {
        let cause = format_args!("the answer takes longer than {time:?} (option --answer-time)");
        Err(Refusal::unavailable("too_slow", cause))
    })
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use super::*;

    #[tokio::test]
    async fn the_limit_and_its_option_are_named() {
        let late = in_time(pending::<Result<(), Refusal>>());
        let refusal = with_time(Duration::from_millis(20), late).await.unwrap_err();
        assert_eq!(refusal.cause.code(), "too_slow");
        let expected = "the answer takes longer than 20ms (option --answer-time)";
        assert_eq!(refusal.cause.sentence(), expected);
    }
}
