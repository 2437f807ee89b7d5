//! The options for the AutoAuth keys.

use std::path::PathBuf;

use clap::Args;
use whmcs_auth::{AutoAuthKey, KeyError};

use crate::files::{FileError, secrets};

/// The AutoAuth keys.
#[derive(Args)]
pub struct KeyOptions {
    /// AutoAuth key. Repeat the option to accept several keys during a rotation.
    #[arg(long, value_name = "KEY", env = "WHMCS_AUTOAUTH_KEY", hide_env_values = true)]
    autoauth_key: Vec<String>,

    /// File with the AutoAuth keys, one on each line. SIGHUP reads it again.
    #[arg(long, value_name = "FILE", env = "WHMCS_AUTOAUTH_KEY_FILE")]
    #[arg(conflicts_with = "autoauth_key")]
    autoauth_key_file: Option<PathBuf>,
}

/// Why the keys cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeysError {
    /// The file cannot be used.
    #[error(transparent)]
    File(#[from] FileError),
    /// A key cannot be used.
    #[error(transparent)]
    Key(#[from] KeyError),
}

impl KeyOptions {
    /// Reads the file, if there is one. `default` is the key if no option gives one. The log warns of keys that
    /// look like a mistake.
    ///
    /// # Errors
    ///
    /// If the file or a key cannot be used.
    pub fn read(&self, default: Option<&str>) -> Result<Vec<AutoAuthKey>, KeysError> {
        let keys: Result<Vec<_>, KeyError> = match (&self.autoauth_key_file, &*self.autoauth_key) {
            (Some(path), _) => {
                secrets(path)?.iter().map(|key| AutoAuthKey::new(key.as_str())).collect()
            }
            (None, []) => default.into_iter().map(AutoAuthKey::new).collect(),
            (None, given) => given.iter().map(AutoAuthKey::new).collect(),
        };
        let keys = keys?;
        for (number, key) in (1_usize..).zip(&keys) {
            if let Some(warning) = key.warning() {
                tracing::warn!("AutoAuth key {number}: {warning}");
            }
        }
        Ok(keys)
    }
}
