//! The traits that every type has, or must not have.

use std::error::Error;
use std::fmt::Debug;
use std::panic::{RefUnwindSafe, UnwindSafe};

use whmcs_auth::answer::Answer;
#[cfg(feature = "cache")]
use whmcs_auth::cache;
use whmcs_auth::gate::{
    AddressGate, AddressRefusal, ApiGate, AuthorizedCall, GateError, HiddenCaller, UnreadableEntry,
};
use whmcs_auth::{
    Action, ActionName, ActionRefusal, Admin, AdminState, AllowedActions, ApiAttempt, ApiCaller,
    ApiCredential, ApiError, ApiMode, ApiPolicy, ApiRefusal, ApiRequest, AutoAuthKey, AutoAuthKeys,
    AutoAuthLogin, AutoAuthPolicy, AutoAuthRefusal, AutoAuthRequest, BcryptCost, ExpectedSchemes,
    Field, Goto, KeyError, Malformed, PasswordScheme, PendingDecision, ReplayKey, ReplayRefusal,
    ResponseType, SchemeError, SecretScheme, SecretWarning, StoredPassword, StoredScheme,
    StoredSecret,
};
#[cfg(feature = "form")]
use whmcs_auth::{AutoAuthLink, ForwardRefusal, Received, SignError};
#[cfg(feature = "std")]
use whmcs_auth::{DuplicateRecord, FixedClock, MemoryStore, SystemClock, replay};

fn moves_between_threads<T: Debug + Send + Sync + Unpin + UnwindSafe + RefUnwindSafe>() {}
fn is_cloned<T: Clone>() {}
fn is_copied<T: Copy + Eq>() {}
fn is_an_error<T: Error + Copy + Eq + Send + Sync + 'static>() {}

/// Does not compile if a type has the trait: then both implementations of `Either` apply.
macro_rules! never {
    ($trait:path: $($type:ty),+ $(,)?) => {$(
        const _: fn() = || {
            trait Either<A> {
                fn one() {}
            }
            struct HasIt;
            impl<T: ?Sized> Either<()> for T {}
            impl<T: ?Sized + $trait> Either<HasIt> for T {}
            let _ = <$type as Either<_>>::one;
        };
    )+};
}

macro_rules! secret {
    ($($type:ty),+ $(,)?) => {
        never!(PartialEq: $($type),+);
        never!(std::fmt::Display: $($type),+);
        never!(AsRef<str>: $($type),+);
        never!(std::ops::Deref: $($type),+);
    };
}

// A type that holds a secret has no comparison, because it would not take constant time. It also
// has no Display.
secret!(
    AddressGate,
    Admin<u64>,
    ApiAttempt<'static>,
    ApiCredential<u64>,
    ApiRequest<'static>,
    AutoAuthKey,
    AutoAuthKeys,
    AutoAuthLogin<'static>,
    AutoAuthRequest<'static>,
    ReplayKey,
    StoredPassword,
    PendingDecision<'static, u64>,
    StoredSecret,
);
#[cfg(feature = "form")]
secret!(AutoAuthLink, Received);
#[cfg(feature = "std")]
secret!(MemoryStore<u64>);
// The key also cannot be copied.
#[cfg(feature = "cache")]
secret!(cache::VerificationCache);
#[cfg(feature = "cache")]
never!(Clone: cache::VerificationCache);

