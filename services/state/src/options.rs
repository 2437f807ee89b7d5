//! The options of every program that has a store.

use std::time::Duration;

use clap::Args;

use crate::{Installation, MAX_AHEAD, Redis, StateError};

/// How far ahead a link may be if it works more than once, as in WHMCS.
const MAX_AHEAD_OF_ONE: u64 = 900;

/// How often a link works, and where that is kept.
#[derive(Args)]
pub struct StateOptions {
    /// Accept each login link only once. Without --redis, links that were not made after the start are refused.
    #[arg(long)]
    pub one_time_links: bool,

    /// URL of a Redis that several machines share, such as redis://:PASSWORD@HOST:6379/0. Without it, each
    /// machine remembers for itself.
    #[arg(long, value_name = "URL", env = "WHMCS_REDIS", hide_env_values = true)]
    #[arg(requires = "installation")]
    redis: Option<String>,

    /// Name of the installation in Redis: the same on all its machines, and another for each other installation.
    #[arg(long, value_name = "NAME", env = "WHMCS_INSTALLATION")]
    installation: Option<String>,

    /// How many seconds the clock of the program that signs links may be ahead. [default: 900, as in WHMCS; with
    /// --one-time-links 120, and not more]
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(..=MAX_AHEAD_OF_ONE))]
    max_ahead: Option<u64>,
}

impl StateOptions {
    /// The Redis, if one is given. Visitors know the installation by `url`.
    ///
    /// # Errors
    ///
    /// If the URL or the name is not one, or one-time links may be too far ahead.
    pub fn redis(&self, url: &str) -> Result<Option<Redis>, StateError> {
        self.max_ahead()?;
        let Some(redis) = &self.redis else { return Ok(None) };
        let name = self.installation.as_deref().unwrap_or_default();
        Redis::new(redis, Installation::new(name, url)?).map(Some)
    }

    /// Whether a Redis is given.
    #[must_use]
    pub fn has_redis(&self) -> bool {
        self.redis.is_some()
    }

    /// How far ahead of the clock the timestamp of a link may be.
    ///
    /// # Errors
    ///
    /// If it is too far for one-time links: after a restart, nobody knows which of them were used.
    pub fn max_ahead(&self) -> Result<Duration, StateError> {
        let most = match self.one_time_links {
            true => MAX_AHEAD,
            false => Duration::from_secs(MAX_AHEAD_OF_ONE),
        };
        let given = self.max_ahead.map_or(most, Duration::from_secs);
        match given <= most {
            true => Ok(given),
            false => {
                let cause = "with --one-time-links, --max-ahead is at most 120";
                Err(StateError::new("state_ahead", cause))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Program {
        #[command(flatten)]
        state: StateOptions,
    }

    const REDIS: [&str; 4] = ["--redis", "redis://127.0.0.1:1", "--installation", "a"];

    fn options(options: &[&str]) -> Result<StateOptions, clap::Error> {
        Ok(Program::try_parse_from([&["program"], options].concat())?.state)
    }

    #[test]
    fn how_far_ahead_a_link_may_be_is_bounded_if_it_works_once() {
        let once = [&REDIS[..], &["--one-time-links"]].concat();
        for (given, expected) in [
            (&[][..], 900),
            (&["--max-ahead", "0"], 0),
            (&["--max-ahead", "900"], 900),
            (&["--one-time-links"], 120),
            (&REDIS, 900),
            (&[&REDIS[..], &["--max-ahead", "900"]].concat(), 900),
            (&once, 120),
            (&[&once[..], &["--max-ahead", "0"]].concat(), 0),
            (&[&once[..], &["--max-ahead", "120"]].concat(), 120),
        ] {
            let ahead = options(given).unwrap().max_ahead();
            assert_eq!(ahead, Ok(Duration::from_secs(expected)), "{given:?}");
        }
        let too_far = options(&[&once[..], &["--max-ahead", "121"]].concat()).unwrap().max_ahead();
        assert_eq!(too_far.unwrap_err().code, "state_ahead");
        assert!(options(&["--max-ahead", "901"]).is_err());
    }

    #[test]
    fn a_redis_needs_the_name_of_the_installation() {
        const URL: &str = "https://a.example";
        let Err(error) = options(&REDIS[..2]) else { panic!("no name") };
        assert!(error.to_string().contains("--installation <NAME>"), "{error}");
        assert!(options(&REDIS).unwrap().redis(URL).unwrap().is_some());
        assert!(options(&REDIS[2..]).unwrap().redis(URL).unwrap().is_none());
        for name in ["", "a:b"] {
            let Err(error) = options(&[&REDIS[..3], &[name]].concat()).unwrap().redis(URL) else {
                panic!("{name}")
            };
            assert_eq!(error.code, "state_installation");
        }
    }
}
