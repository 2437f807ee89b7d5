//! A memory in a Redis or Valkey server that several machines share.
//!
//! Redis forgets: when it restarts, when a replica takes over, when somebody empties it, or when its memory
//! is full and its policy evicts keys. A session that is forgotten only ends. A link that is forgotten could be
//! used again. So Redis has a key with the time since when it remembers. The key's name holds the random id of
//! the process, which a new process draws anew, and the random id of its data, which a server draws anew when it
//! becomes a master. A link that can have been used before that time is refused.

use std::time::{Duration, Instant};

use ::redis::aio::MultiplexedConnection;
use ::redis::{AsyncConnectionConfig, Client, FromRedisValue, Pipeline, RedisError, cmd, pipe};
use async_trait::async_trait;
use time::OffsetDateTime;
use tokio::sync::Mutex;
use whmcs_auth::{AutoAuthLogin, ReplayRefusal};

use crate::{Count, Key, StateError, Store, UseError, choose_tls_provider};

/// How far the clock of this machine and the clock of Redis may differ. If they differ more, no link is
/// accepted.
pub const MAX_CLOCK_DIFFERENCE: Duration = Duration::from_secs(60);

const CONNECTION_TIME: Duration = Duration::from_secs(2);
const ANSWER_TIME: Duration = Duration::from_secs(1);

/// How long a check of the server is trusted. The check covers eviction, replication and the clock.
const CHECKED_FOR: Duration = Duration::from_secs(10);

/// How long a failed connection is not tried again, so that requests do not queue for the next attempt.
const PAUSE: Duration = Duration::from_millis(500);

/// Adds a key to a list, forgets the keys of the list that are gone, and deletes the oldest others.
const BOUND: &str = "
    for _, key in ipairs(redis.call('LRANGE', KEYS[1], 0, -1)) do
        if redis.call('EXISTS', key) == 0 then redis.call('LREM', KEYS[1], 0, key) end
    end
    redis.call('RPUSH', KEYS[1], ARGV[1])
    while redis.call('LLEN', KEYS[1]) > tonumber(ARGV[2]) do
        redis.call('DEL', redis.call('LPOP', KEYS[1]))
    end
    redis.call('PEXPIRE', KEYS[1], ARGV[3])
";

/// Remembers in Redis.
pub struct Redis {
    client: Client,
    /// Whether the URL asks for TLS.
    is_tls: bool,
    link: Mutex<Link>,
}

enum Link {
    Closed,
    Failed(StateError, Instant),
    Open(Open),
}

/// A connection to one process of Redis. It never becomes a connection to another.
#[derive(Clone)]
struct Open {
    connection: MultiplexedConnection,
    /// The key with the time since when this process remembers.
    since: String,
    checked: Instant,
}

impl Redis {
    /// A memory in the server of a URL, such as `redis://:PASSWORD@HOST:6379/0`, or `rediss://` with TLS.
    /// The server need not run yet: [`check`](Store::check) tells whether it does.
    ///
    /// # Errors
    ///
    /// If the text is no such URL. The error does not hold the text.
    pub fn new(url: &str) -> Result<Self, StateError> {
        choose_tls_provider();
        let client = Client::open(url)
            .map_err(|_| StateError::new("state_url", "not a URL such as redis://HOST:6379/0"))?;
        let is_tls = url.starts_with("rediss:");
        Ok(Self { client, is_tls, link: Mutex::new(Link::Closed) })
    }

    /// The open connection, or a new one.
    async fn open(&self, is_check: bool) -> Result<Open, StateError> {
        let mut link = self.link.lock().await;
        let open = match &*link {
            Link::Open(open) if !is_check && open.checked.elapsed() < CHECKED_FOR => {
                return Ok(open.clone());
            }
            Link::Failed(error, at) if at.elapsed() < PAUSE => return Err(error.clone()),
            Link::Open(open) => inspect(open.connection.clone()).await,
            Link::Failed(..) | Link::Closed => self.connect().await,
        };
        *link = match &open {
            Ok(open) => Link::Open(open.clone()),
            Err(error) => Link::Failed(error.clone(), Instant::now()),
        };
        open
    }

