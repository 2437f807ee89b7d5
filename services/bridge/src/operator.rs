//! What the operator asks of the bridge.

use whmcs_auth_services_base::{Operated, Part};

use crate::Bridge;

impl Operated for Bridge {
    fn metrics(&self) -> String {
        self.0.metrics.text()
    }

    /// Whether used links can be remembered. WHMCS is not asked: if it is down, it is down for every bridge.
    async fn check(&self) -> Vec<Part> {
        let Some(store) = &self.0.used_links else { return Vec::new() };
        let checked = store.check().await;
        if let Err(error) = &checked {
            tracing::warn!(code = error.code, "used links cannot be remembered: {}", error.cause);
        }
        vec![Part { name: "state", is_ready: checked.is_ok() }]
    }
}
