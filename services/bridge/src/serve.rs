//! Serves visitors.

use tokio::net::TcpListener;
use whmcs_auth_services_base::ConnectionLimits;

use crate::Bridge;
use crate::dologin::router;

/// Serves until `stop` completes. Logins in progress are then still answered, if they end within the shutdown time
/// of the limits.
pub async fn serve(
    listener: TcpListener,
    bridge: Bridge,
    limits: &ConnectionLimits,
    stop: impl Future<Output = ()>,
) {
    let is_trusted = |peer| bridge.0.access.get().proxies().trusts(peer);
    let app = router(bridge.clone());
    tokio::select! {
        () = whmcs_auth_services_base::serve(listener, app, limits, is_trusted, stop) => {}
        () = bridge.0.reports.keep_summing_up() => {}
    }
    bridge.0.reports.sum_up();
}
