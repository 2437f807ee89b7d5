//! Request fields: which names are known, how PHP reads a name, and what a value may hold.
//!
//! The docs of [`Field`] list the rules FIELD-1 to FIELD-7. `docs/architecture.md` says where each rule is
//! applied.

use alloc::borrow::Cow;
use core::fmt;

use crate::php_name;
use crate::secret_text::SecretText;

/// The one table of fields: the names, and the caps in bytes (FIELD-4). The fields of an API request come first. The
/// fields of a link follow, from `email` on.
macro_rules! fields {
    ($(#[$of_all:meta])* pub enum Field { $($(#[$doc:meta])* $field:ident = $name:literal, at most $cap:expr;)+ }) => {
        $(#[$of_all])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Field {
            $($(#[$doc])* $field,)+
        }

        impl Field {
            pub(crate) const ALL: [Self; [$(Self::$field),+].len()] = [$(Self::$field),+];

            /// The field's name in a request, such as `identifier`.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$field => $name,)+
                }
            }

            /// FIELD-4: the cap, in bytes.
            pub(crate) const fn cap(self) -> usize {
                match self {
                    $(Self::$field => $cap,)+
                }
            }
        }
    };
}

const UNLIMITED: usize = usize::MAX;

fields! {
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
    /// - **FIELD-6**: An action is 1 to 64 characters of `[A-Za-z0-9_]`. A longer action, or one with other characters,
    ///   is refused after authentication, and no answer repeats it. A malformed action (FIELD-2, FIELD-3, FIELD-5) is
    ///   refused before authentication. See [`Action`](crate::Action).
    /// - **FIELD-7**: Building a request never fails. Verification refuses a malformed request, so the
    ///   caller gets the same public message as for wrong credentials or a wrong hash.
    ///
    /// `goto` is the exception to FIELD-2 to FIELD-5, because nobody signed it. If `goto` breaks one of these rules,
    /// the link is still accepted. It only loses its `goto`.
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
    /// use whmcs_auth::{ApiPolicy, ApiRefusal, ApiRequest, Field, Malformed};
    ///
    /// let request = ApiRequest::from_pairs([("identifier", "id"), ("secret[]", "s")]);
    /// let refusal = request.attempt(&ApiPolicy::new()).refusal();
    /// assert_eq!(refusal, Some(ApiRefusal::Malformed(Malformed::Disguised(Field::Secret))));
    /// assert_eq!(Field::Secret.name(), "secret");
    /// ```
    pub enum Field {
        /// `identifier`: the public half of an API credential.
        Identifier = "identifier", at most 255;
        /// `secret`: the secret half of an API credential.
        Secret = "secret", at most 1024;
        /// `username`: an admin's username, or an identifier.
        Username = "username", at most 255;
        /// `password`: the md5 of an admin's password, or a secret.
        Password = "password", at most 1024;
        /// `accesskey`: lifts the address restriction. It is never a credential.
        AccessKey = "accesskey", at most UNLIMITED;
        /// `action`: the API function that the caller asks for.
        Action = "action", at most UNLIMITED;
        /// `responsetype`: the format of the answer.
        ResponseType = "responsetype", at most UNLIMITED;
        /// `email`: the e-mail of the account that a link logs in.
        Email = "email", at most 254;
        /// `timestamp`: when a link was signed, in Unix seconds.
        Timestamp = "timestamp", at most UNLIMITED;
        /// `hash`: the SHA-1 that signs a link, in hex.
        Hash = "hash", at most 40;
        /// `goto`: the page that a link opens after the login.
        Goto = "goto", at most 2048;
    }
}

impl Field {
    /// The field with exactly this name.
    pub(crate) fn named(name: impl AsRef<[u8]>) -> Option<Self> {
        let name = name.as_ref();
        Self::ALL.into_iter().find(|field| field.name().as_bytes() == name)
    }

    /// FIELD-3: the field that PHP reads out of another name.
    pub(crate) fn disguised(name: impl AsRef<[u8]>) -> Option<Self> {
        let name = name.as_ref();
        Self::named(php_name::base(name)).filter(|field| field.name().as_bytes() != name)
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
        } else if value.chars().any(|character| character == char::REPLACEMENT_CHARACTER) {
            Err(Malformed::NotUtf8(self))
        } else if self.refuses_controls() && value.chars().any(char::is_control) {
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
    Disguised(Field),
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
    /// The content type of the body is not a form or multipart, or there are two content types. So the fields of the
    /// body are not known. Only `Received` finds it. Code `body_not_form`.
    #[error("the body is not read: its content type is missing, or is not a form type")]
    BodyNotForm,
    /// The body is multipart, and is not well-formed or can be read in two ways. Only `Received` finds it. Code
    /// `multipart_broken`.
    #[error("the multipart body is not well-formed, or can be read in two ways")]
    MultipartBroken,
    /// The request has a body, and its method is not POST. PHP reads no fields out of such a body. Only `Received`
    /// finds it. Code `body_without_post`.
    #[error("the request has a body that is not read, because its method is not POST")]
    BodyWithoutPost,
    /// The request has more fields than are read. Only `Received` counts them. Code `field_count`.
    #[error("the request has more than {max_fields} fields: see max_input_vars of PHP")]
    FieldCount {
        /// How many fields are read.
        max_fields: usize,
    },
}

impl Malformed {
    /// A stable name for logs and metrics. Each variant's docs give its code.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Repeated(_) => "repeated_field",
            Self::Disguised(_) => "disguised_field",
            Self::TooLong(_) => "field_too_long",
            Self::NotUtf8(_) => "field_not_utf8",
            Self::ControlCharacter(_) => "control_character",
            Self::Missing(_) => "missing_field",
            Self::TimestampFormat => "timestamp_format",
            Self::HashFormat => "hash_format",
            Self::SpaceInEmail => "space_in_email",
            Self::BodyNotForm => "body_not_form",
            Self::MultipartBroken => "multipart_broken",
            Self::BodyWithoutPost => "body_without_post",
            Self::FieldCount { .. } => "field_count",
        }
    }
}

