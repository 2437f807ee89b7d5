//! Connections to the database. They are few, are used again, and never wait for long.

use std::fmt;
use std::fs;
use std::io::{self, ErrorKind};
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use deadpool::Runtime;
use deadpool::managed::{
    self, Metrics, Object, PoolError, QueueMode, RecycleError, RecycleResult, TimeoutType,
};
use futures_util::future::BoxFuture;
use futures_util::stream::{self, BoxStream, StreamExt, TryStreamExt};
use sqlx::any::{AnyConnectOptions, AnyQueryResult, AnyRow, AnyStatement, AnyTypeInfo};
use sqlx::{Any, AnyConnection, ConnectOptions, Connection, Either, Execute, Executor, SqlStr};
use tokio::time::error::Elapsed;
use tokio::time::timeout;

use crate::settings::Limits;

/// A connection that was not used for this time is tested before it is used again.
const TESTED_AFTER: Duration = Duration::from_secs(1);

/// How long after a failed query each connection is tested. A database that closes all its connections closes them one
/// after the other.
const DOUBTED_FOR: Duration = Duration::from_secs(5);

/// After an attempt to connect got no answer, others fail at once for this time, with the same cause.
const PAUSE: Duration = Duration::from_secs(1);

/// The database ends a query by itself. A database that does not even do that has this much longer.
const GRACE: Duration = Duration::from_secs(1);

/// A pool whose connections are an [`Executor`]. Clones share the connections.
#[derive(Clone)]
pub(super) struct ConnectionPool {
    pool: managed::Pool<Connector>,
}

impl ConnectionPool {
    /// A pool for `file`, or else for a server. Pools of one database share `doubt`.
    pub(super) fn new(
        url: &str,
        file: Option<PathBuf>,
        limits: &Limits,
        doubt: &Doubt,
    ) -> sqlx::Result<Self> {
        let connector = Connector {
            options: AnyConnectOptions::from_str(url)?,
            file,
            connect_time: limits.database_connect_time,
            query_time: limits.query_time,
            silence: Mutex::new(None),
            doubt: doubt.clone(),
        };
        let pool = managed::Pool::builder(connector)
            .max_size(usize::try_from(limits.database_connections).unwrap_or(usize::MAX))
            .wait_timeout(Some(limits.database_connect_time))
            .queue_mode(QueueMode::Lifo)
            .runtime(Runtime::Tokio1)
            .build();
        Ok(Self { pool: pool.map_err(|error| sqlx::Error::Configuration(error.into()))? })
    }

    /// Takes a connection out of the pool, or opens one. `PoolTimedOut` means that no connection was free.
    pub(super) async fn acquire(&self) -> sqlx::Result<Lent> {
        self.pool.get().await.map(Lent).map_err(|error| match error {
            PoolError::Backend(error) => error,
            PoolError::Timeout(TimeoutType::Wait) => match &*self.pool.manager().silence() {
                Some(silence) => io::Error::new(ErrorKind::TimedOut, silence.cause.clone()).into(),
                None => sqlx::Error::PoolTimedOut,
            },
            error => io::Error::other(error.to_string()).into(),
        })
    }

    /// How many connections are open and idle, and how many queries wait for one.
    pub(super) fn usage(&self) -> PoolUsage {
        let status = self.pool.status();
        PoolUsage { open: status.size, idle: status.available, waiting: status.waiting }
    }

    /// Closes the connections, and opens no more.
    pub(super) fn close(&self) {
        self.pool.close();
    }
}

/// What a pool is doing.
pub(crate) struct PoolUsage {
    pub(crate) open: usize,
    pub(crate) idle: usize,
    pub(crate) waiting: usize,
}

/// Without the URL, which holds a password.
impl fmt::Debug for ConnectionPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConnectionPool").finish_non_exhaustive()
    }
}

