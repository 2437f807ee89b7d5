//! Multipart bodies that every reader reads in the same way.

use alloc::vec::Vec;

use crate::field::Malformed;

/// A part without a file name.
pub(crate) struct TextPart<'b> {
    pub(crate) name: &'b [u8],
    pub(crate) value: &'b [u8],
}

/// The text parts of a body. PHP keeps uploaded files apart from the fields, so parts with a file name are left
/// out. They also count towards `max_parts`, as in PHP.
///
/// PHP is the reader that counts. It finds a boundary after a bare LF, cuts long header lines, and takes the
/// first `boundary` anywhere in the content type. So only this is read:
///
/// - The content type has parameters `name=word` or `name="word"`. One of them is `boundary`, in lower case. No
///   other parameter contains this word, in any case.
/// - The body starts with the first boundary, and ends with the last one and perhaps a line end. A line that
///   starts like a boundary is a boundary, and follows CR LF.
/// - The header lines of a part are `Name: value`, at most 1,000 bytes long, without control characters. One of
///   them is `Content-Disposition`.
///
/// # Errors
///
/// [`Malformed::MultipartBroken`] for any other body, and [`Malformed::FieldCount`] for more than `max_parts`
/// parts.
pub(crate) fn text_parts<'b>(
    content_type: &str,
    body: &'b [u8],
    max_parts: usize,
) -> Result<Vec<TextPart<'b>>, Malformed> {
    const BROKEN: Malformed = Malformed::MultipartBroken;
    let delimiter = delimiter(content_type).ok_or(BROKEN)?;
    let mut parts = Vec::new();
    let mut count: usize = 0;
    let mut rest = body.strip_prefix(&*delimiter).ok_or(BROKEN)?;
    while !matches!(rest, b"--" | b"--\r\n") {
        count = count.saturating_add(1);
        if count > max_parts {
            return Err(Malformed::FieldCount { max_fields: max_parts });
        }
        let part = rest.strip_prefix(b"\r\n").ok_or(BROKEN)?;
        let (part, after) = split_at_delimiter(part, &delimiter).ok_or(BROKEN)?;
        let (disposition, value) = read_part(part).ok_or(BROKEN)?;
        if !disposition.is_file {
            parts.push(TextPart { name: disposition.name, value });
        }
        rest = after;
    }
    Ok(parts)
}

/// `--` and the boundary.
fn delimiter(content_type: &str) -> Option<Vec<u8>> {
    let (_, parameters) = content_type.split_once(';')?;
    let mut boundary = None;
    for parameter in parameters.split(';') {
        let (name, value) = parameter.trim_start_matches(' ').split_once('=')?;
        let value = match value.strip_prefix('"') {
            Some(quoted) => quoted.strip_suffix('"')?,
            None => value,
        };
        let is_read_alike = |byte| {
            matches!(byte, b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z')
                || b"'()+_-./:=?".contains(&byte)
        };
        if !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            || !(1..=70).contains(&value.len())
            || !value.bytes().all(is_read_alike)
        {
            return None;
        }
        if name == "boundary" && boundary.is_none() {
            boundary = Some(value);
        } else if parameter.to_ascii_lowercase().contains("boundary") {
            return None;
        }
    }
    boundary.map(|boundary| [b"--", boundary.as_bytes()].concat())
}

/// The bytes before the next delimiter, without the line end, and the bytes after it.
fn split_at_delimiter<'b>(text: &'b [u8], delimiter: &[u8]) -> Option<(&'b [u8], &'b [u8])> {
    let mut start: usize = 0;
    for line in text.split_inclusive(|byte| matches!(byte, b'\r' | b'\n')) {
        if let Some(rest_of_line) = line.strip_prefix(delimiter) {
            let before = text.get(..start)?.strip_suffix(b"\r\n")?;
            let after = start.checked_add(line.len())?.checked_sub(rest_of_line.len())?;
            return Some((before, text.get(after..)?));
        }
        start = start.saturating_add(line.len());
    }
    None
}

/// The disposition and the value of a part: header lines, an empty line, and the rest.
fn read_part(part: &[u8]) -> Option<(Disposition<'_>, &[u8])> {
    let mut rest = part;
    let mut disposition = None;
    loop {
        let mut halves = rest.splitn(2, |byte| *byte == b'\n');
        let line = halves.next()?.strip_suffix(b"\r")?;
        rest = halves.next()?;
        if line.is_empty() {
            return Some((disposition?, rest));
        }
        if line.len() > 1000 || line.iter().any(u8::is_ascii_control) {
            return None;
        }
        let (name, value) = split(line, b':')?;
        let value = value.trim_ascii();
        if name.is_empty() || !name.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'-')
        {
            return None;
        }
        if name.eq_ignore_ascii_case(b"content-disposition") {
            if disposition.replace(Disposition::read(value)?).is_some() {
                return None;
            }
        } else if name.eq_ignore_ascii_case(b"content-transfer-encoding") {
            // PHP does not decode a value. Other readers do.
            let as_it_is: [&[u8]; 3] = [b"7bit", b"8bit", b"binary"];
            if !as_it_is.iter().any(|known| value.eq_ignore_ascii_case(known)) {
                return None;
            }
        }
    }
}

/// What `Content-Disposition` says of a part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Disposition<'b> {
    name: &'b [u8],
    is_file: bool,
}

impl<'b> Disposition<'b> {
    /// Reads `form-data; name="..."`, perhaps with `; filename="..."`. A plain word needs no quotes.
    /// Anything else is refused, because readers of multipart disagree about it: whether a part is a file,
    /// where a name ends, and which of two names counts.
    fn read(header: &'b [u8]) -> Option<Self> {
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
                    (value, after, value.iter().all(is_in_word))
                }
            };
            match key {
                // Clients on .NET repeat the file's name in this parameter. PHP ignores it.
                b"filename*" if is_file && after.is_empty() => {}
                _ if !has_one_reading => return None,
                b"name" if name.is_none() => name = Some(value),
                b"filename" if !is_file => is_file = true,
                _ => return None,
            }
            rest = after;
        }
        let name = name.filter(|_| kind.eq_ignore_ascii_case(b"form-data"))?;
        Some(Self { name, is_file })
    }
}

/// The bytes before and after the first `separator`.
fn split(text: &[u8], separator: u8) -> Option<(&[u8], &[u8])> {
    let mut halves = text.splitn(2, |byte| *byte == separator);
    Some((halves.next()?, halves.next()?))
}

/// A byte that a value without quotes may hold.
fn is_in_word(byte: &u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&*+-.^_`|~".contains(byte)
}

#[cfg(test)]
mod tests {
    use super::Disposition;

    #[test]
    fn a_disposition_has_one_reading_or_none() {
        let field = |name: &'static [u8]| Some(Disposition { name, is_file: false });
        let file = |name: &'static [u8]| Some(Disposition { name, is_file: true });
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
            let shown = alloc::string::String::from_utf8_lossy(header);
            assert_eq!(Disposition::read(header), expected, "{shown}");
        }
    }
}
