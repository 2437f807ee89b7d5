//! The account that a link is for (LINK-8), and how often the link may be used (LINK-7).

use super::goto::Goto;
use super::login::AutoAuthLogin;
use super::refusal::{AutoAuthRefusal, ReplayRefusal};

impl<'a> AutoAuthLogin<'a> {
    /// Chooses the account that the link is for, out of all accounts that were found for
    /// [`email`](Self::email) (LINK-8).
    ///
    /// An account is the right one if its stored e-mail equals the signed one, as
    /// [`is_for`](Self::is_for) compares them. An account whose stored e-mail is equal byte for
    /// byte is preferred to one that differs in ASCII case.
    ///
    /// # Errors
    ///
    /// - [`AutoAuthRefusal::UnknownEmail`] if no account was found.
    /// - [`AutoAuthRefusal::AccountEmailMismatch`] if every account that was found has another
    ///   e-mail.
    /// - [`AutoAuthRefusal::AmbiguousAccount`] if several accounts match, and none or several of them
    ///   match byte for byte.
    ///
    /// The public message is the same as for a link that is not genuine.
    ///
    /// # Security
    ///
    /// A database whose collation folds letters also finds accounts whose e-mail only looks like
    /// the signed one. A genuine link proves nothing about those accounts. Pass all accounts that
    /// were found, each of them once. If the query stops after one account, it may be a wrong one, and the owner of the
    /// right account is refused.
    ///
    /// # Examples
    ///
    /// ```
    /// use time::OffsetDateTime;
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
    ///     email: String,
    /// }
    ///
    /// // What a collation finds that ignores accents and case.
    /// let found = ["dem\u{f3}@whmcs.com", "Demo@WHMCS.com"];
    /// let found = found.into_iter().zip(1..).map(|(email, id)| Account { id, email: email.into() });
    /// let login = login.check_account(found, |account| &account.email)?.repeatable();
    /// assert_eq!(login.account().id, 2);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn check_account<A>(
        self,
        found: impl IntoIterator<Item = A>,
        stored_email: impl Fn(&A) -> &str,
    ) -> Result<AccountLogin<'a, A>, AutoAuthRefusal> {
        let mut is_any_found = false;
        let mut best = None;
        let mut is_exact = false;
        let mut is_ambiguous = false;
        for account in found {
            is_any_found = true;
            let stored = stored_email(&account);
            let is_this_exact = stored == self.email();
            let is_worse = best.is_some() && is_exact && !is_this_exact;
            if is_worse || !self.is_for(stored) {
                continue;
            }
            is_ambiguous = best.is_some() && is_this_exact == is_exact;
            is_exact = is_this_exact;
            best = Some(account);
        }
        match best {
            Some(_) if is_ambiguous => Err(AutoAuthRefusal::AmbiguousAccount),
            Some(account) => Ok(AccountLogin { login: self, account }),
            None if is_any_found => Err(AutoAuthRefusal::AccountEmailMismatch),
            None => Err(AutoAuthRefusal::UnknownEmail),
        }
    }
}

/// The login of a genuine link whose account was checked: what [`AutoAuthLogin::check_account`] returns.
///
/// Account and target come after a choice of how often the link may be used:
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

    /// Accepts the link if this is its first use, by a store of your own.
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
    /// The text of `goto` is checked as [`Goto::parse`] does. The login is that of
    /// [`AutoAuthLogin::for_test`] for `test@example.com`, at the timestamp 1700000000.
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
