//! The specification, as tests.
//!
//! The name of a test starts with the number of its rule, here and in `src/`: `cargo test --all-features api_6`
//! runs every test of the rule API-6. Some rules also have tests in `src/`: API-1 and API-8, whose work is counted
//! there, LINK-4 and CACHE-5. `cargo test --all-features --test spec` leaves those out.
//!
//! | rules | their documentation |
//! |---|---|
//! | FIELD | `Field` |
//! | API | `verify_api_request` |
//! | LINK | `verify_autoauth` |
//! | GATE | `AddressGate` and `ApiGate` |
//! | PROXY | `TrustedProxies` |
//! | CACHE | the module `cache` |
//! | REPLAY | `ReplayGuard` |
//! | ANSWER | the module `answer`, `Answer::success` and `Value` |
//!
//! A test without a number belongs to no numbered rule. A diagnosis has no rules because it decides nothing, and
//! `Received` has none because PHP decides how a request is read.

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
#[cfg(feature = "std")]
mod weak_secret;

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
mod http;
#[cfg(all(feature = "std", feature = "test-util"))]
mod made_by_hand;
#[cfg(feature = "diagnose")]
mod near_misses;
#[cfg(feature = "form")]
mod received;
#[cfg(feature = "form")]
mod received_by_php;
#[cfg(feature = "form")]
mod received_multipart;
mod refusals;

// What holds everywhere.
mod auto_traits;
mod comparison;
mod properties;
mod redaction;
