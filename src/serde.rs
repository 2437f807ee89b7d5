//! Requests out of form and query deserializers, under the rules of `from_pairs`.

use alloc::borrow::ToOwned;
use alloc::string::String;
use core::fmt;

use serde_core::de::{
    Deserialize, DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor,
};

use crate::api::request::ApiRequest;
use crate::autoauth::request::AutoAuthRequest;
use crate::field::Fields;

/// Reads the fields of a form or a query, in which a value is a text or, where its name occurs
/// several times, a sequence of texts. The request owns its text. Needs feature `serde`.
///
/// What [`from_pairs`](ApiRequest::from_pairs) would read of the same pairs is what comes out,
/// malformed or not. Of values that no form has, none at all is an absent field, and anything but a
/// text or a sequence of texts makes its field malformed. It fails only where the deserializer does, and no
/// error of this crate holds a name or a value.
///
/// It reads one source. Where fields may come in the query and in the body, take both as they are,
/// and read them with [`from_query_and_form`](ApiRequest::from_query_and_form). Other fields of the
/// same source can stand in a struct that has the request under `#[serde(flatten)]`; a field that
/// the struct claims for itself does not reach the request.
///
/// # Security
///
/// Use a deserializer that hands all names over as they stand, such as `serde_urlencoded` and
/// `serde_html_form`. One that reads brackets, as PHP does, hides that `password[]` was not
/// `password`, and one that goes through a map loses the repetitions. The deserializer's own buffers
/// are not wiped.
///
/// # Examples
///
/// ```
/// use serde_core::Deserialize;
/// use serde_core::de::value::{Error, MapDeserializer};
/// use whmcs_auth::{Action, ApiRequest};
///
/// // Stands for `serde_urlencoded::Deserializer`, or for an extractor such as `axum::Form`.
/// let form = [("action", "GetClients"), ("identifier", "id"), ("secret", "s+e c")];
/// let form = MapDeserializer::<_, Error>::new(form.into_iter());
///
/// let request = ApiRequest::deserialize(form)?;
/// assert_eq!(request.action(), Action::Named("GetClients"));
/// # Ok::<(), Error>(())
/// ```
impl<'de> Deserialize<'de> for ApiRequest<'static> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let fields = deserializer.deserialize_any(Request(Fields::default()))?;
        Ok(Self { fields })
    }
}

/// Reads the fields of a query. Needs feature `serde`. What is said at the implementation for
/// [`ApiRequest`] holds here, too.
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
        let fields = deserializer.deserialize_any(Request(Fields::default()))?;
        Ok(Self { fields })
    }
}

/// Answers whatever else a visitor is offered, without a word about the value: it may be a secret.
macro_rules! otherwise {
    ($answer:expr; $($visit:ident: $value:ty),+) => {$(
        fn $visit<E: Error>(self, _: $value) -> Result<Self::Value, E> {
            $answer(self)
        }
    )+};
}

/// The fields of a request, as far as they are read.
struct Request<const FIRST: usize, const N: usize>(Fields<'static, FIRST, N>);

impl<'de, const FIRST: usize, const N: usize> Visitor<'de> for Request<FIRST, N> {
    type Value = Fields<'static, FIRST, N>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the fields of a request")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut pairs: A) -> Result<Self::Value, A::Error> {
        while let Some(Name(name)) = pairs.next_key()? {
            if self.0.knows(&name) {
                let fields = &mut self.0;
                let values = Values { fields, name: &name, is_nested: false };
                pairs.next_value_seed(values)?;
            } else {
                pairs.next_value::<IgnoredAny>()?;
            }
        }
        Ok(self.0)
    }

    otherwise!(
        |_| Err(E::custom("expected the fields of a request"));
        visit_bool: bool, visit_i64: i64, visit_i128: i128, visit_u64: u64, visit_u128: u128,
        visit_f64: f64, visit_str: &str, visit_bytes: &[u8]
    );
}

/// A name. What is no text is an error that does not show it.
struct Name(String);

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TextOfName)
    }
}

struct TextOfName;

impl<'de> Visitor<'de> for TextOfName {
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

    otherwise!(
        |_| Err(E::custom("expected the name of a field"));
        visit_bool: bool, visit_i64: i64, visit_i128: i128, visit_u64: u64, visit_u128: u128,
        visit_f64: f64
    );
}

/// The values of one name.
struct Values<'f, const FIRST: usize, const N: usize> {
    fields: &'f mut Fields<'static, FIRST, N>,
    name: &'f str,
    /// Whether they stand in a sequence already. PHP makes an array of a sequence in a sequence.
    is_nested: bool,
}

impl<const FIRST: usize, const N: usize> Values<'_, FIRST, N> {
    /// As `password[` is read.
    fn read_alias<E>(self) -> Result<(), E> {
        self.fields.read_pair(&alloc::format!("{}[", self.name), String::new());
        Ok(())
    }
}

impl<'de, const FIRST: usize, const N: usize> DeserializeSeed<'de> for Values<'_, FIRST, N> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de, const FIRST: usize, const N: usize> Visitor<'de> for Values<'_, FIRST, N> {
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
        while values.next_element_seed(Values { fields, name, is_nested })?.is_some() {}
        Ok(())
    }

    /// What a deserializer that reads brackets makes of `password[x]`.
    fn visit_map<A: MapAccess<'de>>(self, mut values: A) -> Result<(), A::Error> {
        while values.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        self.read_alias()
    }

    otherwise!(
        |values: Self| values.read_alias();
        visit_bool: bool, visit_i64: i64, visit_i128: i128, visit_u64: u64, visit_u128: u128,
        visit_f64: f64
    );
}
