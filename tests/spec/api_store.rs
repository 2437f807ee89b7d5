//! A store may borrow its records or own them, stand behind any pointer, and have any error.

use std::borrow::Cow;
use std::sync::Arc;

use whmcs_auth::{
    Admin, AdminState, ApiCredential, ApiError, ApiPolicy, ApiRequest, CredentialStore,
    ExpectedSchemes, Lookup, Refusal, StoredPassword, StoredSecret, verify_api_request,
};

use crate::common::{PASSWORD_MD5, login, pair, plain_and_md5};

/// Returns owned records, and its error implements no trait.
struct Database;

struct NoBounds;

impl CredentialStore for Database {
    type Id = String;
    type Error = NoBounds;

    fn find_credential(&self, identifier: &str) -> Lookup<'_, ApiCredential<String>, NoBounds> {
        match identifier {
            "down" => Err(NoBounds),
            "id" => Ok(Some(Cow::Owned(ApiCredential::new(
                "row 7".into(),
                identifier,
                StoredSecret::plain("secret").map_err(|_| NoBounds)?,
                AdminState::WithApiAccess,
            )))),
            _ => Ok(None),
        }
    }

    fn find_admin(&self, username: &str) -> Lookup<'_, Admin<String>, NoBounds> {
        match username {
            "half-down" => Err(NoBounds),
            "admin" => Ok(Some(Cow::Owned(Admin::new(
                "admin 3".into(),
                username,
                StoredPassword::plain("password").map_err(|_| NoBounds)?,
                AdminState::WithApiAccess,
            )))),
            _ => Ok(None),
        }
    }

    fn expected_schemes(&self) -> ExpectedSchemes {
        plain_and_md5()
    }
}

fn verify(
    store: &(impl CredentialStore<Id = String, Error = NoBounds> + ?Sized),
    pairs: [(&str, &str); 2],
) -> Result<String, &'static str> {
    let request = ApiRequest::from_pairs(pairs);
    match verify_api_request(&request, store, &ApiPolicy::new()) {
        Ok(caller) => Ok(caller.id),
        Err(ApiError::Refused(refusal)) => Err(refusal.code()),
        Err(ApiError::Store(NoBounds)) => Err("store_failure"),
    }
}

#[test]
fn references_boxes_and_arcs_of_a_store_are_stores() {
    let dynamic: &dyn CredentialStore<Id = String, Error = NoBounds> = &Database;
    let boxed: Box<dyn CredentialStore<Id = String, Error = NoBounds> + Send + Sync> =
        Box::new(Database);
    for (pairs, id) in [(pair("id", "secret"), "row 7"), (login("admin", PASSWORD_MD5), "admin 3")]
    {
        let id = Ok(id.to_owned());
        assert_eq!(verify(&Database, pairs), id);
        assert_eq!(verify(&&Database, pairs), id);
        assert_eq!(verify(dynamic, pairs), id);
        assert_eq!(verify(&dynamic, pairs), id);
        assert_eq!(verify(&boxed, pairs), id);
        assert_eq!(verify(&Arc::new(Database), pairs), id);
    }
    assert_eq!(Arc::new(boxed).expected_schemes(), Database.expected_schemes());
}

#[test]
fn a_missing_record_is_refused_and_a_failure_is_an_error() {
    for (pairs, code) in [
        (pair("other", "s"), "unknown_identifier"),
        (login("other", "s"), "unknown_username"),
        (pair("down", "s"), "store_failure"),
        (login("down", "s"), "store_failure"),
        (login("half-down", "s"), "store_failure"),
    ] {
        assert_eq!(verify(&Database, pairs), Err(code), "{pairs:?}");
    }
}

#[test]
fn a_record_has_an_id_a_name_and_a_state() {
    let secret = StoredSecret::plain("s").unwrap();
    let credential = ApiCredential::new(7, "id", secret, AdminState::Disabled);
    assert_eq!(*credential.id(), 7);
    assert_eq!(credential.identifier(), "id");
    assert_eq!(credential.admin_state(), AdminState::Disabled);

    let password = StoredPassword::plain("p").unwrap();
    let admin = Admin::new(3, "admin", password, AdminState::WithoutApiAccess);
    assert_eq!(*admin.id(), 3);
    assert_eq!(admin.username(), "admin");
    assert_eq!(admin.admin_state(), AdminState::WithoutApiAccess);
}
