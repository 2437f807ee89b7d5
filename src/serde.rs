//! Requests from form and query deserializers, under the rules of `from_pairs`.

use alloc::borrow::ToOwned;
use alloc::string::String;
use core::fmt;

use serde_core::de::{
    Deserialize, DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor,
};

use crate::api::request::ApiRequest;
use crate::autoauth::request::AutoAuthRequest;
use crate::field::Fields;

/// Reads the fields of a form or a query. Needs feature `serde`.
///
/// Input that breaks a rule of [`Malformed`](crate::Malformed) still deserializes; verification
/// then refuses it. The result is what [`from_pairs`](ApiRequest::from_pairs) makes of the same
/// pairs:
///
/// - A value is a text. If a name occurs several times, its value may be a sequence of texts; the
///   field is then malformed. A sequence of one text is that text.
/// - Bytes are text. Bytes that are not UTF-8 become U+FFFD.
/// - A name without a value, a unit or `None` is an empty field, and so an absent one.
/// - Any other value, such as a number, a map or a sequence in a sequence, makes its field
///   malformed.
/// - The request owns its text.
///
/// Other fields of the same source can stand in a struct that holds the request under
/// `#[serde(flatten)]`. A field that the struct itself names does not reach the request.
///
/// It reads one source. If fields may come in the query and in the body, take both as raw text, and
/// read them with `Received`, which needs feature `form`. Do the same in a framework whose forms do not
/// use serde, such as Rocket.
///
/// The extractors `Form` and `Query` of axum 0.8, actix-web 4 and poem 3 were tested. They pass on repeated
/// names, aliases and bytes that are not UTF-8, so that verification refuses them.
///
/// Source: PHP reads a sequence in a sequence as an array. The rules for values that no form can
/// hold are this crate's decision.
///
/// # Errors
///
/// An error of the deserializer is passed on. An error of this crate says that the input is no map,
/// or that a name is no text. It holds no name and no value.
///
/// # Security
///
/// - Use a deserializer that passes every name on unchanged, such as `serde_urlencoded` or
///   `serde_html_form`. One that reads brackets, as PHP does, hides that `password[]` was not
///   `password`. One that collects the pairs in a map loses repeated names.
/// - The buffers of the deserializer are not wiped.
///
/// # Examples
///
/// ```
/// use serde_core::Deserialize;
/// use serde_core::de::value::{Error, MapDeserializer};
/// use whmcs_auth::{Action, ApiRequest};
///
/// // In a service, this is the deserializer of an extractor such as `axum::Form`.
/// let form = [("action", "GetClients"), ("identifier", "id"), ("secret", "s+e c")];
/// let form = MapDeserializer::<_, Error>::new(form.into_iter());
///
/// let request = ApiRequest::deserialize(form)?;
/// assert_eq!(request.action(), Action::Named("GetClients"));
/// # Ok::<(), Error>(())
/// ```
impl<'de> Deserialize<'de> for ApiRequest<'static> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let fields = deserializer.deserialize_any(FieldsVisitor(Fields::default()))?;
        Ok(Self { fields })
    }
}

/// Reads the fields of a login link from a query. Needs feature `serde`.
///
/// The rules, errors and the security notes are those of the implementation for [`ApiRequest`].
///
/// # Examples
///
/// ```
/// use serde_core::Deserialize;
/// use serde_core::de::value::{Error, MapDeserializer};
/// use whmcs_auth::AutoAuthRequest;
///
/// let query = [("email", "a+b@example.com"), ("timestamp", "1700000000")];
/// let query = MapDeserializer::<_, Error>::new(query.into_iter());
/// let request = AutoAuthRequest::deserialize(query)?;
/// # let _ = request;
/// # Ok::<(), Error>(())
/// ```
impl<'de> Deserialize<'de> for AutoAuthRequest<'static> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let fields = deserializer.deserialize_any(FieldsVisitor(Fields::default()))?;
        Ok(Self { fields })
    }
}

/// Implements the visits of all other types. They do not show the value, because it may be a
/// secret.
macro_rules! visit_others {
    ($answer:expr; $($visit:ident: $value:ty),+) => {$(
        fn $visit<E: Error>(self, _: $value) -> Result<Self::Value, E> {
            $answer(self)
        }
    )+};
}

