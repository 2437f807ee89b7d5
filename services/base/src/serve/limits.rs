//! How many connections there may be, and how long they may take.

use std::time::Duration;

use clap::Args;
use procfs::process::{LimitValue, Process};

/// Limits on connections.
#[derive(Clone, Debug)]
pub struct ConnectionLimits {
    /// The most open connections.
    pub open: usize,
    /// The most open connections of one peer. Trusted proxies are exempt.
    pub open_by_peer: usize,
    /// The most connections that wait for the next request. Others are closed after their answer.
    pub idle: usize,
    /// The most time for the head of a request to arrive.
    pub head_time: Duration,
    /// How long a connection waits for the next request.
    pub idle_time: Duration,
    /// The most time from the head of a request until its connection is closed or waits for the next one.
    pub request_time: Duration,
    /// The most time that open connections have to end when the program stops.
    pub shutdown_time: Duration,
}

impl Default for ConnectionLimits {
    fn default() -> Self {
        Self {
            open: 512,
            open_by_peer: 128,
            idle: 256,
            head_time: Duration::from_secs(10),
            idle_time: Duration::from_secs(75),
            request_time: Duration::from_secs(60),
            shutdown_time: Duration::from_secs(10),
        }
    }
}

/// The options for connections.
#[derive(Args)]
pub struct ConnectionOptions {
    /// Seconds that a connection waits for the next request. Your proxy should wait less.
    #[arg(long, value_name = "SECONDS", default_value_t = ConnectionLimits::default().idle_time.as_secs(), value_parser = clap::value_parser!(u64).range(1..=3600))]
    idle_time: u64,

    /// The most connections that wait for the next request. With 0 each connection carries one request.
    #[arg(long, value_name = "NUMBER", default_value_t = 256, value_parser = clap::value_parser!(u32).range(..=1_000_000))]
    idle_connections: u32,
}

impl ConnectionOptions {
    /// The limits of a program that answers each request within `answer_time`. Half of the files that the process
    /// may open stay free for the operator, the database and other services.
    #[must_use]
    pub fn limits(&self, answer_time: Duration) -> ConnectionLimits {
        let default = ConnectionLimits::default();
        let half = open_files().map_or(default.open, |files| files / 2);
        let open = default.open.min(half.max(1));
        if open < default.open {
            tracing::warn!(open, "few connections, because the process may open few files");
        }
        ConnectionLimits {
            open,
            idle: usize::try_from(self.idle_connections).unwrap_or(usize::MAX),
            idle_time: Duration::from_secs(self.idle_time),
            request_time: answer_time.saturating_add(Duration::from_secs(40)),
            ..default
        }
    }
}

/// How many files the process may open, if that is known and limited.
fn open_files() -> Option<usize> {
    match Process::myself().ok()?.limits().ok()?.max_open_files.soft_limit {
        LimitValue::Value(files) => usize::try_from(files).ok(),
        LimitValue::Unlimited => None,
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Program {
        #[command(flatten)]
        connections: ConnectionOptions,
    }

    #[test]
    fn each_option_sets_its_limit() {
        let options = ["program", "--idle-time", "5", "--idle-connections", "7"];
        let Program { connections } = Program::try_parse_from(options).unwrap();
        let limits = connections.limits(Duration::from_secs(3));
        let seconds = Duration::from_secs;
        assert_eq!(
            (limits.idle, limits.idle_time, limits.request_time),
            (7, seconds(5), seconds(43))
        );
        let half = open_files().map_or(512, |files| files / 2);
        assert_eq!(limits.open, half.clamp(1, 512));
    }
}
