//! Why a database could not be opened, with the cure. No text holds the URL, because it holds a password.

use sqlx::mysql::MySqlDatabaseError;

/// Why a database could not be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The database cannot be reached, or the file is not a database.
    #[error("cannot open the database: {0}")]
    Database(sqlx::Error),
    /// The same, with a cure.
    #[error("cannot open the database: {cause}: {cure}")]
    Curable {
        /// What the database or its driver says.
        cause: String,
        /// What to do.
        cure: &'static str,
    },
    /// The URL has a character in the user or password that ends it.
    #[error(
        "cannot open the database: the user or the password in its URL holds a character that must be \
         percent-encoded: write %25 for %, %40 for @, %2F for /, %3A for :, %3F for ?, %23 for #"
    )]
    NotEncoded,
    /// The URL has another scheme.
    #[error("cannot open the database: its URL must start with sqlite: or mysql://")]
    OtherScheme,
    /// The tables of WHMCS are not there.
    #[error(
        "cannot use the database: it has no table {0}: name the database of a WHMCS installation at the end \
         of the URL"
    )]
    NoTables(String),
    /// The URL does not consist of `sqlite:` and the path of a file.
    #[error("cannot open the database: sqlite: takes the path of a file, without parameters")]
    NoFile,
    /// The file cannot be opened.
    #[error("cannot open the database: {0}")]
    File(#[from] std::io::Error),
    /// A secret of the demo data could not be hashed.
    #[error("cannot create the demo data: {0}")]
    Hash(#[from] bcrypt::BcryptError),
    /// The operating system gave no random bytes.
    #[error("cannot create the demo data: {0}")]
    Random(#[from] getrandom::Error),
}

/// MariaDB's numbers for a wrong user or password, a database that the user may not use, a URL without a
/// database, an unknown database, and a table or a column that the user may not read or that does not exist.
const ACCESS_DENIED: u16 = 1045;
const DATABASE_DENIED: u16 = 1044;
const NO_DATABASE: u16 = 1046;
const UNKNOWN_DATABASE: u16 = 1049;
const TABLE_DENIED: u16 = 1142;
const COLUMN_DENIED: u16 = 1143;
const NO_SUCH_COLUMN: u16 = 1054;
const NO_SUCH_TABLE: u16 = 1146;

impl From<sqlx::Error> for OpenError {
    fn from(error: sqlx::Error) -> Self {
        let cure = match &error {
            sqlx::Error::Io(_) => {
                "no server answers: start it, or correct the host and the port in the URL"
            }
            sqlx::Error::Configuration(_) => {
                "correct the URL, which is sqlite:FILE or mysql://USER:PASSWORD@HOST/NAME"
            }
            _ => match number(&error) {
                Some(ACCESS_DENIED) => {
                    "correct the user and the password in the URL, and percent-encode all of it but letters \
                     and digits"
                }
                Some(DATABASE_DENIED | TABLE_DENIED | COLUMN_DENIED) => {
                    "grant the user SELECT on the tables and columns that the README lists"
                }
                Some(NO_DATABASE | UNKNOWN_DATABASE) => {
                    "name the database of a WHMCS installation at the end of the URL"
                }
                _ => return Self::Database(error),
            },
        };
        Self::Curable { cause: error.to_string(), cure }
    }
}

impl OpenError {
    /// Why the URL of a server could not be used. A raw `@`, `/`, `?` or `#` in a password makes the rest of
    /// it a host, so the error of the driver would mislead and could show a part of the password.
    pub(super) fn of_server(url: &str, error: sqlx::Error) -> Self {
        let Some(address) = url.strip_prefix("mysql://").or_else(|| url.strip_prefix("mariadb://"))
        else {
            return Self::OtherScheme;
        };
        let user = address.rsplit_once('@').map_or("", |(user, _)| user);
        match user.contains(['@', '/', '?', '#', ' ', '[', ']']) || has_raw_percent(user) {
            true => Self::NotEncoded,
            false => error.into(),
        }
    }
}

/// Whether a `%` does not start an escape.
fn has_raw_percent(text: &str) -> bool {
    let is_escape = |rest: &str| {
        rest.as_bytes()
            .first_chunk()
            .is_some_and(|digits: &[u8; 2]| digits.iter().all(u8::is_ascii_hexdigit))
    };
    text.split('%').skip(1).any(|rest| !is_escape(rest))
}

/// Whether the error says that a table does not exist.
pub(super) fn is_missing_table(error: &sqlx::Error) -> bool {
    number(error) == Some(NO_SUCH_TABLE) || starts_with(error, "no such table")
}

/// Whether the error says that a column does not exist.
pub(super) fn is_missing_column(error: &sqlx::Error) -> bool {
    number(error) == Some(NO_SUCH_COLUMN) || starts_with(error, "no such column")
}

fn starts_with(error: &sqlx::Error, text: &str) -> bool {
    error.as_database_error().is_some_and(|error| error.message().starts_with(text))
}

fn number(error: &sqlx::Error) -> Option<u16> {
    let error = error.as_database_error()?;
    Some(error.try_downcast_ref::<MySqlDatabaseError>()?.number())
}
