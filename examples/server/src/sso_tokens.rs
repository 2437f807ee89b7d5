//! Tokens for one login each: `CreateSsoToken`, the successor of AutoAuth.

use moka::policy::EvictionPolicy;
use moka::sync::Cache;
use time::{Duration, OffsetDateTime};
use whmcs_auth::{AutoAuthRefusal, GotoTarget};

use crate::random::random_hex;
use crate::refusal::Refusal;
use crate::settings::Limits;

/// For how long a token can be used.
const LIFETIME: Duration = Duration::seconds(60);

/// Tokens that were given out and not used yet.
pub(crate) struct SsoTokens(Cache<String, SsoLogin>);

/// What a token is good for.
#[derive(Clone)]
pub(crate) struct SsoLogin {
    pub(crate) client: i64,
    pub(crate) target: Option<GotoTarget<'static>>,
    expires: OffsetDateTime,
}

impl SsoTokens {
    pub(crate) fn new(limits: &Limits) -> Self {
        // Held for longer than they live, so that an expired one is told from an unknown one.
        let held = std::time::Duration::from_secs(600);
        Self(
            Cache::builder()
                .max_capacity(limits.sso_tokens)
                .eviction_policy(EvictionPolicy::lru())
                .time_to_live(held)
                .build(),
        )
    }

    pub(crate) fn issue(
        &self,
        client: i64,
        target: Option<GotoTarget<'static>>,
        now: OffsetDateTime,
    ) -> Result<String, Refusal> {
        let token = random_hex()?;
        let expires = now.saturating_add(LIFETIME);
        self.0.insert(token.clone(), SsoLogin { client, target, expires });
        Ok(token)
    }

    /// What the token is good for. It can still be used.
    pub(crate) fn look_at(&self, token: &str, now: OffsetDateTime) -> Result<SsoLogin, Refusal> {
        not_expired(self.0.get(token), now)
    }

    /// Uses the token. Of several who ask at once one has it.
    pub(crate) fn redeem(&self, token: &str, now: OffsetDateTime) -> Result<SsoLogin, Refusal> {
        not_expired(self.0.remove(token), now)
    }
}

fn not_expired(login: Option<SsoLogin>, now: OffsetDateTime) -> Result<SsoLogin, Refusal> {
    match login {
        Some(login) if now < login.expires => Ok(login),
        Some(_) => Err(refused("sso_token_expired", "the token is older than 60 s")),
        None => Err(refused("sso_token_unknown", "the token was never given out, or was used")),
    }
}

/// The visitor is told what is told of a link that is not genuine.
fn refused(code: &'static str, cause: &str) -> Refusal {
    Refusal::answered_as(&AutoAuthRefusal::HashMismatch, code, cause).counted()
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;
    use std::thread::scope;

    use super::*;

    #[test]
    fn of_threads_that_ask_at_once_one_has_the_token() {
        let tokens = SsoTokens::new(&Limits::default());
        let now = OffsetDateTime::UNIX_EPOCH;
        for _ in 0..500 {
            let token = tokens.issue(1, None, now).unwrap();
            let all_are_here = Barrier::new(4);
            let redeem = || {
                all_are_here.wait();
                tokens.redeem(&token, now).is_ok()
            };
            let redeemed = scope(|scope| {
                let threads = [(); 4].map(|()| scope.spawn(redeem));
                threads.map(|thread| thread.join().unwrap())
            });
            assert_eq!(redeemed.iter().filter(|one| **one).count(), 1);
        }
    }
}
