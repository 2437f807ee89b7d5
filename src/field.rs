//! The rules for fields: which names are known, how PHP reads a name, and what a value may hold.

use alloc::borrow::Cow;
use core::fmt;

use crate::secret_text::SecretText;

/// A request field that this crate knows. Fields of any other name are ignored.
///
/// - An empty field is an absent field.
/// - A name that occurs twice is malformed, with the same value or not.
/// - So is any other name that PHP reads as a known one: leading spaces dropped, cut at NUL or `[`.
/// - A value is malformed over its cap, where it holds U+FFFD, and, in `identifier`, `username` and
///   `email`, where it holds a control character.
/// - A repeated or disguised `goto` only loses the goto.
/// - Of several faults one is reported, whatever the order in which they came: that of the first
///   field in the order of the variants; of one field a disguise before a repetition before its value.
///
/// | field | longest value in bytes |
/// |---|---:|
/// | `identifier`, `username` | 255 |
/// | `secret`, `password` | 1024 |
/// | `email` | 254 |
/// | `hash` | 40 |
/// | `goto` | 2048 |
///
/// `accesskey`, `action` and `responsetype` have no cap here: nothing is hashed over them. An
/// action over 64 bytes is [`Action::Invalid`](crate::Action::Invalid), and a timestamp has ten
/// digits. Source: the names are WHMCS's; the caps are this crate's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Field {
    /// `identifier` of an API credential.
    Identifier,
    /// `secret` of an API credential.
    Secret,
    /// `username`: an admin's, or an identifier.
    Username,
    /// `password`: the md5 of an admin's, or a secret.
    Password,
    /// `accesskey`, which lifts the address restriction and is never a credential.
    AccessKey,
    /// `action`, the API function asked for.
    Action,
    /// `responsetype`, the format of the answer.
    ResponseType,
    /// `email` of the client whom a link logs in.
    Email,
    /// `timestamp` of a link.
    Timestamp,
    /// `hash` of a link.
    Hash,
    /// `goto`, where a link leads after the login.
    Goto,
}

impl Field {
    const ALL: [Self; 11] = [
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

    /// The name on the wire.
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

    /// The longest value accepted, in bytes.
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

    /// The field that is called exactly that.
    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|field| field.name() == name)
    }

    const fn refuses_controls(self) -> bool {
        matches!(self, Self::Identifier | Self::Username | Self::Email)
    }

    /// The shape of a value, whatever else is in the request.
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

/// Most text is, and then one look at its bytes tells that nothing is wrong with it.
fn is_printable_ascii(text: &str) -> bool {
    text.bytes().fold(true, |so_far, byte| so_far & matches!(byte, b' '..=b'~'))
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A request whose fields cannot be judged. Nothing was looked up or hashed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Malformed {
    /// A known name occurs twice, with the same value or not. Code `repeated_field`.
    #[error("the field `{0}` occurs more than once")]
    Repeated(Field),
    /// A name that PHP reads as a known one, such as `password[]` or ` action`. Code
    /// `disguised_field`.
    #[error("a field that is not named `{0}` is read as `{0}` by PHP")]
    Alias(Field),
    /// The value is over the cap given at [`Field`]. Code `field_too_long`.
    #[error("the field `{0}` is longer than {cap} bytes", cap = .0.cap())]
    TooLong(Field),
    /// The value holds U+FFFD, which stands for bytes that were not UTF-8. Code `field_not_utf8`.
    #[error("the field `{0}` is not UTF-8")]
    NotUtf8(Field),
    /// NUL or another control character in `identifier`, `username` or `email`. Code
    /// `control_character`.
    #[error("the field `{0}` holds a control character")]
    ControlCharacter(Field),
    /// The field is absent or empty: the other half of a pair, or a field of a link. Code
    /// `missing_field`.
    #[error("the field `{0}` is missing or empty")]
    Missing(Field),
    /// A link's timestamp is not ten ASCII digits, the first not 0. Code `timestamp_format`.
    #[error("the timestamp is not ten decimal digits, the first of them not 0")]
    TimestampFormat,
    /// A link's hash is not 40 hexadecimal digits. Code `hash_format`.
    #[error("the hash is not 40 hexadecimal digits")]
    HashFormat,
    /// A link's e-mail holds a space, and the policy does not read it as `+`. Code
    /// `space_in_email`.
    #[error("the e-mail holds a space: whoever made the link did not percent-encode its `+`")]
    SpaceInEmail,
    /// The body has another content type than a form, so its fields are not known. Code
    /// `body_not_form`.
    #[error("the body is not a form: its content type is another, or none")]
    BodyNotForm,
}

impl Malformed {
    /// A stable name for metrics.
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
        }
    }
}

/// The name under which PHP registers a field: leading spaces dropped, cut at NUL or `[`.
fn as_php_reads(name: &str) -> &str {
    let name = name.trim_start_matches(' ');
    name.split(['\0', '[']).next().unwrap_or(name)
}

/// A field's place in a request: absent, its value, or what is wrong with it.
type Slot<'a> = Result<Option<SecretText<'a>>, Malformed>;

/// The fields of a request: `N` of them from number `FIRST` on, in the order of [`Field`].
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

    const fn place(field: Field) -> usize {
        (field as usize).wrapping_sub(FIRST)
    }

    /// Puts one pair where it belongs. A name that is none of the fields' is ignored.
    ///
    /// A disguise weighs more than a repetition, and that more than the value, so that the fault
    /// does not depend on the order in which names arrive: some decoders group them.
    pub(crate) fn read_pair(&mut self, name: &str, value: impl Into<Cow<'a, str>>) {
        let called = Field::named(name);
        let Some(field) = called.or_else(|| Field::named(as_php_reads(name))) else {
            return;
        };
        let Some(slot) = self.0.get_mut(Self::place(field)) else {
            return;
        };
        // Wiped, even if it is not kept.
        let value = SecretText::new(value);
        match slot {
            _ if called.is_none() => *slot = Err(Malformed::Alias(field)),
            // Written once: by way of `map` it would be written twice.
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

    /// Whether a pair of that name belongs to the request.
    #[cfg(feature = "serde")]
    pub(crate) fn knows(&self, name: &str) -> bool {
        let field = Field::named(as_php_reads(name));
        field.is_some_and(|field| self.0.get(Self::place(field)).is_some())
    }

    /// The value, or what is wrong with it. An empty field is an absent field.
    pub(crate) fn content(&self, field: Field) -> Result<Option<&str>, Malformed> {
        let slot = self.0.get(Self::place(field)).unwrap_or(&Ok(None));
        let text = slot.as_ref().map_err(|fault| *fault)?.as_ref();
        Ok(text.map(SecretText::as_str).filter(|text| !text.is_empty()))
    }

    /// The value, if nothing is wrong with it.
    pub(crate) fn text(&self, field: Field) -> Option<&str> {
        self.content(field).ok().flatten()
    }

    /// The value of a field that a request cannot do without.
    pub(crate) fn required(&self, field: Field) -> Result<&str, Malformed> {
        self.text(field).ok_or(Malformed::Missing(field))
    }

    /// What is wrong with each faulty field.
    pub(crate) fn faults(&self) -> impl Iterator<Item = Malformed> {
        self.0.iter().filter_map(|slot| slot.as_ref().err().copied())
    }

    /// Shows which fields are present, and no value.
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