/// The fields that were read so far.
struct FieldsVisitor<const FIRST: usize, const N: usize>(Fields<'static, FIRST, N>);

impl<'de, const FIRST: usize, const N: usize> Visitor<'de> for FieldsVisitor<FIRST, N> {
    type Value = Fields<'static, FIRST, N>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the fields of a request")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut pairs: A) -> Result<Self::Value, A::Error> {
        while let Some(Name(name)) = pairs.next_key()? {
            if self.0.knows(&name) {
                let fields = &mut self.0;
                let values = ValueVisitor { fields, name: &name, is_nested: false };
                pairs.next_value_seed(values)?;
            } else {
                pairs.next_value::<IgnoredAny>()?;
            }
        }
        Ok(self.0)
    }

    visit_others!(
        |_| Err(E::custom("expected the fields of a request"));
        visit_bool: bool, visit_i64: i64, visit_i128: i128, visit_u64: u64, visit_u128: u128,
        visit_f64: f64, visit_str: &str, visit_bytes: &[u8]
    );
}

/// The name of a field. If it is no text, the error does not show it.
struct Name(String);

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NameVisitor)
    }
}

struct NameVisitor;

impl<'de> Visitor<'de> for NameVisitor {
    type Value = Name;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of a field")
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<Name, E> {
        Ok(Name(name.to_owned()))
    }

    fn visit_bytes<E: Error>(self, name: &[u8]) -> Result<Name, E> {
        Ok(Name(String::from_utf8_lossy(name).into_owned()))
    }

    visit_others!(
        |_| Err(E::custom("expected the name of a field"));
        visit_bool: bool, visit_i64: i64, visit_i128: i128, visit_u64: u64, visit_u128: u128,
        visit_f64: f64
    );
}

/// Reads the value or the values of one name.
struct ValueVisitor<'f, const FIRST: usize, const N: usize> {
    fields: &'f mut Fields<'static, FIRST, N>,
    name: &'f str,
    /// Whether the value is inside a sequence. PHP reads a sequence in a sequence as an array.
    is_nested: bool,
}

impl<const FIRST: usize, const N: usize> ValueVisitor<'_, FIRST, N> {
    /// Makes the field malformed, as `password[]` does.
    fn read_alias<E>(self) -> Result<(), E> {
        self.fields.read_pair(&alloc::format!("{}[", self.name), String::new());
        Ok(())
    }
}

impl<'de, const FIRST: usize, const N: usize> DeserializeSeed<'de> for ValueVisitor<'_, FIRST, N> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de, const FIRST: usize, const N: usize> Visitor<'de> for ValueVisitor<'_, FIRST, N> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text or a sequence of texts")
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<(), E> {
        self.visit_string(value.to_owned())
    }

    fn visit_string<E: Error>(self, value: String) -> Result<(), E> {
        self.fields.read_pair(self.name, value);
        Ok(())
    }

    fn visit_bytes<E: Error>(self, value: &[u8]) -> Result<(), E> {
        self.visit_string(String::from_utf8_lossy(value).into_owned())
    }

    /// A name without a value.
    fn visit_unit<E: Error>(self) -> Result<(), E> {
        self.visit_string(String::new())
    }

    fn visit_none<E: Error>(self) -> Result<(), E> {
        self.visit_unit()
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        self.deserialize(deserializer)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut values: A) -> Result<(), A::Error> {
        if self.is_nested {
            while values.next_element::<IgnoredAny>()?.is_some() {}
            return self.read_alias();
        }
        let Self { fields, name, .. } = self;
        let is_nested = true;
        while values.next_element_seed(ValueVisitor { fields, name, is_nested })?.is_some() {}
        Ok(())
    }

    /// Deserializers that read brackets make a map of `password[x]`.
    fn visit_map<A: MapAccess<'de>>(self, mut values: A) -> Result<(), A::Error> {
        while values.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        self.read_alias()
    }

    visit_others!(
        |values: Self| values.read_alias();
        visit_bool: bool, visit_i64: i64, visit_i128: i128, visit_u64: u64, visit_u128: u128,
        visit_f64: f64
    );
}
