//! The tokens of `CreateSsoToken`, the successor of AutoAuth. Each token logs in once.

use moka::policy::EvictionPolicy;
use moka::sync::Cache;
use time::{Duration, OffsetDateTime};
use whmcs_auth::{AutoAuthRefusal, GotoTarget};

use crate::random::{is_hex_of_32_bytes, random_hex};
use crate::refusal::Refusal;
use crate::settings::Limits;
use crate::throttle::Guess;

/// How long a token can be used.
const LIFETIME: Duration = Duration::seconds(60);

/// Issued tokens that were not used yet.
pub(crate) struct SsoTokens(Cache<String, SsoLogin>);

/// The login that a token allows.
#[derive(Clone)]
pub(crate) struct SsoLogin {
    pub(crate) client: i64,
    pub(crate) target: Option<GotoTarget<'static>>,
    expires: OffsetDateTime,
}

impl SsoTokens {
    pub(crate) fn new(limits: &Limits) -> Self {
        // Longer than their lifetime, so that the log can tell expired tokens from unknown ones.
        let kept = std::time::Duration::from_secs(600);
        Self(
            Cache::builder()
                .max_capacity(limits.sso_tokens)
                .eviction_policy(EvictionPolicy::lru())
                .time_to_live(kept)
                .build(),
        )
    }

    /// Issues a token for the client.
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

    /// The login that the token allows. The token stays usable.
    pub(crate) fn peek(&self, token: &str, now: OffsetDateTime) -> Result<SsoLogin, Refusal> {
        not_expired(token, self.0.get(token), now)
    }

    /// Uses up the token. If several requests do so at the same time, only one succeeds.
    pub(crate) fn redeem(&self, token: &str, now: OffsetDateTime) -> Result<SsoLogin, Refusal> {
        not_expired(token, self.0.remove(token), now)
    }
}

fn not_expired(
    token: &str,
    login: Option<SsoLogin>,
    now: OffsetDateTime,
) -> Result<SsoLogin, Refusal> {
    match login {
        Some(login) if now < login.expires => Ok(login),
        Some(_) => Err(Refusal::answered_as(
            &AutoAuthRefusal::Expired { by: Default::default() },
            "sso_token_expired",
            "the token is older than 60 s",
        )),
        None if is_hex_of_32_bytes(token) => Err(Refusal::answered_as(
            &AutoAuthRefusal::HashMismatch,
            "sso_token_unknown",
            "the token was never issued, or it was used before",
        )
        .counted(Guess::Link)),
        None => Err(Refusal::answered_as(
            &AutoAuthRefusal::HashMismatch,
            "sso_token_format",
            "there is no token, or it does not have the format of one",
        )),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;
    use std::thread::scope;

    use super::*;

    #[test]
    fn only_one_of_several_threads_redeems_a_token() {
        let tokens = SsoTokens::new(&Limits::default());
        let now = OffsetDateTime::UNIX_EPOCH;
        for _ in 0..500 {
            let token = tokens.issue(1, None, now).unwrap();
            let all_are_ready = Barrier::new(4);
            let redeem = || {
                all_are_ready.wait();
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
