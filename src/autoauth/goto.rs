//! `goto` (LINK-6): the grammar of allowed targets, because the hash does not cover the field.

use alloc::borrow::Cow;

use crate::field::Field;

/// The `goto` of a link: where the visitor goes after the login.
///
/// The hash does not cover `goto`, so whoever holds a link can change it. By rule LINK-6 of
/// [`verify_autoauth`](crate::verify_autoauth), a `goto` is [`SameSite`](Self::SameSite) only if it
/// matches this grammar:
///
/// - It has 1 to 2048 bytes. Each is a visible ASCII character, not a space, and none is one of
///   ``\ " < > ^ { | } ` ``.
/// - It starts with a letter, a digit, `_`, or a single `/`.
/// - The path, up to the first `?` or `#`, holds no `:`, `@`, `;` or `%`, and no segment `.` or
///   `..`.
/// - After the path, each `%` starts an escape of two hexadecimal digits. No escape encodes an
///   ASCII control character (`%00` to `%1F`, `%7F`).
///
/// A `goto` outside the grammar is dropped. It never refuses the link.
///
/// Source: WHMCS's clients use relative targets, such as `clientarea.php?action=products`. The
/// grammar is this crate's decision.
///
/// # Security
///
/// - Send the target unchanged in `Location`, or resolve it against the URL of the login page. Put nothing in
///   front of it: a `/` turns the target `/evil.example` into `//evil.example`, and `https://billing.example`
///   turns the target `1` into `https://billing.example1`. Both lead to another host.
/// - Escape the target in HTML and in scripts like any text: it may hold `'` and `&`.
/// - The text of a refused `goto` cannot be read, so it cannot be used by mistake.
///
/// # Examples
///
/// ```
/// use whmcs_auth::Goto;
///
/// assert_eq!(Goto::parse("viewinvoice.php?id=12").target_or("clientarea.php"), "viewinvoice.php?id=12");
/// assert_eq!(Goto::parse("//evil.example").target_or("clientarea.php"), "clientarea.php");
/// assert_eq!(Goto::parse("logout.php").target_or("clientarea.php"), "clientarea.php");
/// assert_eq!(Goto::parse(r"/\evil.example"), Goto::Refused);
/// assert_eq!(Goto::parse(""), Goto::Absent);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
#[must_use]
pub enum Goto<'a> {
    /// The link has no `goto`, or an empty one.
    #[default]
    Absent,
    /// The `goto` matches the grammar: it leads to a page of the same site.
    SameSite(GotoTarget<'a>),
    /// The `goto` does not match the grammar, so it may lead to another site. Or the link holds it
    /// more than once, or under another name that PHP reads as `goto`.
    Refused,
}

impl<'a> Goto<'a> {
    /// Checks a decoded string against the grammar.
    ///
    /// An empty string is [`Absent`](Self::Absent). A string outside the grammar is
    /// [`Refused`](Self::Refused).
    pub fn parse(text: &'a str) -> Self {
        if text.is_empty() {
            Self::Absent
        } else if GotoRule::broken_by(text.as_bytes()).next().is_none() {
            Self::SameSite(GotoTarget(Cow::Borrowed(text)))
        } else {
            Self::Refused
        }
    }

    /// Returns the target. Returns `default` if `goto` is absent or refused, or if the target
    /// [acts](GotoTarget::acts) as soon as it is opened. `default` is not checked.
    #[must_use]
    pub fn target_or<'s>(&'s self, default: &'s str) -> &'s str {
        match self {
            Self::SameSite(target) if !target.acts() => target.as_str(),
            _ => default,
        }
    }

    /// Copies borrowed text, so that the value can outlive the request.
    pub fn into_owned(self) -> Goto<'static> {
        match self {
            Self::SameSite(target) => Goto::SameSite(target.into_owned()),
            Self::Absent => Goto::Absent,
            Self::Refused => Goto::Refused,
        }
    }
}

/// A page of the same site: a string that matches the grammar of [`Goto`].
///
/// Only [`Goto::parse`] makes one, and code outside this crate cannot change it. Neither of these
/// compiles:
///
/// ```compile_fail
/// use whmcs_auth::Goto;
///
/// let mut goto = Goto::parse("index.php");
/// if let Goto::SameSite(target) = &mut goto {
///     target.0 = "//evil.example".into();
/// }
/// ```
///
/// ```compile_fail
/// use whmcs_auth::GotoTarget;
///
/// let target = GotoTarget("//evil.example".into());
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[must_use]
pub struct GotoTarget<'a>(Cow<'a, str>);

