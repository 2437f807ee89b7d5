//! A memory in a Redis or Valkey server that several machines share.
//!
//! Redis forgets: when it restarts, when a replica takes over, when somebody empties it, or when its memory
//! is full and its policy evicts keys. A session that is forgotten only ends. A link that is forgotten could be
//! used again. So Redis has a key with the time since when it remembers. The key's name holds the random id of
//! the process, which a new process draws anew, the random id of its data, which a server draws anew when it
//! becomes a master, and the number of evicted keys. A link that can have been used before that time is refused.
//!
//! All of this is asked in the step that remembers a link, so nothing can happen between the two.

mod server;

use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex as StdMutex, MutexGuard, PoisonError};
use std::time::Duration;

use ::redis::aio::MultiplexedConnection;
use ::redis::{AsyncConnectionConfig, Client, FromRedisValue, Pipeline, RedisError, cmd, pipe};
use async_trait::async_trait;
use time::OffsetDateTime;
use tokio::runtime::Handle;
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep};
use whmcs_auth::{AutoAuthLogin, ReplayRefusal};

pub use self::server::{MAX_AHEAD, MAX_CLOCK_DIFFERENCE};
use self::server::{ServerClock, Since, memory_id};
use crate::{Count, Hold, Installation, Key, StateError, Store, UseError, choose_tls_provider};

const CONNECTION_TIME: Duration = Duration::from_secs(2);
const ANSWER_TIME: Duration = Duration::from_secs(1);

/// How long a check of the server is trusted, for sessions, tokens and failures. The check covers eviction,
/// replication and the clock. For a link the server is checked each time.
const CHECKED_FOR: Duration = Duration::from_secs(10);

/// How long a failed connection is not tried again, so that requests do not queue for the next attempt.
const PAUSE: Duration = Duration::from_millis(500);

/// How long to wait before each further attempt to give a place back.
const GIVEN_BACK_AFTER: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(10)];

/// The sites of all installations, by name.
const INSTALLATIONS: &str = "whmcs-auth:installations";

/// Notes the installation, and since when the server remembers. Refuses a name of another site, and another
/// name of the site, and returns what the server holds.
///
/// A time by a clock that differs from this machine's is not noted. A time is noted anew if the clock was set since the
/// last check, if the time is far ahead, or if another server's memory showed a later one at the last check: it is
/// by a clock that was wrong, and older links may look as if they were newer.
const NOTE: &str = "
    local known = redis.call('HGETALL', KEYS[1])
    for at = 1, #known, 2 do
        if (known[at] == ARGV[1]) ~= (known[at + 1] == ARGV[2]) then
            return {0, 0, known[at], known[at + 1]}
        end
    end
    redis.call('HSETNX', KEYS[1], ARGV[1], ARGV[2])
    local now = redis.call('TIME')[1]
    local function differs(from) return math.abs(now - from) > tonumber(ARGV[5]) end
    local since = tonumber(redis.call('GET', KEYS[2]) or now)
    if ARGV[4] ~= '' and differs(ARGV[4]) or since - now > tonumber(ARGV[5]) or since < tonumber(ARGV[6]) then
        redis.call('DEL', KEYS[2])
    end
    if not differs(ARGV[3]) then redis.call('SET', KEYS[2], now, 'NX') end
    return {redis.call('GET', KEYS[2]) or now, now, '', ''}
";

/// Remembers a link, if the server knows every use of it. Returns what it says about itself, and whether this is the
/// first use.
const USE: &str = "
    local info, now = redis.call('INFO'), redis.call('TIME')[1]
    local since, first = redis.call('GET', KEYS[1]), false
    if since and tonumber(since) <= tonumber(ARGV[1]) then
        first = redis.call('SET', KEYS[2], 1, 'NX', 'EX', ARGV[2])
    end
    return {info, now, since, first}
";

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

/// Holds a place among the failures that are left: the places are a set, each with the time of its end.
const HOLD: &str = "
    local failures = tonumber(redis.call('GET', KEYS[1]) or 0)
    if failures >= tonumber(ARGV[2]) then return {'full', redis.call('PTTL', KEYS[1])} end
    local time = redis.call('TIME')
    local now = time[1] * 1000 + math.floor(time[2] / 1000)
    redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', now)
    if failures + redis.call('ZCARD', KEYS[2]) >= tonumber(ARGV[2]) then return {'wait', 0} end
    redis.call('ZADD', KEYS[2], now + ARGV[3], ARGV[1])
    redis.call('PEXPIRE', KEYS[2], ARGV[3])
    return {'held', 0}
