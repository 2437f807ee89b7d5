//! What a diagnosis can find, and a bounded list of it.

use core::fmt;
use core::iter::{Copied, Flatten};
use core::slice::Iter;

use crate::field::Field;

/// A likely mistake of the sender. Display is a sentence for the operator.
///
/// A finding holds no text of the request. It may name a field that this crate knows. Each variant's docs give its
/// [`code`](Self::code).
///
/// # Examples
///
/// ```
/// use whmcs_auth::Field;
/// use whmcs_auth::diagnose::Finding;
///
/// let finding = Finding::LineEnd(Field::Secret);
/// assert_eq!(finding.code(), "line_end");
/// assert_eq!(finding.to_string(), "`secret` starts or ends with a line end");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Finding {
    /// The body is JSON. Code `body_is_json`.
    BodyIsJson,
    /// The body is XML or HTML. Code `body_is_xml`.
    BodyIsXml,
    /// The body is compressed: gzip, zlib or zstd. Code `body_is_compressed`.
    BodyIsCompressed,
    /// The body is UTF-16. Code `body_is_utf16`.
    BodyIsUtf16,
    /// The body is multipart, and its content type is another, or none. Code `multipart_without_type`.
    MultipartWithoutType,
    /// The content type is multipart, and names no boundary, or another than the body's. Code
    /// `multipart_boundary`.
    MultipartBoundary,
    /// The body is a form, and its content type is another, or none. Code `form_of_other_type`.
    FormOfOtherType,
    /// JSON is the value of a field, and the credentials may be in it. Code `json_in_field`.
    JsonInField,
    /// The `=` behind the field's name was percent-encoded. Code `form_encoded_twice`.
    FormEncodedTwice(Field),
    /// A byte order mark stands before the field's name. Code `byte_order_mark`.
    ByteOrderMark(Field),
    /// `&amp;` or `&times` of HTML stands where `&` and the field should. Code `html_escaped_name`.
    HtmlEscapedName(Field),
    /// White space stands around the field's name. Code `white_space_around_name`.
    WhiteSpaceAroundName(Field),
    /// A quotation mark stands at the field's name. Code `quoted_name`.
    QuotedName(Field),
    /// The field was sent as a list, such as `secret[]`. Code `list_name`.
    ListName(Field),
    /// The field's name stands in brackets, such as `data[secret]`. Code `nested_name`.
    NestedName(Field),
    /// A name resembles the field's, and no field has exactly its name. Code `resembling_name`.
    ResemblingName(Field),
    /// The field stands inside the value of another, behind `;`, a line end or another separator. Code
    /// `other_separator`.
    OtherSeparator(Field),
    /// The field stands inside the value of another, behind a percent-encoded `&`. Code `encoded_separator`.
    EncodedSeparator(Field),
    /// The field is sent and empty, and another would need it. Code `empty_value`.
    EmptyValue(Field),
    /// A call has no body, and no credentials in its query. Code `no_body`.
    NoBody,
    /// A call has fields, and none of them is a credential. Code `no_credential_field`.
    NoCredentialField,
    /// A link has none of the fields of a link. Code `no_link_field`.
    NoLinkField,
    /// A link ends before its `hash`. Code `link_cut_short`.
    LinkCutShort,

    /// `hash` is 32 hexadecimal digits, as MD5 gives. Code `hash_is_md5`.
    HashIsMd5,
    /// `hash` is 56, 64, 96 or 128 hexadecimal digits, as SHA-2 gives. Code `hash_is_sha2`.
    HashIsSha2,
    /// `hash` is base64 of 20 bytes. Code `hash_is_base64`.
    HashIsBase64,
    /// `hash` is 20 raw bytes. Code `hash_is_binary`.
    HashIsBinary,
    /// `hash` holds 40 hexadecimal digits and other text around them. Code `hash_with_other_text`.
    HashWithOtherText,
    /// `hash` is fewer hexadecimal digits than 40. Code `hash_cut_short`.
    HashCutShort,
    /// `timestamp` is 13 digits: milliseconds. Code `timestamp_milliseconds`.
    TimestampMilliseconds,
    /// `timestamp` is 16 or 19 digits: microseconds or nanoseconds. Code `timestamp_microseconds`.
    TimestampMicroseconds,
    /// `timestamp` is a number with a fraction or an exponent. Code `timestamp_float`.
    TimestampFloat,
    /// `timestamp` is a date. Code `timestamp_date`.
    TimestampDate,
    /// `timestamp` has digits of another script than ASCII. Code `timestamp_other_digits`.
    TimestampOtherDigits,
    /// `timestamp` has separators between groups of digits. Code `timestamp_grouped`.
    TimestampGrouped,
    /// `password` is 40 hexadecimal digits, as SHA-1 gives. Code `password_is_sha1`.
    PasswordIsSha1,
    /// `password` is 56, 64, 96 or 128 hexadecimal digits, as SHA-2 gives. Code `password_is_sha2`.
    PasswordIsSha2,
    /// `password` is base64 of a digest. Code `password_is_base64`.
    PasswordIsBase64,
    /// The field is a hash as databases store it, such as bcrypt. Code `stored_hash`.
    StoredHash(Field),

    /// The value starts or ends with a line end. Code `line_end`.
    LineEnd(Field),
    /// The value starts or ends with white space or an invisible character. Code `white_space_around_value`.
    WhiteSpaceAroundValue(Field),
    /// White space or an invisible character is inside the value. Code `white_space_in_value`.
    WhiteSpaceInValue(Field),
    /// The value holds an escape of HTML, such as `&#039;`. Code `html_escaped_value`.
    HtmlEscapedValue(Field),
    /// The value starts or ends with a quotation mark. Code `quoted_value`.
    QuotedValue(Field),
    /// The value holds an escape such as `%40` after it was decoded. Code `encoded_twice`.
    EncodedTwice(Field),
    /// The value is not UTF-8. Code `other_charset`.
    OtherCharset(Field),
    /// The value has a `%` that starts no escape. Code `raw_percent`.
    RawPercent(Field),
    /// A text without `=` follows the value: it may have held an unencoded `&`. Code `raw_ampersand`.
    RawAmpersand(Field),
    /// The query has an unencoded `#` in the value. Code `raw_hash_sign`.
    RawHashSign(Field),
    /// The value has an unencoded `+`, which is read as a space. Code `raw_plus`.
    RawPlus(Field),

    /// `goto` is longer than 2048 bytes. Code `goto_too_long`.
    GotoTooLong,
    /// `goto` leads to another site, such as `//other.example`. Code `goto_other_site`.
    GotoOtherSite,
    /// `goto` is a full URL, with `https:` or another scheme. Code `goto_full_url`.
    GotoFullUrl,
    /// `goto` does not start with a letter, a digit, `_` or `/`. Code `goto_start`.
    GotoStart,
    /// The path of `goto` holds a segment `.` or `..`. Code `goto_dot_segment`.
    GotoDotSegment,
    /// `goto` holds a space or a control character. Code `goto_white_space`.
    GotoWhiteSpace,
    /// `goto` holds a character that is not ASCII. Code `goto_not_ascii`.
    GotoNotAscii,
    /// `goto` holds a character that a URL must escape. Code `goto_character`.
    GotoCharacter,
    /// The path of `goto` holds `%`. Code `goto_escape_in_path`.
    GotoEscapeInPath,
    /// The path of `goto` holds `:`, `@` or `;`. Code `goto_path_character`.
    GotoPathCharacter,
    /// `goto` holds a `%` that starts no escape, or an escaped control character. Code `goto_escape`.
    GotoEscape,
    /// What follows `goto` may belong to it: it has no `=`, or `goto` has an unencoded `?`. Code
    /// `goto_cut_at_ampersand`.
    GotoCutAtAmpersand,
}

