//! Reads a body, with limits on its size and its time.

use std::error::Error;
use std::time::Duration;

use axum::body::{Body, Bytes};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use tokio::task::consume_budget;
use tokio::time::{Instant, timeout_at};

use crate::cause::{Cause, sources};

/// About 30 years, as tokio's own timers have it. A later `Instant` may not exist.
const NO_LIMIT: Duration = Duration::from_secs(30 * 365 * 24 * 3600);

/// How many bytes after the limit are read and dropped. Some clients read the answer only after they sent the
/// whole body.
const DROPPED: usize = 16 * 1024 * 1024;

/// The whole body.
pub(crate) async fn read(mut body: Body, limit: usize, time: Duration) -> Result<Bytes, Cause> {
    let deadline = Instant::now() + time.min(NO_LIMIT);
    match timeout_at(deadline, Limited::new(&mut body, limit).collect()).await {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(error)) if is_too_large(&*error) => {
            let rest = async {
                let mut left = DROPPED;
                while let Some(Ok(frame)) = body.frame().await
                    && let Some(less) = left.checked_sub(frame.data_ref().map_or(1, Bytes::len))
                {
                    left = less;
                    consume_budget().await;
                }
            };
            let _ = timeout_at(deadline, rest).await;
            Err(Cause::body_too_large(limit))
        }
        Ok(Err(_)) => Err(Cause::body_broken()),
        Err(_) => Err(Cause::body_late(time)),
    }
}

/// A layer of the service may have a limit of its own, whose error is wrapped.
fn is_too_large(error: &(dyn Error + 'static)) -> bool {
    sources(error).any(|error| error.is::<LengthLimitError>())
}
