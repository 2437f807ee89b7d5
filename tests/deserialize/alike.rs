//! Asserts that a form says the same, whoever decodes it.

use whmcs_auth::*;

use crate::told::{told_of_link, told_of_request};

pub fn assert_same_request<B: AsRef<[u8]> + ?Sized>(body: &B) -> String {
    let told = told_of_request(&ApiRequest::from_form(body));
    let body = body.as_ref();
    let urlencoded = serde_urlencoded::from_bytes(body).unwrap();
    assert_eq!(told_of_request(&urlencoded), told);
    let html_form = serde_html_form::from_bytes(body).unwrap();
    assert_eq!(told_of_request(&html_form), told);
    told
}

pub fn assert_same_link<Q: AsRef<[u8]> + ?Sized>(query: &Q) -> String {
    let told = told_of_link(&AutoAuthRequest::from_query(query));
    let query = query.as_ref();
    let urlencoded = serde_urlencoded::from_bytes(query).unwrap();
    assert_eq!(told_of_link(&urlencoded), told);
    let html_form = serde_html_form::from_bytes(query).unwrap();
    assert_eq!(told_of_link(&html_form), told);
    told
}
