//! Sends login links, sessions and tokens to several servers that share one Redis, and fails if anybody is let in
//! wrongly. `services/state/checks/cluster.sh` starts the servers.

#![forbid(unsafe_code)]

use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use clap::{Parser, Subcommand};
use reqwest::redirect::Policy;
use reqwest::{Client, Response};
use serde_json::{Value, json};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use whmcs_auth::time::OffsetDateTime;
use whmcs_auth::{AutoAuthKey, sign_autoauth};
use whmcs_auth_benches::measure::record::{Table, record};
use whmcs_auth_state::choose_tls_provider;

const KEY: &str = "abcXYZ123";
const PAIR: &str =
    "identifier=D4j1dKYE3g40VROOPCGyJ9zRwP0ADJIv&secret=F1CKGXRIpylMfsrig3mwwdSdYUdLiFlo";

/// The clients of the database that links are made for: `client6@example.com` and so on.
const CLIENTS: u64 = 1000;

/// The age of the newest link, in seconds. Every server that remembers links in Redis accepts it.
const OLD: i64 = 60;

/// Links that are opened at the same time. Each of them is opened at every server.
const AT_ONCE: usize = 32;

#[derive(Parser)]
struct Options {
    #[command(subcommand)]
    command: Command,

    /// URLs of the servers.
    #[arg(long = "server", global = true)]
    servers: Vec<String>,
}

#[derive(Subcommand)]
enum Command {
    /// Opens each link at all servers at once. Exactly one of them may accept it.
    Race {
        #[arg(long)]
        links: usize,
        /// The age of the newest link, in seconds.
        #[arg(long, default_value_t = OLD, allow_negative_numbers = true)]
        age: i64,
    },
    /// Opens new and used links all the time, while servers and Redis are killed and emptied. No link may be
    /// accepted twice.
    Storm {
        /// The fewest links to open.
        #[arg(long)]
        links: usize,
        /// File whose existence ends it.
        #[arg(long)]
        until: PathBuf,
    },
    /// Uses sessions and tokens of one server at the others.
    Share,
    /// Fails unless each server accepts a link, and refuses it the second time.
    Works,
    /// How many links a second one server, two and so on accept.
    Speed {
        #[arg(long)]
        seconds: u64,
        /// Also writes the numbers to docs/figures.json.
        #[arg(long)]
        record: bool,
    },
}

#[tokio::main]
async fn main() {
    let Options { command, servers } = Options::parse();
    assert!(!servers.is_empty(), "no --server");
    let cluster = Arc::new(Cluster::new(servers));
    match command {
        Command::Race { links, age } => cluster.race(links, age).await,
        Command::Storm { links, until } => cluster.storm(links, &until).await,
        Command::Share => cluster.share().await,
        Command::Works => cluster.works().await,
        Command::Speed { seconds, record } => {
            cluster.speed(Duration::from_secs(seconds), record).await;
        }
    }
}

/// A link that was opened.
struct Opened {
    link: String,
    timestamp: i64,
    is_accepted: bool,
}

struct Cluster {
    servers: Vec<String>,
    http: Client,
    key: AutoAuthKey,
    next: AtomicU64,
    start: i64,
}

/// What a server answered to a link. `None` if it did not answer.
type Status = Option<u16>;

impl Cluster {
    fn new(servers: Vec<String>) -> Self {
        choose_tls_provider();
        let http = Client::builder().redirect(Policy::none()).timeout(Duration::from_secs(10));
        Self {
            servers,
            http: http.build().expect("a client"),
            key: AutoAuthKey::new(KEY).expect("a key"),
            next: AtomicU64::new(0),
            start: OffsetDateTime::now_utc().unix_timestamp(),
        }
    }

    /// A link that no other has: all clients, and timestamps that go back from so many seconds before the start.
    fn new_link(&self, age: i64) -> String {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let seconds = i64::try_from(number / CLIENTS).expect("a small number");
        self.link(number % CLIENTS, self.start - age - seconds % 600)
    }

    fn link(&self, client: u64, timestamp: i64) -> String {
        let at = OffsetDateTime::from_unix_timestamp(timestamp).expect("a time");
        let email = format!("client{}@example.com", client + 6);
        let link = sign_autoauth(&email, None, &self.key, &at).expect("a link");
        format!("/dologin.php?{}", link.query())
    }

    async fn get(&self, server: &str, path: &str, cookie: Option<&str>) -> Option<Response> {
        let mut request = self.http.get(format!("{server}{path}"));
        if let Some(cookie) = cookie {
            request = request.header("cookie", cookie);
        }
        request.send().await.ok()
    }