/// Every query ends in the time of a query.
impl<'p> Executor<'p> for &'p ConnectionPool {
    type Database = Any;

    fn fetch_many<'e, 'q: 'e, E>(
        self,
        query: E,
    ) -> BoxStream<'e, sqlx::Result<Either<AnyQueryResult, AnyRow>>>
    where
        'p: 'e,
        E: 'q + Execute<'q, Any>,
    {
        let steps = async move {
            let mut connection = self.acquire().await?;
            let steps = all_steps(connection.begin().fetch_many(query));
            let steps = timeout(self.pool.manager().patience(), steps).await;
            let steps = connection.end(steps)?;
            Ok::<_, sqlx::Error>(stream::iter(steps))
        };
        stream::once(steps).try_flatten().boxed()
    }

    fn fetch_optional<'e, 'q: 'e, E>(self, query: E) -> BoxFuture<'e, sqlx::Result<Option<AnyRow>>>
    where
        'p: 'e,
        E: 'q + Execute<'q, Any>,
    {
        Box::pin(async move {
            let mut connection = self.acquire().await?;
            let row = connection.begin().fetch_optional(query);
            let row = timeout(self.pool.manager().patience(), row).await;
            connection.end(row)
        })
    }

    fn prepare_with<'e>(
        self,
        sql: SqlStr,
        parameters: &'e [AnyTypeInfo],
    ) -> BoxFuture<'e, sqlx::Result<AnyStatement>>
    where
        'p: 'e,
    {
        Box::pin(async move {
            let mut connection = self.acquire().await?;
            let statement = connection.begin().prepare_with(sql, parameters);
            let statement = timeout(self.pool.manager().patience(), statement).await;
            connection.end(statement)
        })
    }
}

/// All steps of a query, up to the first failure. A row that cannot be read is a step.
async fn all_steps<T>(
    mut steps: BoxStream<'_, sqlx::Result<T>>,
) -> sqlx::Result<Vec<sqlx::Result<T>>> {
    let mut all = Vec::new();
    while let Some(step) = steps.next().await {
        match step {
            Err(error) if !matches!(error, sqlx::Error::Decode(_)) => return Err(error),
            step => all.push(step),
        }
    }
    Ok(all)
}

/// A connection that is lent to one query.
pub(super) struct Lent(Object<Connector>);

impl Lent {
    /// A query that is abandoned leaves the connection marked as in use.
    fn begin(&mut self) -> &mut AnyConnection {
        let Self(object) = self;
        object.is_in_use = true;
        &mut object.connection
    }

    /// Gives the connection back after its query, unless the query got no answer.
    fn end<T>(self, answer: Result<sqlx::Result<T>, Elapsed>) -> sqlx::Result<T> {
        let Self(mut object) = self;
        match answer {
            Ok(answer) => {
                object.is_in_use = answer.is_err();
                object.last_used = Instant::now();
                if answer.is_err() {
                    object.doubt.begin();
                }
                answer
            }
            Err(_) => {
                drop(Object::take(object));
                let cause = "the database did not answer a query";
                Err(io::Error::new(ErrorKind::TimedOut, cause).into())
            }
        }
    }
}

/// Opens connections.
struct Connector {
    options: AnyConnectOptions,
    /// The file of an embedded database.
    file: Option<PathBuf>,
    connect_time: Duration,
    query_time: Duration,
    silence: Mutex<Option<Silence>>,
    doubt: Doubt,
}

/// When a query last failed. The database may have closed all connections, or may be about to close the rest. So each
/// one that was used before that, or soon afterwards, is tested before it is used again.
#[derive(Clone, Default)]
pub(super) struct Doubt(Arc<Mutex<Option<Instant>>>);

impl Doubt {
    fn begin(&self) {
        let mut last = self.last();
        *last = Some(Instant::now());
    }

    fn is_about(&self, last_used: Instant) -> bool {
        self.last().is_some_and(|failed| last_used.saturating_duration_since(failed) <= DOUBTED_FOR)
    }

    fn last(&self) -> MutexGuard<'_, Option<Instant>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The database did not answer.
struct Silence {
    until: Instant,
    cause: String,
}

/// An open connection.
struct Open {
    connection: AnyConnection,
    /// The file, as it was when the connection was opened.
    file: Option<FileState>,
    is_in_use: bool,
    last_used: Instant,
    doubt: Doubt,
}

impl Open {
    fn is_doubtful(&self) -> bool {
        self.doubt.is_about(self.last_used)
    }
}

impl managed::Manager for Connector {
    type Type = Open;
    type Error = sqlx::Error;

