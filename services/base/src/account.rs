//! Which accounts of WHMCS may log in.

/// Whether a client with this status may log in. WHMCS has three statuses: Active, Inactive and Closed. Any other text
/// lets nobody in.
pub fn is_open(status: &str) -> bool {
    matches!(status, "Active" | "Inactive")
}

#[test]
fn only_two_statuses_are_open() {
    assert!(is_open("Active") && is_open("Inactive"));
    for status in ["", "Closed", "Closed ", "Active ", " Active", "active", "Fraud", "Cancelled"] {
        assert!(!is_open(status), "{status:?}");
    }
}
