//! The table: a request in each row, and the code and the status that it gets.

/// One request. The defaults of [`Row::new`] are those of an ordinary call.
#[derive(Clone, Debug)]
pub struct Row {
    pub name: &'static str,
    pub peer: [u8; 4],
    pub method: &'static str,
    pub allows_get: bool,
    pub query: String,
    /// The headers `Content-Type`.
    pub types: Vec<String>,
    pub body: Vec<u8>,
    /// `accepted`, or the code for the operator.
    pub code: &'static str,
    pub status: u16,
}

/// What the service under test must hold: a credential that may do every action, an admin with API Access, a list of one
/// address, and an access key.
pub const IDENTIFIER: &str = "id";
pub const SECRET: &str = "s+e c";
pub const USERNAME: &str = "admin";
pub const PASSWORD: &str = "password";
pub const ADDRESS: &str = "203.0.113.7";
pub const ACCESS_KEY: &str = "key#1";

pub const CALL: &str = "action=GetClients&identifier=id&secret=s%2Be+c";
const PAIR: &str = "identifier=id&secret=s%2Be+c";
const FORM: &str = "application/x-www-form-urlencoded";
const MULTIPART: &str = "multipart/form-data; boundary=Z";
const ADMIN: &str = "action=GetClients&username=admin&password=5F4DCC3B5AA765D61D8327DEB882CF99";

impl Row {
    fn new(name: &'static str, code: &'static str, status: u16) -> Self {
        Self {
            name,
            peer: [203, 0, 113, 7],
            method: "POST",
            allows_get: false,
            query: String::new(),
            types: vec![FORM.to_owned()],
            body: Vec::new(),
            code,
            status,
        }
    }

    fn accepted(name: &'static str) -> Self {
        Self::new(name, "accepted", 200)
    }

    /// The answer to whatever verification refuses.
    fn unauthorized(name: &'static str, code: &'static str) -> Self {
        Self::new(name, code, 403)
    }

    fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    fn query(mut self, query: impl Into<String>) -> Self {
        self.query = query.into();
        self
    }

    fn typed(mut self, types: &[&str]) -> Self {
        self.types = types.iter().map(|&text| text.to_owned()).collect();
        self
    }

    fn method(mut self, method: &'static str) -> Self {
        self.method = method;
        self
    }

    fn with_get(mut self) -> Self {
        self.allows_get = true;
        self
    }

    fn from(mut self, peer: [u8; 4]) -> Self {
        self.peer = peer;
        self
    }
}

/// The header lines of a part after its boundary, and its value.
fn part(headers: &str, value: &str) -> String {
    format!("--Z\r\n{headers}\r\n\r\n{value}\r\n")
}

fn field(name: &str, value: &str) -> String {
    part(&format!("Content-Disposition: form-data; name=\"{name}\""), value)
}

fn pair() -> String {
    field("identifier", "id") + &field("secret", "s+e c")
}

/// A whole call, with more parts before its end.
fn parts(more: &str) -> String {
    format!("{}{}{more}--Z--\r\n", field("action", "GetClients"), pair())
}

/// Every row.
pub fn rows() -> Vec<Row> {
    [content_types(), methods(), names(), pairs(), values(), multipart(), addresses()].concat()
}

