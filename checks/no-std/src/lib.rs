//! Links without std. This crate defines a panic handler, and so does std. If any dependency used std, the
//! compiler would report the second one (E0152).
#![no_std]

use core::alloc::{GlobalAlloc, Layout};
use core::convert::Infallible;

use whmcs_auth::answer::Answer;
use whmcs_auth::diagnose;
use whmcs_auth::gate::{AddressGate, ApiGate};
use whmcs_auth::*;

/// The crate needs an allocator to link. Nothing runs, so it never has to allocate.
struct NoMemory;

unsafe impl GlobalAlloc for NoMemory {
    unsafe fn alloc(&self, _: Layout) -> *mut u8 {
        core::ptr::null_mut()
    }

    unsafe fn dealloc(&self, _: *mut u8, _: Layout) {}
}

#[global_allocator]
static ALLOCATOR: NoMemory = NoMemory;

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {}
}

struct NoRecords;

impl CredentialStore for NoRecords {
    type Id = ();
    type Error = Infallible;

    fn find_credential(&self, _: &str) -> Lookup<'_, ApiCredential<()>, Infallible> {
        Ok(None)
    }

    fn find_admin(&self, _: &str) -> Lookup<'_, Admin<()>, Infallible> {
        Ok(None)
    }

    fn expected_schemes(&self) -> ExpectedSchemes {
        ExpectedSchemes::new(SecretScheme::Sha256, PasswordScheme::Md5)
    }
}

#[unsafe(no_mangle)]
pub extern "C" fn verifies() -> bool {
    let form = Some("application/x-www-form-urlencoded");
    let received = Received::new().with_body(form, "identifier=id&secret=s");
    let request = received.api_request();
    let expected = NoRecords.expected_schemes();
    let policy = ApiPolicy::new();
    let caller = verify_api_request(&request, &NoRecords, &policy);
    let verdict = request.attempt(&policy).decide::<()>(None, None, expected);
    let link = AutoAuthRequest::from_query("email=a@b.c&timestamp=1700000000");
    let now = time::OffsetDateTime::UNIX_EPOCH;
    let login = verify_autoauth(&link, &AutoAuthKeys::default(), &now, &AutoAuthPolicy::new());
    let gate = ApiGate::new(AddressGate::new().with_entries(["127.0.0.1"]));
    let answer = match gate.admit([127, 0, 0, 1].into(), &request) {
        Ok(attempt) => match attempt.decide::<()>(None, None, expected) {
            Ok(_) => return true,
            Err(refusal) => Answer::refusal(&refusal, &request),
        },
        Err(refusal) => Answer::refusal(&refusal, &request),
    };
    let findings = diagnose::api("", form, "identifier=id");
    let is_clean = findings.is_empty() && diagnose::link("email=a@b.c").is_empty();
    let call = gate.verify([127, 0, 0, 1].into(), &request, &NoRecords);
    is_clean
        && verdict.is_ok()
        && caller.is_ok()
        && call.is_ok()
        && login.is_ok()
        && received.to_api_form().is_ok()
        && answer.http_status == 200
}
