//! What the operator asks of the bridge.

use std::time::Duration;

use whmcs_auth_services_base::{Fault, Operated, Part};

use crate::Bridge;

impl Operated for Bridge {
    fn metrics(&self) -> String {
        let store = self.0.used_links.as_ref();
        self.0.metrics.text(store.map_or(Duration::ZERO, |store| store.links_wait()))
    }

    /// Whether used links can be remembered. WHMCS is not asked: if it is down, it is down for every bridge.
    async fn check(&self) -> Vec<Part> {
        let Some(store) = &self.0.used_links else { return Vec::new() };
        let checked = store.check_links().await;
        let fault = checked.map_err(|error| Fault { cause: error.cause, wait: error.wait });
        vec![Part { name: "state", fault: fault.err() }]
    }
}
