//! Rows of this request that were found and could not be read. They count as absent, and a refusal costs as much, so the
//! caller learns nothing. The operator learns that a row is there.

use std::cell::Cell;

use whmcs_auth::ApiRefusal;
use whmcs_auth_axum::Cause;

use crate::refusal::Refusal;

tokio::task_local! {
    /// The table of the last such row.
    static TABLE: Cell<Option<&'static str>>;
}

/// Within `work`, [`cause`] knows of the rows that [`note`] was called for.
pub(crate) async fn noting<T>(work: impl Future<Output = T>) -> T {
    TABLE.scope(Cell::new(None), work).await
}

/// A row of the table cannot be read.
pub(crate) fn note(table: &'static str) {
    let _ = TABLE.try_with(|noted| noted.set(Some(table)));
}

/// What the operator learns in place of a refusal of an unknown name, if its row is there.
pub(crate) fn cause(code: &str) -> Option<Cause> {
    if !matches!(code, "unknown_identifier" | "unknown_username") {
        return None;
    }
    let refusal = match TABLE.try_with(Cell::get).ok()?? {
        "tbladmins" => Refusal::answered_as(
            &ApiRefusal::UnknownUsername,
            "admin_unreadable",
            "the row of the admin in tbladmins cannot be read: an earlier line of the log says why",
        ),
        "tbldeviceauth" => Refusal::answered_as(
            &ApiRefusal::UnknownIdentifier,
            "credential_unreadable",
            "the row of the credential in tbldeviceauth cannot be read: an earlier line of the log says why",
        ),
        _ => return None,
    };
    Some(refusal.into())
}
