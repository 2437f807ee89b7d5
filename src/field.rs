//! Request fields: which names are known, how PHP reads a name, and what a value may hold.
//!
//! The docs of [`Field`] list the rules FIELD-1 to FIELD-7. `docs/architecture.md` says where each rule is
//! applied.

use alloc::borrow::Cow;
use core::fmt;

use crate::secret_text::SecretText;

/// A request field that this crate knows, and the rules for fields.
///
/// - **FIELD-1**: An empty field counts as absent. A field with an unknown name is ignored.
/// - **FIELD-2**: A known name that occurs twice is malformed, whatever the values are.
/// - **FIELD-3**: Any other name that PHP reads as a known name is malformed. PHP drops leading spaces
///   and cuts a name at the first NUL or `[`, so ` action`, `action[]` and `action\0x` are all malformed.
///   Without this rule a gateway could check one value while PHP uses another. For the same reason a
///   gateway must forward fields that it encoded itself, never the bytes that it received.
/// - **FIELD-4**: A value is malformed if it is longer than its cap in the table below. Lengths are
///   checked before anything is hashed.
/// - **FIELD-5**: A value is malformed if it holds U+FFFD, which stands for bytes that were not UTF-8.
///   `identifier`, `username` and `email` are also malformed if they hold a control character.
/// - **FIELD-6**: An action is 1 to 64 characters of `[A-Za-z0-9_]`. A longer action, or one of other
///   characters, is refused after authentication, and no answer repeats it. A malformed action (FIELD-2,
///   FIELD-3, FIELD-5) is refused before it. See [`Action`](crate::Action).
/// - **FIELD-7**: Building a request never fails. Verification refuses a malformed request, so the
///   caller gets the same public message as for wrong credentials or a wrong hash.
///
/// A `goto` that breaks FIELD-2 or FIELD-3 loses only the goto: the link itself can still be accepted.
///
/// If a request breaks several rules, one [`Malformed`] is reported. Broken rules FIELD-2 to FIELD-5 are
/// reported first, in the order of the variants. A missing field is reported after them. For one field,
/// FIELD-3 comes before FIELD-2, and FIELD-2 before FIELD-4 and FIELD-5. The order in which the fields
/// arrived does not matter.
///
/// | field | cap in bytes |
/// |---|---:|
/// | `identifier`, `username` | 255 |
/// | `secret`, `password` | 1024 |
/// | `email` | 254 |
/// | `hash` | 40 |
/// | `goto` | 2048 |
///
/// `accesskey`, `action`, `responsetype` and `timestamp` have no cap. FIELD-6 limits an action,
/// a timestamp has exactly ten digits, and the other two are never hashed.
///
/// Source: WHMCS documents the field names. PHP defines how PHP reads a name. The caps are this
/// crate's decision, and so is refusing a malformed request.
///
/// # Examples
///
/// ```
/// use whmcs_auth::{ApiRefusal, ApiRequest, Field, Malformed};
///
/// let request = ApiRequest::from_pairs([("identifier", "id"), ("secret[]", "s")]);
/// let refusal = request.attempt().refusal();
/// assert_eq!(refusal, Some(ApiRefusal::Malformed(Malformed::Alias(Field::Secret))));
/// assert_eq!(Field::Secret.name(), "secret");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Field {
    /// `identifier`: the public half of an API credential.
    Identifier,
    /// `secret`: the secret half of an API credential.
    Secret,
    /// `username`: an admin's username, or an identifier.
    Username,
    /// `password`: the md5 of an admin's password, or a secret.
    Password,
    /// `accesskey`: lifts the address restriction. It is never a credential.
    AccessKey,
    /// `action`: the API function that the caller asks for.
    Action,
    /// `responsetype`: the format of the answer.
    ResponseType,
    /// `email`: the e-mail of the account that a link logs in.
    Email,
    /// `timestamp`: when a link was signed, in Unix seconds.
    Timestamp,
    /// `hash`: the SHA-1 that signs a link, in hex.
    Hash,
    /// `goto`: the page that a link opens after the login.
    Goto,
}

impl Field {
    pub(crate) const ALL: [Self; 11] = [
        Self::Identifier,
        Self::Secret,
        Self::Username,
        Self::Password,
        Self::AccessKey,
        Self::Action,
        Self::ResponseType,
        Self::Email,
        Self::Timestamp,
        Self::Hash,
        Self::Goto,
    ];

