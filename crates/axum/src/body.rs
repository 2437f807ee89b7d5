//! The fields of a call, wherever they stand.

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{FromRequest, Multipart};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, Request, header};
use whmcs_auth::Received;

use crate::rejection::Cause;

/// The whole body, if it is within the limit.
pub(crate) async fn read(body: Body, limit: usize) -> Result<Bytes, Cause> {
    to_bytes(body, limit).await.map_err(|error| match is_too_large(&error) {
        true => Cause::BodyTooLarge { limit },
        false => Cause::BodyBroken,
    })
}

fn is_too_large(error: &axum::Error) -> bool {
    let mut source: Option<&dyn std::error::Error> = Some(error);
    while let Some(error) = source {
        if error.to_string() == "length limit exceeded" {
            return true;
        }
        source = error.source();
    }
    false
}

/// The fields of the query, and of the body that was read.
pub(crate) async fn fields(head: &Parts, body: Bytes) -> Result<Received, Cause> {
    let received = Received::new().with_query(head.uri.query().unwrap_or_default());
    if head.method != Method::POST && !body.is_empty() {
        return Err(Cause::BodyWithoutPost);
    }
    let content_type = content_type(&head.headers);
    if content_type.is_some_and(is_multipart) {
        return parts(received, &head.headers, body).await;
    }
    Ok(received.with_body(content_type, &body))
}

/// The content type, unless there are several: readers differ in the one that counts.
fn content_type(headers: &HeaderMap) -> Option<&str> {
    let mut values = headers.get_all(header::CONTENT_TYPE).iter();
    let value = values.next().filter(|_| values.next().is_none());
    value?.to_str().ok()
}

fn is_multipart(content_type: &str) -> bool {
    let media_type = content_type.split(';').next().unwrap_or_default();
    media_type.trim_end_matches(' ').eq_ignore_ascii_case("multipart/form-data")
}

async fn parts(
    mut received: Received,
    headers: &HeaderMap,
    body: Bytes,
) -> Result<Received, Cause> {
    let mut request = Request::new(Body::from(body));
    *request.headers_mut() = headers.clone();
    let broken = |_| Cause::MultipartBroken;
    let mut parts =
        Multipart::from_request(request, &()).await.map_err(|_| Cause::MultipartBroken)?;
    while let Some(part) = parts.next_field().await.map_err(broken)? {
        let disposition = part.headers().get(header::CONTENT_DISPOSITION);
        let disposition = disposition.and_then(|value| Disposition::read(value.as_bytes()));
        let Disposition { name, is_file } = disposition.ok_or(Cause::MultipartBroken)?;
        let value = part.bytes().await.map_err(broken)?;
        // PHP keeps uploaded files apart from the fields.
        if !is_file {
            received = received.with_part(name, value);
        }
    }
    Ok(received)
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
