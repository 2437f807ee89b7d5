//! Odd requests, each with the one answer that every door must give: the library, the companion crate, the gateway.

mod doors;
mod table;

pub use doors::{Answer, companion, gateway, library};
pub use table::{ACCESS_KEY, ADDRESS, IDENTIFIER, PASSWORD, Row, SECRET, USERNAME, rows};
