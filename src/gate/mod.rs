//! The checks around the credentials: which addresses may call, which actions a caller may do, and
//! one call for everything.
//!
//! | check | the single check | public message and status of a refusal |
//! |---|---|---|
//! | the address may call | [`AddressGate::check`] | `Invalid IP 203.0.113.7`, 403 |
//! | the credentials are right | [`verify_api_request`](crate::verify_api_request) | `Authentication Failed` and others, 403 |
//! | the request names an action | [`ApiCaller::authorize`](crate::ApiCaller::authorize) | `Empty action request`, 400 |
//! | the caller may do the action | the same | `Invalid Permissions: API action "getclients" is not allowed`, 403 |
//!
//! [`ApiGate`] runs the checks in this order. Each check can also be used alone. A service that
//! loads API roles only after the secret was verified runs them one by one, and calls
//! [`ApiCaller::with_actions`](crate::ApiCaller::with_actions) before `authorize`.
//!
//! Source: the order and the messages were seen on WHMCS installations.
//!
//! # Examples
//!
//! ```
//! # #[cfg(feature = "std")] {
//! use whmcs_auth::gate::{AddressGate, ApiGate};
//! use whmcs_auth::{
//!     AdminState, AllowedActions, ApiCredential, ApiRequest, MemoryStore, Refusal, StoredSecret,
//! };
//!
//! let credential = ApiCredential::new(
//!     7,
//!     "D4j1dKYE3g40VROOPCGyJ9zRwP0ADJIv",
//!     StoredSecret::plain("F1CKGXRIpylMfsrig3mwwdSdYUdLiFlo")?,
//!     AdminState::WithApiAccess,
//! )
//! .with_actions(AllowedActions::new(["getclients", "getproducts"]));
//! let store = MemoryStore::new([credential], [])?;
//! let gate = ApiGate::new(AddressGate::new().with_entries(["203.0.113.7"]));
//!
//! let address = "203.0.113.7".parse()?;
//! let request = |action| {
//!     ApiRequest::from_pairs([
//!         ("action", action),
//!         ("identifier", "D4j1dKYE3g40VROOPCGyJ9zRwP0ADJIv"),
//!         ("secret", "F1CKGXRIpylMfsrig3mwwdSdYUdLiFlo"),
//!     ])
//! };
//! let call = gate.verify(address, &request("GetClients"), &store)?;
//! assert_eq!((call.caller.id, call.action.as_str()), (7, "getclients"));
//!
//! let error = gate.verify(address, &request("DeleteClient"), &store).unwrap_err();
//! assert_eq!(
//!     error.public_message(),
//!     "Invalid Permissions: API action \"deleteclient\" is not allowed",
//! );
//! let error = gate.verify("::1".parse()?, &request("GetClients"), &store).unwrap_err();
//! assert_eq!(error.public_message(), "Invalid IP ::1");
//! # }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod address;
mod api_gate;
mod error;
mod proxies;
mod refusal;
mod unreadable_entry;

/// The crate of the networks that [`AddressGate::with_networks`] takes. Needs feature `ipnet`.
#[cfg(feature = "ipnet")]
pub use ipnet;

pub use self::address::AddressGate;
pub use self::api_gate::{ApiGate, AuthorizedCall};
pub use self::error::GateError;
pub use self::proxies::TrustedProxies;
pub use self::refusal::{AddressRefusal, HiddenCaller};
pub use self::unreadable_entry::UnreadableEntry;
