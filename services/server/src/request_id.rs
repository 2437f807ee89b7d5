//! The id of a request, in its lines of the log and in its answer. A trusted proxy may choose it.

use axum::http::{HeaderMap, HeaderName, HeaderValue, Request};
use tower_http::request_id::{MakeRequestId, RequestId};

use crate::random::random_hex;

const NAME: HeaderName = HeaderName::from_static("x-request-id");

/// The most bytes of an id that a proxy chose.
const LONGEST: usize = 64;

/// Removes an id that a stranger chose, or that could disturb a log.
pub(crate) fn keep_trusted(headers: &mut HeaderMap, is_from_trusted_proxy: bool) {
    let mut ids = headers.get_all(NAME).iter();
    let is_good = match (ids.next(), ids.next()) {
        (Some(id), None) => is_from_trusted_proxy && is_id(id.as_bytes()),
        _ => false,
    };
    if !is_good {
        headers.remove(NAME);
    }
}

fn is_id(id: &[u8]) -> bool {
    let is_allowed = |byte: &u8| byte.is_ascii_alphanumeric() || b"._-".contains(byte);
    (1..=LONGEST).contains(&id.len()) && id.iter().all(is_allowed)
}

/// Makes random ids, of 32 hexadecimal digits.
#[derive(Clone, Copy)]
pub(crate) struct RandomId;

impl MakeRequestId for RandomId {
    fn make_request_id<B>(&mut self, _: &Request<B>) -> Option<RequestId> {
        let mut id = random_hex().ok()?;
        id.truncate(32);
        Some(RequestId::new(HeaderValue::try_from(id).ok()?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_short_plain_id_of_a_trusted_proxy_is_kept() {
        let longest = "x".repeat(LONGEST);
        let too_long = "x".repeat(LONGEST + 1);
        for (ids, is_trusted, expected) in [
            (&["a-B_9.z"][..], true, Some("a-B_9.z")),
            (&[&longest], true, Some(&*longest)),
            (&["a-B_9.z"], false, None),
            (&[&too_long], true, None),
            (&[""], true, None),
            (&["a b"], true, None),
            (&["a\"b"], true, None),
            (&["a", "b"], true, None),
            (&[], true, None),
        ] {
            let mut headers = HeaderMap::new();
            for id in ids {
                headers.append(NAME, id.parse().unwrap());
            }
            keep_trusted(&mut headers, is_trusted);
            assert_eq!(headers.get(NAME).map(|id| id.to_str().unwrap()), expected, "{ids:?}");
        }
    }
}
