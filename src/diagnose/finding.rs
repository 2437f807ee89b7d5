//! What a diagnosis can find, and a bounded list of it.

use core::fmt;

use crate::field::Field;

/// A likely mistake of the sender. Display is a sentence for the operator.
///
/// A finding holds no text of the request, except for the name of a known field. `docs/troubleshooting.md` lists the
/// codes, each with its cause and its cure.
///
/// # Examples
///
/// ```
/// use whmcs_auth::{Field, diagnose};
///
/// let form = Some("application/x-www-form-urlencoded");
/// let findings = diagnose::api("", form, "identifier=id&secret=s%0D%0A");
/// let finding = findings.iter().next().ok_or("nothing was found")?;
/// assert_eq!(finding.code(), "line_end");
/// assert_eq!(finding.field(), Some(Field::Secret));
/// assert_eq!(finding.to_string(), "`secret` starts or ends with a line end");
/// # Ok::<(), &str>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Finding {
    mistake: Mistake,
    field: Option<Field>,
}

impl Finding {
    /// A stable name for logs and metrics.
    #[must_use]
    pub const fn code(self) -> &'static str {
        self.mistake.code()
    }

    /// The field that has the mistake. `None` if it is a mistake of the whole request.
    #[must_use]
    pub const fn field(self) -> Option<Field> {
        self.field
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sentence = self.mistake.sentence();
        match (self.field, sentence.split_once("{}")) {
            (Some(field), Some((before, after))) => write!(f, "{before}{field}{after}"),
            _ => f.write_str(sentence),
        }
    }
}

/// Each row is a variant, its code and its sentence.
macro_rules! mistakes {
    ($($name:ident $code:literal $sentence:literal,)*) => {
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(super) enum Mistake {
            $($name,)*
        }

        impl Mistake {
            #[cfg(test)]
            const ALL: &[Self] = &[$(Self::$name,)*];

            const fn code(self) -> &'static str {
                match self {
                    $(Self::$name => $code,)*
                }
            }

            const fn sentence(self) -> &'static str {
                match self {
                    $(Self::$name => $sentence,)*
                }
            }
        }
    };
}

