//! How many connections are open, in all and by peer: an address, or a network of IPv6.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::client_address::network;
use crate::settings::Settings;

/// Counts open connections.
pub(crate) struct Connections {
    permits: Arc<Semaphore>,
    by_peer: Arc<Mutex<HashMap<IpAddr, usize>>>,
    most_by_peer: usize,
    trusted_proxies: Vec<IpAddr>,
}

impl Connections {
    pub(crate) fn new(settings: &Settings) -> Self {
        Self {
            permits: Arc::new(Semaphore::new(settings.limits.connections)),
            by_peer: Arc::default(),
            most_by_peer: settings.limits.connections_by_peer,
            trusted_proxies: settings.trusted_proxies.clone(),
        }
    }

    /// Waits until one more may be open, and permits it until the permit is dropped.
    pub(crate) async fn permit(&self) -> Option<OwnedSemaphorePermit> {
        // Nobody closes the semaphore.
        Arc::clone(&self.permits).acquire_owned().await.ok()
    }

    /// A slot for the peer, unless it has as many connections as one may have. A trusted proxy
    /// stands for many.
    pub(crate) fn slot(&self, peer: IpAddr) -> Option<Slot> {
        let is_trusted = self.trusted_proxies.contains(&peer.to_canonical());
        let peer = match is_trusted {
            true => peer.to_canonical(),
            false => network(peer),
        };
        let mut by_peer = lock(&self.by_peer);
        let open = by_peer.get(&peer).copied().unwrap_or(0);
        if open >= self.most_by_peer && !is_trusted {
            return None;
        }
        by_peer.insert(peer, open.saturating_add(1));
        Some(Slot { peer, by_peer: Arc::clone(&self.by_peer) })
    }
}

/// One of a peer's connections, until it is dropped.
pub(crate) struct Slot {
    peer: IpAddr,
    by_peer: Arc<Mutex<HashMap<IpAddr, usize>>>,
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut by_peer = lock(&self.by_peer);
        let Entry::Occupied(mut open) = by_peer.entry(self.peer) else {
            return;
        };
        match open.get().saturating_sub(1) {
            0 => drop(open.remove()),
            others => *open.get_mut() = others,
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