    async fn create(&self) -> sqlx::Result<Open> {
        self.check_silence()?;
        // Read before the file is opened. If it is replaced in between, the next use opens it again.
        let file = self.file_state();
        let connection = self.in_connect_time(self.connect()).await?;
        let (last_used, doubt) = (Instant::now(), self.doubt.clone());
        Ok(Open { connection, file, is_in_use: false, last_used, doubt })
    }

    /// A process can still read an open file after it was removed or replaced. Then a credential that was
    /// removed with the file would still work. So a connection is used again only if the file is unchanged.
    async fn recycle(&self, open: &mut Open, _: &Metrics) -> RecycleResult<sqlx::Error> {
        if self.file.is_some() && (open.file.is_none() || open.file != self.file_state()) {
            return Err(RecycleError::message("the file changed"));
        }
        let is_stale = open.is_in_use || open.last_used.elapsed() > TESTED_AFTER;
        if is_stale {
            self.check_silence()?;
        }
        if is_stale || open.is_doubtful() {
            self.in_connect_time(open.connection.ping()).await?;
            open.is_in_use = false;
        }
        Ok(())
    }
}

impl Connector {
    /// Opens a connection whose queries the database itself ends in time, also while they wait for a lock.
    async fn connect(&self) -> sqlx::Result<AnyConnection> {
        let mut connection = self.options.connect().await?;
        let limit = match self.file {
            Some(_) => format!("PRAGMA busy_timeout = {}", self.query_time.as_millis()),
            None => {
                let seconds = self.query_time.as_secs().max(1);
                // Only MariaDB reads the comment.
                format!(
                    "SET SESSION lock_wait_timeout = {seconds}, innodb_lock_wait_timeout = {seconds} \
                     /*M! , max_statement_time = {seconds} */"
                )
            }
        };
        sqlx::raw_sql(sqlx::AssertSqlSafe(limit)).execute(&mut connection).await?;
        Ok(connection)
    }

    async fn in_connect_time<T>(
        &self,
        work: impl Future<Output = sqlx::Result<T>>,
    ) -> sqlx::Result<T> {
        let answer = timeout(self.connect_time, work).await;
        let cause = match answer {
            Ok(answer) => {
                *self.silence() = None;
                return answer;
            }
            Err(_) => format!("the database did not answer in {:?}", self.connect_time),
        };
        let until = Instant::now().checked_add(PAUSE);
        *self.silence() = until.map(|until| Silence { until, cause: cause.clone() });
        Err(io::Error::new(ErrorKind::TimedOut, cause).into())
    }

    /// Fails if the database did not answer a moment ago. After the pause one caller tries again.
    fn check_silence(&self) -> sqlx::Result<()> {
        let now = Instant::now();
        match &mut *self.silence() {
            Some(silence) if now < silence.until => {
                Err(io::Error::new(ErrorKind::TimedOut, silence.cause.clone()).into())
            }
            Some(silence) => {
                silence.until = now.checked_add(PAUSE).unwrap_or(now);
                Ok(())
            }
            None => Ok(()),
        }
    }

    fn silence(&self) -> MutexGuard<'_, Option<Silence>> {
        self.silence.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn patience(&self) -> Duration {
        self.query_time.saturating_add(GRACE)
    }

    fn file_state(&self) -> Option<FileState> {
        let file = fs::metadata(self.file.as_ref()?).ok()?;
        Some(FileState {
            device: file.dev(),
            inode: file.ino(),
            bytes: file.size(),
            modified: (file.mtime(), file.mtime_nsec()),
            changed: (file.ctime(), file.ctime_nsec()),
        })
    }
}

/// What changes if a file is replaced or written. The inode is not used again while a connection has the
/// file open.
#[derive(Debug, PartialEq, Eq)]
struct FileState {
    device: u64,
    inode: u64,
    bytes: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use sqlx::any::install_default_drivers;
    use tokio::net::TcpListener;
    use tokio::task::JoinSet;
    use tokio::time::sleep;

    use super::*;

    fn limits() -> Limits {
        Limits {
            database_connections: 4,
            database_connect_time: Duration::from_millis(300),
            query_time: Duration::from_secs(1),
            ..Limits::default()
        }
    }

