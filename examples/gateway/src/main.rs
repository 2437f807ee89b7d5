//! Starts the gateway.

#![forbid(unsafe_code)]

use std::error::Error;
use std::net::SocketAddr;
use std::process::ExitCode;

use axum::http::Uri;
use clap::Parser;
use tokio::net::TcpListener;
use whmcs_auth::gate::AddressGate;
use whmcs_auth_axum::{Access, Authenticator, Report, Watch};
use whmcs_auth_gateway::{Upstream, router, store};

/// A gateway in front of the API of a WHMCS that runs in PHP.
#[derive(Parser)]
struct Options {
    /// Where to listen. Port 0 picks a free one.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8080")]
    listen: SocketAddr,

    /// The URL of WHMCS's api.php, without TLS.
    #[arg(long, value_name = "URL", value_parser = http_url)]
    upstream: Uri,

    /// PHP's setting max_input_vars. A call with more fields is refused.
    #[arg(long, value_name = "NUMBER", default_value_t = 1000)]
    max_fields: usize,

    /// PHP's setting post_max_size, in bytes. A call whose encoded form is longer is refused.
    #[arg(long, value_name = "BYTES", default_value_t = 8 * 1024 * 1024)]
    max_form: usize,

    /// Accept calls by GET. Their secrets then appear in the logs of proxies.
    #[arg(long)]
    allow_get: bool,

    /// An address that may call. Repeat the option for several.
    #[arg(long, value_name = "ADDRESS", default_values = ["127.0.0.1", "::1"])]
    allow_ip: Vec<String>,

    /// The identifier of the credential that may pass.
    #[arg(long, env = "WHMCS_IDENTIFIER", requires = "secret")]
    #[arg(default_value = "D4j1dKYE3g40VROOPCGyJ9zRwP0ADJIv")]
    identifier: String,

    /// Its secret.
    #[arg(long, env = "WHMCS_SECRET", hide_env_values = true, requires = "identifier")]
    #[arg(default_value = "F1CKGXRIpylMfsrig3mwwdSdYUdLiFlo")]
    secret: String,
}

fn http_url(text: &str) -> Result<Uri, String> {
    let url: Uri = text.parse().map_err(|_| "not a URL")?;
    match url.scheme_str() {
        Some("http") if url.query().is_none() && url.path().ends_with("api.php") => Ok(url),
        _ => Err("not a URL such as http://127.0.0.1:8081/includes/api.php".into()),
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    match serve(Options::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

async fn serve(options: Options) -> Result<(), Box<dyn Error + Send + Sync>> {
    let addresses = AddressGate::new().with_entries(options.allow_ip);
    for entry in addresses.unreadable_entries() {
        eprintln!("warning: {entry}");
    }
    let store = store(&options.identifier, &options.secret)?;
    let auth = Authenticator::new(store, Access::new().with_addresses(addresses))
        .with_max_fields(options.max_fields)
        .with_get(options.allow_get);
    // A report shows only an address and names of the request.
    let log = Watch::new(|report: &Report| eprintln!("{report}"));
    let upstream = Upstream { url: options.upstream, max_form: options.max_form };
    let router = router(auth, upstream, log);
    let listener = TcpListener::bind(options.listen).await;
    let listener = listener
        .map_err(|error| format!("cannot listen on {} (--listen): {error}", options.listen))?;
    println!("listening on http://{}", listener.local_addr()?);
    // The gate needs the address of the peer.
    let service = router.into_make_service_with_connect_info::<SocketAddr>();
    Ok(axum::serve(listener, service).await?)
}
