//! Limits open connections, in total and for each peer. A peer is an IPv4 address or an IPv6 /64.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::limits::ConnectionLimits;
use whmcs_auth_axum::client_network;

/// Counts open connections.
pub(super) struct Connections {
    permits: Arc<Semaphore>,
    by_peer: Arc<Mutex<HashMap<IpAddr, usize>>>,
    max_by_peer: usize,
}

impl Connections {
    pub(super) fn new(limits: &ConnectionLimits) -> Self {
        Self {
            permits: Arc::new(Semaphore::new(limits.open)),
            by_peer: Arc::default(),
            max_by_peer: limits.open_by_peer,
        }
    }

    /// Waits until one more connection may open. Dropping the permit allows the next one.
    pub(super) async fn permit(&self) -> Option<OwnedSemaphorePermit> {
        // Fails only on a closed semaphore, and nothing closes this one.
        Arc::clone(&self.permits).acquire_owned().await.ok()
    }

    /// Takes a slot for the peer, or returns `None` if the peer has too many open connections. Trusted
    /// proxies have no limit, because each of them serves many clients.
    pub(super) fn slot(&self, peer: IpAddr, is_trusted: bool) -> Option<Slot> {
        let peer = match is_trusted {
            true => peer.to_canonical(),
            false => client_network(peer),
        };
        let mut by_peer = lock(&self.by_peer);
        let open = by_peer.get(&peer).copied().unwrap_or(0);
        if open >= self.max_by_peer && !is_trusted {
            return None;
        }
        by_peer.insert(peer, open.saturating_add(1));
        Some(Slot { peer, by_peer: Arc::clone(&self.by_peer) })
    }
}

/// One open connection of a peer. Dropping it frees the slot.
pub(super) struct Slot {
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