";

/// Remembers in Redis. Clones share everything.
#[derive(Clone)]
pub struct Redis {
    client: Client,
    /// Whether the URL asks for TLS.
    is_tls: bool,
    installation: Installation,
    link: Arc<Mutex<Link>>,
    /// The last check, whatever connection it was.
    checked: Arc<StdMutex<Option<Checked>>>,
    /// When links that are made then are accepted.
    accepts_links_at: Arc<StdMutex<Option<Instant>>>,
    /// What places are named after.
    places: Arc<AtomicU64>,
    hasher: RandomState,
}

enum Link {
    Closed,
    Failed(StateError, Instant),
    Open(Open),
}

/// What a check saw: whose memory it was, and the clock.
struct Checked {
    since_key: String,
    clock: ServerClock,
}

/// A connection to one process of Redis. It never becomes a connection to another.
#[derive(Clone)]
struct Open {
    connection: MultiplexedConnection,
    /// The key with the time since when this process remembers.
    since_key: String,
    since: Since,
    /// The server's clock at the check of this connection.
    clock: ServerClock,
}

impl Redis {
    /// A memory of an installation, in the server of a URL such as `redis://:PASSWORD@HOST:6379/0`, or `rediss://`
    /// with TLS. The server need not run yet: [`check`](Store::check) tells whether it does.
    ///
    /// # Errors
    ///
    /// If the text is not such a URL. The error does not hold the text.
    pub fn new(url: &str, installation: Installation) -> Result<Self, StateError> {
        choose_tls_provider();
        let client = Client::open(url)
            .map_err(|_| StateError::new("state_url", "not a URL such as redis://HOST:6379/0"))?;
        let is_tls = url.starts_with("rediss:");
        Ok(Self {
            client,
            is_tls,
            installation,
            link: Arc::new(Mutex::new(Link::Closed)),
            checked: Arc::default(),
            accepts_links_at: Arc::default(),
            places: Arc::default(),
            hasher: RandomState::new(),
        })
    }

