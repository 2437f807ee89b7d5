//! Checks from which address a call comes.

use std::net::IpAddr;

use whmcs_auth::ApiRequest;

use crate::refusal::Refusal;
use crate::service::Service;
use crate::throttle::Guess;

/// Refuses an address that is neither configured nor, if the settings say so, in the row `APIAllowedIPs`.
/// The row is read for each call, so a change counts at once.
pub(super) async fn check_address(
    service: &Service,
    address: IpAddr,
    request: &ApiRequest<'_>,
) -> Result<(), Refusal> {
    let access = service.access.get();
    let configured = &access.addresses;
    let Err(refusal) = configured.check(address, request) else {
        return Ok(());
    };
    if !service.settings.allowed_ips_from_database {
        return Err(refusal.into());
    }
    let Ok(entries) = service.database.allowed_ips().await? else {
        let cause = "the row APIAllowedIPs of tblconfiguration cannot be read, so it admits nobody: it \
                     is no PHP array of `ip` and `note`";
        return Err(
            Refusal::answered_as(&refusal, "allowed_ips_unreadable", cause).counted(Guess::Secret)
        );
    };
    Ok(configured.clone().with_entries(entries).check(address, request)?)
}
