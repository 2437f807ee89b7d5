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
mod attempt;
mod autoauth;
pub mod clock;
mod decide;
#[cfg(feature = "serde")]
mod deserialize;
mod digest;
mod fields;
mod forms;
pub mod gate;
mod goto;
mod keys;
mod link;
#[cfg(feature = "std")]
mod memory_store;
mod password;
mod refusal;
#[cfg(feature = "std")]
pub mod replay;
mod request;
mod secret;
#[cfg(feature = "form")]
mod signer;
mod store;
#[cfg(any(feature = "bcrypt", feature = "sha2"))]
pub mod upgrade;

/// The crate whose [`OffsetDateTime`](time::OffsetDateTime) a [`Clock`] tells.
pub use time;

pub use attempt::{ApiAttempt, ApiCaller, ApiMode, verify_api_request};
pub use autoauth::{AutoAuthPolicy, verify_autoauth};
pub use clock::Clock;
#[cfg(feature = "std")]
pub use clock::{FixedClock, SystemClock};
pub use decide::ApiPolicy;
#[cfg(ctgrind)]
pub use digest::DECLASSIFY;
pub use fields::Field;
pub use forms::{BcryptCost, PasswordForm, SecretForm, StoredForm, StoredFormError, StoredForms};
pub use goto::{Goto, GotoTarget};
pub use keys::{AutoAuthKey, AutoAuthKeys, KeyError};
pub use link::{AutoAuthLogin, AutoAuthRequest, ReplayKey};
#[cfg(feature = "std")]
pub use memory_store::{DuplicateRecord, MemoryStore};
pub use password::StoredPassword;
pub use refusal::{ApiRefusal, AutoAuthRefusal, Malformed, VerifyError};
pub use request::{Action, ApiRequest, ResponseType};
pub use secret::StoredSecret;
#[cfg(feature = "form")]
pub use signer::{AutoAuthLink, SignError, sign_autoauth};
pub use store::{Admin, AdminState, ApiCredential, CredentialStore, Lookup};
