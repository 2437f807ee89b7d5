//! The table of odd visits: a visit of a login link in each row, and the code and the status that it gets.

/// One visit. The defaults of [`Visit::new`] are those of an ordinary one.
#[derive(Clone, Debug)]
pub struct Visit {
    pub name: &'static str,
    pub method: &'static str,
    /// The query, with [`SIGNED`] in place of the fields of a link that works.
    pub query: String,
    pub headers: &'static [(&'static str, &'static str)],
    /// `accepted`, or the code for the operator.
    pub code: &'static str,
    pub status: u16,
}

/// Stands for `email`, `timestamp` and `hash` in a query.
pub const SIGNED: &str = "{signed}";

const HASH: &str = "hash=0000000000000000000000000000000000000000";

impl Visit {
    fn new(name: &'static str, query: impl Into<String>, code: &'static str, status: u16) -> Self {
        Self { name, method: "GET", query: query.into(), headers: &[], code, status }
    }

    /// A visit that is let in, whose `goto` was followed, or was not for the reason of the code.
    fn admitted(name: &'static str, more: &str, code: &'static str) -> Self {
        Self::new(name, format!("{SIGNED}{more}"), code, 302)
    }

    fn refused(name: &'static str, query: impl Into<String>, code: &'static str) -> Self {
        Self::new(name, query, code, 403)
    }

    /// A request for a link that works, which opens no link.
    fn no_visit(name: &'static str, headers: &'static [(&'static str, &'static str)]) -> Self {
        Self { headers, ..Self::new(name, SIGNED, "prefetch", 503) }
    }

    fn of_method(name: &'static str, method: &'static str) -> Self {
        Self { method, ..Self::new(name, SIGNED, "method_not_allowed", 405) }
    }
}

pub fn visits() -> Vec<Visit> {
    let signed = |more: &str| format!("{SIGNED}{more}");
    let unsigned = |email: &str| format!("email={email}&timestamp=1700000000&{HASH}");
    vec![
        Visit::admitted("a link", "", "accepted"),
        Visit::admitted("a page", "&goto=clientarea.php%3Faction%3Dproducts", "accepted"),
        Visit::admitted("an empty goto", "&goto=", "accepted"),
        Visit::admitted("a field that nobody knows", "&x=1&x=2&y[]=3", "accepted"),
        Visit::admitted("another site", "&goto=%2F%2Fevil.example", "goto_refused"),
        Visit::admitted("two goto", "&goto=a.php&goto=b.php", "goto_refused"),
        Visit::admitted("a goto as a list", "&goto%5B%5D=a.php", "goto_refused"),
        Visit::admitted("a long goto", &format!("&goto={}", "x".repeat(2049)), "goto_refused"),
        Visit::admitted("a logout", "&goto=logout.php", "goto_acts"),
        Visit::admitted("a logout without its end", "&goto=LOGOUT%2Fx", "goto_acts"),
        Visit {
            headers: &[("Sec-Fetch-Dest", "document"), ("Sec-Purpose", "x")],
            ..Visit::admitted("a browser's visit", "", "accepted")
        },
        Visit::of_method("a HEAD", "HEAD"),
        Visit::of_method("a POST", "POST"),
        Visit::of_method("an OPTIONS", "OPTIONS"),
        Visit::no_visit("fetched ahead", &[("Sec-Purpose", "prefetch;prerender")]),
        Visit::no_visit("in two lines", &[("Sec-Purpose", "x"), ("Sec-Purpose", "prefetch")]),
        Visit::no_visit("an older browser", &[("Purpose", "prefetch")]),
        Visit::no_visit("an older Firefox", &[("X-Moz", "prefetch")]),
        Visit {
            code: "not_a_visit",
            status: 403,
            ..Visit::no_visit("an image", &[("Sec-Fetch-Dest", "image")])
        },
        Visit::refused("no field", "", "missing_field"),
        Visit::refused("no hash", "email=a%40b.example&timestamp=1700000000", "missing_field"),
        Visit::refused("two hashes", signed(&format!("&{HASH}")), "repeated_field"),
        Visit::refused("a hash as a list", signed("&hash%5B%5D=x"), "disguised_field"),
        Visit::refused("a cut name", signed("&email%00=x"), "disguised_field"),
        Visit::refused("escaped", "email=a&amp;timestamp=1&amp;hash=b", "missing_field"),
        Visit::refused(
            "a time in words",
            format!("email=a&timestamp=now&{HASH}"),
            "timestamp_format",
        ),
        Visit::refused("a short hash", "email=a&timestamp=1700000000&hash=0", "hash_format"),
        Visit::refused("another hash", unsigned("a%40b.example"), "hash_mismatch"),
        Visit::refused("a plus", unsigned("a+b%40c.example"), "hash_mismatch"),
        Visit::refused("a control character", unsigned("a%0Ab"), "control_character"),
        Visit::refused("no UTF-8", unsigned("%FF"), "field_not_utf8"),
        Visit::refused("a long e-mail", unsigned(&"x".repeat(300)), "field_too_long"),
    ]
}
