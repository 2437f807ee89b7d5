//! The verdict over the records that were found, and the order of its checks.

use super::action::AllowedActions;
use super::attempt::{ApiAttempt, Pair, Presented};
use super::caller::{ApiCaller, ApiMode};
use super::equal_work::Checks;
use super::policy::ApiPolicy;
use super::refusal::ApiRefusal;
use super::store::{Admin, AdminState, ApiCredential};
use crate::stored::scheme::ExpectedSchemes;

impl ApiAttempt<'_> {
    /// Decides over the records that were found: the second step.
    ///
    /// `credential` is the record found under [`identifier`](Self::identifier), and `admin` the one
    /// found under [`username`](Self::username). `expected` are the schemes that a refusal must cost.
    /// A record under another name counts as absent, so a record that was not asked for is never used.
    ///
    /// # Errors
    ///
    /// The cause of the refusal: see [`ApiRefusal`].
    ///
    /// # Security
    ///
    /// A bcrypt takes tens of milliseconds. A refused identifier costs one, a refused username two,
    /// and three where the policy accepts `md5(secret)`. Keep this call off an async executor, and
    /// limit how many run at once.
    pub fn decide<Id: Clone>(
        &self,
        credential: Option<&ApiCredential<Id>>,
        admin: Option<&Admin<Id>>,
        expected: ExpectedSchemes,
        policy: &ApiPolicy,
    ) -> Result<ApiCaller<Id>, ApiRefusal> {
        let presented = self.0.as_ref().map_err(|refusal| *refusal)?;
        let mut checks = Checks::new(presented, expected, policy);
        let verdict = decide(presented, &mut checks, credential, admin, policy);
        if verdict.is_err() {
            checks.check_decoys();
        }
        verdict
    }
}

fn decide<Id: Clone>(
    presented: &Presented<'_>,
    checks: &mut Checks<'_>,
    credential: Option<&ApiCredential<Id>>,
    admin: Option<&Admin<Id>>,
    policy: &ApiPolicy,
) -> Result<ApiCaller<Id>, ApiRefusal> {
    let name = presented.name.as_str();
    let admin = admin.filter(|_| presented.pair == Pair::Login);
    // Where there is no record the name is compared with itself, which costs the same.
    let is_identifier = credential.map_or(name, ApiCredential::identifier) == name;
    let is_username = admin.map_or(name, Admin::username).eq_ignore_ascii_case(name);
    let credential = credential.filter(|_| is_identifier);
    let admin = admin.filter(|_| is_username);

    match (presented.pair, credential, admin) {
        (pair, Some(record), _) => verify_credential(checks, pair, record),
        (Pair::Login, None, Some(record)) if policy.admin_login => verify_admin(checks, record),
        _ if !(is_identifier && is_username) => Err(ApiRefusal::RecordNameMismatch),
        (Pair::Credential, None, _) => Err(ApiRefusal::UnknownIdentifier),
        (Pair::Login, None, _) if !policy.admin_login => Err(ApiRefusal::AdminLoginOff),
        (Pair::Login, None, _) => Err(ApiRefusal::UnknownUsername),
    }
}

fn verify_credential<Id: Clone>(
    checks: &mut Checks<'_>,
    pair: Pair,
    record: &ApiCredential<Id>,
) -> Result<ApiCaller<Id>, ApiRefusal> {
    let (scheme, presented_md5) = if checks.secret_matches(&record.secret) {
        (record.secret.scheme().into(), false)
    } else if let Some(scheme) = checks.md5_of_secret_matches(record) {
        (scheme, true)
    } else if checks.looks_md5() && !checks.were_of_md5() {
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

fn verify_admin<Id: Clone>(
    checks: &mut Checks<'_>,
    record: &Admin<Id>,
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
        actions: AllowedActions::default(),
    })
}

/// Asked only after the secret was proven: nobody else learns the state of an admin.
fn check_state(admin: AdminState) -> Result<(), ApiRefusal> {
    match admin {
        AdminState::Disabled => Err(ApiRefusal::AdminDisabled),
        AdminState::WithoutApiAccess => Err(ApiRefusal::NoApiAccess),
        AdminState::WithApiAccess => Ok(()),
    }
}
