//! Signs a login link that the service accepts.

use whmcs_auth::{
    AutoAuthKey, AutoAuthKeys, AutoAuthPolicy, AutoAuthRequest, Clock, sign_autoauth,
    verify_autoauth,
};

use super::{Administration, AdministrationError};
use crate::database::{Client, SsoSwitch};

impl Administration {
    /// Signs a link for the client with this e-mail, and returns its URL. The link is verified as the service
    /// verifies it, so a link that is returned logs the client in.
    ///
    /// Without `base_url`, the setting `SystemURL` is the base. Without `key`, the key of the demo data is
    /// used.
    ///
    /// # Errors
    ///
    /// If the service would refuse the link: no open account has the e-mail, several have it, single sign-on is
    /// switched off for the client, or the setting `AllowAutoAuth` is not `on`. Also if there is no key or no base,
    /// or if `goto` may leave the site.
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
        let sso_switch = SsoSwitch::find(&mut self.connection).await?;
        let clients = sso_switch.clients_by_email(email, &mut self.connection).await?;

        let now = clock.now();
        let link = sign_autoauth(email, goto, &key, &now)?;
        let request = AutoAuthRequest::from_query(link.query());
        let keys = AutoAuthKeys::from(key);
        let login = verify_autoauth(&request, &keys, &now, &AutoAuthPolicy::new())?;
        let login = login.check_account(clients, |client| &client.email, Client::is_open)?;
        let _ = login.require(|client| match client.may_sign_on() {
            true => Ok(()),
            false => Err(AdministrationError::SsoNotAllowed),
        })?;
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
