//! The destinations of `CreateSsoToken`, and the pages that they lead to.

/// A destination, its page, and the parameter whose number the page needs at its end.
#[derive(Debug)]
pub(super) struct Destination {
    name: &'static str,
    pub(super) page: &'static str,
    pub(super) needs: Option<&'static str>,
}

/// The destination that leads to `sso_redirect_path`.
pub(super) const CUSTOM_REDIRECT: &str = "sso:custom_redirect";

/// The documented destinations. WHMCS documents the names, but not the pages: these are the pages of its
/// client area.
const DESTINATIONS: [Destination; 19] = [
    page("clientarea:profile", "clientarea.php?action=details"),
    page("clientarea:billing_info", "clientarea.php?action=creditcard"),
    page("clientarea:emails", "clientarea.php?action=emails"),
    page("clientarea:announcements", "announcements.php"),
    page("clientarea:downloads", "downloads.php"),
    page("clientarea:knowledgebase", "knowledgebase.php"),
    page("clientarea:network_status", "serverstatus.php"),
    page("clientarea:services", "clientarea.php?action=services"),
    one("clientarea:product_details", "clientarea.php?action=productdetails&id=", "service_id"),
    page("clientarea:domains", "clientarea.php?action=domains"),
    one("clientarea:domain_details", "clientarea.php?action=domaindetails&id=", "domain_id"),
    page("clientarea:invoices", "clientarea.php?action=invoices"),
    page("clientarea:tickets", "supporttickets.php"),
    page("clientarea:submit_ticket", "submitticket.php"),
    page("clientarea:shopping_cart", "cart.php"),
    page("clientarea:shopping_cart_addons", "cart.php?gid=addons"),
    one("clientarea:upgrade", "upgrade.php?type=package&id=", "service_id"),
    page("clientarea:shopping_cart_domain_register", "cart.php?a=add&domain=register"),
    page("clientarea:shopping_cart_domain_transfer", "cart.php?a=add&domain=transfer"),
];

const fn page(name: &'static str, page: &'static str) -> Destination {
    Destination { name, page, needs: None }
}

/// A page about one thing.
const fn one(name: &'static str, page: &'static str, number: &'static str) -> Destination {
    Destination { name, page, needs: Some(number) }
}

pub(super) fn find(name: &str) -> Option<&'static Destination> {
    DESTINATIONS.iter().find(|destination| destination.name == name)
}
