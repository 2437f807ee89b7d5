//! Odd calls and odd visits of links, each with the one answer that every door must give: the library, the companion
//! crate, and every program.

mod doors;
mod links;
mod table;

pub use doors::{Answer, companion, companion_visit, gateway, library, library_visit};
pub use links::{SIGNED, Visit, visits};
pub use table::{ACCESS_KEY, ADDRESS, IDENTIFIER, PASSWORD, Row, SECRET, USERNAME, rows};