// `{}` is the name of the field, if several fields can have the mistake.
mistakes! {
    BodyIsJson "body_is_json" "the body is JSON: only the fields of a form are read",
    BodyIsXml "body_is_xml" "the body is XML or HTML: only the fields of a form are read",
    BodyIsCompressed "body_is_compressed" "the body is compressed: send it as it is",
    BodyIsUtf16 "body_is_utf16" "the body is UTF-16: send UTF-8",
    MultipartWithoutType "multipart_without_type" "the body is multipart/form-data, and its content type is another, or none",
    MultipartBoundary "multipart_boundary" "the content type multipart/form-data has no boundary, or not the one of the body",
    FormOfOtherType "form_of_other_type" "the body is a form: its content type must be application/x-www-form-urlencoded",
    JsonInField "json_in_field" "a field holds JSON: each credential must be a field of its own",
    FormEncodedTwice "form_encoded_twice" "the `=` after `{}` is percent-encoded: the form was encoded twice",
    ByteOrderMark "byte_order_mark" "a byte order mark stands before the name `{}`",
    HtmlEscapedName "html_escaped_name" "HTML changed the `&` before `{}`, to `&amp;` or `&times;`",
    WhiteSpaceAroundName "white_space_around_name" "white space stands around the name `{}`",
    QuotedName "quoted_name" "a quotation mark stands at the name `{}`",
    ListName "list_name" "`{}` is sent as a list, with brackets after its name",
    NestedName "nested_name" "the name `{}` stands in brackets: send it without them",
    ResemblingName "resembling_name" "a name resembles `{}`, and no field has exactly this name",
    OtherSeparator "other_separator" "`{}` stands inside another value: put `&` between fields",
    EncodedSeparator "encoded_separator" "the `&` before `{}` is percent-encoded: encode only names and values",
    EmptyValue "empty_value" "`{}` is empty: a setting of the client may not be set",
    NoBody "no_body" "no body, and no credentials in the query: a redirect may have dropped the body; headers are not read",
    NoCredentialField "no_credential_field" "no field is a credential: headers such as Authorization are not read",
    NoLinkField "no_link_field" "the query has no field of a login link: a redirect may have dropped it",
    LinkCutShort "link_cut_short" "the link ends before its `hash`: it may be wrapped, or unquoted in a shell",

    HashIsMd5 "hash_is_md5" "`hash` is 32 hexadecimal digits, as MD5 gives: it must be the SHA-1",
    HashIsSha2 "hash_is_sha2" "`hash` is as many hexadecimal digits as SHA-2 gives: it must be the SHA-1",
    HashIsBase64 "hash_is_base64" "`hash` is base64: it must be hexadecimal digits",
    HashIsBinary "hash_is_binary" "`hash` is raw bytes: it must be hexadecimal digits",
    HashWithOtherText "hash_with_other_text" "`hash` has other text around its 40 hexadecimal digits",
    HashCutShort "hash_cut_short" "`hash` is cut short: it has fewer than 40 hexadecimal digits",
    TimestampMilliseconds "timestamp_milliseconds" "`timestamp` is in milliseconds: it must be in seconds",
    TimestampMicroseconds "timestamp_microseconds" "`timestamp` is in microseconds or nanoseconds: it must be in seconds",
    TimestampFloat "timestamp_float" "`timestamp` has a fraction or an exponent: it must be whole seconds",
    TimestampDate "timestamp_date" "`timestamp` is a date: it must be the seconds since 1970",
    TimestampOtherDigits "timestamp_other_digits" "`timestamp` has digits of another script: they must be 0 to 9",
    TimestampGrouped "timestamp_grouped" "`timestamp` has separators between its digits",
    Placeholder "placeholder" "`{}` is a placeholder: its value was not filled in",
    ClientLogin "client_login" "an e-mail is sent as a client logs in: only API credentials and admins may call the API",
    SameValue "same_value" "`{}` is the same text as the name that it belongs to",
    PasswordIsSha1 "password_is_sha1" "`password` is 40 hexadecimal digits, as SHA-1 gives: it must be the md5",
    PasswordIsSha2 "password_is_sha2" "`password` is as many hexadecimal digits as SHA-2 gives: it must be the md5",
    PasswordIsBase64 "password_is_base64" "`password` is base64 of a digest: it must be hexadecimal digits",
    StoredHash "stored_hash" "`{}` is a hash as databases store it: send what was hashed",

    ActionUndocumented "action_undocumented" "WHMCS documents no action of this name",
    FormatInOtherField "format_in_other_field" "a field of another name asks for a format: only `responsetype` is read",
    BrowserCall "browser_call" "a browser sent this from a page of another site: whoever opens that page can read the secret",

    LineEnd "line_end" "`{}` starts or ends with a line end",
    WhiteSpaceAroundValue "white_space_around_value" "`{}` starts or ends with white space, or with an unencoded `+`",
    WhiteSpaceInValue "white_space_in_value" "`{}` has white space inside: it may be wrapped",
    HtmlEscapedValue "html_escaped_value" "`{}` holds an escape of HTML, such as `&amp;` or `&#039;`",
    QuotedValue "quoted_value" "`{}` starts or ends with a quotation mark",
    EncodedTwice "encoded_twice" "`{}` is percent-encoded twice",
    OtherCharset "other_charset" "`{}` is not UTF-8: its charset may be ISO-8859-1",
    RawPercent "raw_percent" "`{}` has a `%` that is not percent-encoded",
    RawAmpersand "raw_ampersand" "`{}` is followed by text without `=`: its `&` may not be percent-encoded",
    RawHashSign "raw_hash_sign" "`{}` has a `#` that is not percent-encoded: URLs end there",
    RawPlus "raw_plus" "`{}` has a `+` that is not percent-encoded: it is read as a space",

    GotoTooLong "goto_too_long" "`goto` is too long",
    GotoOtherSite "goto_other_site" "`goto` leads to another site: it starts with `//`",
    GotoFullUrl "goto_full_url" "`goto` is a full URL: send only the path, even for this site",
    GotoStart "goto_start" "`goto` must start with a letter, a digit, `_` or `/`",
    GotoDotSegment "goto_dot_segment" "the path of `goto` holds `.` or `..`",
    GotoWhiteSpace "goto_white_space" "`goto` holds a space or a control character",
    GotoNotAscii "goto_not_ascii" "`goto` holds a character that is not ASCII: escape it after the path",
    GotoCharacter "goto_character" "`goto` holds a character that a URL must escape",
    GotoEscapeInPath "goto_escape_in_path" "the path of `goto` holds `%`: it may be percent-encoded twice",
    GotoPathCharacter "goto_path_character" "the path of `goto` holds `:`, `@` or `;`",
    GotoEscape "goto_escape" "`goto` has a `%` that starts no escape, or escapes a control character",
    GotoCutAtAmpersand "goto_cut_at_ampersand" "what follows `goto` may belong to it: an `&` inside it must be percent-encoded",
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
#[derive(Clone, Copy, Debug, Default)]
#[must_use]
pub struct Findings([Option<Finding>; Self::MAX]);

impl Findings {
    /// The largest number of findings.
    pub const MAX: usize = 8;

    /// The findings, the likeliest first.
    pub fn iter(&self) -> impl Iterator<Item = Finding> {
        self.0.into_iter().flatten()
    }

    /// Whether nothing was found.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.iter().next().is_none()
    }

    /// These findings, and then those of `others`.
    pub fn and(mut self, others: Self) -> Self {
        others.iter().for_each(|finding| self.push(finding));
        self
    }

    /// Those of some fields.
    pub(super) fn of(self, fields: &[Field]) -> Self {
        let is_of = |finding: &Finding| finding.field.is_some_and(|field| fields.contains(&field));
        let mut findings = Self::default();
        self.iter().filter(is_of).for_each(|finding| findings.push(finding));
        findings
    }

    /// Adds a mistake of the whole request.
    pub(super) fn add(&mut self, mistake: Mistake) {
        self.push(Finding { mistake, field: None });
    }

    /// Adds a mistake of one field.
    pub(super) fn add_to(&mut self, field: Field, mistake: Mistake) {
        self.push(Finding { mistake, field: Some(field) });
    }

    /// Adds a finding, unless it is there or the list is full.
    fn push(&mut self, finding: Finding) {
        let is_place = |place: &&mut Option<Finding>| place.is_none_or(|kept| kept == finding);
        if let Some(place) = self.0.iter_mut().find(is_place) {
            *place = Some(finding);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::string::ToString;

    use super::*;

    #[test]
    fn each_mistake_has_a_code_and_a_short_sentence_of_its_own() {
        let mut texts = BTreeSet::new();
        for &mistake in Mistake::ALL {
            let of = |field| Finding { mistake, field: Some(field) }.to_string();
            let [secret, email] = [of(Field::Secret), of(Field::Email)];
            assert!(secret.is_ascii() && secret.len() < 120 && !secret.contains('{'), "{secret}");
            // The sentence changes with the name of the field alone.
            assert_eq!(secret.replace("`secret`", "`email`"), email);
            assert!(
                mistake.code().bytes().all(|byte| byte == b'_' || byte.is_ascii_alphanumeric())
            );
            texts.extend([mistake.code().to_string(), secret]);
        }
        assert_eq!(Mistake::ALL.len(), 68);
        assert_eq!(texts.len(), 2 * 68);
    }
}
