//! Work that goes on if the caller hangs up.

use futures_util::FutureExt;
use tokio::runtime::Handle;

/// Begins the work. It goes on to its end, even if nobody waits for it. With a store in memory it ends at once.
/// `None` if the program stops.
pub(crate) fn to_its_end<T: Send + 'static>(
    work: impl Future<Output = T> + Send + 'static,
) -> impl Future<Output = Option<T>> {
    let mut work = Box::pin(work);
    let done = work.as_mut().now_or_never();
    let task = match (&done, Handle::try_current()) {
        (None, Ok(runtime)) => Some(runtime.spawn(work)),
        _ => None,
    };
    async move {
        match task {
            Some(task) => task.await.ok(),
            None => done,
        }
    }
}