    /// The field's name in a request, such as `identifier`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Identifier => "identifier",
            Self::Secret => "secret",
            Self::Username => "username",
            Self::Password => "password",
            Self::AccessKey => "accesskey",
            Self::Action => "action",
            Self::ResponseType => "responsetype",
            Self::Email => "email",
            Self::Timestamp => "timestamp",
            Self::Hash => "hash",
            Self::Goto => "goto",
        }
    }

    /// FIELD-4: the cap, in bytes.
    pub(crate) const fn cap(self) -> usize {
        match self {
            Self::Identifier | Self::Username => 255,
            Self::Secret | Self::Password => 1024,
            Self::Email => 254,
            Self::Hash => 40,
            Self::Goto => 2048,
            Self::AccessKey | Self::Action | Self::ResponseType | Self::Timestamp => usize::MAX,
        }
    }

    /// The field with exactly this name.
    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|field| field.name() == name)
    }

    /// FIELD-3: the field that PHP reads under another name than its own.
    pub(crate) fn disguised(name: &str) -> Option<Self> {
        let start = name.trim_start_matches(' ');
        let as_php_reads = start.split(['\0', '[']).next().unwrap_or(start);
        Self::named(as_php_reads).filter(|field| field.name() != name)
    }

    const fn refuses_controls(self) -> bool {
        matches!(self, Self::Identifier | Self::Username | Self::Email)
    }

    /// FIELD-4 and FIELD-5 for one value.
    pub(crate) fn check(self, value: &str) -> Result<(), Malformed> {
        if value.len() > self.cap() {
            Err(Malformed::TooLong(self))
        } else if is_printable_ascii(value) {
            Ok(())
        } else if value.contains(char::REPLACEMENT_CHARACTER) {
            Err(Malformed::NotUtf8(self))
        } else if self.refuses_controls() && value.contains(char::is_control) {
            Err(Malformed::ControlCharacter(self))
        } else {
            Ok(())
        }
    }
}

/// Most values are printable ASCII. One pass over the bytes then replaces the slower checks.
fn is_printable_ascii(text: &str) -> bool {
    text.bytes().fold(true, |so_far, byte| so_far & matches!(byte, b' '..=b'~'))
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Why a request is malformed. Such a request is refused before anything is looked up or hashed.
///
/// Display names the field and never its value. The rules are listed at [`Field`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Malformed {
    /// FIELD-2: a known name occurs more than once. Code `repeated_field`.
    #[error("the field `{0}` occurs more than once")]
    Repeated(Field),
    /// FIELD-3: PHP reads the name as a known one, such as `password[]` or ` action`. Code
    /// `disguised_field`.
    #[error("PHP reads a field with another name as `{0}`, for example `{0}[]`")]
    Alias(Field),
    /// FIELD-4: the value is longer than its cap. Code `field_too_long`.
    #[error("the field `{0}` is longer than {cap} bytes", cap = .0.cap())]
    TooLong(Field),
    /// FIELD-5: the value holds U+FFFD, which stands for bytes that were not UTF-8. Code
    /// `field_not_utf8`.
    #[error("the field `{0}` is not UTF-8")]
    NotUtf8(Field),
    /// FIELD-5: `identifier`, `username` or `email` holds NUL or another control character. Code
    /// `control_character`.
    #[error("the field `{0}` holds a control character")]
    ControlCharacter(Field),
    /// A required field is absent or empty. It is the other half of a pair of credentials, or `email`,
    /// `timestamp` or `hash` of a link. Code `missing_field`.
    #[error("the field `{0}` is missing or empty")]
    Missing(Field),
    /// A link's timestamp is not ten ASCII digits, or it starts with 0. Code `timestamp_format`.
    #[error(
        "the timestamp must be a Unix time in seconds: ten digits, and the first must not be 0"
    )]
    TimestampFormat,
    /// A link's hash is not 40 hexadecimal digits. Code `hash_format`.
    #[error("the hash is not 40 hexadecimal digits")]
    HashFormat,
    /// A link's e-mail holds a space, and the policy does not read spaces as `+`. Code
    /// `space_in_email`.
    #[error("the e-mail holds a space: the program that made the link must percent-encode `+`")]
    SpaceInEmail,
    /// The body has another content type than a form, so its fields are not known. It is reported
    /// before every other fault. Code
    /// `body_not_form`.
    #[error("the body is not read: its content type is missing, or is not that of a form")]
    BodyNotForm,
    /// The request has more than 10,000 fields. Only `Received` counts them. Code `field_count`.
    #[error("the request has more than 10000 fields")]
    FieldCount,
}

impl Malformed {
    /// A stable name for logs and metrics. Each variant's docs give its code.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Repeated(_) => "repeated_field",
            Self::Alias(_) => "disguised_field",
            Self::TooLong(_) => "field_too_long",
            Self::NotUtf8(_) => "field_not_utf8",
            Self::ControlCharacter(_) => "control_character",
            Self::Missing(_) => "missing_field",
            Self::TimestampFormat => "timestamp_format",
            Self::HashFormat => "hash_format",
            Self::SpaceInEmail => "space_in_email",
            Self::BodyNotForm => "body_not_form",
            Self::FieldCount => "field_count",
        }
    }
}

