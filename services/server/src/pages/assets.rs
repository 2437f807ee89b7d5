//! The style sheet and the icon of the pages.

use axum::http::{HeaderName, header};

const CACHE: (HeaderName, &str) = (header::CACHE_CONTROL, "public, max-age=3600");

pub(crate) async fn style() -> ([(HeaderName, &'static str); 2], &'static str) {
    let content_type = (header::CONTENT_TYPE, "text/css; charset=utf-8");
    ([content_type, CACHE], include_str!("../../assets/style.css"))
}

pub(crate) async fn icon() -> ([(HeaderName, &'static str); 2], &'static str) {
    let content_type = (header::CONTENT_TYPE, "image/svg+xml");
    ([content_type, CACHE], include_str!("../../assets/icon.svg"))
}
