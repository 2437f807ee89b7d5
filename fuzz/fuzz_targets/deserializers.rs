//! A request has the same verdict whether the library's own decoder or a deserializer reads it.
#![no_main]

use libfuzzer_sys::fuzz_target;
use whmcs_auth_deserialize::{assert_same_link, assert_same_request};

fuzz_target!(|form: &[u8]| {
    assert_same_request(form);
    assert_same_link(form);
});
