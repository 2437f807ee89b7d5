//! Reads what PHP's `serialize` writes. It is strict: what PHP would not write cannot be read.

/// A value. Only texts and arrays are kept, because the database needs no others.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum PhpValue<'t> {
    Text(&'t str),
    /// Keys and values, in their order.
    Array(Vec<(PhpKey<'t>, PhpValue<'t>)>),
    /// Null, a boolean or a number.
    Other,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum PhpKey<'t> {
    Number(i64),
    Text(&'t str),
}

/// An array may be inside an array, and so on, up to this depth. The reader calls itself for each.
const MAX_DEPTH: u8 = 16;

impl<'t> PhpValue<'t> {
    /// The value of the whole text. `None` if it is not one value, or holds an object or a reference.
    pub(super) fn read(text: &'t str) -> Option<Self> {
        let mut rest = Rest(text);
        let value = rest.value(MAX_DEPTH)?;
        rest.0.is_empty().then_some(value)
    }

    /// The values of an array.
    pub(super) fn values(&self) -> Option<impl Iterator<Item = &Self>> {
        match self {
            Self::Array(entries) => Some(entries.iter().map(|(_, value)| value)),
            _ => None,
        }
    }

    /// The text with this name in an array.
    pub(super) fn text(&self, name: &str) -> Option<&'t str> {
        let Self::Array(entries) = self else {
            return None;
        };
        // PHP keeps the last of several values with one key.
        let named = entries.iter().rfind(|(key, _)| *key == PhpKey::Text(name));
        match named?.1 {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }
}

/// What was not read yet.
struct Rest<'t>(&'t str);

