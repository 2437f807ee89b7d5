//! API-6 and API-7: which record is used, and the order of the checks.

use super::action::AllowedActions;
use super::attempt::{ApiAttempt, Pair, Presented};
use super::caller::{ApiCaller, ApiMode};
use super::equal_work::{AnyMethod, Checks, Computed};
use super::policy::ApiPolicy;
use super::refusal::ApiRefusal;
use super::store::{Admin, AdminState, ApiCredential};
use crate::stored::scheme::ExpectedSchemes;

impl ApiAttempt<'_> {
    /// Decides who is calling, from the records that were found for the attempt.
    ///
    /// | argument | what to pass |
    /// |---|---|
    /// | `credential` | the credential found for [`identifier`](Self::identifier), if any |
    /// | `admin` | the admin found for [`username`](Self::username), if any |
    /// | `expected` | the schemes that a refusal must cost (API-8) |
    ///
    /// A record with another name counts as absent (API-6). A record that the attempt did not ask for is
    /// ignored.
    ///
    /// # Errors
    ///
    /// [`ApiRefusal`] with the cause. The checks run in the order of API-7.
    ///
    /// # Security
    ///
    /// Every refusal costs the same whether the name is known or not (API-8). With bcrypt, each check takes
    /// tens of milliseconds. If all schemes are bcrypt, a refusal costs this many checks:
    ///
    /// | pair | bcrypt checks |
    /// |---|---:|
    /// | `identifier` and `secret` | 1 |
    /// | `username` and `password` | 2 |
    /// | the same, with 32 hexadecimal digits as the password, under [`ApiPolicy::with_md5_of_secret`] | 3 |
    ///
    /// Do not run this call on an async executor. Limit how many run at once.
    ///
    /// # Examples
    ///
    /// ```
    /// use whmcs_auth::{
    ///     AdminState, ApiCredential, ApiPolicy, ApiRefusal, ApiRequest, ExpectedSchemes,
    ///     PasswordScheme, SecretScheme, StoredSecret,
    /// };
    ///
    /// let request = ApiRequest::from_pairs([("identifier", "id"), ("secret", "s3cret")]);
    /// let attempt = request.attempt(&ApiPolicy::new());
    ///
    /// // Found for `attempt.identifier()`. It asks for no admin: `attempt.username()` is `None`.
    /// let secret = StoredSecret::plain("s3cret")?;
    /// let found = ApiCredential::new(7, "id", secret, AdminState::Disabled);
    /// let expected = ExpectedSchemes::new(SecretScheme::Plain, PasswordScheme::Md5);
    /// let verdict = attempt.decide(Some(&found), None, expected);
    /// assert_eq!(verdict, Err(ApiRefusal::AdminDisabled));
    /// # Ok::<(), whmcs_auth::SchemeError>(())
    /// ```
    ///
    /// Records in the wrong order do not compile:
    ///
    /// ```compile_fail,E0308
    /// use whmcs_auth::{Admin, ApiAttempt, ApiCredential, ExpectedSchemes};
    ///
    /// fn is_verified(
    ///     attempt: &ApiAttempt<'_>,
    ///     credential: &ApiCredential<u64>,
    ///     admin: &Admin<u64>,
    ///     expected: ExpectedSchemes,
    /// ) -> bool {
    ///     attempt.decide(Some(admin), Some(credential), expected).is_ok()
    /// }
    /// ```
    ///
    /// ```
    /// # use whmcs_auth::{Admin, ApiAttempt, ApiCredential, ExpectedSchemes};
    /// #
    /// # fn is_verified(
    /// #     attempt: &ApiAttempt<'_>,
    /// #     credential: &ApiCredential<u64>,
    /// #     admin: &Admin<u64>,
    /// #     expected: ExpectedSchemes,
    /// # ) -> bool {
    /// attempt.decide(Some(credential), Some(admin), expected).is_ok()
    /// # }
    /// ```
    pub fn decide<Id: Clone>(
        &self,
        credential: Option<&ApiCredential<Id>>,
        admin: Option<&Admin<Id>>,
        expected: ExpectedSchemes,
    ) -> Result<ApiCaller<Id>, ApiRefusal> {
        #[cfg(feature = "cache")]
        if let Some(verdict) = self.decide_with_cache(credential, admin, expected) {
            return verdict;
        }
        self.decide_by(&Computed, credential, admin, expected)
    }

    /// Without the feature, no check is bcrypt.
    #[cfg(not(feature = "bcrypt"))]
    pub(super) fn decide_without_bcrypt<Id: Clone>(
        &self,
        credential: Option<&ApiCredential<Id>>,
        admin: Option<&Admin<Id>>,
        expected: ExpectedSchemes,
    ) -> Option<Result<ApiCaller<Id>, ApiRefusal>> {
        Some(self.decide(credential, admin, expected))
    }

    /// Decides as [`decide`](Self::decide) does. `method` makes the checks.
    #[inline]
    pub(super) fn decide_by<Id: Clone>(
        &self,
        method: AnyMethod<'_>,
        credential: Option<&ApiCredential<Id>>,
        admin: Option<&Admin<Id>>,
        expected: ExpectedSchemes,
    ) -> Result<ApiCaller<Id>, ApiRefusal> {
        let presented = self.presented.as_ref().map_err(|refusal| *refusal)?;
        let mut checks = Checks::new(method, presented, expected, &self.policy);
        let verdict = decide(presented, &mut checks, credential, admin, &self.policy);
        if verdict.is_err() {
            checks.check_decoys();
        }
        verdict
    }
}

