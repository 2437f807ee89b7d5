//! Every target that is offered stays on the site, as the URL standard resolves it.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use url::Url;
use whmcs_auth::Goto;

static BASES: LazyLock<[Url; 3]> = LazyLock::new(|| {
    [
        "https://billing.example.com/whmcs/dologin.php?email=a&goto=b",
        "https://billing.example.com/",
        "http://user@127.0.0.1:8080/a/../dologin.php",
    ]
    .map(|base| base.parse().expect("a URL"))
});

/// The control: a check of the beginning, which lets `/\` through.
static IS_FOOLED: LazyLock<bool> = LazyLock::new(|| std::env::var_os("FOOLED").is_some());

fuzz_target!(|text: &str| {
    let is_offered = match *IS_FOOLED {
        true => text.starts_with('/') && !text.starts_with("//"),
        false => matches!(Goto::parse(text), Goto::SameSite(_)),
    };
    if !is_offered {
        return;
    }
    for base in &*BASES {
        let Some(resolved) = base.join(text).ok().filter(|url| url.origin() == base.origin())
        else {
            panic!("leaves the site: {text}");
        };
        assert_eq!(resolved.password(), base.password(), "{text}");
        // Nothing was dropped, decoded or moved on the way.
        let path = &text[..text.find(['?', '#']).unwrap_or(text.len())];
        assert!(*IS_FOOLED || resolved.path().ends_with(path), "{text}");
    }
});