    async fn connect(&self) -> Result<Open, StateError> {
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(CONNECTION_TIME))
            .set_response_timeout(Some(ANSWER_TIME));
        let connected = self.client.get_multiplexed_async_connection_with_config(&config).await;
        inspect(connected.map_err(|error| self.not_connected(error))?).await
    }

    /// A server without TLS does not answer, or answers what is not TLS.
    fn not_connected(&self, error: RedisError) -> StateError {
        let is_broken = error.is_timeout() || error.is_io_error();
        match self.is_tls && is_broken && !error.is_connection_refusal() {
            true => {
                let cause = format!("no TLS connection to Redis, as rediss:// asks for: {error}");
                StateError::new("state_tls", cause)
            }
            false => error.into(),
        }
    }

    async fn ask<T: FromRedisValue>(&self, pipeline: &Pipeline) -> Result<T, StateError> {
        let mut open = self.open(false).await?;
        self.ask_over(&mut open, pipeline).await
    }

    async fn ask_over<T: FromRedisValue>(
        &self,
        open: &mut Open,
        pipeline: &Pipeline,
    ) -> Result<T, StateError> {
        let answer = pipeline.query_async(&mut open.connection).await;
        if answer.is_err() {
            // Whatever it was: the next request checks the server again.
            *self.link.lock().await = Link::Closed;
        }
        Ok(answer?)
    }
}

/// Refuses a server that may forget, and notes since when the others remember.
async fn inspect(mut connection: MultiplexedConnection) -> Result<Open, StateError> {
    let info: String = cmd("INFO").query_async(&mut connection).await?;
    let field = |name: &str| {
        let mut lines = info.lines().filter_map(|line| line.split_once(':'));
        lines.find(|(field, _)| *field == name).map(|(_, value)| value.trim()).ok_or_else(|| {
            let cause = format!("INFO does not show {name}, so nobody knows whether Redis forgets");
            StateError::new("state_unknown", cause)
        })
    };
    let mode = field("redis_mode")?;
    if mode != "standalone" {
        let cause = format!("Redis runs in the mode {mode}, and only standalone is supported");
        return Err(StateError::new("state_mode", cause));
    }
    if field("role")? != "master" {
        return Err(StateError::new("state_replica", "this Redis is a replica"));
    }
    let policy = field("maxmemory_policy")?;
    if policy != "noeviction" && field("maxmemory")? != "0" {
        let cause = format!("Redis evicts keys when it is full: its maxmemory-policy is {policy}");
        return Err(StateError::new("state_evicts", cause));
    }
    let (process, data) = (field("run_id")?, field("master_replid")?);
    let since = format!("whmcs-auth:since:{process}:{data}:{}", field("evicted_keys")?);

    let (redis_now, _): (i64, i64) = cmd("TIME").query_async(&mut connection).await?;
    let difference = OffsetDateTime::now_utc().unix_timestamp().abs_diff(redis_now);
    if difference > MAX_CLOCK_DIFFERENCE.as_secs() {
        let cause = format!("the clocks of this machine and of Redis are {difference} s apart");
        return Err(StateError::new("state_clock", cause));
    }
    let mut remember = cmd("SET");
    remember.arg(&since).arg(redis_now).arg("NX");
    let _: Option<String> = remember.query_async(&mut connection).await?;
    Ok(Open { connection, since, checked: Instant::now() })
}

#[async_trait]
impl Store for Redis {
    async fn first_use(
        &self,
        login: &AutoAuthLogin<'_>,
        now: OffsetDateTime,
    ) -> Result<(), UseError> {
        let mut open = self.open(false).await?;
        let link = format!("whmcs-auth:used_link:{}", login.replay_key().to_hex());
        let mut transaction = pipe();
        transaction.atomic().cmd("GET").arg(&open.since);
        let seconds = login.remember_seconds(now);
        transaction.cmd("SET").arg(link).arg(1).arg("NX").arg("EX").arg(seconds);
        let (since, first): (Option<i64>, Option<String>) =
            self.ask_over(&mut open, &transaction).await?;
        if first.is_none() {
            return Err(ReplayRefusal::Used.into());
        }
        let Some(since) = since else {
            // Somebody emptied Redis. The next request notes the new time.
            *self.link.lock().await = Link::Closed;
            return Err(ReplayRefusal::MayBeForgotten.into());
        };
        let margin = i64::try_from(MAX_CLOCK_DIFFERENCE.as_secs()).unwrap_or(i64::MAX);
        // A machine whose clock runs ahead accepts a link before its first second.
        match login.valid_from().unix_timestamp() > since.saturating_add(margin) {
            true => Ok(()),
            false => Err(ReplayRefusal::MayBeForgotten.into()),
        }
    }