    async fn open(&self, server: &str, link: &str) -> Status {
        Some(self.get(server, link, None).await?.status().as_u16())
    }

    /// Opens the link at all servers at once.
    async fn open_everywhere(self: &Arc<Self>, link: &str) -> Vec<Status> {
        let mut visits = JoinSet::new();
        for server in self.servers.clone() {
            let (cluster, link) = (Arc::clone(self), link.to_owned());
            visits.spawn(async move { cluster.open(&server, &link).await });
        }
        visits.join_all().await
    }

    /// Opens all links at all servers, and returns what each was answered.
    async fn open_all(self: &Arc<Self>, links: Vec<String>) -> Vec<(String, Vec<Status>)> {
        let turns = Arc::new(Semaphore::new(AT_ONCE));
        let mut opened = JoinSet::new();
        for link in links {
            let (cluster, turns) = (Arc::clone(self), Arc::clone(&turns));
            opened.spawn(async move {
                let _turn = turns.acquire().await;
                let statuses = cluster.open_everywhere(&link).await;
                (link, statuses)
            });
        }
        opened.join_all().await
    }

    async fn race(self: &Arc<Self>, count: usize, age: i64) {
        assert!(count <= 600_000, "only so many links differ");
        let links: Vec<_> = (0..count).map(|_| self.new_link(age)).collect();
        let mut wins = HashMap::<usize, usize>::new();
        let mut unavailable = 0;
        for (link, statuses) in self.open_all(links).await {
            let accepted = statuses.iter().filter(|status| **status == Some(302)).count();
            let refused = statuses.iter().filter(|status| **status == Some(403)).count();
            assert!(accepted <= 1, "{accepted} accepted a link: {statuses:?} {link}");
            if accepted + refused < statuses.len() {
                // On a busy machine Redis or MariaDB is late now and then. Such a link may be used up.
                unavailable += 1;
                continue;
            }
            assert_eq!(accepted, 1, "nobody accepted a link: {statuses:?} {link}");
            let winner = statuses.iter().position(|status| *status == Some(302));
            *wins.entry(winner.expect("one accepted")).or_default() += 1;
        }
        assert!(
            unavailable * 100 <= count,
            "{unavailable} of {count} links were answered with 503"
        );
        let mut wins: Vec<_> = wins.into_iter().collect();
        wins.sort_unstable();
        assert!(self.servers.len() == 1 || wins.len() > 1, "one server won every race: {wins:?}");
        println!(
            "{count} links, each opened at {} servers at once: no link was accepted twice, {unavailable} had a 503, \
             and the others were accepted once by server and count {wins:?}",
            self.servers.len()
        );
    }

    async fn storm(self: &Arc<Self>, count: usize, until: &Path) {
        let mut links = Vec::<Opened>::new();
        let mut numbers = HashMap::<String, usize>::new();
        let mut statuses = HashMap::<Status, usize>::new();
        let mut turn = 0;
        while links.len() < count || !until.exists() {
            let now = OffsetDateTime::now_utc().unix_timestamp();
            // Those whose windows are open: the latest, and all others in turn.
            let oldest = links.iter().position(|link| link.timestamp > now - 900);
            let open = oldest.unwrap_or(links.len())..links.len();
            let latest = open.clone().rev().filter(|number| links[*number].is_accepted).take(30);
            let mut chosen: BTreeSet<_> = latest.collect();
            chosen.extend(open.clone().skip(turn).take(60));
            turn = if turn + 60 < open.len() { turn + 60 } else { 0 };
            // The servers let links be ahead by different times.
            for timestamp in [now, now + 60, now + 110] {
                for client in 0..25 {
                    let link = self.link(client, timestamp);
                    numbers.entry(link).or_insert_with_key(|link| {
                        let link = link.clone();
                        links.push(Opened { link, timestamp, is_accepted: false });
                        chosen.insert(links.len() - 1);
                        links.len() - 1
                    });
                }
            }
            let paths = chosen.iter().map(|number| links[*number].link.clone()).collect();
            for (link, opened) in self.open_all(paths).await {
                opened.iter().for_each(|status| *statuses.entry(*status).or_default() += 1);
                let wins = opened.iter().filter(|status| **status == Some(302)).count();
                let before = &mut links[numbers[&link]].is_accepted;
                let total = wins + usize::from(*before);
                assert!(total <= 1, "a link was accepted {total} times: {opened:?} {link}");
                *before = total == 1;
            }
        }
        // Every link that was ever accepted is opened once more.
        let accepted = links.iter().filter(|link| link.is_accepted).map(|link| link.link.clone());
        let accepted: Vec<_> = accepted.collect();
        let count = accepted.len();
        for (link, opened) in self.open_all(accepted).await {
            assert!(!opened.contains(&Some(302)), "a used link was accepted: {opened:?} {link}");
        }
        assert!(count > 0, "nothing was accepted: {statuses:?}");
        let mut statuses: Vec<_> = statuses.into_iter().collect();
        statuses.sort_unstable();
        println!(
            "of {} links {count} were accepted, none of them twice; statuses: {statuses:?}",
            links.len()
        );
    }

