//! The commands besides serving.

use std::error::Error;
use std::io::{self, Write};
use std::process::ExitCode;

use clap::{Args, Subcommand};
use tokio::runtime::Builder;
use tracing_subscriber::filter::LevelFilter;
use whmcs_auth::{BcryptCost, SystemClock};
use whmcs_auth_server::administration::{Administration, NewCredential, Owner};

use whmcs_auth_services_base::KeyOptions;

use crate::options::{DatabaseOptions, TableOptions};

/// A command besides serving.
#[derive(Subcommand)]
pub enum Command {
    /// Sign a login link for a client of the database, and print its URL.
    SignLink(SignLink),
    /// Make an API credential, and print its identifier and its secret. The secret is shown only once.
    MakeCredential(MakeCredential),
}

#[derive(Args)]
pub struct SignLink {
    /// E-mail of the client.
    email: String,

    /// Page to open after the login, such as viewinvoice.php?id=12.
    #[arg(long, value_name = "TARGET")]
    goto: Option<String>,

    /// URL of the installation. The default is the setting SystemURL.
    #[arg(long, value_name = "URL")]
    base_url: Option<String>,

    #[command(flatten)]
    keys: KeyOptions,

    #[command(flatten)]
    database: DatabaseOptions,
}

#[derive(Args)]
pub struct MakeCredential {
    /// Username or number of the admin who owns the credential.
    #[arg(long, value_name = "ADMIN")]
    admin: String,

    /// Name or number of an API role. Repeat the option for several.
    #[arg(long, value_name = "ROLE", required = true)]
    role: Vec<String>,

    /// Bcrypt cost of the stored secret.
    #[arg(long, value_name = "COST", default_value_t = 10, value_parser = clap::value_parser!(u32).range(4..=31))]
    bcrypt_cost: u32,

    #[command(flatten)]
    tables: TableOptions,

    #[command(flatten)]
    database: DatabaseOptions,
}

impl Command {
    /// Carries the command out.
    pub fn run(self) -> ExitCode {
        let runtime = Builder::new_current_thread().enable_all().build();
        let outcome =
            runtime.map_err(Into::into).and_then(|runtime| runtime.block_on(self.start()));
        match outcome {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                let _ = writeln!(io::stderr(), "{error}");
                ExitCode::FAILURE
            }
        }
    }

    async fn start(self) -> Result<(), Box<dyn Error>> {
        // This log shows warnings about files to a person.
        tracing_subscriber::fmt()
            .without_time()
            .with_target(false)
            .with_max_level(LevelFilter::WARN)
            .with_writer(io::stderr)
            .init();
        match self {
            Self::SignLink(command) => command.run().await,
            Self::MakeCredential(command) => command.run().await,
        }
    }
}

impl SignLink {
    async fn run(self) -> Result<(), Box<dyn Error>> {
        let key = self.keys.read(None)?.into_iter().next();
        let mut database = Administration::connect(&self.database.url()?).await?;
        let (goto, base_url) = (self.goto.as_deref(), self.base_url.as_deref());
        let link = database.sign_link(&self.email, goto, base_url, key, &SystemClock).await?;
        writeln!(io::stdout(), "{link}")?;
        Ok(())
    }
}

impl MakeCredential {
    async fn run(self) -> Result<(), Box<dyn Error>> {
        let mut database = Administration::connect(&self.database.url()?).await?;
        let new = NewCredential {
            owner: Owner {
                admin: &self.admin,
                api_access_permission: self.tables.api_access_permission,
            },
            roles: &self.role,
            role_ids: self.tables.role_ids,
            bcrypt_cost: BcryptCost::new(self.bcrypt_cost)?,
        };
        database.make_credential(&new, io::stdout()).await?;
        Ok(())
    }
}