impl<'t> Rest<'t> {
    fn value(&mut self, depth: u8) -> Option<PhpValue<'t>> {
        let deeper = depth.checked_sub(1)?;
        let (tag, rest) = self.0.split_at_checked(2)?;
        self.0 = rest;
        match tag {
            "s:" => Some(PhpValue::Text(self.text()?)),
            "a:" => self.array(deeper),
            "N;" => Some(PhpValue::Other),
            "b:" => ["0", "1"].contains(&self.until(";")?).then_some(PhpValue::Other),
            "i:" => self.integer().map(|_| PhpValue::Other),
            "d:" => self.until(";")?.parse::<f64>().ok().map(|_| PhpValue::Other),
            _ => None,
        }
    }

    /// `COUNT:{KEY VALUE ...}`
    fn array(&mut self, depth: u8) -> Option<PhpValue<'t>> {
        let count = self.size()?;
        self.skip("{")?;
        let mut entries = Vec::new();
        while entries.len() < count {
            entries.push((self.key()?, self.value(depth)?));
        }
        self.skip("}")?;
        Some(PhpValue::Array(entries))
    }

    fn key(&mut self) -> Option<PhpKey<'t>> {
        if self.skip("i:").is_some() {
            return self.integer().map(PhpKey::Number);
        }
        self.skip("s:")?;
        self.text().map(PhpKey::Text)
    }

    fn integer(&mut self) -> Option<i64> {
        self.until(";")?.parse().ok()
    }

    /// `BYTES:"TEXT";`
    fn text(&mut self) -> Option<&'t str> {
        let bytes = self.size()?;
        self.skip("\"")?;
        let (text, rest) = self.0.split_at_checked(bytes)?;
        self.0 = rest;
        self.skip("\";")?;
        Some(text)
    }

    /// `NUMBER:`, without a sign.
    fn size(&mut self) -> Option<usize> {
        let digits = self.until(":")?;
        let is_number = digits.bytes().all(|digit| digit.is_ascii_digit());
        is_number.then(|| digits.parse().ok())?
    }

    fn until(&mut self, end: &str) -> Option<&'t str> {
        let (before, rest) = self.0.split_once(end)?;
        self.0 = rest;
        Some(before)
    }

    fn skip(&mut self, expected: &str) -> Option<()> {
        self.0 = self.0.strip_prefix(expected)?;
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const FRESH: &str = r#"a:1:{i:0;a:2:{s:2:"ip";s:0:"";s:4:"note";s:0:"";}}"#;

    #[test]
    fn what_php_writes_is_read() {
        let array = |entries| Some(PhpValue::Array(entries));
        let (zero, other) = (PhpKey::Number(0), PhpValue::Other);
        for (text, expected) in [
            ("N;", Some(PhpValue::Other)),
            ("b:1;", Some(PhpValue::Other)),
            ("i:-7;", Some(PhpValue::Other)),
            ("d:0.5;", Some(PhpValue::Other)),
            ("d:1.0E+25;", Some(PhpValue::Other)),
            (r#"s:0:"";"#, Some(PhpValue::Text(""))),
            (r#"s:3:"";i";"#, Some(PhpValue::Text("\";i"))),
            (r#"s:7:"Büro 1";"#, Some(PhpValue::Text("Büro 1"))),
            ("a:0:{}", array(vec![])),
            ("a:1:{i:0;N;}", array(vec![(zero, other)])),
            (r#"a:1:{s:1:"k";a:0:{}}"#, array(vec![(PhpKey::Text("k"), PhpValue::Array(vec![]))])),
        ] {
            assert_eq!(PhpValue::read(text), expected, "{text}");
        }
        let entry = PhpValue::read(FRESH).unwrap();
        let entries: Vec<_> = entry.values().unwrap().collect();
        assert_eq!(entries.len(), 1);
        assert_eq!((entries[0].text("ip"), entries[0].text("note")), (Some(""), Some("")));
        assert_eq!(entries[0].text("IP"), None);
    }

    #[test]
    fn anything_else_is_not_read() {
        for text in [
            "",
            "x",
            "é",
            "i:1",
            "i:;",
            "i:1.5;",
            "i:9223372036854775808;",
            "b:2;",
            "d:x;",
            "N",
            "s:1:\"\";",
            "s:0:\"x\";",
            "s:1:\"é\";",
            "s:+1:\"x\";",
            "s:-1:\"x\";",
            "s:99999999999999999999:\"x\";",
            "s:9999999999:\"x\";",
            "s:1:'x';",
            "s:1:\"x",
            "s:1:\"x\"",
            "a:1:{i:0;s:1:\"x}",
            "a:1:{s:1:\"kN;}",
            "a:0:{};",
            "a:1:{}",
            "a:9999999999:{}",
            "a:0:{i:0;N;}",
            "a:1:{i:0;N;i:1;N;}",
            "a:1:{N;N;}",
            "a:1:{d:0;N;}",
            "a:1:{i:0;O:1:\"X\":0:{}}",
            "a:1:{i:0;R:1;}",
            "N;N;",
            " N;",
            "N;\n",
        ] {
            assert_eq!(PhpValue::read(text), None, "{text}");
        }
    }

    #[test]
    fn a_part_of_a_text_is_not_read() {
        for length in 0..FRESH.len() {
            assert_eq!(PhpValue::read(&FRESH[..length]), None, "{length}");
        }
    }

    #[test]
    fn deep_arrays_are_not_read() {
        let nested = |depth: usize| "a:1:{i:0;".repeat(depth) + "N;" + &"}".repeat(depth);
        assert!(PhpValue::read(&nested(15)).is_some());
        assert_eq!(PhpValue::read(&nested(16)), None);
        assert_eq!(PhpValue::read(&"a:1:{i:0;".repeat(1_000_000)), None);
    }

    #[test]
    fn the_last_of_several_values_counts() {
        let text = r#"a:2:{s:2:"ip";s:1:"1";s:2:"ip";s:1:"2";}"#;
        assert_eq!(PhpValue::read(text).unwrap().text("ip"), Some("2"));
    }

    /// Any value with its text, as PHP writes it.
    fn written() -> impl Strategy<Value = String> {
        let text = any::<String>().prop_map(|text| format!("s:{}:\"{text}\";", text.len()));
        let number = any::<i64>().prop_map(|number| format!("i:{number};"));
        let leaf = prop_oneof![
            Just("N;".to_owned()),
            Just("b:0;".to_owned()),
            number.clone(),
            text.clone()
        ];
        let key = prop_oneof![number, text];
        leaf.prop_recursive(4, 64, 6, move |inner| {
            prop::collection::vec((key.clone(), inner), 0..6).prop_map(|entries| {
                let inside: String =
                    entries.iter().map(|(key, value)| format!("{key}{value}")).collect();
                format!("a:{}:{{{inside}}}", entries.len())
            })
        })
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in any::<String>(), near in "[asNbidO:;{}\"0-9é]{0,64}") {
            let _ = (PhpValue::read(&text), PhpValue::read(&near));
        }

        #[test]
        fn a_written_value_is_read_and_with_a_byte_more_or_less_it_is_not(text in written()) {
            prop_assert!(PhpValue::read(&text).is_some());
            let longer = format!("{text};");
            prop_assert_eq!(PhpValue::read(&longer), None);
            let shorter = text.char_indices().last().map_or("", |(last, _)| &text[..last]);
            prop_assert_eq!(PhpValue::read(shorter), None);
        }
    }
}
