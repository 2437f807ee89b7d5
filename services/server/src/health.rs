//! What the operator asks of the service.

use std::time::Duration;

use tokio::time::timeout;
use whmcs_auth_services_base::{Fault, Operated, Part};
use whmcs_auth_state::check;

use crate::service::Service;

/// How long each part may take to answer.
const CHECK_TIME: Duration = Duration::from_secs(1);

impl Operated for Service {
    fn metrics(&self) -> String {
        self.metrics_text()
    }

    async fn check(&self) -> Vec<Part> {
        let database = async {
            self.database
                .ping()
                .await
                .map_err(|error| Fault { cause: error.to_string(), wait: None })
        };
        let state = async {
            let checked = check(&*self.state, self.settings.one_time_links).await;
            checked.map_err(|error| Fault { cause: error.cause, wait: error.wait })
        };
        let (database, state) = tokio::join!(in_time(database), in_time(state));
        vec![
            Part { name: "database", fault: database.err() },
            // Used links, sessions, tokens and failures can be kept.
            Part { name: "state", fault: state.err() },
        ]
    }
}

async fn in_time(check: impl Future<Output = Result<(), Fault>>) -> Result<(), Fault> {
    let late = |_| Fault { cause: "it did not answer in a second".to_owned(), wait: None };
    timeout(CHECK_TIME, check).await.map_err(late)?
}
