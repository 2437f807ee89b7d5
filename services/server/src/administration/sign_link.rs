//! Signs a login link that the service accepts.

use sqlx::FromRow;
use whmcs_auth::{
    AutoAuthKey, AutoAuthKeys, AutoAuthPolicy, AutoAuthRequest, Clock, sign_autoauth,
    verify_autoauth,
};

use super::{Administration, AdministrationError};

#[derive(FromRow)]
struct Account {
    email: String,
    is_open: i64,
}

impl Administration {
    /// Signs a link for the client with this e-mail, and returns its URL. The link is verified as the service
    /// verifies it, so a link that is returned logs the client in.
    ///
    /// Without `base_url`, the setting `SystemURL` is the base. Without `key`, the key of the demo data is
    /// used.
    ///
    /// # Errors
    ///
    /// If the service would refuse the link: no open account has the e-mail, several have it, or the setting
    /// `AllowAutoAuth` is not `on`. Also if there is no key or no base, or if `goto` may leave the site.
    pub async fn sign_link(
        &mut self,
        email: &str,
        goto: Option<&str>,
        base_url: Option<&str>,
        key: Option<AutoAuthKey>,
        clock: &(impl Clock + Sync),
    ) -> Result<String, AdministrationError> {
        let key = match key {
            Some(key) => key,
            None => self.demo_key().await?.ok_or(AdministrationError::NoKey)?,
        };
        let base = match base_url {
            Some(base) => base.to_owned(),
            None => {
                let url = self.setting("SystemURL").await?.filter(|url| !url.is_empty());
                url.ok_or(AdministrationError::NoBaseUrl)?
            }
        };
        if self.setting("AllowAutoAuth").await?.is_some_and(|switch| switch != "on") {
            return Err(AdministrationError::SwitchedOff);
        }
        let accounts: Vec<Account> = sqlx::query_as(
            "SELECT email, CASE WHEN status = 'Closed' THEN 0 ELSE 1 END AS is_open
             FROM tblclients WHERE email = ? ORDER BY id",
        )
        .bind(email)
        .fetch_all(&mut self.connection)
        .await?;

        let now = clock.now();
        let link = sign_autoauth(email, goto, &key, &now)?;
        let request = AutoAuthRequest::from_query(link.query());
        let keys = AutoAuthKeys::from(key);
        let login = verify_autoauth(&request, &keys, &now, &AutoAuthPolicy::new())?;
        let is_open = |account: &Account| account.is_open != 0;
        let _ = login.check_account(accounts, |account| &account.email, is_open)?;
        Ok(link.url(&base)?)
    }

    /// The AutoAuth key of the demo data.
    async fn demo_key(&mut self) -> Result<Option<AutoAuthKey>, AdministrationError> {
        match self.is_mariadb {
            true => Ok(None),
            false => {
                let key = self.setting("AutoAuthKey").await?;
                Ok(key.and_then(|key| AutoAuthKey::new(key).ok()))
            }
        }
    }
}
