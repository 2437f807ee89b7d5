//! What the operator asks of the service.

use std::fmt::Display;
use std::time::Duration;

use tokio::time::timeout;
use whmcs_auth_services_base::{Operated, Part};

use crate::service::Service;

/// How long each part may take to answer.
const CHECK_TIME: Duration = Duration::from_secs(1);

impl Operated for Service {
    fn metrics(&self) -> String {
        self.metrics_text()
    }

    async fn check(&self) -> Vec<Part> {
        let (database, state) =
            tokio::join!(is_ready(self.database.ping()), is_ready(self.state.check()));
        vec![
            Part { name: "database", is_ready: database },
            // Used links, sessions, tokens and failures can be kept.
            Part { name: "state", is_ready: state },
        ]
    }
}

async fn is_ready<E: Display>(answer: impl Future<Output = Result<(), E>>) -> bool {
    let error = match timeout(CHECK_TIME, answer).await {
        Ok(Ok(())) => return true,
        Ok(Err(error)) => error.to_string(),
        Err(late) => late.to_string(),
    };
    tracing::warn!(error, "a part of the service does not answer");
    false
}
