//! Name-value pairs that keep repetitions.

use alloc::borrow::Cow;
use alloc::vec::Vec;

/// The decoded fields of a request, in the order in which they arrived: an array, a vector or a slice of
/// pairs of a name and a value.
///
/// A map does not compile, because it has lost the repetitions that must be refused (FIELD-2):
///
/// ```compile_fail,E0277
/// use std::collections::HashMap;
/// use whmcs_auth::ApiRequest;
///
/// let fields = HashMap::from([("identifier", "id"), ("secret", "s")]);
/// let request = ApiRequest::from_pairs(fields);
/// ```
///
/// ```
/// use whmcs_auth::ApiRequest;
///
/// let request = ApiRequest::from_pairs([("identifier", "id"), ("secret", "s")]);
/// let fields = vec![(String::from("identifier"), String::from("id"))];
/// let borrowed = ApiRequest::from_pairs(&fields);
/// # drop((request, borrowed));
/// ```
///
/// Only this crate can implement the trait.
pub trait Pairs<'a>: Sealed {
    /// A name.
    type Name: AsRef<str>;
    /// A value.
    type Value: Into<Cow<'a, str>>;

    /// The pairs, in their order.
    fn into_pairs(self) -> impl Iterator<Item = (Self::Name, Self::Value)>;
}

/// Keeps other crates from implementing [`Pairs`].
pub trait Sealed {}

impl<N, V> Sealed for Vec<(N, V)> {}

impl<'a, N: AsRef<str>, V: Into<Cow<'a, str>>> Pairs<'a> for Vec<(N, V)> {
    type Name = N;
    type Value = V;

    fn into_pairs(self) -> impl Iterator<Item = (N, V)> {
        self.into_iter()
    }
}

impl<N, V, const K: usize> Sealed for [(N, V); K] {}

impl<'a, N: AsRef<str>, V: Into<Cow<'a, str>>, const K: usize> Pairs<'a> for [(N, V); K] {
    type Name = N;
    type Value = V;

    fn into_pairs(self) -> impl Iterator<Item = (N, V)> {
        self.into_iter()
    }
}

impl<N, V> Sealed for &[(N, V)] {}

impl<'a, N: AsRef<str>, V: AsRef<str>> Pairs<'a> for &'a [(N, V)] {
    type Name = &'a N;
    type Value = &'a str;

    fn into_pairs(self) -> impl Iterator<Item = (&'a N, &'a str)> {
        self.iter().map(|(name, value)| (name, value.as_ref()))
    }
}

impl<N, V> Sealed for &Vec<(N, V)> {}

impl<'a, N: AsRef<str>, V: AsRef<str>> Pairs<'a> for &'a Vec<(N, V)> {
    type Name = &'a N;
    type Value = &'a str;

    fn into_pairs(self) -> impl Iterator<Item = (&'a N, &'a str)> {
        self.as_slice().into_pairs()
    }
}

impl<N, V, const K: usize> Sealed for &[(N, V); K] {}

impl<'a, N: AsRef<str>, V: AsRef<str>, const K: usize> Pairs<'a> for &'a [(N, V); K] {
    type Name = &'a N;
    type Value = &'a str;

    fn into_pairs(self) -> impl Iterator<Item = (&'a N, &'a str)> {
        self.as_slice().into_pairs()
    }
}
