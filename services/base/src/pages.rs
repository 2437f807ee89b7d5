//! The pages of WHMCS.

/// Whether a segment of a path belongs to a page of WHMCS, such as `includes/api.php`, and so not to its folder.
#[must_use]
pub fn is_of_page(segment: &str) -> bool {
    let folded = segment.to_ascii_lowercase();
    folded.ends_with(".php") || folded == "includes"
}
