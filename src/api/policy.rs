//! What a service accepts.

/// What a service accepts beside the identifier and the raw secret.
///
/// # Examples
///
/// ```
/// use whmcs_auth::{ApiPolicy, ApiRefusal, ApiRequest, PasswordScheme, SecretScheme, ExpectedSchemes};
///
/// let policy = ApiPolicy::new().with_admin_login(false);
/// let request = ApiRequest::from_pairs([("username", "admin"), ("password", "x")]);
/// let forms = ExpectedSchemes::new(SecretScheme::Sha256, PasswordScheme::Md5);
/// let verdict = request.attempt().decide::<u64>(None, None, forms, &policy);
/// assert_eq!(verdict, Err(ApiRefusal::AdminLoginOff));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[must_use]
pub struct ApiPolicy {
    pub(crate) admin_login: bool,
    pub(crate) md5_of_secret: bool,
    pub(crate) admin_actions: bool,
}

impl ApiPolicy {
    /// Admin logins are accepted, as WHMCS documents; `md5(secret)`, which it does not, is refused.
    pub const fn new() -> Self {
        Self { admin_login: true, md5_of_secret: false, admin_actions: true }
    }

    /// Whether an admin's username and password are accepted. Switched off, the look-ups and the
    /// cost of a refusal stay the same, and every such caller is refused.
    pub const fn with_admin_login(mut self, accepted: bool) -> Self {
        self.admin_login = accepted;
        self
    }

    /// Whether the password field may hold the md5 of a credential's secret, 32 hexadecimal
    /// digits of either case, beside the secret itself. What it is checked against is the plain
    /// or the md5 form, or else the record's [compat form](crate::ApiCredential::with_compat), where the store
    /// [names its cost](crate::ExpectedSchemes::with_compat).
    ///
    /// # Security
    ///
    /// It makes a stored md5 equivalent to the secret.
    pub const fn with_md5_of_secret(mut self, accepted: bool) -> Self {
        self.md5_of_secret = accepted;
        self
    }

    /// Whether admin logins, which have no API roles, may do every action, or none.
    ///
    /// Otherwise admins are still verified, and then refused whatever they ask for.
    pub const fn with_admin_actions(mut self, allowed: bool) -> Self {
        self.admin_actions = allowed;
        self
    }
}

impl Default for ApiPolicy {
    fn default() -> Self {
        Self::new()
    }
}
