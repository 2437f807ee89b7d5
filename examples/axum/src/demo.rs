//! What you replace: the database, and the key of the login links.

use std::error::Error;
use std::io;

use whmcs_auth::time::Duration;
use whmcs_auth::{
    Admin, AdminState, AllowedActions, ApiCredential, AsyncCredentialStore, AutoAuthKey,
    BcryptCost, Clock, ExpectedSchemes, PasswordScheme, SecretScheme, StoredPassword, StoredSecret,
    SystemClock, sign_autoauth,
};

/// Everybody knows it. Use 32 or more random characters, and read them from your configuration.
pub(crate) const AUTOAUTH_KEY: &str = "strong_auto_auth_key_goes_here";

/// Records in memory. A real database does the same with async queries.
pub(crate) struct Database {
    credential: ApiCredential<u64>,
    admin: Admin<u64>,
    clients: [Client; 2],
    expected: ExpectedSchemes,
}

#[derive(Clone, Copy)]
pub(crate) struct Client {
    pub(crate) id: u64,
    pub(crate) email: &'static str,
    pub(crate) is_open: bool,
}

impl Database {
    /// The secret is `F1CKGXRIpylMfsrig3mwwdSdYUdLiFlo`, and the admin's password is `password`.
    pub(crate) fn new() -> Result<Self, Box<dyn Error>> {
        let secret =
            StoredSecret::bcrypt("$2y$10$Q8Za./EkNaTm0Aw5HNtTj.BptR/JBFnbA2T8vlJzmsu9r0Vm7BXZW")?;
        let password = StoredPassword::bcrypt_of_md5(
            "$2y$10$0P7CiT6ez.1X4d3Op5DwrO4zsmD77hVdfqWkpISjaEjhn.zy.Y.Ya",
        )?;
        let state = AdminState::WithApiAccess;
        let cost = BcryptCost::new(10)?;
        Ok(Self {
            credential: ApiCredential::new(7, "D4j1dKYE3g40VROOPCGyJ9zRwP0ADJIv", secret, state)
                .with_actions(AllowedActions::new(["GetClients"])),
            admin: Admin::new(1, "admin", password, state),
            clients: [
                Client { id: 1, email: "demo@whmcs.com", is_open: true },
                Client { id: 2, email: "a+b@example.com", is_open: true },
            ],
            expected: ExpectedSchemes::new(
                SecretScheme::Bcrypt(cost),
                PasswordScheme::BcryptOfMd5(cost),
            ),
        })
    }

    pub(crate) fn clients(&self) -> &[Client] {
        &self.clients
    }

    pub(crate) async fn clients_by_email(&self, email: &str) -> io::Result<Vec<Client>> {
        let clients = self.clients.iter();
        Ok(clients.filter(|client| client.email.eq_ignore_ascii_case(email)).copied().collect())
    }
}

impl AsyncCredentialStore for Database {
    type Id = u64;
    type Error = io::Error;

    async fn find_credential(&self, identifier: &str) -> io::Result<Option<ApiCredential<u64>>> {
        Ok(Some(&self.credential).filter(|found| found.identifier() == identifier).cloned())
    }

    async fn find_admin(&self, username: &str) -> io::Result<Option<Admin<u64>>> {
        let has_name = |found: &&Admin<_>| found.username().eq_ignore_ascii_case(username);
        Ok(Some(&self.admin).filter(has_name).cloned())
    }

    fn expected_schemes(&self) -> ExpectedSchemes {
        self.expected
    }
}

/// Commands that show the service at work.
pub(crate) fn what_to_try(base: &str) -> Result<String, Box<dyn Error>> {
    let key = AutoAuthKey::new(AUTOAUTH_KEY)?;
    // The service accepts only links that were made after its start.
    let soon = SystemClock.now() + Duration::SECOND;
    let link = sign_autoauth("demo@whmcs.com", Some("viewinvoice.php?id=12"), &key, &soon)?;
    let url = link.url(base)?;
    let fields = "username=admin&password=5f4dcc3b5aa765d61d8327deb882cf99&responsetype=json";
    Ok(format!(
        "listening on {base}\n\n\
         an API call:\n  curl '{base}/includes/api.php' -d 'action=GetClients&{fields}'\n\
         a login link, for 15 minutes:\n  curl -i '{url}'\n"
    ))
}
