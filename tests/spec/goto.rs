//! LINK-6: the grammar of targets on the same site.

use whmcs_auth::Goto;

#[test]
fn link_6_the_targets_that_whmcs_and_its_clients_use_are_offered() {
    let longest = format!("a{}", "b".repeat(2047));
    for target in [
        "index.php",
        "clientarea.php?action=products",
        "viewinvoice.php?id=12",
        "cart.php?a=view&b[]=c",
        "knowledgebase.php?search=a%20b+c",
        "submitticket.php?step=2&deptid=1",
        "index.php?m=addon&page=a:b@c;d",
        "index.php/announcements",
        "index.php#top",
        "index.php#a?b",
        "index.php?q=%C3%BC",
        "index.php?next=https://x.example/",
        "index.php?next=//x.example/../",
        "/",
        "/clientarea.php",
        "/a/b.c/...",
        "a//b",
        "_page",
        "7",
        "a.b",
        "a/..b/c..",
        &longest,
    ] {
        assert_eq!(Goto::parse(target).target_or("default"), target);
        assert!(matches!(Goto::parse(target), Goto::SameSite(_)), "{target}");
    }
}

#[test]
fn link_6_every_other_target_is_refused() {
    let too_long = format!("a{}", "b".repeat(2048));
    for target in [
        // another host
        "//x",
        "///x",
        "////x",
        r"\\x",
        r"/\x",
        r"\/x",
        r"/\/x",
        "//x@y",
        "/\t/x",
        "/\n/x",
        "\t//x",
        "/%09/x",
        "/%2f/x",
        "%2f%2fx",
        "%2F%2Fx",
        "/%5cx",
        "/%2fx",
        "//",
        // another scheme, or a port or user of another host
        "https:x",
        "https://x",
        "HTTPS:x",
        "javascript:alert(1)",
        "data:x",
        "mailto:a@b",
        "x:y",
        "a:",
        ".x",
        "@x",
        ":80@x",
        "a@b",
        "a;b",
        ";x",
        "-x",
        "~x",
        "+x",
        "!x",
        "(x",
        "*x",
        "=x",
        "&x",
        // no path
        "?x",
        "#x",
        "?",
        "#",
        // dot segments
        ".",
        "..",
        "./x",
        "../x",
        "/.",
        "/..",
        "/./x",
        "/../x",
        "a/./b",
        "a/../b",
        "a/..",
        "/.//x",
        "/..//x",
        "a/..?b",
        "a/.#b",
        // escapes in the path
        "a%20b",
        "a%",
        "%61",
        "a/%2e%2e/b",
        "%",
        // bad escapes, and escaped controls, after the path
        "a?%",
        "a?%2",
        "a?%zz",
        "a?%%20",
        "a?b%2",
        "a#%",
        "a?%00",
        "a?x%0d%0aSet-Cookie:y",
        "a?%09",
        "a?%1F",
        "a?%7f",
        "a#%0A",
        "a?%+1",
        "a?% 1",
        // characters that a URL must escape
        " ",
        " a",
        "a ",
        "a b",
        "a?b c",
        "a\"b",
        "a<b",
        "a>b",
        "a^b",
        "a{b",
        "a|b",
        "a}b",
        "a`b",
        "a?b\"c",
        "a?b\\c",
        "a#b`c",
        // characters that are not visible ASCII
        "a\0",
        "a\r\nb",
        "a\nb",
        "a\tb",
        "\u{1b}",
        "a\u{7f}",
        "ü",
        "a?ü",
        "\u{3002}",
        "a\u{3002}b",
        "/\u{3002}/x",
        "\u{ff0f}\u{ff0f}x",
        "\u{a0}",
        "\u{202e}",
        "\u{feff}a",
        &too_long,
    ] {
        assert_eq!(Goto::parse(target), Goto::Refused, "{target:?}");
        assert_eq!(Goto::parse(target).target_or("default"), "default");
    }
}

#[test]
fn field_1_an_empty_goto_is_absent() {
    assert_eq!(Goto::parse(""), Goto::Absent);
    assert_eq!(Goto::Absent.target_or("default"), "default");
    assert_eq!(Goto::default(), Goto::Absent);
}

#[test]
fn an_owned_goto_is_the_same() {
    for text in ["index.php", "//x", ""] {
        assert_eq!(Goto::parse(text).into_owned(), Goto::parse(text));
    }
}

#[test]
fn link_6_an_escape_is_allowed_or_refused_by_its_byte() {
    for byte in 0..=255_u8 {
        for escape in [format!("%{byte:02x}"), format!("%{byte:02X}")] {
            let allowed = (32..=126).contains(&byte) || byte >= 128;
            for target in [format!("a?{escape}"), format!("a#b{escape}c")] {
                let is_offered = matches!(Goto::parse(&target), Goto::SameSite(_));
                assert_eq!(is_offered, allowed, "{target}");
            }
        }
    }
}

#[test]
fn link_6_pages_that_act_are_found_in_any_spelling() {
    for (target, expected) in [
        ("logout.php", true),
        ("/logout.php", true),
        ("/whmcs/logout.php?x=1", true),
        ("LogOut.PHP", true),
        ("logout.php#x", true),
        ("logout.php/x", true),
        ("logout.php.", true),
        ("LOGOUT.php../x", true),
        ("a//logout.php", true),
        ("dologin.php?email=a&hash=b", true),
        ("oauth/singlesignon.php?access_token=x", true),
        ("/oauth//singlesignon.php", true),
        ("includes/api.php?action=x", true),
        ("index.php", false),
        ("viewinvoice.php?id=12", false),
        ("clientarea.php?next=logout.php", false),
        ("clientarea.php?a=/logout.php", false),
        ("clientarea.php#/logout.php", false),
        ("mylogout.php", false),
        ("logout.php5", true),
        ("logout", true),
        ("logout/x", true),
        ("logout.", true),
        ("API.PHP.", true),
        ("logouts.php", false),
        ("a.logout.php", false),
    ] {
        let Goto::SameSite(goto) = Goto::parse(target) else { panic!("{target}") };
        assert_eq!(goto.acts(), expected, "{target}");
        let followed = if expected { "default" } else { target };
        assert_eq!(Goto::parse(target).target_or("default"), followed, "{target}");
    }
}

#[test]
fn link_6_a_target_that_acts_is_never_followed() {
    for target in [
        "logout.php",
        "LOGOUT.php",
        "logout.php/x",
        "/whmcs/logout.php?x",
        "dologin.php?email=a@b.c&timestamp=1290100706&hash=x",
        "oauth/singlesignon.php",
        "includes/api.php",
    ] {
        // It is on the site, so it is not refused.
        let goto = Goto::parse(target);
        assert!(matches!(&goto, Goto::SameSite(page) if page.as_str() == target), "{target}");
        assert_eq!(goto.target_or("default"), "default", "{target}");
        assert_eq!(goto.into_owned().target_or("default"), "default", "{target}");
    }
}
