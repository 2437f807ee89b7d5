//! Reads a body, with limits on its size and its time, and on the memory of all large bodies together.

use std::collections::HashMap;
use std::error::Error;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use http_body_util::{BodyExt, LengthLimitError};
use tokio::task::consume_budget;
use tokio::time::{Instant, timeout_at};

use crate::cause::{Cause, sources};
use crate::network::client_network;

/// About 34 years. A later `Instant` may not exist.
const NO_LIMIT: Duration = Duration::from_secs(1 << 30);

/// How many bytes after the limit are read and dropped. Some clients read the answer only after they sent the
/// whole body.
const DROPPED: usize = 16 * 1024 * 1024;

/// A body of this size always finds room: an ordinary call is far smaller. So large bodies never keep others out.
const SMALL: usize = 16 * 1024;

/// The limits of bodies.
#[derive(Clone)]
pub(crate) struct Limits {
    pub(crate) size: usize,
    pub(crate) time: Duration,
    pub(crate) room: Room,
}

impl Limits {
    /// The whole body, which comes from this address. It keeps its room until all its clones are dropped.
    pub(crate) async fn read(&self, mut body: Body, address: IpAddr) -> Result<Bytes, Cause> {
        let deadline = Instant::now() + self.time.min(NO_LIMIT);
        let read = timeout_at(deadline, self.collect(&mut body, address));
        let end = match read.await {
            Ok(Ok(body)) => return Ok(body),
            Ok(Err(end)) => end,
            Err(_) => return Err(Cause::body_late(self.time)),
        };
        let cause = match end {
            End::Broken => return Err(Cause::body_broken()),
            End::TooLarge => Cause::body_too_large(self.size),
            End::NoRoom => Cause::no_room_for_body(),
        };
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
        Err(cause)
    }

    /// Copies the frames into one buffer. A frame of one byte takes many times its size, so frames are not kept.
    async fn collect(&self, body: &mut Body, address: IpAddr) -> Result<Bytes, End> {
        if body.size_hint().lower() > u64::try_from(self.size).unwrap_or(u64::MAX) {
            return Err(End::TooLarge);
        }
        let mut place = self.room.place(client_network(address), self.size);
        let mut bytes = Vec::new();
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|error| match is_too_large(&error) {
                true => End::TooLarge,
                false => End::Broken,
            })?;
            let Ok(data) = frame.into_data() else { continue };
            let length = bytes.len().saturating_add(data.len());
            if length > self.size {
                return Err(End::TooLarge);
            }
            if length > bytes.capacity() {
                // Twice as much as before, so that the bytes are copied few times.
                let capacity = length.max(bytes.len().saturating_mul(2)).min(self.size);
                if !place.grow(capacity) {
                    return Err(End::NoRoom);
                }
                bytes.reserve_exact(capacity.saturating_sub(bytes.len()));
            }
            bytes.extend_from_slice(&data);
            consume_budget().await;
        }
        Ok(Bytes::from_owner(Placed { bytes, _place: place }))
    }
}

/// Why a body was not read to its end.
enum End {
    TooLarge,
    Broken,
    NoRoom,
}

/// A layer of the service may have a limit of its own, whose error is wrapped.
fn is_too_large(error: &(dyn Error + 'static)) -> bool {
    sources(error).any(|error| error.is::<LengthLimitError>())
}

/// The memory that large bodies have together. Clones share it.
#[derive(Clone)]
pub(crate) struct Room {
    bytes: usize,
    taken: Taken,
}

/// What the networks take that take something.
type Taken = Arc<Mutex<HashMap<IpAddr, usize>>>;

impl Room {
    pub(crate) fn new(bytes: usize) -> Self {
        Self { bytes, taken: Arc::default() }
    }

    /// A place for a body of up to `size` bytes. A network has at most half of the room, so it cannot keep all others
    /// out. There is always room for one body.
    fn place(&self, network: IpAddr, size: usize) -> Place {
        let most = self.bytes.max(size);
        let most_by_network = (self.bytes / 2).max(size);
        Place { taken: Arc::clone(&self.taken), network, most, most_by_network, bytes: 0 }
    }
}

/// The room that one body has. Dropping it makes the room free.
struct Place {
    taken: Taken,
    network: IpAddr,
    most: usize,
    most_by_network: usize,
    bytes: usize,
}

impl Place {
    /// Makes room for a body of that size. Returns whether there is so much.
    fn grow(&mut self, size: usize) -> bool {
        if size <= SMALL {
            return true;
        }
        let more = size.saturating_sub(self.bytes);
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let together = taken.values().sum::<usize>().saturating_add(more);
        let by_network = taken.get(&self.network).map_or(more, |bytes| bytes.saturating_add(more));
        if together > self.most || by_network > self.most_by_network {
            return false;
        }
        taken.insert(self.network, by_network);
        self.bytes = size;
        true
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        // Most bodies are small, and have nothing in the map.
        if self.bytes == 0 {
            return;
        }
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(bytes) = taken.get_mut(&self.network) {
            *bytes = bytes.saturating_sub(self.bytes);
            if *bytes == 0 {
                taken.remove(&self.network);
            }
        }
    }
}

/// A body with its place.
struct Placed {
    bytes: Vec<u8>,
    _place: Place,
}

impl AsRef<[u8]> for Placed {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}