    async fn put(&self, key: &Key, value: String, lifetime: Duration) -> Result<(), StateError> {
        let mut pipeline = pipe();
        pipeline.cmd("SET").arg(key.text()).arg(value).arg("PX").arg(millis(lifetime));
        self.ask::<()>(&pipeline).await
    }

    async fn get(&self, key: &Key) -> Result<Option<String>, StateError> {
        let (value,) = self.ask(pipe().cmd("GET").arg(key.text())).await?;
        Ok(value)
    }

    async fn take(&self, key: &Key) -> Result<Option<String>, StateError> {
        let mut transaction = pipe();
        transaction.atomic().cmd("GET").arg(key.text()).cmd("DEL").arg(key.text()).ignore();
        let (value,) = self.ask(&transaction).await?;
        Ok(value)
    }

    async fn keep(&self, key: &Key, lifetime: Duration) -> Result<(), StateError> {
        self.ask::<()>(pipe().cmd("PEXPIRE").arg(key.text()).arg(millis(lifetime)).ignore()).await
    }

    async fn add(&self, key: &Key, window: Duration) -> Result<u64, StateError> {
        let mut transaction = pipe();
        let start = transaction.atomic().cmd("SET").arg(key.text()).arg(0);
        start.arg("NX").arg("PX").arg(millis(window)).ignore();
        let (count,) = self.ask(transaction.cmd("INCR").arg(key.text())).await?;
        Ok(count)
    }

    async fn count(&self, key: &Key) -> Result<Count, StateError> {
        let mut transaction = pipe();
        transaction.atomic().cmd("GET").arg(key.text()).cmd("PTTL").arg(key.text());
        let (count, left): (Option<u64>, i64) = self.ask(&transaction).await?;
        let left = Duration::from_millis(left.max(0).unsigned_abs());
        Ok(count.map_or(Count::default(), |count| Count { count, left }))
    }

    async fn bound(
        &self,
        list: &Key,
        added: &Key,
        most: usize,
        lifetime: Duration,
    ) -> Result<(), StateError> {
        let mut script = pipe();
        script.cmd("EVAL").arg(BOUND).arg(1).arg(list.text());
        script.arg(added.text()).arg(most).arg(millis(lifetime));
        self.ask::<()>(&script).await
    }

    async fn check(&self) -> Result<(), StateError> {
        self.open(true).await.map(drop)
    }
}

/// Redis takes no lifetime of 0.
fn millis(lifetime: Duration) -> u64 {
    u64::try_from(lifetime.as_millis()).unwrap_or(u64::MAX).max(1)
}

impl From<RedisError> for StateError {
    fn from(error: RedisError) -> Self {
        let cause = format!("Redis: {error}");
        let (is_timeout, is_io_error) = (error.is_timeout(), error.is_io_error());
        let code = error.code().unwrap_or_default().to_owned();
        // A transaction has the errors of its commands.
        let codes = error.into_server_errors();
        let codes = codes.iter().flat_map(|errors| errors.iter()).map(|(_, error)| error.code());
        let mut codes = codes.chain([code.as_str()]);
        let code = codes.find_map(|code| match code {
            "READONLY" => Some("state_replica"),
            "OOM" => Some("state_full"),
            _ => None,
        });
        Self::new(
            match code {
                _ if is_timeout => "state_slow",
                _ if is_io_error => "state_unreachable",
                Some(code) => code,
                None => "state_failure",
            },
            cause,
        )
    }
}
