//! Answers what [`Received::field`] reads, for `names.py` to compare with PHP.
//!
//! Each line of the input is a form body and a name, in hex. The line of output is `-` for no value, and
//! otherwise `=` and the value in hex.

use std::io::{self, BufRead, Write};

use whmcs_auth::Received;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut out = io::stdout().lock();
    for line in io::stdin().lock().lines() {
        let line = line?;
        let (body, name) = line.split_once(' ').ok_or("a line has two columns")?;
        let name = String::from_utf8(hex::decode(name)?)?;
        let form = Some("application/x-www-form-urlencoded");
        let received = Received::new().with_body(form, &hex::decode(body)?);
        match received.field(&name) {
            None => writeln!(out, "-")?,
            Some(value) => writeln!(out, "={}", hex::encode(value))?,
        }
    }
    Ok(out.flush()?)
}