/// What a request holds for one field: nothing, a value, or the rule that the field broke.
type Slot<'a> = Result<Option<SecretText<'a>>, Malformed>;

/// The fields of a request: the `N` variants of [`Field`] from number `FIRST` on.
#[derive(Clone)]
pub(crate) struct Fields<'a, const FIRST: usize, const N: usize>([Slot<'a>; N]);

impl<'a, const FIRST: usize, const N: usize> Fields<'a, FIRST, N> {
    pub(crate) fn from_pairs<P, V>(pairs: impl IntoIterator<Item = (P, V)>) -> Self
    where
        P: AsRef<str>,
        V: Into<Cow<'a, str>>,
    {
        let mut fields = Self::default();
        for (name, value) in pairs {
            fields.read_pair(name.as_ref(), value);
        }
        fields
    }

    const fn index(field: Field) -> usize {
        (field as usize).wrapping_sub(FIRST)
    }

    /// Reads one pair (FIELD-2, FIELD-3). A name that is not one of these fields is ignored (FIELD-1).
    ///
    /// An alias replaces a repetition, and a repetition replaces a fault of the value. So the reported
    /// fault does not depend on the order of the pairs, which some decoders change.
    pub(crate) fn read_pair(&mut self, name: &str, value: impl Into<Cow<'a, str>>) {
        let exact = Field::named(name);
        let Some(field) = exact.or_else(|| Field::disguised(name)) else {
            return;
        };
        let Some(slot) = self.0.get_mut(Self::index(field)) else {
            return;
        };
        // Wrapped before any check, so that a value that is not kept is wiped, too.
        let value = SecretText::new(value);
        match slot {
            _ if exact.is_none() => *slot = Err(Malformed::Alias(field)),
            // Not `map`: it would write the value twice.
            Ok(None) => match field.check(value.as_str()) {
                Ok(()) => *slot = Ok(Some(value)),
                Err(fault) => *slot = Err(fault),
            },
            Err(Malformed::Alias(_)) => {}
            _ => *slot = Err(Malformed::Repeated(field)),
        }
    }

    /// Makes the request malformed, whatever its fields are.
    #[cfg(feature = "form")]
    pub(crate) fn refuse(&mut self, fault: Malformed) {
        if let Some(first) = self.0.first_mut() {
            *first = Err(fault);
        }
    }

    /// Whether [`read_pair`](Self::read_pair) would read a pair with this name.
    #[cfg(feature = "serde")]
    pub(crate) fn knows(&self, name: &str) -> bool {
        let field = Field::named(name).or_else(|| Field::disguised(name));
        field.is_some_and(|field| self.0.get(Self::index(field)).is_some())
    }

    /// The value, or the rule that the field broke. FIELD-1: an empty value is `None`.
    pub(crate) fn content(&self, field: Field) -> Result<Option<&str>, Malformed> {
        let slot = self.0.get(Self::index(field)).unwrap_or(&Ok(None));
        let text = slot.as_ref().map_err(|fault| *fault)?.as_ref();
        Ok(text.map(SecretText::as_str).filter(|text| !text.is_empty()))
    }

    /// The value, if the field is well-formed and not empty.
    pub(crate) fn text(&self, field: Field) -> Option<&str> {
        self.content(field).ok().flatten()
    }

    /// The value of a field that the request must have.
    pub(crate) fn required(&self, field: Field) -> Result<&str, Malformed> {
        self.text(field).ok_or(Malformed::Missing(field))
    }

    /// The faults of all fields, in the order of [`Field`].
    pub(crate) fn faults(&self) -> impl Iterator<Item = Malformed> {
        self.0.iter().filter_map(|slot| slot.as_ref().err().copied())
    }

    /// Writes which fields are present, without their values.
    pub(crate) fn debug(
        &self,
        f: &mut fmt::Formatter<'_>,
        name: &str,
        malformed: Option<Malformed>,
    ) -> fmt::Result {
        let mut shown = f.debug_struct(name);
        for field in Field::ALL {
            if self.text(field).is_some() {
                shown.field(field.name(), &format_args!("[redacted]"));
            }
        }
        shown.field("malformed", &malformed).finish()
    }

    pub(crate) fn into_owned(self) -> Fields<'static, FIRST, N> {
        Fields(self.0.map(|slot| slot.map(|text| text.map(SecretText::into_owned))))
    }
}

impl<const FIRST: usize, const N: usize> Default for Fields<'_, FIRST, N> {
    fn default() -> Self {
        Self([const { Ok(None) }; N])
    }
}