    fn server(port: u16) -> ConnectionPool {
        install_default_drivers();
        let url = format!("mysql://root@127.0.0.1:{port}/whmcs");
        ConnectionPool::new(&url, None, &limits(), &Doubt::default()).unwrap()
    }

    fn file(path: &std::path::Path) -> ConnectionPool {
        file_in_doubt(path, &Doubt::default())
    }

    fn file_in_doubt(path: &std::path::Path, doubt: &Doubt) -> ConnectionPool {
        install_default_drivers();
        let url = format!("sqlite:{}?mode=rwc", path.display());
        ConnectionPool::new(&url, Some(path.to_owned()), &limits(), doubt).unwrap()
    }

    async fn ask(pool: &ConnectionPool) -> Result<i64, String> {
        let answer = sqlx::query_scalar("SELECT CAST(1 AS SIGNED)").fetch_one(pool).await;
        answer.map_err(|error| error.to_string())
    }

    /// What 64 callers are told at the same time, and after how long the last one is.
    async fn ask_64(pool: &ConnectionPool) -> (Vec<String>, Duration) {
        let begun = Instant::now();
        let mut callers = JoinSet::new();
        for _ in 0..64 {
            let pool = pool.clone();
            callers.spawn(async move { ask(&pool).await.unwrap_err() });
        }
        (callers.join_all().await, begun.elapsed())
    }

    #[tokio::test]
    async fn a_server_that_refuses_connections_is_the_cause_at_once() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        drop(listener);
        let (causes, time) = ask_64(&server(port)).await;
        for cause in causes {
            assert!(cause.contains("Connection refused"), "{cause}");
        }
        assert!(time < Duration::from_millis(300), "{time:?}");
    }

