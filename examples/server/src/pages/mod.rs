//! The pages for visitors.

mod client_area;
mod dologin;
mod page;
mod single_sign_on;
mod visit;

pub(crate) use client_area::{client_area, logout};
pub(crate) use dologin::dologin;
pub(crate) use page::{get_only, not_found};
pub(crate) use single_sign_on::single_sign_on;