impl Finding {
    /// A stable name for logs and metrics. Each variant's docs give its code.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::BodyIsJson => "body_is_json",
            Self::BodyIsXml => "body_is_xml",
            Self::BodyIsCompressed => "body_is_compressed",
            Self::BodyIsUtf16 => "body_is_utf16",
            Self::MultipartWithoutType => "multipart_without_type",
            Self::MultipartBoundary => "multipart_boundary",
            Self::FormOfOtherType => "form_of_other_type",
            Self::JsonInField => "json_in_field",
            Self::FormEncodedTwice(_) => "form_encoded_twice",
            Self::ByteOrderMark(_) => "byte_order_mark",
            Self::HtmlEscapedName(_) => "html_escaped_name",
            Self::WhiteSpaceAroundName(_) => "white_space_around_name",
            Self::QuotedName(_) => "quoted_name",
            Self::ListName(_) => "list_name",
            Self::NestedName(_) => "nested_name",
            Self::ResemblingName(_) => "resembling_name",
            Self::OtherSeparator(_) => "other_separator",
            Self::EncodedSeparator(_) => "encoded_separator",
            Self::EmptyValue(_) => "empty_value",
            Self::NoBody => "no_body",
            Self::NoCredentialField => "no_credential_field",
            Self::NoLinkField => "no_link_field",
            Self::LinkCutShort => "link_cut_short",
            Self::HashIsMd5 => "hash_is_md5",
            Self::HashIsSha2 => "hash_is_sha2",
            Self::HashIsBase64 => "hash_is_base64",
            Self::HashIsBinary => "hash_is_binary",
            Self::HashWithOtherText => "hash_with_other_text",
            Self::HashCutShort => "hash_cut_short",
            Self::TimestampMilliseconds => "timestamp_milliseconds",
            Self::TimestampMicroseconds => "timestamp_microseconds",
            Self::TimestampFloat => "timestamp_float",
            Self::TimestampDate => "timestamp_date",
            Self::TimestampOtherDigits => "timestamp_other_digits",
            Self::TimestampGrouped => "timestamp_grouped",
            Self::PasswordIsSha1 => "password_is_sha1",
            Self::PasswordIsSha2 => "password_is_sha2",
            Self::PasswordIsBase64 => "password_is_base64",
            Self::StoredHash(_) => "stored_hash",
            Self::LineEnd(_) => "line_end",
            Self::WhiteSpaceAroundValue(_) => "white_space_around_value",
            Self::WhiteSpaceInValue(_) => "white_space_in_value",
            Self::HtmlEscapedValue(_) => "html_escaped_value",
            Self::QuotedValue(_) => "quoted_value",
            Self::EncodedTwice(_) => "encoded_twice",
            Self::OtherCharset(_) => "other_charset",
            Self::RawPercent(_) => "raw_percent",
            Self::RawAmpersand(_) => "raw_ampersand",
            Self::RawHashSign(_) => "raw_hash_sign",
            Self::RawPlus(_) => "raw_plus",
            Self::GotoTooLong => "goto_too_long",
            Self::GotoOtherSite => "goto_other_site",
            Self::GotoFullUrl => "goto_full_url",
            Self::GotoStart => "goto_start",
            Self::GotoDotSegment => "goto_dot_segment",
            Self::GotoWhiteSpace => "goto_white_space",
            Self::GotoNotAscii => "goto_not_ascii",
            Self::GotoCharacter => "goto_character",
            Self::GotoEscapeInPath => "goto_escape_in_path",
            Self::GotoPathCharacter => "goto_path_character",
            Self::GotoEscape => "goto_escape",
            Self::GotoCutAtAmpersand => "goto_cut_at_ampersand",
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sentence = match *self {
            Self::BodyIsJson => "the body is JSON: only the fields of a form are read",
            Self::BodyIsXml => "the body is XML or HTML: only the fields of a form are read",
            Self::BodyIsCompressed => "the body is compressed: send it as it is",
            Self::BodyIsUtf16 => "the body is UTF-16: send UTF-8",
            Self::MultipartWithoutType => {
                "the body is multipart/form-data, and its content type is another, or none"
            }
            Self::MultipartBoundary => {
                "the content type multipart/form-data names no boundary, or another than the body's"
            }
            Self::FormOfOtherType => {
                "the body is a form: its content type must be application/x-www-form-urlencoded"
            }
            Self::JsonInField => "a field holds JSON: each credential must be a field of its own",
            Self::FormEncodedTwice(field) => {
                return write!(
                    f,
                    "the `=` behind `{field}` is percent-encoded: the form was encoded twice"
                );
            }
            Self::ByteOrderMark(field) => {
                return write!(f, "a byte order mark stands before the name `{field}`");
            }
            Self::HtmlEscapedName(field) => {
                return write!(f, "HTML changed the `&` before `{field}`, to `&amp;` or `&times;`");
            }
            Self::WhiteSpaceAroundName(field) => {
                return write!(f, "white space stands around the name `{field}`");
            }
            Self::QuotedName(field) => {
                return write!(f, "a quotation mark stands at the name `{field}`");
            }
            Self::ListName(field) => {
                return write!(f, "`{field}` is sent as a list, with brackets behind its name");
            }
            Self::NestedName(field) => {
                return write!(f, "the name `{field}` stands in brackets: send it without them");
            }
            Self::ResemblingName(field) => {
                return write!(f, "a name resembles `{field}`, and no field has exactly this name");
            }
            Self::OtherSeparator(field) => {
                return write!(f, "`{field}` stands inside another value: put `&` between fields");
            }
            Self::EncodedSeparator(field) => {
                return write!(
                    f,
                    "the `&` before `{field}` is percent-encoded: encode only names and values"
                );
            }
            Self::EmptyValue(field) => {
                return write!(f, "`{field}` is empty: a setting of the client may not be set");
            }
            Self::NoBody => {
                "no body, and no credentials in the query: a redirect may have dropped the body; headers are not read"
            }
            Self::NoCredentialField => {
                "no field is a credential: headers such as Authorization are not read"
            }
            Self::NoLinkField => {
                "the query has no field of a login link: a redirect may have dropped it"
            }
            Self::LinkCutShort => {
                "the link ends before its `hash`: it may be wrapped, or unquoted in a shell"
            }
            Self::HashIsMd5 => {
                "`hash` is 32 hexadecimal digits, as MD5 gives: it must be the SHA-1"
            }
            Self::HashIsSha2 => {
                "`hash` is as many hexadecimal digits as SHA-2 gives: it must be the SHA-1"
            }
            Self::HashIsBase64 => "`hash` is base64: it must be hexadecimal digits",
            Self::HashIsBinary => "`hash` is raw bytes: it must be hexadecimal digits",
            Self::HashWithOtherText => "`hash` has other text around its 40 hexadecimal digits",
            Self::HashCutShort => "`hash` is cut short: it has fewer than 40 hexadecimal digits",
            Self::TimestampMilliseconds => "`timestamp` is in milliseconds: it must be in seconds",
            Self::TimestampMicroseconds => {
                "`timestamp` is in microseconds or nanoseconds: it must be in seconds"
            }
            Self::TimestampFloat => {
                "`timestamp` has a fraction or an exponent: it must be whole seconds"
            }
            Self::TimestampDate => "`timestamp` is a date: it must be the seconds since 1970",
            Self::TimestampOtherDigits => {
                "`timestamp` has digits of another script: they must be 0 to 9"
            }
            Self::TimestampGrouped => "`timestamp` has separators between its digits",
            Self::PasswordIsSha1 => {
                "`password` is 40 hexadecimal digits, as SHA-1 gives: it must be the md5"
            }
            Self::PasswordIsSha2 => {
                "`password` is as many hexadecimal digits as SHA-2 gives: it must be the md5"
            }
            Self::PasswordIsBase64 => {
                "`password` is base64 of a digest: it must be hexadecimal digits"
            }
            Self::StoredHash(field) => {
                return write!(
                    f,
                    "`{field}` is a hash as databases store it: send what was hashed"
                );
            }
            Self::LineEnd(field) => return write!(f, "`{field}` starts or ends with a line end"),
            Self::WhiteSpaceAroundValue(field) => {
                return write!(
                    f,
                    "`{field}` starts or ends with white space, or with an unencoded `+`"
                );
            }
            Self::WhiteSpaceInValue(field) => {
                return write!(f, "`{field}` has white space inside: it may be wrapped");
            }
            Self::HtmlEscapedValue(field) => {
                return write!(f, "`{field}` holds an escape of HTML, such as `&amp;` or `&#039;`");
            }
            Self::QuotedValue(field) => {
                return write!(f, "`{field}` starts or ends with a quotation mark");
            }
            Self::EncodedTwice(field) => {
                return write!(f, "`{field}` is percent-encoded twice");
            }
            Self::OtherCharset(field) => {
                return write!(f, "`{field}` is not UTF-8: its charset may be ISO-8859-1");
            }
            Self::RawPercent(field) => {
                return write!(f, "`{field}` has a `%` that is not percent-encoded");
            }
            Self::RawAmpersand(field) => {
                return write!(
                    f,
                    "`{field}` is followed by text without `=`: its `&` may not be percent-encoded"
                );
            }
            Self::RawHashSign(field) => {
                return write!(
                    f,
                    "`{field}` has a `#` that is not percent-encoded: URLs end there"
                );
            }
            Self::RawPlus(field) => {
                return write!(
                    f,
                    "`{field}` has a `+` that is not percent-encoded: it is read as a space"
                );
            }
            Self::GotoTooLong => "`goto` is longer than 2048 bytes",
            Self::GotoOtherSite => "`goto` leads to another site: it starts with `//`",
            Self::GotoFullUrl => "`goto` is a full URL: send only the path, even for the own site",
            Self::GotoStart => "`goto` must start with a letter, a digit, `_` or `/`",
            Self::GotoDotSegment => "the path of `goto` holds `.` or `..`",
            Self::GotoWhiteSpace => "`goto` holds a space or a control character",
            Self::GotoNotAscii => {
                "`goto` holds a character that is not ASCII: escape it after the path"
            }
            Self::GotoCharacter => "`goto` holds a character that a URL must escape",
            Self::GotoEscapeInPath => {
                "the path of `goto` holds `%`: it may be percent-encoded twice"
            }
            Self::GotoPathCharacter => "the path of `goto` holds `:`, `@` or `;`",
            Self::GotoEscape => {
                "`goto` has a `%` that starts no escape, or escapes a control character"
            }
            Self::GotoCutAtAmpersand => {
                "what follows `goto` may belong to it: an `&` inside it must be percent-encoded"
            }
        };
        f.write_str(sentence)
    }
}

