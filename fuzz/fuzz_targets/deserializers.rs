//! Whatever reads a form, the library's own decoder or a deserializer, the verdict is the same.
#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../../tests/deserialize/alike.rs"]
mod alike;
#[path = "../../tests/deserialize/told.rs"]
mod told;

fuzz_target!(|form: &[u8]| {
    alike::assert_same_request(form);
    alike::assert_same_link(form);
});