/// What a request holds for one field: nothing, a value, or the rule that the field broke.
type Slot<'a> = Result<Option<SecretText<'a>>, Malformed>;

/// How many fields an API request has. They come before the fields of a link.
const API: usize = Field::Email as usize;

/// The fields of an API request.
pub(crate) type ApiFields<'a> = Fields<'a, 0, API>;

/// The fields of a link.
pub(crate) type LinkFields<'a> = Fields<'a, API, { Field::ALL.len() - API }>;

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
            fields.read_pair(name.as_ref().as_bytes(), value);
        }
        fields
    }

    /// Whether the field belongs to such a request.
    #[cfg(feature = "form")]
    pub(crate) const fn holds(field: Field) -> bool {
        Self::index(field) < N
    }

    const fn index(field: Field) -> usize {
        (field as usize).wrapping_sub(FIRST)
    }

    /// Reads one pair (FIELD-2, FIELD-3). A name that is not one of these fields is ignored (FIELD-1).
    ///
    /// A disguised name replaces a repetition, and a repetition replaces a fault of the value. So the reported
    /// fault does not depend on the order of the pairs, which some decoders change.
    pub(crate) fn read_pair(&mut self, name: &[u8], value: impl Into<Cow<'a, str>>) {
        let exact = Field::named(name);
        let Some(field) = exact.or_else(|| Field::disguised(name)) else {
            return;
        };
        let Some(slot) = self.0.get_mut(Self::index(field)) else {
            return;
        };
        // Wrapped before any check, so that a value is wiped even if it is not kept.
        let value = SecretText::new(value);
        match slot {
            _ if exact.is_none() => *slot = Err(Malformed::Disguised(field)),
            Ok(None) => *slot = field.check(value.as_str()).map(|()| Some(value)),
            Err(Malformed::Disguised(_)) => {}
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

    /// The fault of the first field that has one, in the order of [`Field`]. A fault of `goto` never refuses a link.
    pub(crate) fn fault(&self) -> Option<Malformed> {
        Field::ALL.into_iter().filter(|field| *field != Field::Goto).find_map(|field| {
            let slot = self.0.get(Self::index(field))?;
            slot.as_ref().err().copied()
        })
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
        const { assert!(FIRST.wrapping_add(N) <= Field::ALL.len()) };
        Self([const { Ok(None) }; N])
    }
}
