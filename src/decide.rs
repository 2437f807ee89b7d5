//! The order of checks, and equal work for every refusal.
//!
//! Shape, look-up, secret, admin enabled, API Access: nothing about the admin is told to a caller
//! who did not prove the secret. The shape is judged by the attempt.

use core::hint::black_box;
use core::mem::ManuallyDrop;

use crate::attempt::{ApiAttempt, ApiCaller, ApiMode, Pair, Presented};
use crate::digest::reveal;
use crate::forms::{PasswordForm, SecretForm, StoredForm, StoredForms};
use crate::gate::AllowedActions;
use crate::password::{PresentedMd5, StoredPassword};
use crate::refusal::ApiRefusal;
use crate::secret::StoredSecret;
use crate::store::{Admin, AdminState, ApiCredential};

#[cfg(test)]
mod tests;

/// What a service accepts beside the identifier and the raw secret.
///
/// # Examples
///
/// ```
/// use whmcs_auth::{ApiPolicy, ApiRefusal, ApiRequest, PasswordForm, SecretForm, StoredForms};
///
/// let policy = ApiPolicy::new().admin_login(false);
/// let request = ApiRequest::from_pairs([("username", "admin"), ("password", "x")]);
/// let forms = StoredForms::new(SecretForm::Sha256, PasswordForm::Md5);
/// let verdict = request.attempt().decide::<u64>(None, None, forms, &policy);
/// assert_eq!(verdict, Err(ApiRefusal::AdminLoginOff));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[must_use]
pub struct ApiPolicy {
    admin_login: bool,
    md5_of_secret: bool,
}

impl ApiPolicy {
    /// Admin logins are accepted, as WHMCS documents; `md5(secret)`, which it does not, is refused.
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
    /// or the md5 form, or else the record's [compat form](ApiCredential::compat), where the store
    /// [names its cost](StoredForms::compat).
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
    /// With bcrypt forms this takes tens of milliseconds: once for a refused identifier, twice for a
    /// refused username, three times where `md5(secret)` is accepted. Keep it off an async
    /// executor, and limit how many run at once.
    pub fn decide<Id: Clone>(
        &self,
        credential: Option<&ApiCredential<Id>>,
        admin: Option<&Admin<Id>>,
        forms: StoredForms,
        policy: &ApiPolicy,
    ) -> Result<ApiCaller<Id>, ApiRefusal> {
        let presented = self.0.as_ref().map_err(|refusal| *refusal)?;
        let mut check = Check::new(presented, forms, policy);
        let verdict = check.judge(credential, admin);
        if verdict.is_err() {
            check.spend_the_rest();
        }
        verdict
    }
}

/// One decision: what was presented, and which forms it was checked against so far.
struct Check<'a> {
    presented: &'a Presented<'a>,
    secret: &'a str,
    looks_md5: bool,
    forms: StoredForms,
    admin_login: bool,
    md5_of_secret: bool,
    secret_spent: Option<SecretForm>,
    md5_of_secret_spent: Option<PasswordForm>,
    password_spent: Option<PasswordForm>,
}

impl<'a> Check<'a> {
    fn new(presented: &'a Presented<'a>, forms: StoredForms, policy: &ApiPolicy) -> Self {
        let secret = presented.secret.as_str();
        let looks_md5 = PresentedMd5::is_shape_of(secret);
        Self {
            presented,
            secret,
            forms,
            admin_login: policy.admin_login,
            looks_md5,
            md5_of_secret: policy.md5_of_secret && presented.pair == Pair::Login && looks_md5,
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
        let admin = admin.filter(|_| self.presented.pair == Pair::Login);
        // Where there is no record the name is compared with itself, which costs the same.
        let is_identifier = credential.map_or(name, ApiCredential::identifier) == name;
        let is_username = admin
            .map_or(name, Admin::username)
            .eq_ignore_ascii_case(name);
        let bearer = credential.filter(|_| is_identifier);
        let login = admin.filter(|_| is_username);

        match (self.presented.pair, bearer, login) {
            (_, Some(record), _) => self.judge_credential(record),
            (Pair::Login, None, Some(record)) if self.admin_login => self.judge_admin(record),
            _ if !(is_identifier && is_username) => Err(ApiRefusal::RecordNameMismatch),
            (Pair::Credential, None, _) => Err(ApiRefusal::UnknownIdentifier),
            (Pair::Login, None, _) if !self.admin_login => Err(ApiRefusal::AdminLoginOff),
            (Pair::Login, None, _) => Err(ApiRefusal::UnknownUsername),
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
        } else if self.looks_md5 && self.md5_of_secret_spent.is_none() {
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
            actions: record.actions.clone(),
        })
    }

    fn judge_admin<Id: Clone>(&mut self, record: &Admin<Id>) -> Result<ApiCaller<Id>, ApiRefusal> {
        if !self.matches_password(&record.password) {
            return Err(if self.looks_md5 {
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
            actions: AllowedActions::default(),
        })
    }
}

/// Equal work: what was checked is noted, and a refusal makes up for what was not.
impl Check<'_> {
    fn md5(&self) -> PresentedMd5 {
        PresentedMd5::read(self.secret)
    }

    fn matches_secret(&mut self, stored: &StoredSecret) -> bool {
        self.secret_spent = Some(stored.form());
        reveal(stored.matches(self.secret))
    }

    fn matches_md5_of_secret<Id>(&mut self, record: &ApiCredential<Id>) -> Option<StoredForm> {
        if !self.md5_of_secret {
            return None;
        }
        let (form, outcome) = match (record.secret.matches_md5(&self.md5()), &record.compat) {
            (Some(checked), _) => checked,
            (None, Some(compat)) if self.forms.compat.is_some() => {
                (compat.form(), compat.matches(&self.md5()))
            }
            (None, _) => return None,
        };
        self.md5_of_secret_spent = Some(form);
        reveal(outcome).then_some(form.into())
    }

    fn matches_password(&mut self, stored: &StoredPassword) -> bool {
        self.password_spent = Some(stored.form());
        reveal(stored.matches(&self.md5()))
    }

    /// Checks each kind that was looked up against a decoy of the store's form, unless a record of
    /// that form was checked just now. What matches a decoy is refused like anything else. A decoy
    /// has nothing to free or to wipe, and to do so would cost more than the check of a record.
    fn spend_the_rest(&self) {
        let forms = self.forms;
        if self.secret_spent != Some(forms.secret)
            && let Some(decoy) = StoredSecret::decoy(forms.secret).map(ManuallyDrop::new)
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
        if let Some(decoy) = form.and_then(StoredPassword::decoy).map(ManuallyDrop::new) {
            black_box(reveal(decoy.matches(&self.md5())));
        }
    }
}

fn judge_state(admin: AdminState) -> Result<(), ApiRefusal> {
    match admin {
        AdminState::Disabled => Err(ApiRefusal::AdminDisabled),
        AdminState::WithoutApiAccess => Err(ApiRefusal::NoApiAccess),
        AdminState::WithApiAccess => Ok(()),
    }
}