fn content_types() -> Vec<Row> {
    let not_form = |name| Row::unauthorized(name, "body_not_form").body(CALL);
    vec![
        Row::accepted("a form").body(CALL),
        Row::accepted("a charset").typed(&[&format!("{FORM};charset=UTF-8")]).body(CALL),
        Row::accepted("a space before a charset")
            .typed(&[&format!("{FORM} ; charset=x")])
            .body(CALL),
        Row::accepted("a type in upper case").typed(&[&FORM.to_uppercase()]).body(CALL),
        Row::accepted("a query and a form").query("action=GetClients").body(PAIR),
        Row::accepted("a query alone").query(CALL),
        Row::accepted("a query alone, without a type").query(CALL).typed(&[]),
        Row::accepted("a query alone, typed as JSON").query(CALL).typed(&["application/json"]),
        not_form("a form and text in one header").typed(&[&format!("{FORM}, text/plain")]),
        not_form("a comma and a letter").typed(&[&format!("{FORM},x")]),
        not_form("a space and a word").typed(&[&format!("{FORM} x")]),
        not_form("a tab before a charset").typed(&[&format!("{FORM}\t;charset=UTF-8")]),
        not_form("the same type twice").typed(&[FORM, FORM]),
        not_form("a form, and a second type").typed(&[FORM, "text/plain"]),
        not_form("a second type, and a form").typed(&["text/plain", FORM]),
        not_form("no type").typed(&[]),
        not_form("an empty type").typed(&[""]),
        not_form("JSON").typed(&["application/json"]).body(r#"{"identifier":"id"}"#),
        not_form("JSON beside a whole query").typed(&["application/json"]).query(CALL).body("{}"),
        not_form("text").typed(&["text/plain"]),
        not_form("XML").typed(&["application/xml"]).body("<a/>"),
        not_form("multipart of another kind")
            .typed(&["multipart/mixed; boundary=Z"])
            .body(parts("")),
        Row::unauthorized("JSON as a form", "missing_credentials").body(r#"{"identifier":"id"}"#),
        Row::unauthorized("nothing at all", "missing_credentials"),
    ]
}

fn methods() -> Vec<Row> {
    let not_allowed = |method| {
        Row::new("another method", "method_not_allowed", 405).method(method).query(CALL).typed(&[])
    };
    vec![
        Row::new("GET", "get_not_allowed", 405).method("GET").query(CALL).typed(&[]),
        Row::accepted("GET, allowed").method("GET").with_get().query(CALL).typed(&[]),
        Row::unauthorized("GET with a body", "body_without_post")
            .method("GET")
            .with_get()
            .query(CALL)
            .body("x=1"),
        not_allowed("HEAD"),
        not_allowed("HEAD").with_get(),
        not_allowed("PUT"),
        not_allowed("DELETE"),
        not_allowed("PATCH"),
        not_allowed("OPTIONS"),
        Row::new("PUT of a form", "method_not_allowed", 405).method("PUT").body(CALL),
    ]
}

fn names() -> Vec<Row> {
    let with =
        |name, code, more: &str| Row::unauthorized(name, code).body(format!("{CALL}&{more}"));
    vec![
        with("an action twice", "repeated_field", "action=GetClients"),
        with("a secret twice, once empty", "repeated_field", "secret="),
        Row::unauthorized("an action in query and body", "repeated_field")
            .query("action=GetClients")
            .body(CALL),
        with("an access key twice", "repeated_field", "accesskey=a&accesskey=a"),
        with("an action as a list", "disguised_field", "action[]=x"),
        with("an action as a map", "disguised_field", "action%5Bx%5D=x"),
        with("an open bracket", "disguised_field", "action[=x"),
        with("a space before a name", "disguised_field", "+action=x"),
        with("a NUL after a name", "disguised_field", "action%00x=x"),
        with("the other pair as lists", "disguised_field", "username[]=x&password[]=x"),
        Row::unauthorized("a list in the query", "disguised_field").query("secret[]=x").body(CALL),
        Row::accepted("an unknown name twice").body(format!("{CALL}&a=1&a=2&a[]=3")),
        Row::accepted("a tab after a name").body(format!("{CALL}&secret%09=x")),
        Row::unauthorized("a secret whose name has a tab", "missing_field")
            .body("action=GetClients&identifier=id&secret%09=x"),
        Row::unauthorized("names in upper case", "missing_credentials")
            .body("ACTION=GetClients&Identifier=id&Secret=s%2Be+c"),
        Row::accepted("empty pairs and names").body(format!("&&=x&{CALL}&&=")),
        Row::unauthorized("semicolons between fields", "missing_field")
            .body(CALL.replace('&', ";").replace("action=GetClients;", "")),
    ]
}

fn pairs() -> Vec<Row> {
    let half = |name, body: &str| Row::unauthorized(name, "missing_field").body(body);
    vec![
        half("an identifier alone", "action=x&identifier=id"),
        half("a secret alone", "action=x&secret=s"),
        half("a secret beside a login", "secret=x&username=u&password=p"),
        half("an identifier beside a login", "identifier=x&username=u&password=p"),
        half("a username alone", "action=x&username=u"),
        half("an empty password", "action=x&username=u&password="),
        Row::accepted("the pair as a login").body("action=GetClients&username=id&password=s%2Be+c"),
        Row::accepted("an empty pair beside a login")
            .body("action=GetClients&identifier=&secret=&username=id&password=s%2Be+c"),
        Row::accepted("both pairs").body(format!("{CALL}&username=admin&password=x")),
        Row::accepted("an admin").body(ADMIN),
        Row::unauthorized("an admin with the plain password", "password_not_md5")
            .body("action=GetClients&username=admin&password=password"),
        Row::unauthorized("another secret", "wrong_secret").body(format!("{CALL}x")),
        Row::unauthorized("another identifier", "unknown_identifier")
            .body("action=GetClients&identifier=x&secret=s%2Be+c"),
        Row::unauthorized("another username", "unknown_username")
            .body("action=GetClients&username=x&password=s"),
    ]
}

fn values() -> Vec<Row> {
    let long = |field: &str, length: usize| format!("action=x&{field}={}", "a".repeat(length));
    let fields = |count: usize| format!("{CALL}{}", "&x=1".repeat(count - 3));
    vec![
        Row::unauthorized("255 bytes of identifier", "unknown_identifier")
            .body(long("secret=s&identifier", 255)),
        Row::unauthorized("256 bytes of identifier", "field_too_long")
            .body(long("secret=s&identifier", 256)),
        Row::unauthorized("1,024 bytes of secret", "wrong_secret")
            .body(long("identifier=id&secret", 1024)),
        Row::unauthorized("1,025 bytes of secret", "field_too_long")
            .body(long("identifier=id&secret", 1025)),
        Row::unauthorized("256 bytes of username", "field_too_long")
            .body(long("password=s&username", 256)),
        Row::unauthorized("an identifier that is not UTF-8", "field_not_utf8")
            .body("action=x&secret=s&identifier=%FF"),
        Row::unauthorized("an access key that is not UTF-8", "field_not_utf8")
            .body(format!("{CALL}&accesskey=%FF")),
        Row::unauthorized("a line end in an identifier", "control_character")
            .body("action=x&secret=s&identifier=id%0A"),
        Row::accepted("1,000 fields").body(fields(1000)),
        Row::unauthorized("1,001 fields", "field_count").body(fields(1001)),
        Row::unauthorized("1,001 fields in query and body", "field_count")
            .query("x=1&".repeat(998))
            .body(CALL),
        Row::new("no action", "action_missing", 400).body(PAIR),
        Row::new("an empty action", "action_missing", 400).body(format!("{PAIR}&action=")),
        Row::new("an action of other characters", "action_invalid", 400)
            .body(format!("{PAIR}&action=%3Cscript%3E")),
        Row::new("65 characters of action", "action_invalid", 400)
            .body(format!("{PAIR}&action={}", "a".repeat(65))),
    ]
}

fn multipart() -> Vec<Row> {
    let whole = |name| Row::accepted(name).typed(&[MULTIPART]).body(parts(""));
    let broken =
        |name| Row::unauthorized(name, "multipart_broken").typed(&[MULTIPART]).body(parts(""));
    let disposition = "Content-Disposition: form-data; name=\"x\"";
    let with = |headers: &str, value: &str| parts(&part(headers, value));
    vec![
        whole("multipart"),
        whole("a boundary in quotes").typed(&["multipart/form-data; boundary=\"Z\""]),
        whole("a charset after the boundary").typed(&[&format!("{MULTIPART}; charset=UTF-8")]),
        whole("a charset before the boundary")
            .typed(&["Multipart/Form-Data; charset=UTF-8; boundary=Z"]),
        whole("a file")
            .body(with("Content-Disposition: form-data; name=\"action\"; filename=\"f\"", "x")),
        whole("a part with a type")
            .body(with(&format!("{disposition}\r\nContent-Type: text/plain"), "x")),
        whole("a value of two lines").body(with(disposition, "a\r\nb")),
        whole("an empty value").body(with(disposition, "")),
        whole("no line end after the end").body(parts("").trim_end().to_owned()),
        Row::accepted("a whole query, and no part")
            .typed(&[MULTIPART])
            .query(CALL)
            .body("--Z--\r\n"),
        broken("no boundary").typed(&["multipart/form-data"]),
        broken("a boundary in the value of a parameter")
            .typed(&["multipart/form-data; x=\"; boundary=y\"; boundary=Z"]),
        broken("a name that ends like the boundary's")
            .typed(&["multipart/form-data; xboundary=y; boundary=Z"]),
        broken("two boundaries").typed(&["multipart/form-data; boundary=Z; boundary=Z"]),
        broken("a boundary in upper case").typed(&["multipart/form-data; BOUNDARY=Z; x=boundary"]),
        broken("BOUNDARY alone").typed(&["multipart/form-data; BOUNDARY=Z"]),
        broken("a space after the boundary").typed(&["multipart/form-data; boundary=Z ; x=y"]),
        broken("a comma in the boundary").typed(&["multipart/form-data; boundary=Z,Y"]),
        broken("another boundary in the body").typed(&["multipart/form-data; boundary=Y"]),
        broken("no end").body(parts("").replace("--Z--\r\n", "")),
        broken("half an end").body(parts("").replace("--Z--\r\n", "--Z-\r\n")),
        broken("text before the first boundary").body(format!("x\r\n{}", parts(""))),
        broken("text after the end").body(format!("{}x", parts(""))),
        broken("a boundary after a bare line feed").body(with(
            disposition,
            "a\n--Z\r\nContent-Disposition: form-data; name=\"action\"\r\n\r\nDelete",
        )),
        broken("a line that starts like a boundary").body(with(disposition, "a\r\n--Zx\r\nb")),
        broken("a long header line")
            .body(with(&format!("{disposition}\r\nX: {}", "a".repeat(5120)), "x")),
        broken("a bare line feed in the headers").body(with(&format!("X: a\n{disposition}"), "x")),
        broken("a bare carriage return in the headers")
            .body(with(&format!("X: a\r{disposition}"), "x")),
        broken("a folded header").body(with("Content-Disposition: form-data;\r\n name=\"x\"", "x")),
        broken("two dispositions").body(with(&format!("{disposition}\r\n{disposition}"), "x")),
        broken("no disposition").body(with("Content-Type: text/plain", "x")),
        broken("two names")
            .body(with("Content-Disposition: form-data; name=\"x\"; name=\"y\"", "x")),
        broken("a name in single quotes")
            .body(with("Content-Disposition: form-data; name='x'", "x")),
        broken("a backslash in a name")
            .body(with("Content-Disposition: form-data; name=\"a\\\"b\"", "x")),
        broken("base64")
            .body(with(&format!("{disposition}\r\nContent-Transfer-Encoding: base64"), "eA==")),
        Row::unauthorized("a part twice", "repeated_field")
            .typed(&[MULTIPART])
            .body(parts(&field("action", "x"))),
        Row::unauthorized("a part as a list", "disguised_field")
            .typed(&[MULTIPART])
            .body(parts(&field("action[]", "x"))),
        Row::unauthorized("1,001 parts", "field_count")
            .typed(&[MULTIPART])
            .body(parts(&field("x", "1").repeat(998))),
    ]
}

fn addresses() -> Vec<Row> {
    let stranger = |row: Row| row.from([198, 51, 100, 1]);
    vec![
        stranger(Row::unauthorized("a stranger", "address_not_listed").body(CALL)),
        stranger(
            Row::unauthorized("a stranger's odd request", "address_not_listed")
                .method("PUT")
                .body("{"),
        ),
        stranger(
            Row::accepted("the access key in the body").body(format!("{CALL}&accesskey=key%231")),
        ),
        stranger(
            Row::accepted("the access key in the query").query("accesskey=key%231").body(CALL),
        ),
        stranger(
            Row::unauthorized("a wrong access key", "wrong_access_key")
                .query("accesskey=x")
                .body(CALL),
        ),
        stranger(
            Row::unauthorized("a wrong access key in the body", "wrong_access_key")
                .body(format!("{CALL}&accesskey=x")),
        ),
        stranger(
            Row::unauthorized("two access keys", "malformed_access_key")
                .query("accesskey=key%231")
                .body(format!("{CALL}&accesskey=key%231")),
        ),
    ]
}