#[inline]
fn decide<Id: Clone>(
    presented: &Presented<'_>,
    checks: &mut Checks<'_>,
    credential: Option<&ApiCredential<Id>>,
    admin: Option<&Admin<Id>>,
    policy: &ApiPolicy,
) -> Result<ApiCaller<Id>, ApiRefusal> {
    let name = presented.name.as_str();
    let admin = admin.filter(|_| presented.pair == Pair::Login);
    // API-6. Without a record, the name is compared with itself, which costs the same.
    let is_identifier = credential.map_or(name, ApiCredential::identifier) == name;
    let is_username = admin.map_or(name, Admin::username).eq_ignore_ascii_case(name);
    let credential = credential.filter(|_| is_identifier);
    let admin = admin.filter(|_| is_username);

    match (presented.pair, credential, admin) {
        (pair, Some(record), _) => verify_credential(checks, pair, record),
        (Pair::Login, None, Some(record)) if policy.admin_login => {
            verify_admin(checks, record, policy)
        }
        _ if !(is_identifier && is_username) => Err(ApiRefusal::RecordNameMismatch),
        (Pair::Credential, None, _) => Err(ApiRefusal::UnknownIdentifier),
        (Pair::Login, None, _) if !policy.admin_login => Err(ApiRefusal::AdminLoginOff),
        (Pair::Login, None, _) => Err(ApiRefusal::UnknownUsername),
    }
}

#[inline]
fn verify_credential<Id: Clone>(
    checks: &mut Checks<'_>,
    pair: Pair,
    record: &ApiCredential<Id>,
) -> Result<ApiCaller<Id>, ApiRefusal> {
    let (scheme, presented_md5) = if checks.secret_matches(&record.secret) {
        (record.secret.scheme().into(), false)
    } else if let Some(scheme) = checks.md5_of_secret_matches(record) {
        (scheme, true)
    } else if checks.looks_md5() && !checks.checked_md5_of_secret() {
        return Err(ApiRefusal::SecretLooksMd5);
    } else {
        return Err(ApiRefusal::WrongSecret);
    };
    check_state(record.admin)?;
    Ok(ApiCaller {
        id: record.id.clone(),
        mode: match pair {
            Pair::Credential => ApiMode::Credential,
            Pair::Login => ApiMode::CredentialAsLogin,
        },
        scheme,
        presented_md5,
        actions: record.actions.clone(),
    })
}

#[inline]
fn verify_admin<Id: Clone>(
    checks: &mut Checks<'_>,
    record: &Admin<Id>,
    policy: &ApiPolicy,
) -> Result<ApiCaller<Id>, ApiRefusal> {
    if !checks.password_matches(&record.password) {
        return Err(match checks.looks_md5() {
            true => ApiRefusal::WrongPassword,
            false => ApiRefusal::PasswordNotMd5,
        });
    }
    check_state(record.state)?;
    Ok(ApiCaller {
        id: record.id.clone(),
        mode: ApiMode::AdminLogin,
        scheme: record.password.scheme().into(),
        presented_md5: true,
        actions: match policy.admin_actions {
            true => AllowedActions::all(),
            false => AllowedActions::default(),
        },
    })
}

/// API-7: called only after the secret matched, so that nobody else learns the state of an admin.
fn check_state(admin: AdminState) -> Result<(), ApiRefusal> {
    match admin {
        AdminState::Disabled => Err(ApiRefusal::AdminDisabled),
        AdminState::WithoutApiAccess => Err(ApiRefusal::NoApiAccess),
        AdminState::WithApiAccess => Ok(()),
    }
}