impl GotoTarget<'_> {
    /// Returns the target, to be sent unchanged in `Location`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the target is a page of WHMCS that acts as soon as it is opened: `dologin.php`, `logout.php`,
    /// `oauth/singlesignon.php` or `includes/api.php`. Nobody signed the target, so such a link can log the
    /// visitor out, or in as somebody else. [`Goto::target_or`] and `redirect` open the default page instead.
    ///
    /// The case of ASCII letters is ignored, and so is everything after the first dot of a name: web servers
    /// may open `logout`, `LOGOUT.PHP` and `logout.php.` as `logout.php`. Any segment of the path counts,
    /// because PHP runs `logout.php/x` as `logout.php`.
    ///
    /// Source: WHMCS documents the pages. To refuse them is this crate's decision.
    ///
    /// # Examples
    ///
    /// ```
    /// use whmcs_auth::Goto;
    ///
    /// let acts = |text| match Goto::parse(text) {
    ///     Goto::SameSite(target) => target.acts(),
    ///     _ => false,
    /// };
    /// assert!(acts("logout.php"));
    /// assert!(!acts("viewinvoice.php?id=12"));
    /// ```
    #[must_use]
    pub fn acts(&self) -> bool {
        const ACTING: [&[u8]; 4] = [b"dologin", b"logout", b"singlesignon", b"api"];
        let is_acting = |segment: &[u8]| {
            let stem = segment.split(|byte| *byte == b'.').next().unwrap_or_default();
            ACTING.iter().any(|page| stem.eq_ignore_ascii_case(page))
        };
        Parts::of(self.0.as_bytes()).path.split(|byte| *byte == b'/').any(is_acting)
    }

    /// Copies borrowed text, so that the value can outlive the request.
    pub fn into_owned(self) -> GotoTarget<'static> {
        GotoTarget(Cow::Owned(self.0.into_owned()))
    }
}

/// The rules of the grammar. A target that breaks none of them is on the same site.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum GotoRule {
    /// At most 2048 bytes.
    Length,
    /// Visible ASCII without the characters that a URL must escape.
    Characters,
    /// A first character that starts a path of this site.
    Start,
    /// No `:`, `@`, `;` or `%` in the path.
    PathCharacters,
    /// No segment `.` or `..` in the path.
    DotSegments,
    /// After the path, each `%` starts an escape, and no escape encodes a control character.
    Escapes,
}

impl GotoRule {
    const ALL: [Self; 6] = [
        Self::Length,
        Self::Characters,
        Self::Start,
        Self::PathCharacters,
        Self::DotSegments,
        Self::Escapes,
    ];

    /// The rules that a string breaks. If [`Goto::parse`] accepts the string, there are none.
    pub(crate) fn broken_by(text: &[u8]) -> impl Iterator<Item = Self> {
        let parts = Parts::of(text);
        Self::ALL.into_iter().filter(move |rule| !rule.holds(&parts))
    }

    fn holds(self, Parts { text, path, rest }: &Parts<'_>) -> bool {
        match self {
            Self::Length => text.len() <= Field::Goto.cap(),
            Self::Characters => text.iter().all(is_allowed),
            Self::Start => starts_on_this_site(path),
            Self::PathCharacters => !path.iter().any(is_refused_in_path),
            Self::DotSegments => !path.split(|byte| *byte == b'/').any(is_dot_segment),
            Self::Escapes => has_safe_escapes(rest),
        }
    }
}

/// A string, its path, and what follows the first `?` or `#`.
pub(crate) struct Parts<'a> {
    text: &'a [u8],
    pub(crate) path: &'a [u8],
    rest: &'a [u8],
}

impl<'a> Parts<'a> {
    // Bytes and not `str`: the optimiser can then prove that nothing panics.
    pub(crate) fn of(text: &'a [u8]) -> Self {
        let mut parts = text.splitn(2, |byte| matches!(byte, b'?' | b'#'));
        let path = parts.next().unwrap_or_default();
        let rest = parts.next().unwrap_or_default();
        Self { text, path, rest }
    }
}

pub(crate) fn is_allowed(byte: &u8) -> bool {
    byte.is_ascii_graphic()
        && !matches!(byte, b'\\' | b'"' | b'<' | b'>' | b'^' | b'{' | b'|' | b'}' | b'`')
}

fn is_refused_in_path(byte: &u8) -> bool {
    matches!(byte, b':' | b'@' | b';' | b'%')
}

fn is_dot_segment(segment: &[u8]) -> bool {
    matches!(segment, b"." | b"..")
}

fn starts_on_this_site(path: &[u8]) -> bool {
    match *path {
        [b'/', b'/', ..] => false,
        [first, ..] => first.is_ascii_alphanumeric() || first == b'_' || first == b'/',
        [] => false,
    }
}

fn has_safe_escapes(text: &[u8]) -> bool {
    // Skips the text before the first `%`.
    text.split(|byte| *byte == b'%').skip(1).all(|escape| {
        let mut byte = [0];
        let digits = escape.get(..2).unwrap_or_default();
        hex::decode_to_slice(digits, &mut byte).is_ok() && !byte.iter().any(u8::is_ascii_control)
    })
}
