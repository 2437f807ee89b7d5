//! What a service learns to store a weak secret in a stronger scheme.

use whmcs_auth::{
    Admin, ApiCredential, ApiPolicy, ApiRequest, MemoryStore, StoredPassword, StoredSecret,
};

use crate::common::{self, SECRET, SECRET_MD5, pair};

fn weakly_stored(
    credential: Option<ApiCredential<u64>>,
    admin: Option<Admin<u64>>,
    fields: [(&str, &str); 2],
) -> Option<String> {
    let store = MemoryStore::new(credential, admin).unwrap();
    let request = ApiRequest::from_pairs(fields);
    let policy = ApiPolicy::new().with_md5_of_secret(true);
    let pending = request.attempt(&policy).look_up(&store).unwrap();
    pending.weakly_stored_secret().map(str::to_owned)
}

fn login<'a>(name: &'a str, secret: &'a str) -> [(&'a str, &'a str); 2] {
    [("username", name), ("password", secret)]
}

#[test]
fn the_secret_of_a_weak_record_is_returned_if_it_is_right() {
    for weak in [StoredSecret::plain(SECRET).unwrap(), StoredSecret::md5(SECRET_MD5).unwrap()] {
        let record = || Some(common::credential("id", weak.clone()));
        for fields in [pair("id", SECRET), login("id", SECRET)] {
            assert_eq!(weakly_stored(record(), None, fields).as_deref(), Some(SECRET));
        }
        // A wrong secret, the md5 of the secret, and another name.
        for fields in
            [pair("id", "x"), login("id", "x"), login("id", SECRET_MD5), pair("ID", SECRET)]
        {
            assert_eq!(weakly_stored(record(), None, fields), None, "{fields:?}");
        }
    }
}

#[test]
fn the_md5_of_a_weak_admin_is_returned_if_it_is_right() {
    let upper = SECRET_MD5.to_uppercase();
    for weak in [StoredPassword::plain(SECRET).unwrap(), StoredPassword::md5(SECRET_MD5).unwrap()] {
        let record = || Some(common::admin("admin", weak.clone()));
        for (name, md5) in [("admin", SECRET_MD5), ("ADMIN", &*upper)] {
            assert_eq!(weakly_stored(None, record(), login(name, md5)).as_deref(), Some(md5));
        }
        for fields in [login("admin", SECRET), login("root", SECRET_MD5), pair("admin", SECRET_MD5)]
        {
            assert_eq!(weakly_stored(None, record(), fields), None, "{fields:?}");
        }
    }
}

/// The credential counts, even if the admin has the same name.
#[test]
fn nothing_is_returned_of_an_admin_beside_a_credential() {
    let credential = common::credential("id", StoredSecret::plain("other").unwrap());
    let admin = common::admin("id", StoredPassword::md5(SECRET_MD5).unwrap());
    assert_eq!(weakly_stored(Some(credential), Some(admin), login("id", SECRET_MD5)), None);
}

#[cfg(all(feature = "sha2", feature = "bcrypt"))]
#[test]
fn nothing_is_returned_of_a_strong_record() {
    use crate::common::{BCRYPT_OF_MD5, SECRET_BCRYPT, SECRET_SHA256};

    for strong in
        [StoredSecret::sha256(SECRET_SHA256).unwrap(), StoredSecret::bcrypt(SECRET_BCRYPT).unwrap()]
    {
        let record = common::credential("id", strong);
        assert_eq!(weakly_stored(Some(record), None, pair("id", SECRET)), None);
    }
    let admin = common::admin("admin", StoredPassword::bcrypt_of_md5(BCRYPT_OF_MD5).unwrap());
    assert_eq!(weakly_stored(None, Some(admin), login("admin", SECRET_MD5)), None);
}

#[test]
fn nothing_is_returned_of_a_malformed_request() {
    let record = common::credential("id", StoredSecret::plain(SECRET).unwrap());
    assert_eq!(
        weakly_stored(Some(record), None, [("identifier", "id"), ("secret[]", SECRET)]),
        None
    );
}