    async fn share(self: &Arc<Self>) {
        let (first, others) = self.servers.split_first().expect("a server");
        for number in 0..20 {
            let link = self.new_link(OLD);
            let begun = self.get(first, &link, None).await.expect("an answer");
            assert_eq!(begun.status(), 302);
            let cookie = begun.headers()["set-cookie"].to_str().expect("a text");
            let cookie = cookie.split(';').next().expect("a cookie").to_owned();
            for server in &self.servers {
                let page = self.get(server, "/clientarea.php", Some(&cookie)).await;
                assert_eq!(page.expect("an answer").status(), 200, "the session at {server}");
            }
            let last = self.servers.last().expect("a server");
            let logout = self.http.post(format!("{last}/logout.php")).header("cookie", &cookie);
            assert_eq!(logout.send().await.expect("an answer").status(), 200);
            for server in &self.servers {
                let page = self.get(server, "/clientarea.php", Some(&cookie)).await;
                assert_eq!(page.expect("an answer").status(), 403, "the session has ended");
            }

            let token = self.token(first, number % CLIENTS + 6).await;
            let winners = self.open_everywhere(&token).await;
            let won = winners.iter().filter(|status| **status == Some(302)).count();
            assert_eq!(won, 1, "{winners:?}");
            let token = self.token(first, number % CLIENTS + 6).await;
            for (number, server) in others.iter().chain([first]).enumerate() {
                let expected = if number == 0 { 302 } else { 403 };
                assert_eq!(self.open(server, &token).await, Some(expected));
            }
        }
        println!("20 sessions and 40 tokens of one server work at the others, and tokens once");
    }

    async fn token(&self, server: &str, client: u64) -> String {
        let body = format!("{PAIR}&action=CreateSsoToken&responsetype=json&client_id={client}");
        let request = self.http.post(format!("{server}/includes/api.php")).body(body);
        let form = "application/x-www-form-urlencoded";
        let answer = request.header("content-type", form).send().await.expect("an answer");
        let answer = answer.text().await.expect("a text");
        let answer: Value = serde_json::from_str(&answer).expect("JSON");
        let token = answer["access_token"].as_str().unwrap_or_else(|| panic!("{answer}"));
        format!("/oauth/singlesignon.php?access_token={token}")
    }

    async fn works(self: &Arc<Self>) {
        // Clients that no other command uses.
        for (number, server) in (CLIENTS..).zip(&self.servers) {
            let now = OffsetDateTime::now_utc().unix_timestamp();
            let link = self.link(number, now);
            let opened = [self.open(server, &link).await, self.open(server, &link).await];
            assert_eq!(opened, [Some(302), Some(403)], "{server}");
        }
        println!("{} servers accept a link, once", self.servers.len());
    }

    async fn speed(self: &Arc<Self>, time: Duration, is_recorded: bool) {
        let mut rows = Vec::new();
        for count in 1..=self.servers.len() {
            let accepted = Arc::new(AtomicU64::new(0));
            let end = Instant::now() + time;
            let mut visitors = JoinSet::new();
            for visitor in 0..AT_ONCE {
                let (cluster, accepted) = (Arc::clone(self), Arc::clone(&accepted));
                visitors.spawn(async move {
                    let server = cluster.servers[visitor % count].clone();
                    while Instant::now() < end {
                        let link = cluster.new_link(OLD);
                        if cluster.open(&server, &link).await == Some(302) {
                            accepted.fetch_add(1, Ordering::Relaxed);
                        }
                    }
                });
            }
            visitors.join_all().await;
            let by_second = accepted.load(Ordering::Relaxed) / time.as_secs();
            assert!(by_second > 0, "no link was accepted");
            // Two digits: the rest differs from run to run.
            let magnitude = 10_u64.pow(by_second.ilog10().saturating_sub(1));
            let rounded = (by_second + magnitude / 2) / magnitude * magnitude;
            rows.push(json!({"servers": count, "links a second": rounded}));
        }
        let table = Table::new("servers", rows);
        table.print();
        if is_recorded {
            record("cluster", "release", &[table]);
        }
    }
}
