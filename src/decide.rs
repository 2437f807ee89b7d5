//! The order of checks, and equal work for every refusal.

use alloc::string::String;
use core::hint::black_box;

use crate::attempt::{ApiAttempt, Pair, Presented};
use crate::digest::reveal;
use crate::forms::{PasswordForm, SecretForm, StoredForm, StoredForms};
use crate::password::{PresentedMd5, StoredPassword};
use crate::refusal::ApiRefusal;
use crate::secret::StoredSecret;
use crate::store::{Admin, AdminState, ApiCredential};

/// What a service accepts beside the identifier and the raw secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[must_use]
pub struct ApiPolicy {
    admin_login: bool,
    md5_of_secret: bool,
}

impl ApiPolicy {
    /// The rules as WHMCS documents them: admin logins are accepted, `md5(secret)` is not.
    pub const fn new() -> Self {
        Self {
            admin_login: true,
            md5_of_secret: false,
        }
    }

    /// Whether an admin's username and password are accepted. Switched off, the look-ups and the
    /// cost of a refusal stay the same, and every such caller is refused.
    pub const fn admin_login(mut self, accepted: bool) -> Self {
        self.admin_login = accepted;
        self
    }

    /// Whether the password field may hold the md5 of a credential's secret, 32 hexadecimal
    /// digits of either case, beside the secret itself. What it is checked against is the plain
    /// or the md5 form, or else the record's [compat form](ApiCredential::compat).
    ///
    /// # Security
    ///
    /// It makes a stored md5 equivalent to the secret.
    pub const fn md5_of_secret(mut self, accepted: bool) -> Self {
        self.md5_of_secret = accepted;
        self
    }
}

impl Default for ApiPolicy {
    fn default() -> Self {
        Self::new()
    }
}

/// In which of the three modes a caller was verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ApiMode {
    /// `identifier` and `secret`.
    Credential,
    /// The same pair in `username` and `password`.
    CredentialAsLogin,
    /// An admin's username and the md5 of the password.
    AdminLogin,
}

impl core::fmt::Display for ApiMode {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::Credential => "credential",
            Self::CredentialAsLogin => "credential-as-login",
            Self::AdminLogin => "admin-login",
        })
    }
}

/// Who calls the API.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[must_use]
pub struct ApiCaller<Id> {
    /// The store's own key: of the admin in mode [`AdminLogin`](ApiMode::AdminLogin), otherwise
    /// of the credential.
    pub id: Id,
    /// The mode.
    pub mode: ApiMode,
    /// The stored form that matched, for an operator who wants to retire the weak ones.
    pub form: StoredForm,
    /// Whether the md5 was presented and not the secret itself: always so for an admin, and for a
    /// credential only under [`ApiPolicy::md5_of_secret`].
    pub presented_md5: bool,
}

impl ApiAttempt<'_> {
    /// Judges the records found: the second step.
    ///
    /// `credential` is what was found under [`identifier`](Self::identifier), `admin` what was
    /// found under [`username`](Self::username), `forms` what the store mostly holds. A record
    /// under another name counts as absent; so a record that was not asked for is never used.
    ///
    /// # Errors
    ///
    /// The cause of the refusal. See [`ApiRefusal`].
    ///
    /// # Security
    ///
    /// With a bcrypt form this takes tens of milliseconds; keep it off an async executor.
    pub fn decide<Id: Clone>(
        &self,
        credential: Option<&ApiCredential<Id>>,
        admin: Option<&Admin<Id>>,
        forms: StoredForms,
        policy: &ApiPolicy,
    ) -> Result<ApiCaller<Id>, ApiRefusal> {
        let presented = self.0.as_ref().map_err(|refusal| *refusal)?;
        let mut check = Check::new(presented, policy);
        let verdict = check.judge(credential, admin);
        if verdict.is_err() {
            check.spend_the_rest(forms);
        }
        verdict
    }
}

/// One decision: what was presented, and which forms it was checked against so far.
struct Check<'a> {
    presented: &'a Presented<'a>,
    secret: &'a str,
    md5: PresentedMd5,
    admin_login: bool,
    md5_of_secret: bool,
    secret_spent: Option<SecretForm>,
    md5_of_secret_spent: Option<PasswordForm>,
    password_spent: Option<PasswordForm>,
}

impl<'a> Check<'a> {
    fn new(presented: &'a Presented<'a>, policy: &ApiPolicy) -> Self {
        let secret = presented.secret.as_str();
        let md5 = PresentedMd5::read(secret);
        Self {
            presented,
            secret,
            admin_login: policy.admin_login,
            md5_of_secret: policy.md5_of_secret
                && presented.pair == Pair::Login
                && md5.is_well_formed(),
            md5,
            secret_spent: None,
            md5_of_secret_spent: None,
            password_spent: None,
        }
    }

