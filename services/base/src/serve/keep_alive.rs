//! How long a connection waits for its client, and how many connections wait for the next request.
//!
//! hyper has one timeout for the head of a request and for the wait before it. With 10 s, requests would be lost,
//! because proxies keep connections for a minute. With 75 s, a slow head would hold a connection for 75 s. hyper
//! also has no timeout for a client that does not read its answer, and no limit on idle connections.

use std::future::poll_fn;
use std::io;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, sleep_until};

use super::limits::ConnectionLimits;

/// The connections that wait for the next request.
pub(super) struct KeepAlive {
    places: Arc<Semaphore>,
    times: Times,
}

/// How long a connection may take.
#[derive(Clone, Copy)]
struct Times {
    head: Duration,
    answer: Duration,
    idle: Duration,
}

impl KeepAlive {
    pub(super) fn new(limits: &ConnectionLimits) -> Self {
        Self {
            places: Arc::new(Semaphore::new(limits.idle)),
            times: Times {
                head: limits.head_time,
                answer: limits.request_time,
                idle: limits.idle_time,
            },
        }
    }

    /// Watches a new connection. It must send the head of its first request in time.
    pub(super) fn watch(&self) -> Watch {
        let state = State { until: later(self.times.head), idle: None };
        let places = Arc::clone(&self.places);
        Watch(Arc::new(Watched { places, times: self.times, state: Mutex::new(state) }))
    }
}

/// Watches one connection. All calls come from the task of the connection.
#[derive(Clone)]
pub(super) struct Watch(Arc<Watched>);

struct Watched {
    places: Arc<Semaphore>,
    times: Times,
    state: Mutex<State>,
}

struct State {
    /// When the connection is closed.
    until: Instant,
    /// Its place among the idle connections, while it is one of them.
    idle: Option<OwnedSemaphorePermit>,
}

impl Watch {
    /// The head of a request has arrived.
    pub(super) fn begin(&self) {
        self.go_on(self.0.times.answer);
    }

    /// The request is answered. Returns whether the connection may wait for the next one.
    pub(super) fn end(&self) -> bool {
        let Self(watched) = self;
        let mut state = watched.state();
        state.idle = Arc::clone(&watched.places).try_acquire_owned().ok();
        let may_wait = state.idle.is_some();
        if may_wait {
            state.until = later(watched.times.idle);
        }
        may_wait
    }

    /// Bytes have arrived. For an idle connection they begin the next head.
    fn received(&self) {
        if self.0.state().idle.is_some() {
            self.go_on(self.0.times.head);
        }
    }

    fn go_on(&self, time: Duration) {
        *self.0.state() = State { until: later(time), idle: None };
    }

    /// Runs the connection to its end, or returns `None` when its time is over.
    pub(super) async fn run<T>(&self, connection: impl Future<Output = T>) -> Option<T> {
        let mut connection = pin!(connection);
        let until = || self.0.state().until;
        let mut sleep = pin!(sleep_until(until()));
        poll_fn(|context| {
            if let Poll::Ready(end) = connection.as_mut().poll(context) {
                return Poll::Ready(Some(end));
            }
            // Only the connection itself, which was just polled, changes its time.
            if sleep.deadline() != until() {
                sleep.as_mut().reset(until());
            }
            sleep.as_mut().poll(context).map(|()| None)
        })
        .await
    }

    /// A stream that reports what it receives.
    pub(super) fn stream<S>(&self, stream: S) -> WatchedStream<S> {
        WatchedStream { stream, watch: self.clone() }
    }
}

impl Watched {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn later(time: Duration) -> Instant {
    let now = Instant::now();
    now.checked_add(time).unwrap_or(now)
}

/// A stream whose received bytes are reported.
pub(super) struct WatchedStream<S> {
    stream: S,
    watch: Watch,
}

impl<S: AsyncRead + Unpin> AsyncRead for WatchedStream<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(context, buffer))?;
        if buffer.filled().len() > before {
            self.watch.received();
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for WatchedStream<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};
    use tokio::time::sleep;

    use super::*;

    const HEAD: Duration = Duration::from_secs(10);
    const IDLE: Duration = Duration::from_secs(75);
    const REQUEST: Duration = Duration::from_secs(60);

    fn keep_alive(idle: usize) -> KeepAlive {
        KeepAlive::new(&ConnectionLimits {
            idle,
            head_time: HEAD,
            idle_time: IDLE,
            request_time: REQUEST,
            ..ConnectionLimits::default()
        })
    }

    /// How long a connection lives in which nothing more happens.
    async fn life(watch: &Watch) -> Duration {
        let begun = Instant::now();
        assert!(watch.run(pending::<()>()).await.is_none());
        // The clock of tokio has milliseconds.
        Duration::from_secs(begun.elapsed().as_secs())
    }

    #[tokio::test(start_paused = true)]
    async fn each_time_begins_where_the_one_before_ends() {
        let keep_alive = keep_alive(1);
        let watch = keep_alive.watch();
        assert_eq!(life(&watch).await, HEAD, "a new connection owes a head");

        let watch = keep_alive.watch();
        sleep(HEAD / 2).await;
        watch.begin();
        assert_eq!(life(&watch).await, REQUEST, "after its head a request is answered");

        let watch = keep_alive.watch();
        watch.begin();
        sleep(REQUEST / 2).await;
        assert!(watch.end());
        assert_eq!(life(&watch).await, IDLE, "after the answer a connection is idle");
    }

    #[tokio::test(start_paused = true)]
    async fn the_first_byte_begins_the_next_head() {
        let keep_alive = keep_alive(1);
        let watch = keep_alive.watch();
        watch.begin();
        assert!(watch.end());
        sleep(IDLE - Duration::from_secs(1)).await;
        let (mut client, server) = duplex(64);
        let mut stream = watch.stream(server);
        client.write_all(b"G").await.unwrap();
        stream.read_u8().await.unwrap();
        sleep(HEAD / 2).await;
        // Later bytes of the head give no more time.
        client.write_all(b"E").await.unwrap();
        stream.read_u8().await.unwrap();
        assert_eq!(life(&watch).await, HEAD / 2);
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_that_ends_is_not_closed() {
        let watch = keep_alive(1).watch();
        assert_eq!(watch.run(async { sleep(HEAD / 2).await }).await, Some(()));
    }

    #[tokio::test]
    async fn few_connections_wait() {
        let keep_alive = keep_alive(1);
        let [first, second] = [keep_alive.watch(), keep_alive.watch()];
        assert!(first.end());
        assert!(!second.end(), "the only place is taken");
        first.begin();
        assert!(second.end(), "a request leaves the place");
        drop(second);
        assert!(first.end(), "so does a connection that ends");
    }
}
