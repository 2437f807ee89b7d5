//! The links whose login is in flight: one login for each link at a time.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use whmcs_auth::ReplayKey;

/// The links whose login is in flight.
#[derive(Default)]
pub(crate) struct LinksInFlight(Mutex<HashSet<[u8; 20]>>);

impl LinksInFlight {
    /// Notes the link until the returned value is dropped. `None` if another login has noted it.
    pub(crate) fn begin(self: &Arc<Self>, link: ReplayKey) -> Option<LinkInFlight> {
        let key = *link.as_bytes();
        self.keys().insert(key).then(|| LinkInFlight { links: Arc::clone(self), key })
    }

    fn keys(&self) -> MutexGuard<'_, HashSet<[u8; 20]>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A link whose login is in flight.
pub(crate) struct LinkInFlight {
    links: Arc<LinksInFlight>,
    key: [u8; 20],
}

impl Drop for LinkInFlight {
    fn drop(&mut self) {
        self.links.keys().remove(&self.key);
    }
}
