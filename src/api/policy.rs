//! What a service accepts and allows.

/// What a service accepts besides an identifier with its raw secret, and what admins may do.
///
/// It is given once, when the [attempt](crate::ApiRequest::attempt) is made. An admin login may do every action, unless
/// you say otherwise here.
///
/// | setter | default |
/// |---|---|
/// | [`with_admin_login`](Self::with_admin_login) | `true` |
/// | [`with_md5_of_secret`](Self::with_md5_of_secret) | `false` |
/// | [`with_admin_actions`](Self::with_admin_actions) | `true` |
///
/// Source: WHMCS documents admin logins. Accepting `md5(secret)` is this crate's addition. This crate assumes that
/// admins have no API roles, and so may do every action.
///
/// # Examples
///
/// ```
/// use whmcs_auth::{
///     ApiPolicy, ApiRefusal, ApiRequest, ExpectedSchemes, PasswordScheme, SecretScheme,
/// };
///
/// let policy = ApiPolicy::new().with_admin_login(false);
/// let request = ApiRequest::from_pairs([("username", "admin"), ("password", "x")]);
/// let expected = ExpectedSchemes::new(SecretScheme::Sha256, PasswordScheme::Md5);
/// let verdict = request.attempt(&policy).decide::<u64>(None, None, expected);
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
    /// The defaults: admin logins are accepted and may do every action, and `md5(secret)` is refused.
    pub const fn new() -> Self {
        Self { admin_login: true, md5_of_secret: false, admin_actions: true }
    }

    /// Sets whether an admin's username with the md5 of the password is accepted.
    ///
    /// If not, every admin login is refused with
    /// [`ApiRefusal::AdminLoginOff`](crate::ApiRefusal::AdminLoginOff), without a check of the password. A
    /// credential in `username` and `password` is still accepted.
    ///
    /// # Security
    ///
    /// The look-ups and the cost of a refusal are the same with both settings.
    pub const fn with_admin_login(mut self, accepted: bool) -> Self {
        self.admin_login = accepted;
        self
    }

    /// Sets whether `password` may also hold the md5 of a credential's secret, as 32 hexadecimal digits of
    /// either case (API-3).
    ///
    /// The md5 is checked against a secret that is stored as plain or md5. For any other scheme it is
    /// checked against the record's [compat scheme](crate::ApiCredential::with_compat), if the store
    /// [names its cost](crate::ExpectedSchemes::with_compat).
    ///
    /// # Security
    ///
    /// A stored md5 of a secret is then worth as much as the secret: whoever reads it can call the API.
    pub const fn with_md5_of_secret(mut self, accepted: bool) -> Self {
        self.md5_of_secret = accepted;
        self
    }

    /// Sets whether admin logins, which have no API roles, may do every action or none.
    ///
    /// If none, admins are still verified. Then [`ApiCaller::authorize`](crate::ApiCaller::authorize) refuses
    /// every action with
    /// [`ActionRefusal::AdminNotAllowed`](crate::ActionRefusal::AdminNotAllowed).
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
