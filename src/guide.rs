//! Guides. Only the documentation has this module; its pages are files of the package.
//!
//! | guide | what it is about |
//! |---|---|
//! | [`troubleshooting`] | why a call or a link is refused, by the codes of the log |
//! | [`architecture`] | which file holds which rule, and what was decided |
//! | [`threat_model`] | each threat, its answer, and the command that shows it |
//! | [`performance`] | what a call costs, how that grows, and how to measure it |
//! | [`migrating_from_autoauth`] | old login links with WHMCS 8.1 and newer |
//! | [`vectors`] | cases that an implementation in any language can be held against |
//! | [`security`] | how to report a vulnerability |

// The first definition of a link counts, so these replace the links between files that the pages end with.

#[doc = include_str!("../docs/troubleshooting.md")]
pub mod troubleshooting {}

#[doc = include_str!("../docs/architecture.md")]
pub mod architecture {}

#[doc = include_str!("../docs/threat-model.md")]
pub mod threat_model {}

#[doc = include_str!("../docs/performance.md")]
pub mod performance {}

/// [troubleshooting]: crate::guide::troubleshooting
///
#[doc = include_str!("../docs/migrating-from-autoauth.md")]
pub mod migrating_from_autoauth {}

#[doc = include_str!("../tests/vectors/README.md")]
pub mod vectors {}

/// [threat model]: crate::guide::threat_model
///
#[doc = include_str!("../SECURITY.md")]
pub mod security {}
