//! Any store will do: borrowed or owned records, behind any pointer, with any error.

use std::borrow::Cow;
use std::sync::Arc;

use whmcs_auth::*;

/// Hands out owned records, and has an error without any bounds.
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
        ExpectedSchemes::new(SecretScheme::Plain, PasswordScheme::Md5)
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
    let md5 = "5f4dcc3b5aa765d61d8327deb882cf99";
    for (pairs, id) in [
        ([("identifier", "id"), ("secret", "secret")], "row 7"),
        ([("username", "admin"), ("password", md5)], "admin 3"),
    ] {
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
fn no_record_is_refused_and_a_failure_is_not() {
    for (pairs, code) in [
        ([("identifier", "other"), ("secret", "s")], "unknown_identifier"),
        ([("username", "other"), ("password", "s")], "unknown_username"),
        ([("identifier", "down"), ("secret", "s")], "store_failure"),
        ([("username", "down"), ("password", "s")], "store_failure"),
        ([("username", "half-down"), ("password", "s")], "store_failure"),
    ] {
        assert_eq!(verify(&Database, pairs), Err(code), "{pairs:?}");
    }
}

#[test]
fn a_record_says_whose_it_is() {
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
