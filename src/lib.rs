//! `whmcs-auth` decides who is calling the WHMCS API, and whether an AutoAuth login link is
//! genuine. It follows WHMCS's documentation, and takes the strict reading where that is silent. It
//! does no I/O: the caller brings the decoded request, the stored records and the time.
//!
//! For axum, the crate [`whmcs-auth-axum`](https://docs.rs/whmcs-auth-axum/latest/whmcs_auth_axum/) has extractors and a
//! layer that do all of it. The [`guide`] explains refusals by their codes, what a call costs, which threats are answered,
//! and how to keep old login links working.
//!
//! # Who calls the API
//!
//! [`gate::ApiGate`] checks address, credentials and action in one call. [`answer::Answer`] makes
//! the HTTP answer to a refused request.
//!
//! ```
//! # #[cfg(feature = "std")] {
//! use whmcs_auth::answer::Answer;
//! use whmcs_auth::gate::{AddressGate, ApiGate};
//! use whmcs_auth::{
//!     AdminState, AllowedActions, ApiCredential, ApiRequest, MemoryStore, StoredSecret,
//! };
//!
//! let credential = ApiCredential::new(
//!     7, // The record id of the store. The library returns it unchanged.
//!     "D4j1dKYE3g40VROOPCGyJ9zRwP0ADJIv",
//!     StoredSecret::plain("F1CKGXRIpylMfsrig3mwwdSdYUdLiFlo")?,
//!     AdminState::WithApiAccess,
//! )
//! .with_actions(AllowedActions::new(["getclients"]));
//! let store = MemoryStore::new([credential], [])?;
//! let gate = ApiGate::new(AddressGate::new().with_entries(["203.0.113.7"]));
//!
//! let request = ApiRequest::from_pairs([
//!     ("action", "GetClients"),
//!     ("identifier", "D4j1dKYE3g40VROOPCGyJ9zRwP0ADJIv"),
//!     ("secret", "F1CKGXRIpylMfsrig3mwwdSdYUdLiFlo"),
//! ]);
//! let call = gate.verify("203.0.113.7".parse()?, &request, &store)?;
//! assert_eq!((call.caller.id, call.action.as_str()), (7, "getclients"));
//!
//! let error = gate.verify("203.0.113.8".parse()?, &request, &store).unwrap_err();
//! assert_eq!(Answer::refusal(&error, &request).body, "result=error;message=Invalid IP 203.0.113.8");
//! # }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Whether a login link is genuine
//!
//! [`verify_autoauth`] checks the hash and the timestamp. After the look-up of the account,
//! [`AutoAuthLogin::check_account`] chooses the right one. You get the account and the target only after
//! you choose how often the link may be used.
//!
//! ```
//! use whmcs_auth::time::OffsetDateTime;
//! use whmcs_auth::{
//!     AutoAuthKey, AutoAuthKeys, AutoAuthPolicy, AutoAuthRequest, verify_autoauth,
//! };
//!
//! let request = AutoAuthRequest::from_pairs([
//!     ("email", "demo@whmcs.com"),
//!     ("timestamp", "1290100706"),
//!     ("hash", "6624fa4b6fb3c5fcd24e587154a949911046d92b"),
//!     ("goto", "viewinvoice.php?id=12"),
//! ]);
//! let keys = AutoAuthKeys::from(AutoAuthKey::new("abcXYZ123")?);
//! // A service passes `SystemClock`.
//! let now = OffsetDateTime::from_unix_timestamp(1290100800)?;
//! let login = verify_autoauth(&request, &keys, &now, &AutoAuthPolicy::new())?;
//!
//! // The stored e-mails of all accounts that a database finds for `login.email()`.
//! let found = ["Demo@whmcs.com"];
//! let login = login.check_account(found, |stored_email| stored_email, |_| true)?.repeatable();
//! assert_eq!(login.account(), &"Demo@whmcs.com");
//! assert_eq!(login.goto().target_or("clientarea.php"), "viewinvoice.php?id=12");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Map
//!
//! The core is at the top of the crate. It does not use the modules `gate`, `answer`, `replay`,
//! and `diagnose`, and each of these can be used alone. This table lists an item that needs a feature
//! only if the feature is on.
//!
//! | item | what it is for |
//! |---|---|
//! | [`verify_api_request`] | who calls the API; holds the rules `API-1` to `API-8` |
//! | [`ApiRequest`] | the decoded fields of a call; [`Field`] holds the rules `FIELD-1` to `FIELD-7` |
//! | [`ApiAttempt`], [`PendingDecision`] | the steps of `verify_api_request` without I/O, for async services |
//! | [`CredentialStore`] | the trait of a store, which finds [`ApiCredential`] and [`Admin`] records |
//! | [`AsyncCredentialStore`] | the same trait for an async store |
#![cfg_attr(feature = "std", doc = "| [`MemoryStore`] | a store in memory |")]
#![cfg_attr(
    feature = "form",
    doc = "| [`Received`] | all fields of a request, and the form that a gateway forwards |"
)]
//! | [`StoredSecret`], [`StoredPassword`] | secrets and passwords in the scheme in which they are stored |
//! | [`ExpectedSchemes`] | the schemes that a refusal must cost |
//! | [`ApiCaller`] | the verified caller, and the actions that it may do |
//! | [`verify_autoauth`] | whether a login link is genuine; holds the rules `LINK-1` to `LINK-8` |
//! | [`AutoAuthRequest`], [`AutoAuthLogin`] | a link as it was received, and the login of a genuine link |
//! | [`AccountLogin`], [`AcceptedLogin`] | the login with its account, and the login that may begin |
//! | [`Goto`] | the pages that a link may lead to |
#![cfg_attr(feature = "form", doc = "| [`sign_autoauth`] | signs login links |")]
//! | [`ApiPolicy`], [`AutoAuthPolicy`] | the settings of both verifications |
//! | [`Refusal`] | the trait of all refusals |
//! | [`Clock`] | the trait of a clock |
//! | [`gate`] | addresses, proxies, actions, and one call for address, credentials and action |
//! | [`answer`] | body, status and content type of an answer, as JSON, XML or NVP |
#![cfg_attr(feature = "cache", doc = "| [`cache`] | bcrypt once for a secret, not on every call |")]
#![cfg_attr(feature = "std", doc = "| [`replay`] | login links that work only once |")]
#![cfg_attr(
    feature = "diagnose",
    doc = "| [`diagnose`] | what the sender of a refused request probably did wrong |"
)]
//!
//! # Refusals
//!
//! A refusal has two readers. The caller of the service gets
//! [`public_message`](Refusal::public_message) and [`http_status`](Refusal::http_status), which are
//! the same for unknown, wrong and malformed credentials. The operator gets [`code`](Refusal::code)
//! and a sentence that names the likely mistake. A failed store is [`ApiError::Store`]: nothing was
//! decided. It implements [`Refusal`] as well, so that
//! [`Answer`](answer::Answer) can answer with 503.
//!
//! No Debug and no Display of this crate shows a secret, stored or presented. The exception is the error
//! `E` of a store, inside [`ApiError`] and [`gate::GateError`]: the store chooses its type.
//!
//! # Timing
//!
//! These promises hold for every refusal after something was looked up, hashed or compared.
//!
//! Its cost **does not** depend on
//!
//! - where a presented secret, password, access key or hash differs from the right one;
//! - whether the name is known, if the record has the scheme and the cost that the store names in
//!   [`ExpectedSchemes`];
//! - the state of the admin, or whether admin logins are switched off.
//!
//! The cost of a genuine link does not depend on which of several keys made it.
//!
//! The cost **does** depend on
//!
//! - whether the request is accepted, and whether its address may call at all;
//! - the request: its length, its shape, whether a password is an md5, and whether an e-mail holds
//!   a space;
//! - whether a presented secret is as long as a secret that is stored as plain text, and whether an
//!   access key is as long as the right one;
//! - the length of a password that is stored as plain text, and the number and lengths of AutoAuth
//!   keys;
//! - the store: the time of its look-ups, and records of another scheme or cost than it names;
//! - bcrypt itself, whose table look-ups depend on the secret.
//!
//! # Features
//!
//! | feature | default | what it adds |
//! |---|---|---|
//! | `std` | yes | `SystemClock`, `FixedClock`, `MemoryStore` and the module `replay` |
//! | `form` | yes | requests from raw form bodies, queries and URLs, and the signer of links |
//! | `diagnose` | no | the module `diagnose`: what the sender of a refused request probably did wrong |
//! | `zeroize` | yes | keys, stored plain text and md5s, and the values of owned requests are wiped when they are dropped |
//! | `bcrypt` | no | secrets and passwords that are stored as bcrypt, on targets that the crate `getrandom` supports |
//! | `cache` | no | the module `cache`: bcrypt once for a secret, not on every call |
//! | `sha2` | no | API secrets that are stored as SHA-256 |
//! | `ipnet` | no | networks in the address gate |
//! | `http` | no | answers and redirects as the types of the crate `http` |
//! | `test-util` | no | callers and logins made by hand, for tests of handlers; never in a release build |
//!
//! # `no_std`
//!
//! Without feature `std`, the crate is `no_std` and needs `alloc`. It has no unsafe code. The
//! verification of a decoded request allocates nothing if the store lends its records. The
//! verification of a decoded link allocates once if the e-mail holds a space, and otherwise
//! nothing.

