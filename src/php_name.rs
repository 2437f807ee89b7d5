//! How PHP reads the name of a field.

#[cfg(feature = "form")]
use alloc::borrow::Cow;

/// FIELD-3: the name without leading spaces, cut at the first NUL or `[`.
pub(crate) fn base(name: &[u8]) -> &[u8] {
    let name = until_nul(name);
    name.split(|byte| *byte == b'[').next().unwrap_or(name)
}

/// The name under which PHP stores a field, and whether the field is an array. `None` if PHP drops the
/// field.
#[cfg(feature = "form")]
pub(crate) fn stored(name: &[u8]) -> Option<(Cow<'_, [u8]>, bool)> {
    let name = until_nul(name);
    let (base, rest) = name.split_at_checked(base(name).len())?;
    // PHP checks for this before it looks for the `]`.
    if base.is_empty() {
        return None;
    }
    let is_array = rest.contains(&b']');
    let stored = if is_array { base } else { name };
    let is_replaced = |byte: &u8| matches!(byte, b' ' | b'.' | b'[');
    let stored = match stored.iter().any(is_replaced) {
        true => {
            let underscored = |byte| if is_replaced(byte) { b'_' } else { *byte };
            Cow::Owned(stored.iter().map(underscored).collect())
        }
        false => Cow::Borrowed(stored),
    };
    // Browsers accept these prefixes only for secure cookies, so PHP lets no other name become one.
    let becomes = |prefix: &[u8]| stored.starts_with(prefix) && !name.starts_with(prefix);
    let is_dropped = becomes(b"__Host-") || becomes(b"__Secure-");
    (!is_dropped).then_some((stored, is_array))
}

fn until_nul(name: &[u8]) -> &[u8] {
    let name = name.split(|byte| *byte == 0).next().unwrap_or_default();
    let spaces = name.iter().take_while(|byte| **byte == b' ').count();
    name.get(spaces..).unwrap_or_default()
}
