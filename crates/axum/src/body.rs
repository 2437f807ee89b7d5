//! The fields of a call, from its query and its body.

use std::error::Error;
use std::fmt;

use axum::body::{Body, Bytes};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, header};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use memchr::memmem;
use whmcs_auth::Received;

use crate::rejection::{Cause, sources};

/// The whole body, if it is within the limit.
pub(crate) async fn read(body: Body, limit: usize) -> Result<Bytes, Cause> {
    match Limited::new(body, limit).collect().await {
        Ok(body) => Ok(body.to_bytes()),
        Err(error) if is_too_large(&*error) => Err(Cause::body_too_large()),
        Err(_) => Err(Cause::body_broken()),
    }
}

/// A layer of the service may have a limit of its own, whose error is wrapped.
fn is_too_large(error: &(dyn Error + 'static)) -> bool {
    sources(error).any(|error| error.is::<LengthLimitError>())
}

/// Adds the fields of the body to those of the query.
pub(crate) async fn fields(query: Received, head: &Parts, body: Bytes) -> Result<Received, Cause> {
    if head.method != Method::POST && !body.is_empty() {
        return Err(Cause::body_without_post());
    }
    let content_type = content_type(&head.headers);
    match content_type {
        Some(multipart) if is_multipart(multipart) && !body.is_empty() => {
            with_multipart(query, multipart, body).await.map_err(|_| Cause::multipart_broken())
        }
        _ => Ok(query.with_body(content_type, &body)),
    }
}

/// Two headers could be read as two types, so they count as none.
fn content_type(headers: &HeaderMap) -> Option<&str> {
    let mut values = headers.get_all(header::CONTENT_TYPE).iter();
    let first = values.next()?.to_str().ok();
    first.filter(|_| values.next().is_none())
}

fn is_multipart(content_type: &str) -> bool {
    let media_type = content_type.split(';').next().unwrap_or_default();
    media_type.trim_end_matches(' ').eq_ignore_ascii_case("multipart/form-data")
}

/// A multipart body that is not well-formed, or that readers of multipart disagree about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BrokenMultipart;

impl fmt::Display for BrokenMultipart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the multipart body is not well-formed, or can be read in two ways")
    }
}

impl Error for BrokenMultipart {}

/// Adds the text parts of a multipart body to the fields that were received, for a service that reads bodies
/// itself. `content_type` is the value of the header, with its boundary.
///
/// A part with a file name is left out: PHP keeps uploaded files apart from the fields.
///
/// # Errors
///
/// [`BrokenMultipart`].
pub async fn with_multipart(
    received: Received,
    content_type: &str,
    body: Bytes,
) -> Result<Received, BrokenMultipart> {
    parts(received, content_type, body).await.ok_or(BrokenMultipart)
}

async fn parts(mut received: Received, content_type: &str, body: Bytes) -> Option<Received> {
    let boundary = multer::parse_boundary(content_type).ok()?;
    if !has_one_reading(&body, &boundary) {
        return None;
    }
    let mut parts = multer::Multipart::new(Body::from(body).into_data_stream(), boundary);
    while let Some(part) = parts.next_field().await.ok()? {
        let disposition = part.headers().get(header::CONTENT_DISPOSITION)?;
        let Disposition { name, is_file } = Disposition::read(disposition.as_bytes())?;
        let value = part.bytes().await.ok()?;
        // PHP keeps uploaded files apart from the fields.
        if !is_file {
            received = received.with_part(name, value);
        }
    }
    Some(received)
}

/// Whether every reader finds the same parts: nothing stands before the first boundary and nothing behind the
/// last one, and each part has one `Content-Disposition`.
fn has_one_reading(body: &[u8], boundary: &str) -> bool {
    let delimiter = format!("\r\n--{boundary}");
    let Some(first) = body.strip_prefix(format!("--{boundary}").as_bytes()) else { return false };
    let mut rest = first;
    for end in memmem::find_iter(first, &delimiter) {
        let begin = first.len() - rest.len();
        let Some((part, after)) = rest.split_at_checked(end - begin) else { return false };
        if !is_a_part(part) {
            return false;
        }
        rest = after.get(delimiter.len()..).unwrap_or_default();
    }
    matches!(rest, b"--" | b"--\r\n")
}

/// A line end, headers, an empty line, and the value.
fn is_a_part(part: &[u8]) -> bool {
    const NAME: &[u8] = b"content-disposition:";
    let Some(headers) = part.strip_prefix(b"\r\n") else { return false };
    let headers = headers.get(..memmem::find(headers, b"\r\n\r\n").unwrap_or(headers.len()));
    let lines = headers.unwrap_or_default().split(|byte| *byte == b'\n');
    let named = lines.filter(|line| {
        line.get(..NAME.len()).is_some_and(|start| start.eq_ignore_ascii_case(NAME))
    });
    named.count() == 1
}