#![no_std]
#![cfg_attr(docsrs, feature(doc_cfg))]
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

pub mod answer;
mod api;
mod autoauth;
#[cfg(feature = "cache")]
pub mod cache;
mod clock;
#[cfg(feature = "diagnose")]
pub mod diagnose;
mod digest;
mod field;
pub mod gate;
#[cfg(doc)]
pub mod guide;
#[cfg(feature = "http")]
pub mod http;
mod pairs;
mod php_name;
#[cfg(feature = "form")]
mod received;
mod refusal;
mod secret_text;
mod stored;

/// The crate of [`OffsetDateTime`](time::OffsetDateTime), which a [`Clock`] returns.
pub use time;

pub use api::action::{Action, ActionName, ActionRefusal, AllowedActions};
pub use api::async_store::AsyncCredentialStore;
pub use api::attempt::ApiAttempt;
pub use api::caller::{ApiCaller, ApiMode};
#[cfg(feature = "std")]
pub use api::memory_store::{DuplicateRecord, MemoryStore};
pub use api::pending::PendingDecision;
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
pub use received::Received;
#[cfg(feature = "form")]
pub use received::forward::ForwardRefusal;
pub use refusal::Refusal;
pub use secret_text::SecretWarning;
pub use stored::password::StoredPassword;
pub use stored::scheme::{
    BcryptCost, ExpectedSchemes, PasswordScheme, SchemeError, SecretScheme, StoredScheme,
};
pub use stored::secret::StoredSecret;