    fn judge<Id: Clone>(
        &mut self,
        credential: Option<&ApiCredential<Id>>,
        admin: Option<&Admin<Id>>,
    ) -> Result<ApiCaller<Id>, ApiRefusal> {
        let name = self.presented.name.as_str();
        let bearer = bearing(name, credential, |record| &record.identifier, str::eq);
        let login = bearing(
            name,
            admin,
            |record| &record.username,
            str::eq_ignore_ascii_case,
        );
        let misnamed =
            bearer.is_none() && credential.is_some() || login.is_none() && admin.is_some();

        match (self.presented.pair, bearer, login) {
            (_, Some(record), _) => self.judge_credential(record),
            (Pair::Login, None, _) if !self.admin_login => Err(ApiRefusal::AdminLoginOff),
            (Pair::Login, None, Some(record)) => self.judge_admin(record),
            _ if misnamed => Err(ApiRefusal::RecordNameMismatch),
            (Pair::Credential, None, _) => Err(ApiRefusal::UnknownIdentifier),
            (Pair::Login, None, None) => Err(ApiRefusal::UnknownUsername),
        }
    }

    fn judge_credential<Id: Clone>(
        &mut self,
        record: &ApiCredential<Id>,
    ) -> Result<ApiCaller<Id>, ApiRefusal> {
        let (form, presented_md5) = if self.matches_secret(&record.secret) {
            (record.secret.form().into(), false)
        } else if let Some(form) = self.matches_md5_of_secret(record) {
            (form, true)
        } else if self.md5.is_well_formed() {
            return Err(ApiRefusal::SecretLooksMd5);
        } else {
            return Err(ApiRefusal::WrongSecret);
        };
        judge_state(record.admin)?;
        Ok(ApiCaller {
            id: record.id.clone(),
            mode: match self.presented.pair {
                Pair::Credential => ApiMode::Credential,
                Pair::Login => ApiMode::CredentialAsLogin,
            },
            form,
            presented_md5,
        })
    }

    fn judge_admin<Id: Clone>(&mut self, record: &Admin<Id>) -> Result<ApiCaller<Id>, ApiRefusal> {
        if !self.matches_password(&record.password) {
            return Err(if self.md5.is_well_formed() {
                ApiRefusal::WrongPassword
            } else {
                ApiRefusal::PasswordNotMd5
            });
        }
        judge_state(record.state)?;
        Ok(ApiCaller {
            id: record.id.clone(),
            mode: ApiMode::AdminLogin,
            form: record.password.form().into(),
            presented_md5: true,
        })
    }
}

/// Makes up for the checks that a refusal did not need, so that every refusal costs the same.
impl Check<'_> {
    fn matches_secret(&mut self, stored: &StoredSecret) -> bool {
        self.secret_spent = Some(stored.form());
        reveal(stored.matches(self.secret))
    }

    fn matches_md5_of_secret<Id>(&mut self, record: &ApiCredential<Id>) -> Option<StoredForm> {
        if !self.md5_of_secret {
            return None;
        }
        let (form, outcome) = match (record.secret.matches_md5(&self.md5), &record.compat) {
            (Some(checked), _) => checked,
            (None, Some(compat)) => (compat.form(), compat.matches(&self.md5)),
            (None, None) => return None,
        };
        self.md5_of_secret_spent = Some(form);
        reveal(outcome).then_some(form.into())
    }

    fn matches_password(&mut self, stored: &StoredPassword) -> bool {
        self.password_spent = Some(stored.form());
        reveal(stored.matches(&self.md5))
    }

    /// Checks each kind that was looked up against a decoy of the store's form, unless a record of
    /// that form was checked just now. What matches a decoy is refused like anything else.
    fn spend_the_rest(&self, forms: StoredForms) {
        if self.secret_spent != Some(forms.secret)
            && let Some(decoy) = StoredSecret::decoy(forms.secret)
        {
            black_box(reveal(decoy.matches(self.secret)));
        }
        if self.md5_of_secret && self.md5_of_secret_spent != forms.md5_of_secret() {
            self.spend_password(forms.md5_of_secret());
        }
        if self.presented.pair == Pair::Login && self.password_spent != Some(forms.password) {
            self.spend_password(Some(forms.password));
        }
    }

    fn spend_password(&self, form: Option<PasswordForm>) {
        if let Some(decoy) = form.and_then(StoredPassword::decoy) {
            black_box(reveal(decoy.matches(&self.md5)));
        }
    }
}

/// The record, if it bears the name. Where there is none, the name is compared with itself, which
/// costs the same.
fn bearing<'r, Record>(
    name: &str,
    record: Option<&'r Record>,
    name_of: impl Fn(&Record) -> &String,
    equal: impl Fn(&str, &str) -> bool,
) -> Option<&'r Record> {
    let found = record.map_or(name, |record| name_of(record));
    let bears_it = equal(found, name);
    record.filter(|_| bears_it)
}

fn judge_state(admin: AdminState) -> Result<(), ApiRefusal> {
    match admin {
        AdminState::Disabled => Err(ApiRefusal::AdminDisabled),
        AdminState::WithoutApiAccess => Err(ApiRefusal::NoApiAccess),
        AdminState::WithApiAccess => Ok(()),
    }
}
