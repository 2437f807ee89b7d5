//! What all services promise about their operation, for this one.

use whmcs_auth_operation_tests::{Subject, operation_tests};

operation_tests!(Subject {
    program: env!("CARGO_BIN_EXE_whmcs-auth-bridge"),
    options: &["--demo"],
});