/// What `Content-Disposition` says of a part.
#[derive(Debug, PartialEq, Eq)]
struct Disposition {
    name: Vec<u8>,
    is_file: bool,
}

impl Disposition {
    /// Reads `form-data; name="..."`, perhaps with `; filename="..."`. A plain word needs no quotes.
    /// Anything else is refused, because readers of multipart disagree about it: whether a part is a file,
    /// where a name ends, and which of two names counts.
    fn read(header: &[u8]) -> Option<Self> {
        let (kind, mut rest) = header.split_at_checked(b"form-data".len())?;
        let (mut name, mut is_file) = (None, false);
        while !rest.is_empty() {
            let parameter = rest.strip_prefix(b";")?.trim_ascii_start();
            let (key, value) = split(parameter, b'=')?;
            let (value, after, has_one_reading) = match value.strip_prefix(b"\"") {
                Some(quoted) => {
                    let (value, after) = split(quoted, b'"')?;
                    (value, after.trim_ascii_start(), !value.contains(&b'\\'))
                }
                None => {
                    let end = value.iter().position(|byte| *byte == b';');
                    let (value, after) = value.split_at_checked(end.unwrap_or(value.len()))?;
                    (value, after, value.iter().all(is_token))
                }
            };
            match key {
                // Clients on .NET repeat the file's name so. PHP ignores it.
                b"filename*" if is_file && after.is_empty() => {}
                _ if !has_one_reading => return None,
                b"name" if name.is_none() => name = Some(value.to_vec()),
                b"filename" if !is_file => is_file = true,
                _ => return None,
            }
            rest = after;
        }
        let name = name.filter(|_| kind.eq_ignore_ascii_case(b"form-data"))?;
        Some(Self { name, is_file })
    }
}

/// What stands before and after the first such byte.
fn split(text: &[u8], separator: u8) -> Option<(&[u8], &[u8])> {
    let mut halves = text.splitn(2, |byte| *byte == separator);
    Some((halves.next()?, halves.next()?))
}

/// A byte that stands in a value without quotes.
fn is_token(byte: &u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&*+-.^_`|~".contains(byte)
}

#[cfg(test)]
mod tests {
    use super::Disposition;

    #[test]
    fn a_disposition_has_one_reading_or_none() {
        let field = |name: &[u8]| Some(Disposition { name: name.to_vec(), is_file: false });
        let file = |name: &[u8]| Some(Disposition { name: name.to_vec(), is_file: true });
        let rows: [(&[u8], _); 27] = [
            (br#"form-data; name="action""#, field(b"action")),
            (br#"Form-Data;name="action""#, field(b"action")),
            (br#"form-data; name="a"; filename="b.txt""#, file(b"a")),
            (br#"form-data; filename="b.txt" ; name="a""#, file(b"a")),
            (br#"form-data; name="a"; filename="""#, file(b"a")),
            (b"form-data; name=\"a\"; filename=\"\xff\"", file(b"a")),
            (b"form-data; name=\"\xff'\"", field(b"\xff'")),
            (br#"form-data; name="a;b=c""#, field(b"a;b=c")),
            (br#"form-data; name="""#, field(b"")),
            (br#"form-data; name=action"#, field(b"action")),
            (br#"form-data; name=a; filename=b.txt; filename*=utf-8''b.txt"#, file(b"a")),
            (br#"form-data; name=a; filename=b; filename*=utf-8''b; name=c"#, None),
            (br#"form-data; name=a b"#, None),
            (br#"form-data; name=a[]"#, None),
            (br#"form-data; name"#, None),
            (br#"form-data; name='action'"#, None),
            (br#"form-data; name = "action""#, None),
            (br#"form-data; name="a"; name="b""#, None),
            (br#"form-data; name="a"; filename*=UTF-8''b"#, None),
            (br#"form-data; name*=UTF-8''a"#, None),
            (br#"form-data; filename="a""#, None),
            (br#"form-data; name="a\"; filename="b""#, None),
            (br#"form-data; name="a"; filename="b\"c""#, None),
            (br#"form-data; name="a"x"#, None),
            (br#"form-data; name="a";"#, None),
            (br#"attachment; name="a""#, None),
            (b"", None),
        ];
        for (header, expected) in rows {
            let shown = String::from_utf8_lossy(header);
            assert_eq!(Disposition::read(header), expected, "{shown}");
        }
    }
}
