//! The specification, as tests.
//!
//! The name of a test starts with the number of its rule: `cargo test --test spec api_6` runs every test of
//! the rule API-6. The docs of `Field` list the FIELD rules, those of `verify_api_request` the API rules, and
//! those of `verify_autoauth` the LINK rules. A test without a number belongs to no numbered rule.

mod common;

// Fields, and who calls the API.
mod api;
mod api_actions;
mod api_md5_of_secret;
mod api_request;
mod api_store;
#[cfg(feature = "cache")]
mod cache;
mod fields;
mod look_up;
#[cfg(feature = "std")]
mod memory_store;
mod stored_password;
mod stored_secret;
#[cfg(all(feature = "bcrypt", feature = "sha2"))]
mod upgrade;

// Login links.
mod accounts;
mod goto;
mod keys;
mod links;
#[cfg(feature = "std")]
mod replay;
#[cfg(feature = "form")]
mod sign;

// Around both.
mod answers;
mod answers_success;
mod clock;
#[cfg(feature = "diagnose")]
mod diagnose;
#[cfg(feature = "std")]
mod gate;
mod gate_address;
mod gate_proxies;
#[cfg(feature = "http")]
mod http_types;
#[cfg(all(feature = "std", feature = "test-util"))]
mod made_by_hand;
#[cfg(feature = "form")]
mod received;
#[cfg(feature = "form")]
mod received_by_php;
mod refusals;

// What holds everywhere.
mod auto_traits;
mod comparison;
mod properties;
mod redaction;
