//! Answers what [`Received`] reads of a multipart body, for `multipart.py` to compare with PHP.
//!
//! Each line of the input is a content type and a body, in hex. The line of output is `-` for a refused body, and
//! otherwise `=` and the fields as a form.

use std::error::Error;
use std::io::{self, BufRead, Write};

use whmcs_auth::Received;

/// The credentials that make the rest a call. They come first in a forwarded form.
const PAIR: &str = "identifier=i&secret=s";

fn form(content_type: &[u8], body: &[u8]) -> Result<Option<String>, http::Error> {
    let request = http::Request::post("/").header("content-type", content_type);
    let (head, ()) = request.body(())?.into_parts();
    let received = Received::new().with_query(PAIR).with_request(&head, body);
    let form = received.to_api_form().ok();
    Ok(form.map(|form| form.trim_start_matches(PAIR).trim_start_matches('&').to_owned()))
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut out = io::stdout().lock();
    for line in io::stdin().lock().lines() {
        let line = line?;
        let (content_type, body) = line.split_once(' ').ok_or("a line has two columns")?;
        match form(&hex::decode(content_type)?, &hex::decode(body)?)? {
            None => writeln!(out, "-")?,
            Some(form) => writeln!(out, "={form}")?,
        }
    }
    Ok(out.flush()?)
}