    #[tokio::test]
    async fn a_server_that_does_not_answer_is_asked_once_in_a_while() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let pool = server(listener.local_addr().unwrap().port());
        let accepted = tokio::spawn(async move {
            let mut accepted = Vec::new();
            let first = async {
                while let Ok((stream, _)) = listener.accept().await {
                    accepted.push(stream);
                }
            };
            let _ = timeout(Duration::from_millis(2500), first).await;
            accepted.len()
        });
        let silent = "the database did not answer in 300ms";
        let (causes, time) = ask_64(&pool).await;
        for cause in causes {
            assert!(cause.contains(silent), "{cause}");
        }
        assert!(time < Duration::from_millis(900), "{time:?}");
        // In the pause nobody waits.
        let begun = Instant::now();
        assert!(ask(&pool).await.unwrap_err().contains(silent));
        assert!(begun.elapsed() < Duration::from_millis(100));
        // After the pause one caller tries, and the others do not wait for it.
        sleep(PAUSE).await;
        let tries = (ask(&pool), async {
            sleep(Duration::from_millis(50)).await;
            let begun = Instant::now();
            (ask(&pool).await, begun.elapsed())
        });
        let (first, (second, time)) = tokio::join!(tries.0, tries.1);
        assert!(first.unwrap_err().contains(silent));
        assert!(second.unwrap_err().contains(silent));
        assert!(time < Duration::from_millis(100), "{time:?}");
        // One for each connection of the pool, and one more after the pause.
        assert_eq!(accepted.await.unwrap(), 5);
    }

    #[tokio::test]
    async fn a_database_that_comes_back_is_used_without_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let missing = folder.path().join("later").join("whmcs.db");
        let pool = file(&missing);
        assert!(ask(&pool).await.unwrap_err().contains("unable to open database file"));
        fs::create_dir(missing.parent().unwrap()).unwrap();
        assert_eq!(ask(&pool).await, Ok(1));
    }

    #[tokio::test]
    async fn a_caller_gives_up_if_no_connection_gets_free() {
        let folder = tempfile::tempdir().unwrap();
        let pool = file(&folder.path().join("whmcs.db"));
        let mut taken = Vec::new();
        for _ in 0..4 {
            taken.push(pool.acquire().await.unwrap());
        }
        let begun = Instant::now();
        let answer = sqlx::query("SELECT 1").execute(&pool).await;
        assert!(matches!(answer, Err(sqlx::Error::PoolTimedOut)), "{answer:?}");
        assert!((300..900).contains(&begun.elapsed().as_millis()));
        taken.pop();
        assert_eq!(ask(&pool).await, Ok(1));
    }

    #[tokio::test]
    async fn a_locked_database_ends_a_query_in_time() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("whmcs.db");
        let pool = file(&path);
        sqlx::raw_sql("CREATE TABLE t (i INTEGER)").execute(&pool).await.unwrap();
        let mut lock = AnyConnection::connect(&format!("sqlite:{}", path.display())).await.unwrap();
        sqlx::raw_sql("BEGIN EXCLUSIVE").execute(&mut lock).await.unwrap();
        let count = || sqlx::query_scalar::<_, i64>("SELECT COUNT(*) FROM t").fetch_one(&pool);
        let begun = Instant::now();
        let cause = count().await.unwrap_err().to_string();
        assert!(cause.contains("database is locked"), "{cause}");
        assert!((900..1900).contains(&begun.elapsed().as_millis()));
        lock.close().await.unwrap();
        assert_eq!(count().await.unwrap(), 0);
    }

    #[tokio::test]
    async fn a_connection_is_used_again_while_the_file_is_unchanged() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("whmcs.db");
        let pool = file(&path);
        let id = async |pool: &ConnectionPool| Object::id(&pool.acquire().await.unwrap().0);
        sqlx::raw_sql("CREATE TABLE t (i INTEGER)").execute(&pool).await.unwrap();
        let first = id(&pool).await;
        assert_eq!(id(&pool).await, first);
        // Another file of the same size under the same name, and the same file with other bytes.
        let copy = path.with_extension("copy");
        fs::copy(&path, &copy).unwrap();
        fs::rename(&copy, &path).unwrap();
        let second = id(&pool).await;
        assert_ne!(second, first);
        let bytes = fs::read(&path).unwrap();
        fs::write(&path, bytes).unwrap();
        assert_ne!(id(&pool).await, second);
        fs::remove_file(&path).unwrap();
        assert!(Object::metrics(&pool.acquire().await.unwrap().0).recycled.is_none());
    }

    #[tokio::test]
    async fn a_failed_query_puts_the_connections_of_all_pools_in_doubt() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("whmcs.db");
        fs::write(&path, []).unwrap();
        let doubt = Doubt::default();
        let [calls, pages] = [(); 2].map(|()| file_in_doubt(&path, &doubt));
        assert_eq!((ask(&calls).await, ask(&pages).await), (Ok(1), Ok(1)));
        let is_doubtful =
            async |pool: &ConnectionPool| pool.acquire().await.unwrap().0.is_doubtful();
        assert!(!is_doubtful(&calls).await && !is_doubtful(&pages).await);

        assert!(sqlx::query("SELECT nothing").fetch_all(&calls).await.is_err());
        assert!(is_doubtful(&calls).await && is_doubtful(&pages).await);
        // Those that worked meanwhile may be closed next.
        let failed = doubt.last().unwrap();
        for (used, expected) in
            [(0, true), (DOUBTED_FOR.as_secs(), true), (DOUBTED_FOR.as_secs() + 1, false)]
        {
            assert_eq!(
                doubt.is_about(failed + Duration::from_secs(used)),
                expected,
                "{used} s later"
            );
        }
    }

    #[tokio::test]
    async fn an_abandoned_query_leaves_a_connection_that_works() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("whmcs.db");
        fs::write(&path, []).unwrap();
        install_default_drivers();
        let url = format!("sqlite:{}", path.display());
        let pool =
            ConnectionPool::new(&url, Some(path), &Limits::default(), &Doubt::default()).unwrap();
        let id = Object::id(&pool.acquire().await.unwrap().0);
        let slow =
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000)
                    SELECT COUNT(*) FROM n";
        let query = sqlx::query_scalar::<_, i64>(slow).fetch_one(&pool);
        assert!(timeout(Duration::from_millis(5), query).await.is_err());
        let again = pool.acquire().await.unwrap();
        assert_eq!(Object::id(&again.0), id);
        assert!(!again.0.is_in_use, "it was tested");
        drop(again);
        assert_eq!(ask(&pool).await, Ok(1));
    }
}
