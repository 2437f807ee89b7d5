//! What the sender of a request probably did wrong. Needs feature `diagnose`.
//!
//! A refusal says which rule broke. A finding says which mistake of the sender is the likely cause. It is found in
//! the request alone: nothing is hashed, looked up or compared with a record. Log what these functions return.
//! Verification never calls this module.
//!
//! | function | when |
//! |---|---|
//! | [`api`], [`link`] | after a refusal |
//! | [`accepted_api`], [`accepted_link`] | after an acceptance: the request was not followed in one point |
//! | [`origin`] | the API request has the header `Origin`, accepted or not |
//!
//! The method of the request is not known here. Call [`api`] only for a GET or a POST: any other request, such as the
//! OPTIONS of a browser, has no body for another reason.
//!
//! `docs/troubleshooting.md` gives cause and cure for each code.
//!
//! A finding is a hint for the operator. A request without a finding may still be wrong, and a request with one may be
//! right: a secret may really end with a space. So do not base a decision on a finding, and never send one to the
//! caller.
//!
//! # Security
//!
//! A finding holds no text of the request, except for the names of known fields. Values of known fields are decoded
//! up to 6147 bytes each, and with feature `zeroize` wiped when they are dropped. The work is linear in the length of
//! the request. At most 1,000 fields of the query and 1,000 of the body are read. At most [`Findings::MAX`] findings
//! are returned.
//!
//! # Examples
//!
//! ```
//! use whmcs_auth::diagnose;
//!
//! let json = r#"{"identifier":"D4j1dKYE3g40VROOPCGyJ9zRwP0ADJIv","secret":"s"}"#;
//! let findings = diagnose::api("", Some("application/json"), json);
//! let sentences: Vec<_> = findings.iter().map(|finding| finding.to_string()).collect();
//! assert_eq!(sentences, ["the body is JSON: only the fields of a form are read"]);
//!
//! let query = "email=demo@whmcs.com&timestamp=1290100706000&hash=d0d9ee4b59d8b95d9f8cbb8a42d3ed4c";
//! let codes: Vec<_> = diagnose::link(query).iter().map(|finding| finding.code()).collect();
//! assert_eq!(codes, ["timestamp_milliseconds", "hash_is_md5"]);
//! ```

mod actions;
mod body;
mod fields;
mod finding;
mod goto;
mod names;
mod values;

use self::body::Body;
use self::fields::{Fields, MAX_FIELDS, Place};
use self::finding::Mistake;
pub use self::finding::{Finding, Findings};
use crate::api::request::ApiRequest;
use crate::field::Field;
use crate::received::multipart::text_parts;

/// Each field of a pair of credentials, and the other half of the pair.
const CREDENTIALS: [(Field, Field); 4] = [
    (Field::Identifier, Field::Secret),
    (Field::Secret, Field::Identifier),
    (Field::Username, Field::Password),
    (Field::Password, Field::Username),
];

fn is_of_link(field: Field) -> bool {
    !ApiRequest::reads(field)
}

/// Diagnoses an API request: its raw query without the `?`, its header `Content-Type`, and its raw body.
///
/// # Examples
///
/// ```
/// use whmcs_auth::diagnose;
///
/// let form = Some("application/x-www-form-urlencoded");
/// let findings = diagnose::api("action=GetClients", form, "");
/// let sentences: Vec<_> = findings.iter().map(|finding| finding.to_string()).collect();
/// assert_eq!(
///     sentences,
///     ["no body, and no credentials in the query: a redirect may have dropped the body; headers are not read"],
/// );
/// ```
pub fn api<Q, B>(query: &Q, content_type: Option<&str>, body: &B) -> Findings
where
    Q: AsRef<[u8]> + ?Sized,
    B: AsRef<[u8]> + ?Sized,
{
    let mut findings = Findings::default();
    let (fields, missing) = read_api(query.as_ref(), content_type, body.as_ref(), &mut findings);
    add_api(&fields, missing, &mut findings);
    findings
}

/// Reads the fields of an API request. Adds what the body is, and returns what to add if no field is a credential.
fn read_api<'a>(
    query: &'a [u8],
    content_type: Option<&str>,
    body: &'a [u8],
    findings: &mut Findings,
) -> (Fields<'a>, Option<Mistake>) {
    let mut fields = Fields::new(ApiRequest::reads);
    fields.read(Place::Query, query);
    let kind = Body::of(content_type, body);
    let mut is_read = false;
    match kind {
        Body::Absent => {}
        // A body that is not well-formed has a refusal of its own.
        Body::Multipart => {
            let parts = content_type.map(|value| text_parts(value, body, MAX_FIELDS));
            if let Some(Ok(parts)) = parts {
                is_read = true;
                fields.read_parts(&parts);
            }
        }
        Body::Form { is_typed: true } => fields.read(Place::Body, body),
        Body::Form { is_typed: false } => {
            let mut in_body = Fields::new(ApiRequest::reads);
            in_body.read(Place::Body, body);
            if in_body.has_any_name() {
                findings.add(Mistake::FormOfOtherType);
                fields.read(Place::Body, body);
            }
        }
        Body::Other(mistake) => findings.add(mistake),
    }

    let missing = match kind {
        Body::Absent => Some(Mistake::NoBody),
        Body::Form { is_typed: true } => Some(Mistake::NoCredentialField),
        Body::Multipart if is_read => Some(Mistake::NoCredentialField),
        // The credentials may stand where they are not read.
        _ => None,
    };
    (fields, missing)
}

