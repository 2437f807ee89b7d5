//! The options of the command line.

mod access;
mod database;

use std::net::SocketAddr;
use std::time::Duration;

use clap::{Args, Parser};
use whmcs_auth::BcryptCost;
use whmcs_auth_server::{BasePath, Limits, Settings};
use whmcs_auth_services_base::ConnectionOptions;
use whmcs_auth_state::{StateError, StateOptions};

pub use self::access::{AccessError, AccessOptions, ReadAccess};
pub use self::database::{DatabaseOptions, TableOptions};
use crate::commands::Command;

/// The WHMCS API and AutoAuth, over the tables of a WHMCS database. Without a command it serves them.
#[derive(Parser)]
#[command(name = "whmcs-auth-server", version, args_conflicts_with_subcommands = true)]
pub struct CommandLine {
    #[command(subcommand)]
    pub command: Option<Command>,

    #[command(flatten)]
    pub options: Options,
}

/// Reads the number of matches that are remembered.
fn cache_entries(text: &str) -> Result<usize, String> {
    const MOST: usize = 10_000_000;
    let number = text.parse().ok().filter(|number| *number <= MOST);
    number.ok_or_else(|| format!("it is not a number from 0 to {MOST}"))
}

/// The options of the service.
#[derive(Args)]
pub struct Options {
    /// Address and port to listen on. Port 0 picks a free port.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8080")]
    pub listen: SocketAddr,

    /// Address and port of /metrics, /healthz and /readyz. Visitors must not reach them.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8081")]
    pub operator_listen: SocketAddr,

    #[command(flatten)]
    connections: ConnectionOptions,

    #[command(flatten)]
    pub database: DatabaseOptions,

    #[command(flatten)]
    pub access: AccessOptions,

    /// Folder of the installation, such as /whmcs. A proxy must pass on the whole path.
    #[arg(long, value_name = "PATH", default_value_t)]
    pub base_path: BasePath,

    /// Also accept API calls by GET. Their secrets are then in the URL, which proxies log.
    #[arg(long)]
    allow_get: bool,

    /// Answer the errors of an action with a status such as 404. By default it is 200, which public clients
    /// expect.
    #[arg(long)]
    action_error_statuses: bool,

    #[command(flatten)]
    pub state: StateOptions,

    /// An address is refused after this many failures in a minute.
    #[arg(long, value_name = "NUMBER", default_value_t = Limits::default().failures, value_parser = clap::value_parser!(u32).range(1..))]
    max_failures: u32,

    /// Largest request body, in KiB. Attachments arrive as base64 in a form field.
    #[arg(long, value_name = "KIB", default_value_t = Limits::default().body_kib, value_parser = clap::value_parser!(u32).range(1..=1024 * 1024))]
    max_body: u32,

    /// Limit in MiB of all request bodies over 16 KiB together. Those of one network get half of it. The service needs twice as much memory for them.
    #[arg(long, value_name = "MIB", default_value_t = Limits::default().bodies_mib, value_parser = clap::value_parser!(u32).range(1..=1024 * 1024))]
    max_bodies: u32,

    #[command(flatten)]
    tables: TableOptions,

    /// The highest bcrypt cost in the database. A refusal takes as long as a check of this cost.
    #[arg(long, value_name = "COST", default_value_t = 10, value_parser = clap::value_parser!(u32).range(4..=31))]
    pub bcrypt_cost: u32,

    /// How many connections the API may open to the database. The pages may open the same number of their own.
    #[arg(long, value_name = "NUMBER", default_value_t = Limits::default().database_connections, value_parser = clap::value_parser!(u32).range(1..=1000))]
    database_connections: u32,

    /// Seconds to wait for a free connection to the database, and seconds to open one.
    #[arg(long, value_name = "SECONDS", default_value_t = Limits::default().database_connect_time.as_secs(), value_parser = clap::value_parser!(u64).range(1..=3600))]
    database_connect_time: u64,

    /// Seconds after which a query is given up.
    #[arg(long, value_name = "SECONDS", default_value_t = Limits::default().query_time.as_secs(), value_parser = clap::value_parser!(u64).range(1..=3600))]
    query_time: u64,

    /// Seconds after which a request is answered with 503.
    #[arg(long, value_name = "SECONDS", default_value_t = Limits::default().answer_time.as_secs(), value_parser = clap::value_parser!(u64).range(1..=3600))]
    answer_time: u64,

    /// How many matches of a secret and its bcrypt hash may be remembered. With 0 every call needs bcrypt.
    #[arg(long, value_name = "NUMBER", default_value_t = Limits::default().cache_entries, value_parser = cache_entries)]
    cache_entries: usize,

    /// Seconds that a match is remembered. With 0 every call needs bcrypt.
    #[arg(long, value_name = "SECONDS", default_value_t = Limits::default().cache_age.as_secs(), value_parser = clap::value_parser!(u64).range(0..=3600))]
    cache_age: u64,
}

impl Options {
    /// The limits.
    ///
    /// # Errors
    ///
    /// If options do not go together.
    pub fn limits(&self) -> Result<Limits, StateError> {
        let answer_time = Duration::from_secs(self.answer_time);
        Ok(Limits {
            link_ahead_time: self.state.max_ahead()?,
            body_kib: self.max_body,
            bodies_mib: self.max_bodies,
            failures: self.max_failures,
            database_connections: self.database_connections,
            database_connect_time: Duration::from_secs(self.database_connect_time),
            query_time: Duration::from_secs(self.query_time),
            answer_time,
            connections: self.connections.limits(answer_time),
            cache_entries: self.cache_entries,
            cache_age: Duration::from_secs(self.cache_age),
            ..Limits::default()
        })
    }

    /// The settings of a service at `base_url`.
    pub fn settings(&self, base_url: String, bcrypt_cost: BcryptCost, limits: Limits) -> Settings {
        Settings {
            allow_get: self.allow_get,
            action_error_statuses: self.action_error_statuses,
            one_time_links: self.state.one_time_links,
            role_ids: self.tables.role_ids,
            api_access_permission: self.tables.api_access_permission,
            bcrypt_cost,
            base_path: self.base_path.clone(),
            base_url,
            limits,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_option_sets_its_limit() {
        let options = [
            "server",
            "--max-ahead=1",
            "--max-body=2",
            "--max-bodies=3",
            "--max-failures=4",
            "--database-connections=5",
            "--database-connect-time=6",
            "--query-time=7",
            "--answer-time=8",
            "--cache-entries=9",
            "--cache-age=10",
        ];
        let limits = CommandLine::try_parse_from(options).unwrap().options.limits().unwrap();
        let seconds = Duration::from_secs;
        assert_eq!(limits.link_ahead_time, seconds(1));
        assert_eq!((limits.body_kib, limits.bodies_mib, limits.failures), (2, 3, 4));
        assert_eq!((limits.database_connections, limits.database_connect_time), (5, seconds(6)));
        assert_eq!((limits.query_time, limits.answer_time), (seconds(7), seconds(8)));
        assert_eq!((limits.cache_entries, limits.cache_age), (9, seconds(10)));
        assert_eq!(limits.connections.request_time, seconds(48));
    }
}