#[test]
fn every_type_moves_between_threads() {
    moves_between_threads::<Action<'_>>();
    moves_between_threads::<ActionName>();
    moves_between_threads::<ActionRefusal>();
    moves_between_threads::<AddressGate>();
    moves_between_threads::<AddressRefusal>();
    moves_between_threads::<Admin<u64>>();
    moves_between_threads::<AdminState>();
    moves_between_threads::<AllowedActions>();
    moves_between_threads::<Answer>();
    moves_between_threads::<ApiAttempt<'_>>();
    moves_between_threads::<AuthorizedCall<u64>>();
    moves_between_threads::<ApiCaller<u64>>();
    moves_between_threads::<ApiCredential<u64>>();
    moves_between_threads::<ApiGate>();
    moves_between_threads::<ApiMode>();
    moves_between_threads::<ApiPolicy>();
    moves_between_threads::<ApiRefusal>();
    moves_between_threads::<ApiRequest<'_>>();
    moves_between_threads::<AutoAuthKey>();
    moves_between_threads::<AutoAuthKeys>();
    moves_between_threads::<AutoAuthLogin<'_>>();
    moves_between_threads::<AutoAuthPolicy>();
    moves_between_threads::<AutoAuthRefusal>();
    moves_between_threads::<AutoAuthRequest<'_>>();
    moves_between_threads::<BcryptCost>();
    moves_between_threads::<Field>();
    moves_between_threads::<Goto<'_>>();
    moves_between_threads::<HiddenCaller>();
    moves_between_threads::<KeyError>();
    moves_between_threads::<Malformed>();
    moves_between_threads::<PasswordScheme>();
    moves_between_threads::<PendingDecision<'_, u64>>();
    moves_between_threads::<ReplayKey>();
    moves_between_threads::<ReplayRefusal>();
    moves_between_threads::<ResponseType>();
    moves_between_threads::<SecretScheme>();
    moves_between_threads::<SecretWarning>();
    moves_between_threads::<StoredScheme>();
    moves_between_threads::<SchemeError>();
    moves_between_threads::<ExpectedSchemes>();
    moves_between_threads::<StoredPassword>();
    moves_between_threads::<StoredSecret>();
    moves_between_threads::<UnreadableEntry>();
    moves_between_threads::<ApiError<std::fmt::Error>>();
    #[cfg(feature = "std")]
    {
        moves_between_threads::<DuplicateRecord>();
        moves_between_threads::<FixedClock>();
        moves_between_threads::<MemoryStore<u64>>();
        moves_between_threads::<SystemClock>();
        moves_between_threads::<replay::ReplayGuard>();
    }
    #[cfg(feature = "cache")]
    moves_between_threads::<cache::VerificationCache>();
    #[cfg(any(feature = "bcrypt", feature = "sha2"))]
    #[cfg(feature = "form")]
    {
        moves_between_threads::<AutoAuthLink>();
        moves_between_threads::<ForwardRefusal>();
        moves_between_threads::<Received>();
        moves_between_threads::<SignError>();
    }
}

#[test]
fn records_and_requests_are_cloned_and_policies_are_copied() {
    is_cloned::<Admin<u64>>();
    is_cloned::<AddressGate>();
    is_cloned::<AllowedActions>();
    is_cloned::<Answer>();
    is_cloned::<ApiAttempt<'_>>();
    is_cloned::<AuthorizedCall<u64>>();
    is_cloned::<ApiCaller<u64>>();
    is_cloned::<ApiCredential<u64>>();
    is_cloned::<ApiGate>();
    is_cloned::<ApiRequest<'_>>();
    is_cloned::<AutoAuthKeys>();
    is_cloned::<AutoAuthLogin<'_>>();
    is_cloned::<AutoAuthRequest<'_>>();
    is_cloned::<PendingDecision<'_, u64>>();
    is_copied::<ActionName>();
    is_copied::<ApiPolicy>();
    is_copied::<AutoAuthPolicy>();
    is_copied::<ExpectedSchemes>();
}

#[test]
fn every_error_can_be_copied_and_moved_between_threads() {
    is_an_error::<ActionRefusal>();
    is_an_error::<AddressRefusal>();
    is_an_error::<ApiRefusal>();
    is_an_error::<AutoAuthRefusal>();
    is_an_error::<HiddenCaller>();
    is_an_error::<KeyError>();
    is_an_error::<Malformed>();
    is_an_error::<SchemeError>();
    is_an_error::<ApiError<std::fmt::Error>>();
    #[cfg(feature = "std")]
    is_an_error::<DuplicateRecord>();
    is_an_error::<ReplayRefusal>();
    #[cfg(feature = "form")]
    is_an_error::<ForwardRefusal>();
    #[cfg(feature = "form")]
    is_an_error::<SignError>();
    #[cfg(feature = "http")]
    is_an_error::<whmcs_auth::http::HeadRefusal>();
}

/// It holds the error of the runtime, which may be of any type.
#[test]
fn the_error_of_a_gate_can_be_moved_between_threads() {
    fn moves<T: Error + Send + Sync + 'static>() {}

    moves::<GateError<u64, std::fmt::Error>>();
}
