//! What all services promise about their operation, for this one.

use whmcs_auth_operation_tests::{Subject, operation_tests};

operation_tests!(Subject {
    program: env!("CARGO_BIN_EXE_whmcs-auth-bridge"),
    name_and_version: concat!(env!("CARGO_PKG_NAME"), " ", env!("CARGO_PKG_VERSION"), "\n"),
    options: &["--demo"],
    passed_on: Some("passed_on=1"),
});