    /// The open connection, or a new one.
    async fn open(&self, is_check: bool) -> Result<Open, StateError> {
        let mut link = self.link.lock().await;
        let open = match &*link {
            Link::Open(open) if !is_check && open.clock.age() < CHECKED_FOR => {
                return Ok(open.clone());
            }
            Link::Failed(error, at) if at.elapsed() < PAUSE => return Err(error.clone()),
            Link::Open(open) => self.inspect(open.connection.clone()).await,
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
        self.inspect(connected.map_err(|error| self.not_connected(error))?).await
    }

    /// Refuses a server that may forget, or knows another installation of this name. Notes since when the others
    /// remember.
    async fn inspect(&self, mut connection: MultiplexedConnection) -> Result<Open, StateError> {
        let info: String = cmd("INFO").query_async(&mut connection).await?;
        let since_key = self.since_key(&info)?;
        let Installation { name, site } = &self.installation;
        let mut note = cmd("EVAL");
        note.arg(NOTE).arg(2).arg(INSTALLATIONS).arg(&since_key).arg(name).arg(site);
        let expected = self.checked().as_ref().map(|it| it.clock.expected());
        note.arg(OffsetDateTime::now_utc().unix_timestamp());
        note.arg(expected.map_or(String::new(), |time| time.to_string()));
        note.arg(MAX_CLOCK_DIFFERENCE.as_secs()).arg(self.earliest(&since_key));
        let (since, now, known_name, known_site): (i64, i64, String, String) =
            note.query_async(&mut connection).await?;
        if !known_name.is_empty() {
            let cause = format!(
                "this Redis knows the installation {known_name} at {known_site}, and this is {name} at {site}: \
                 correct --installation, or run HDEL {INSTALLATIONS} {known_name} if it has moved"
            );
            return Err(StateError::new("state_installation", cause));
        }
        let clock = ServerClock::new(now);
        *self.checked() = Some(Checked { since_key: since_key.clone(), clock });
        let since = Since::new(since, now)?;
        self.note(since);
        Ok(Open { connection, since_key, since, clock })
    }

    fn checked(&self) -> MutexGuard<'_, Option<Checked>> {
        self.checked.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The earliest time that this memory can have begun. If it replaces another, that was at work at the last check.
    fn earliest(&self, since_key: &str) -> i64 {
        let checked = self.checked();
        let other = checked.as_ref().filter(|checked| checked.since_key != since_key);
        other.map_or(0, |checked| checked.clock.showed())
    }

    fn since_key(&self, info: &str) -> Result<String, StateError> {
        Ok(self.installation.key(format_args!("since:{}", memory_id(info)?)))
    }

    fn note(&self, since: Since) {
        let wait = since.refuses_new_links().and_then(|error| error.wait);
        let mut at = self.accepts_links_at.lock().unwrap_or_else(PoisonError::into_inner);
        *at = wait.and_then(|wait| Instant::now().checked_add(wait));
    }

    fn key(&self, key: &Key) -> String {
        self.installation.key(key)
    }

    /// A server without TLS does not answer, or answers what is not TLS.
    fn not_connected(&self, error: RedisError) -> StateError {
        match self.is_tls && error.is_io_error() && !error.is_connection_refusal() {
            true => {
                let cause = format!("no TLS connection to Redis, as rediss:// asks for: {error}");
                StateError::new("state_tls", cause)
            }
            false => error.into(),
        }
    }

    /// Since when the server remembers, if that is still what it was at its last check.
    fn remembered(
        &self,
        open: &Open,
        info: &str,
        since: Option<i64>,
        now: i64,
    ) -> Result<Since, UseError> {
        let is_same = self.since_key(info)? == open.since_key && !open.clock.was_set(now);
        let Some(since) = since.filter(|_| is_same) else {
            // Somebody emptied Redis, set its clock, it evicted keys, or it was a replica in between.
            return Err(ReplayRefusal::MayBeForgotten.into());
        };
        let since = Since::new(since, now)?;
        self.note(since);
        Ok(since)
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

    /// The step that gives a place back.
    fn release_step(&self, key: &Key, place: u64) -> Pipeline {
        let mut step = pipe();
        step.cmd("ZREM").arg(self.key(&key.of_guesses())).arg(place).ignore();
        step
    }

    /// Gives a place back after a failure, in a task of its own. Otherwise it stays taken until its lease ends.
    fn give_back(&self, step: Pipeline, mut asked: Option<Open>) {
        let store = self.clone();
        let work = async move {
            // Redis may still carry out the question that took the place. Over one connection it keeps the order.
            if let Some(open) = &mut asked
                && step.query_async::<()>(&mut open.connection).await.is_ok()
            {
                return;
            }
            for wait in GIVEN_BACK_AFTER {
                sleep(wait).await;
                if store.ask::<()>(&step).await.is_ok() {
                    return;
                }
            }
        };
        if let Ok(runtime) = Handle::try_current() {
            runtime.spawn(work);
        }
    }
}

#[async_trait]
impl Store for Redis {
    async fn first_use(
        &self,
        login: &AutoAuthLogin<'_>,
        now: OffsetDateTime,
    ) -> Result<(), UseError> {
        let timestamp = login.timestamp();
        let ahead = timestamp.saturating_sub(now.unix_timestamp());
        if u64::try_from(ahead).is_ok_and(|ahead| ahead > MAX_AHEAD.as_secs()) {
            // After a loss, another machine would not expect that it was used already.
            return Err(ReplayRefusal::MayBeForgotten.into());
        }
        let mut open = self.open(false).await?;
        let link = self.installation.key(format_args!("used_link:{}", login.replay_key().to_hex()));
        let mut step = pipe();
        step.cmd("EVAL").arg(USE).arg(2).arg(&open.since_key).arg(link);
        step.arg(Since::latest_for(timestamp)).arg(login.remember_seconds(now));
        let ((info, now, since, first),): ((String, i64, Option<i64>, Option<String>),) =
            self.ask_over(&mut open, &step).await?;
        match self.remembered(&open, &info, since, now) {
            Err(error) => {
                // At once, so that the server's clock is not forgotten if it is set back.
                let _ = self.open(true).await;
                Err(error)
            }
            Ok(since) if since.proves(timestamp) && first.is_some() => Ok(()),
            Ok(since) if since.proves(timestamp) => Err(ReplayRefusal::Used.into()),
            Ok(since) => Err(match since.refuses_new_links() {
                Some(error) => error.into(),
                None => ReplayRefusal::MayBeForgotten.into(),
            }),
        }
    }

    async fn put(&self, key: &Key, value: String, lifetime: Duration) -> Result<(), StateError> {
        let mut pipeline = pipe();
        pipeline.cmd("SET").arg(self.key(key)).arg(value).arg("PX").arg(millis(lifetime));
        self.ask::<()>(&pipeline).await
    }

    async fn get(&self, key: &Key) -> Result<Option<String>, StateError> {
        let (value,) = self.ask(pipe().cmd("GET").arg(self.key(key))).await?;
        Ok(value)
    }

    async fn take(&self, key: &Key) -> Result<Option<String>, StateError> {
        let mut transaction = pipe();
        transaction.atomic().cmd("GET").arg(self.key(key)).cmd("DEL").arg(self.key(key)).ignore();
        let (value,) = self.ask(&transaction).await?;
        Ok(value)
    }

    async fn keep(&self, key: &Key, lifetime: Duration) -> Result<(), StateError> {
        self.ask::<()>(pipe().cmd("PEXPIRE").arg(self.key(key)).arg(millis(lifetime)).ignore())
            .await
    }

    async fn add(&self, key: &Key, window: Duration) -> Result<u64, StateError> {
        let mut transaction = pipe();
        let start = transaction.atomic().cmd("SET").arg(self.key(key)).arg(0);
        start.arg("NX").arg("PX").arg(millis(window)).ignore();
        let (count,) = self.ask(transaction.cmd("INCR").arg(self.key(key))).await?;
        Ok(count)
    }

    async fn count(&self, key: &Key) -> Result<Count, StateError> {
        let mut transaction = pipe();
        transaction.atomic().cmd("GET").arg(self.key(key)).cmd("PTTL").arg(self.key(key));
        let (count, left): (Option<u64>, i64) = self.ask(&transaction).await?;
        let left = Duration::from_millis(left.max(0).unsigned_abs());
        Ok(count.map_or(Count::default(), |count| Count { count, left }))
    }

    async fn hold(&self, key: &Key, most: u64, lease: Duration) -> Result<Hold, StateError> {
        // Other machines have places in the same set, so the number alone would not do.
        let place = self.hasher.hash_one(self.places.fetch_add(1, Ordering::Relaxed));
        let mut script = pipe();
        script.cmd("EVAL").arg(HOLD).arg(2).arg(self.key(key)).arg(self.key(&key.of_guesses()));
        script.arg(place).arg(most).arg(millis(lease));
        let mut open = self.open(false).await?;
        let answer = self.ask_over(&mut open, &script).await;
        if answer.is_err() {
            self.give_back(self.release_step(key, place), Some(open));
        }
        let ((verdict, left),): ((String, i64),) = answer?;
        Ok(match &*verdict {
            "held" => Hold::Held(place),
            "full" => Hold::Full(Duration::from_millis(left.max(0).unsigned_abs())),
            _ => Hold::Wait,
        })
    }

    async fn release(&self, key: &Key, place: u64) -> Result<(), StateError> {
        let step = self.release_step(key, place);
        let released = self.ask::<()>(&step).await;
        if released.is_err() {
            self.give_back(step, None);
        }
        released
    }

    async fn bound(
        &self,
        list: &Key,
        added: &Key,
        most: usize,
        lifetime: Duration,
    ) -> Result<(), StateError> {
        let mut script = pipe();
        script.cmd("EVAL").arg(BOUND).arg(1).arg(self.key(list));
        script.arg(self.key(added)).arg(most).arg(millis(lifetime));
        self.ask::<()>(&script).await
    }

    async fn check(&self) -> Result<(), StateError> {
        self.open(true).await.map(drop)
    }

    async fn check_links(&self) -> Result<(), StateError> {
        self.open(true).await?.since.refuses_new_links().map_or(Ok(()), Err)
    }

    fn links_wait(&self) -> Duration {
        let at = self.accepts_links_at.lock().unwrap_or_else(PoisonError::into_inner);
        at.map_or(Duration::ZERO, |at| at.saturating_duration_since(Instant::now()))
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
