//! The account that a link is for (LINK-8), and how often the link may be used (LINK-7).

use super::goto::Goto;
use super::login::AutoAuthLogin;
use super::refusal::{AutoAuthRefusal, ReplayRefusal};

impl<'a> AutoAuthLogin<'a> {
    /// Chooses the account that the link is for, out of all accounts that were found for
    /// [`email`](Self::email) (LINK-8).
    ///
    /// An account is the right one if its stored e-mail equals the signed one. The case of ASCII letters is ignored.
    /// All other bytes must be equal, without Unicode folding. An account whose stored e-mail is equal byte for byte
    /// is preferred to one that differs in ASCII case. Among equally good ones, an open account is preferred to
    /// closed ones: a client may close an account and open another with the same e-mail.
    ///
    /// `is_open` says whether an account may log in. Also pass closed accounts. Then a link for a closed account is
    /// reported as such. If your query leaves them out, pass `|_| true`.
    ///
    /// # Errors
    ///
    /// - [`AutoAuthRefusal::UnknownEmail`] if no account was found.
    /// - [`AutoAuthRefusal::AccountEmailMismatch`] if every account that was found has another
    ///   e-mail.
    /// - [`AutoAuthRefusal::AccountClosed`] if the account is closed. An open account whose e-mail differs in
    ///   ASCII case does not replace a closed one that is equal byte for byte.
    /// - [`AutoAuthRefusal::AmbiguousAccount`] if several open accounts are equally good.
    ///
    /// The public message is the same as for a link that is not genuine.
    ///
    /// # Security
    ///
    /// A database whose collation folds letters also finds accounts whose e-mail only looks like
    /// the signed one. A genuine link proves nothing about those accounts. Pass all accounts that
    /// were found, each of them once. If the query stops after one account, it may be a wrong one, and the
    /// owner of the right account is refused.
    ///
    /// # Examples
    ///
    /// ```
    /// use whmcs_auth::time::OffsetDateTime;
    /// use whmcs_auth::{
    ///     AutoAuthKey, AutoAuthKeys, AutoAuthPolicy, AutoAuthRequest, verify_autoauth,
    /// };
    ///
    /// let keys = AutoAuthKeys::from(AutoAuthKey::new("abcXYZ123")?);
    /// let now = OffsetDateTime::from_unix_timestamp(1290100706)?;
    /// let request = AutoAuthRequest::from_pairs([
    ///     ("email", "demo@whmcs.com"),
    ///     ("timestamp", "1290100706"),
    ///     ("hash", "6624fa4b6fb3c5fcd24e587154a949911046d92b"),
    /// ]);
    /// let login = verify_autoauth(&request, &keys, &now, &AutoAuthPolicy::new())?;
    ///
    /// struct Account {
    ///     id: u64,
    ///     email: &'static str,
    ///     is_open: bool,
    /// }
    ///
    /// // The rows that a database finds if its collation ignores accents and case.
    /// let found = [
    ///     Account { id: 1, email: "dem\u{f3}@whmcs.com", is_open: true },
    ///     Account { id: 2, email: "Demo@WHMCS.com", is_open: false },
    ///     Account { id: 3, email: "Demo@WHMCS.com", is_open: true },
    /// ];
    /// let login = login.check_account(found, |account| account.email, |account| account.is_open)?;
    /// assert_eq!(login.repeatable().account().id, 3);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn check_account<A>(
        self,
        found: impl IntoIterator<Item = A>,
        stored_email: impl Fn(&A) -> &str,
        is_open: impl Fn(&A) -> bool,
    ) -> Result<AccountLogin<'a, A>, AutoAuthRefusal> {
        let mut is_any_found = false;
        let mut best = None;
        let mut best_rank = Rank::default();
        let mut is_ambiguous = false;
        for account in found {
            is_any_found = true;
            let stored = stored_email(&account);
            if !self.is_for(stored) {
                continue;
            }
            let rank = Rank { is_exact: stored == self.email(), is_open: is_open(&account) };
            if best.is_none() || rank > best_rank {
                is_ambiguous = false;
                best_rank = rank;
                best = Some(account);
            } else {
                is_ambiguous |= rank == best_rank;
            }
        }
        match best {
            Some(_) if !best_rank.is_open => Err(AutoAuthRefusal::AccountClosed),
            Some(_) if is_ambiguous => Err(AutoAuthRefusal::AmbiguousAccount),
            Some(account) => Ok(AccountLogin { login: self, account }),
            None if is_any_found => Err(AutoAuthRefusal::AccountEmailMismatch),
            None => Err(AutoAuthRefusal::UnknownEmail),
        }
    }
}

/// How well an account suits a link: the e-mail counts first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Rank {
    is_exact: bool,
    is_open: bool,
}