/// The findings of one request: at most [`MAX`](Self::MAX), each once, the likeliest first.
///
/// # Examples
///
/// ```
/// use whmcs_auth::diagnose;
///
/// let form = Some("application/x-www-form-urlencoded");
/// let findings = diagnose::api("", form, "api_identifier=id&secret=s%0D");
/// let codes: Vec<_> = findings.iter().map(|finding| finding.code()).collect();
/// assert_eq!(codes, ["resembling_name", "line_end"]);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[must_use]
pub struct Findings([Option<Finding>; Self::MAX]);

impl Findings {
    /// The number of findings that are kept.
    pub const MAX: usize = 8;

    /// The findings, the likeliest first.
    pub fn iter(&self) -> FindingsIter<'_> {
        FindingsIter(self.0.iter().flatten().copied())
    }

    /// Whether nothing was found.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.iter().next().is_none()
    }

    /// Adds a finding, unless it is there or the list is full.
    pub(super) fn add(&mut self, finding: Finding) {
        let is_place = |place: &&mut Option<Finding>| place.is_none_or(|kept| kept == finding);
        if let Some(place) = self.0.iter_mut().find(is_place) {
            *place = Some(finding);
        }
    }
}

impl<'a> IntoIterator for &'a Findings {
    type Item = Finding;
    type IntoIter = FindingsIter<'a>;

    fn into_iter(self) -> FindingsIter<'a> {
        self.iter()
    }
}

/// The iterator of [`Findings::iter`].
#[derive(Clone, Debug)]
#[must_use]
pub struct FindingsIter<'a>(Copied<Flatten<Iter<'a, Option<Finding>>>>);

impl Iterator for FindingsIter<'_> {
    type Item = Finding;

    fn next(&mut self) -> Option<Finding> {
        self.0.next()
    }
}
