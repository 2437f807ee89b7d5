//! How many connections are open, in all and by peer.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::settings::Settings;

/// Counts open connections.
pub(crate) struct Connections {
    room: Arc<Semaphore>,
    by_peer: Arc<Mutex<HashMap<IpAddr, usize>>>,
    most_by_peer: usize,
    trusted_proxies: Vec<IpAddr>,
}

impl Connections {
    pub(crate) fn new(settings: &Settings) -> Self {
        Self {
            room: Arc::new(Semaphore::new(settings.limits.connections)),
            by_peer: Arc::default(),
            most_by_peer: settings.limits.connections_by_peer,
            trusted_proxies: settings.trusted_proxies.clone(),
        }
    }

    /// Waits until there is room for one more, which is taken until what comes back is dropped.
    pub(crate) async fn room(&self) -> Option<OwnedSemaphorePermit> {
        // Nobody closes the semaphore.
        Arc::clone(&self.room).acquire_owned().await.ok()
    }

    /// A place for the peer, unless it has as many connections as one may have. A trusted proxy
    /// stands for many.
    pub(crate) fn place(&self, peer: IpAddr) -> Option<Place> {
        let peer = peer.to_canonical();
        let mut by_peer = lock(&self.by_peer);
        let open = by_peer.get(&peer).copied().unwrap_or(0);
        if open >= self.most_by_peer && !self.trusted_proxies.contains(&peer) {
            return None;
        }
        by_peer.insert(peer, open + 1);
        Some(Place {
            peer,
            by_peer: Arc::clone(&self.by_peer),
        })
    }
}

/// The place of one connection of a peer, until it is dropped.
pub(crate) struct Place {
    peer: IpAddr,
    by_peer: Arc<Mutex<HashMap<IpAddr, usize>>>,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut by_peer = lock(&self.by_peer);
        if let Some(open) = by_peer.get_mut(&self.peer) {
            *open -= 1;
            if *open == 0 {
                by_peer.remove(&self.peer);
            }
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