/// The login of a genuine link whose account was checked: what [`AutoAuthLogin::check_account`] returns.
///
/// You get the account and the target only after you choose how often the link may be used:
///
/// | method | the link works |
/// |---|---|
/// | `use_once`, with feature `std` | once, as a `ReplayGuard` remembers |
/// | [`used_once`](Self::used_once) | once, as a store of your own remembers |
/// | [`repeatable`](Self::repeatable) | until its window closes |
///
/// A handler that forgets the choice does not compile:
///
/// ```compile_fail,E0599
/// use whmcs_auth::AccountLogin;
///
/// fn account(login: AccountLogin<'_, u64>) -> u64 {
///     login.into_account()
/// }
/// ```
///
/// ```
/// use whmcs_auth::{AccountLogin, ReplayRefusal};
///
/// fn account(login: AccountLogin<'_, u64>, is_first: bool) -> Result<u64, ReplayRefusal> {
///     Ok(login.used_once(is_first)?.into_account())
/// }
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct AccountLogin<'a, A> {
    login: AutoAuthLogin<'a>,
    account: A,
}

impl<'a, A> AccountLogin<'a, A> {
    /// The login that was verified, with the replay key to remember.
    pub fn login(&self) -> &AutoAuthLogin<'a> {
        &self.login
    }

    /// Refuses the login unless the account fulfils a condition of your own, such as a switch of the account.
    /// A link that is refused here is not used up.
    ///
    /// # Errors
    ///
    /// The error of the condition.
    ///
    /// # Examples
    ///
    /// ```
    /// use whmcs_auth::AccountLogin;
    ///
    /// struct Client {
    ///     may_sign_on: bool,
    /// }
    ///
    /// fn may_sign_on(
    ///     login: AccountLogin<'_, Client>,
    /// ) -> Result<AccountLogin<'_, Client>, &'static str> {
    ///     login.require(|client| match client.may_sign_on {
    ///         true => Ok(()),
    ///         false => Err("single sign-on is switched off for the client"),
    ///     })
    /// }
    /// ```
    pub fn require<E>(self, condition: impl FnOnce(&A) -> Result<(), E>) -> Result<Self, E> {
        condition(&self.account)?;
        Ok(self)
    }

    /// Accepts the link if a store of your own says that this is its first use.
    ///
    /// One statement must both ask and remember. The docs of the module `replay` show it for SQL and Redis.
    /// Pass whether the statement inserted the [replay key](AutoAuthLogin::replay_key).
    ///
    /// # Errors
    ///
    /// [`ReplayRefusal::Used`] if `is_first_use` is `false`.
    ///
    /// # Security
    ///
    /// If the store does not answer, refuse the login.
    pub fn used_once(self, is_first_use: bool) -> Result<AcceptedLogin<'a, A>, ReplayRefusal> {
        match is_first_use {
            true => Ok(self.repeatable()),
            false => Err(ReplayRefusal::Used),
        }
    }

    /// Accepts the link, whether it was used before or not.
    ///
    /// # Security
    ///
    /// Whoever sees the link can log in with it until its window closes. It may stand in a browser's
    /// history, in the log of a proxy, or in a mail that was forwarded.
    pub fn repeatable(self) -> AcceptedLogin<'a, A> {
        AcceptedLogin { login: self.login, account: self.account }
    }
}

/// A login that may begin: a genuine link, the right account, and a use that is allowed.
///
/// Only an [`AccountLogin`] becomes one. This does not compile:
///
/// ```compile_fail,E0451
/// use whmcs_auth::{AcceptedLogin, AutoAuthLogin};
///
/// fn accept(login: AutoAuthLogin<'_>, account: u64) -> AcceptedLogin<'_, u64> {
///     AcceptedLogin { login, account }
/// }
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct AcceptedLogin<'a, A> {
    login: AutoAuthLogin<'a>,
    account: A,
}

impl<'a, A> AcceptedLogin<'a, A> {
    /// The login that was verified.
    pub fn login(&self) -> &AutoAuthLogin<'a> {
        &self.login
    }

    /// The account to log in.
    pub fn account(&self) -> &A {
        &self.account
    }

    /// The account to log in.
    pub fn into_account(self) -> A {
        self.account
    }

    /// Where the visitor goes after the login (LINK-6).
    pub fn goto(&self) -> &Goto<'a> {
        &self.login.goto
    }
}

#[cfg(feature = "test-util")]
impl<'a, A> AcceptedLogin<'a, A> {
    /// Makes an accepted login without verification, for tests of handlers. Needs feature `test-util`.
    ///
    /// The text of `goto` is checked as [`Goto::parse`] does. The login comes from [`AutoAuthLogin::for_test`] for
    /// `test@example.com`, at the timestamp 1700000000.
    ///
    /// # Security
    ///
    /// Nobody signed anything. Enable the feature under `[dev-dependencies]` only, never in a release
    /// build.
    ///
    /// # Examples
    ///
    /// ```
    /// use whmcs_auth::AcceptedLogin;
    ///
    /// let login = AcceptedLogin::for_test(7, "viewinvoice.php?id=12");
    /// assert_eq!(login.account(), &7);
    /// assert_eq!(login.goto().target_or("clientarea.php"), "viewinvoice.php?id=12");
    /// ```
    pub fn for_test(account: A, goto: &'a str) -> Self {
        let login = AutoAuthLogin::for_test("test@example.com", 1_700_000_000);
        Self { login: AutoAuthLogin { goto: Goto::parse(goto), ..login }, account }
    }
}
