//! LINK-6: the grammar of targets on the same site.

use whmcs_auth::Goto;

use crate::common::cases;

#[test]
fn link_6_targets_are_judged_as_the_vectors_say() {
    for case in cases(include_str!("../vectors/goto.json")) {
        let target = case["goto"].as_str().unwrap();
        let goto = Goto::parse(target);
        let verdict = match &goto {
            Goto::SameSite(page) if page.acts() => "acts",
            Goto::SameSite(_) => "follow",
            Goto::Refused => "refuse",
            Goto::Absent => "absent",
        };
        assert_eq!(verdict, case["verdict"], "{target:?}");
        let followed = if verdict == "follow" { target } else { "default" };
        assert_eq!(goto.target_or("default"), followed, "{target:?}");
        assert_eq!(goto.into_owned().target_or("default"), followed, "{target:?}");
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
