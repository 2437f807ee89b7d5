//! The pages for visitors.

mod client_area;
mod dologin;
mod errors;
pub(crate) mod logout;
mod page;
mod session;
mod single_sign_on;
mod target;

pub(crate) use client_area::{client_area, home};
pub(crate) use dologin::{ENDPOINT as DOLOGIN, dologin};
pub(crate) use errors::{method_not_allowed, not_found};
pub(crate) use single_sign_on::single_sign_on;
