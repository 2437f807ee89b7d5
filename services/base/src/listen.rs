//! Where a program listens: at the address of an option, or at a socket that systemd keeps open for it.

use std::io;
use std::net::SocketAddr;

use listenfd::ListenFd;
use tokio::net::TcpListener;

/// Why a program cannot listen.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// The address of an option is in use, or is not an address of this machine.
    #[error("cannot listen on {1} ({0}): {2}")]
    Bind(&'static str, SocketAddr, io::Error),
    /// What systemd passed on is not a listening socket.
    #[error("cannot use the socket of systemd: {0}")]
    Inherited(io::Error),
}

/// Listens for visitors: at the socket of systemd, or else at the address of `--listen`. systemd keeps its socket
/// open during a restart, so no connection is refused.
///
/// # Errors
///
/// If it cannot listen.
pub async fn listen_for_visitors(address: SocketAddr) -> Result<TcpListener, ListenError> {
    let inherited = ListenFd::from_env().take_tcp_listener(0);
    match inherited.map_err(ListenError::Inherited)? {
        Some(socket) => {
            let prepared = socket.set_nonblocking(true);
            let listener = prepared.and_then(|()| TcpListener::from_std(socket));
            listener.map_err(ListenError::Inherited)
        }
        None => bind("--listen", address).await,
    }
}

/// Listens for the operator, at the address of `--operator-listen`.
///
/// # Errors
///
/// If it cannot listen.
pub async fn listen_for_operator(address: SocketAddr) -> Result<TcpListener, ListenError> {
    bind("--operator-listen", address).await
}

async fn bind(option: &'static str, address: SocketAddr) -> Result<TcpListener, ListenError> {
    let bound = TcpListener::bind(address).await;
    bound.map_err(|error| ListenError::Bind(option, address, error))
}
