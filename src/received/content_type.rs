//! The kind of a body, by its content type.

/// A type of body whose fields PHP reads.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum ContentType<'t> {
    /// `application/x-www-form-urlencoded`.
    Form,
    /// `multipart/form-data`. It holds the whole content type.
    Multipart(&'t str),
}

impl<'t> ContentType<'t> {
    /// PHP ends the type at the first `;`, `,` or space. Only a `;` may follow it here, perhaps after spaces:
    /// another reader may take a comma for the start of a second type.
    pub(crate) fn read(content_type: &'t str) -> Option<Self> {
        let media_type = content_type.split(';').next()?.trim_end_matches(' ');
        if media_type.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
            Some(Self::Form)
        } else if media_type.eq_ignore_ascii_case("multipart/form-data") {
            Some(Self::Multipart(content_type))
        } else {
            None
        }
    }
}