/// Adds all but what the body is. `missing` is added if no field is a credential.
fn add_api(fields: &Fields<'_>, missing: Option<Mistake>, findings: &mut Findings) {
    let has_pair = |name, secret| fields.has(name) && fields.has(secret);
    let has_credential = has_pair(Field::Identifier, Field::Secret);
    let has_credentials = has_credential || has_pair(Field::Username, Field::Password);
    let is_credential = |field| CREDENTIALS.iter().any(|(known, _)| *known == field);
    let is_missing = |field| fields.lacks(field) && !(has_credentials && is_credential(field));
    fields.add_names(is_missing, findings);
    if let Some(missing) = missing.filter(|_| !(has_credentials || fields.is_cut())) {
        add_missing_credentials(fields, missing, findings);
    }
    // API-1: beside a credential, the fields of a login do not count.
    let counts = |field| !(has_credential && matches!(field, Field::Username | Field::Password));
    values::add_pairs(fields, counts, findings);
    values::add(fields, counts, findings);
    fields.add_format_name(findings);
}

/// Diagnoses an API request that was accepted: why its answer may come in another format than the sender wants, and
/// whether WHMCS documents its action. An installation may have actions of its own.
///
/// A request whose `responsetype` is `json`, `xml` or `nvp` has no finding about the format.
///
/// # Examples
///
/// ```
/// use whmcs_auth::diagnose;
///
/// let form = Some("application/x-www-form-urlencoded");
/// let findings = diagnose::accepted_api("", form, "identifier=id&secret=s&action=GetClients&json=json");
/// assert!(findings.iter().map(|finding| finding.code()).eq(["format_in_other_field"]));
/// ```
pub fn accepted_api<Q, B>(query: &Q, content_type: Option<&str>, body: &B) -> Findings
where
    Q: AsRef<[u8]> + ?Sized,
    B: AsRef<[u8]> + ?Sized,
{
    let mut findings = Findings::default();
    let (fields, _) = read_api(query.as_ref(), content_type, body.as_ref(), &mut findings);
    // Only these fields are looked at, so that no other finding takes their place.
    let wanted = [Field::ResponseType, Field::Action];
    fields.add_names(|field| wanted.contains(&field) && fields.lacks(field), &mut findings);
    values::add(&fields, |field| wanted.contains(&field), &mut findings);
    fields.add_format_name(&mut findings);
    findings.of(&wanted)
}

/// Diagnoses the header `Origin` of an API request. Browsers send it, and `host` is the host that was called, with its
/// port.
///
/// # Examples
///
/// ```
/// use whmcs_auth::diagnose;
///
/// let findings = diagnose::origin("https://shop.example", "billing.example.com");
/// assert!(findings.iter().map(|finding| finding.code()).eq(["browser_call"]));
/// assert!(diagnose::origin("https://billing.example.com", "billing.example.com").is_empty());
/// ```
pub fn origin(origin: &str, host: &str) -> Findings {
    let mut findings = Findings::default();
    let of_origin = origin.split_once("://").map_or(origin, |(_, host)| host);
    if !of_origin.eq_ignore_ascii_case(host) {
        findings.add(Mistake::BrowserCall);
    }
    findings
}

fn add_missing_credentials(fields: &Fields<'_>, missing: Mistake, findings: &mut Findings) {
    if fields.has_json() {
        findings.add(Mistake::JsonInField);
    }
    let has_any = CREDENTIALS.into_iter().any(|(field, _)| fields.has(field));
    for (field, other_half) in CREDENTIALS {
        if fields.is_empty(field) && (fields.has(other_half) || !has_any) {
            findings.add_to(field, Mistake::EmptyValue);
        }
    }
    if findings.is_empty() && !has_any {
        findings.add(missing);
    }
}

/// Diagnoses a login link: its raw query, without the `?`.
///
/// Each rule of the grammar of [`Goto`](crate::Goto) that a `goto` breaks gives a finding of its own.
///
/// # Examples
///
/// ```
/// use whmcs_auth::diagnose;
///
/// let findings = diagnose::link(
///     "email=demo%40whmcs.com&timestamp=1290100706&hash=6624fa4b6fb3c5fcd24e587154a949911046d92b\
///      &goto=https%3A%2F%2Fbilling.example.com%2Fcart.php",
/// );
/// assert!(findings.iter().map(|finding| finding.code()).eq(["goto_full_url"]));
/// ```
pub fn link<Q: AsRef<[u8]> + ?Sized>(query: &Q) -> Findings {
    let mut findings = Findings::default();
    let mut fields = Fields::new(is_of_link);
    fields.read(Place::Query, query.as_ref());

    fields.add_names(|field| fields.lacks(field), &mut findings);
    let is_named_right = findings.is_empty() && !fields.is_cut();
    let required = [Field::Email, Field::Timestamp, Field::Hash];
    for field in required.into_iter().filter(|field| fields.is_empty(*field)) {
        findings.add_to(field, Mistake::EmptyValue);
    }
    let is_absent = |field| fields.sent(field).is_none();
    if is_named_right && required.into_iter().all(is_absent) {
        findings.add(Mistake::NoLinkField);
    } else if is_named_right && is_absent(Field::Hash) {
        findings.add(Mistake::LinkCutShort);
    }
    values::add(&fields, |_| true, &mut findings);
    findings
}

/// Diagnoses a login link that was accepted: why the visitor may come to another page than the sender wants.
///
/// # Examples
///
/// ```
/// use whmcs_auth::diagnose;
///
/// let findings = diagnose::accepted_link(
///     "email=demo%40whmcs.com&timestamp=1290100706&hash=6624fa4b6fb3c5fcd24e587154a949911046d92b\
///      &goto=clientarea.php?action=productdetails&id=5",
/// );
/// assert!(findings.iter().map(|finding| finding.code()).eq(["goto_cut_at_ampersand"]));
/// ```
pub fn accepted_link<Q: AsRef<[u8]> + ?Sized>(query: &Q) -> Findings {
    link(query).of(&[Field::Goto])
}
