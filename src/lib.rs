#![cfg_attr(not(doctest), doc = include_str!("../README.md"))]
#![no_std]
#![forbid(unsafe_code)]
#![deny(
    missing_docs,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects
)]

extern crate alloc;
#[cfg(any(feature = "std", ctgrind, test))]
extern crate std;

#[cfg(all(doctest, feature = "std", feature = "form"))]
#[doc = include_str!("../README.md")]
mod readme {}

#[cfg(doc)]
#[doc = include_str!("../docs/scale.md")]
pub mod scale {}

pub mod answer;
mod api;
mod autoauth;
pub mod clock;
mod digest;
mod field;
pub mod gate;
#[cfg(feature = "http")]
mod http_types;
mod pairs;
#[cfg(feature = "form")]
mod received;
mod refusal;
mod secret_text;
#[cfg(feature = "serde")]
mod serde;
mod stored;
#[cfg(any(feature = "bcrypt", feature = "sha2"))]
pub mod upgrade;

/// The crate whose [`OffsetDateTime`](time::OffsetDateTime) a [`Clock`] tells.
pub use time;

pub use api::action::{Action, ActionName, ActionRefusal, AllowedActions};
pub use api::attempt::ApiAttempt;
pub use api::caller::{ApiCaller, ApiMode};
pub use api::look_up::{AsyncCredentialStore, PendingDecision, ReadyStore};
#[cfg(feature = "std")]
pub use api::memory_store::{DuplicateRecord, MemoryStore};
pub use api::policy::ApiPolicy;
pub use api::refusal::{ApiError, ApiRefusal};
pub use api::request::{ApiRequest, ResponseType};
pub use api::store::{Admin, AdminState, ApiCredential, CredentialStore, Lookup};
pub use api::verify_api_request;
pub use autoauth::account::{AcceptedLogin, AccountLogin};
pub use autoauth::goto::{Goto, GotoTarget};
pub use autoauth::key::{AutoAuthKey, AutoAuthKeys, KeyError};
pub use autoauth::login::{AutoAuthLogin, ReplayKey};
pub use autoauth::policy::AutoAuthPolicy;
pub use autoauth::refusal::{AutoAuthRefusal, ReplayRefusal};
#[cfg(feature = "std")]
pub use autoauth::replay;
pub use autoauth::request::AutoAuthRequest;
#[cfg(feature = "form")]
pub use autoauth::sign::{AutoAuthLink, SignError, sign_autoauth};
pub use autoauth::verify_autoauth;
pub use clock::Clock;
#[cfg(feature = "std")]
pub use clock::{FixedClock, SystemClock};
#[cfg(ctgrind)]
pub use digest::DECLASSIFY;
pub use field::{Field, Malformed};
pub use pairs::Pairs;
#[cfg(feature = "form")]
pub use received::{ForwardRefusal, Received};
pub use refusal::Refusal;
pub use stored::password::StoredPassword;
pub use stored::scheme::{
    BcryptCost, ExpectedSchemes, PasswordScheme, SchemeError, SecretScheme, StoredScheme,
};
pub use stored::secret::StoredSecret;
