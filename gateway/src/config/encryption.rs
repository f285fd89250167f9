//! The keys of secrets at rest.

use clap::Args;
use tenant_store::encryption::KeyRing;

use super::WrongSetting;

#[derive(Clone, Args)]
#[command(next_help_heading = "Secrets")]
pub struct EncryptionSettings {
    /// Keys that secrets are encrypted with, as id:key, the key being the base64 of 32 random bytes; commas between several.
    /// The first one is used for what is new, the others open what they encrypted before. Without any, blocks cannot be
    /// saved.
    #[arg(long, env = "PREFECTURE_ENCRYPTION_KEYS", value_name = "ID:KEY,…", hide_env_values = true)]
    pub encryption_keys: Option<String>,
}

impl EncryptionSettings {
    /// Empty where none were given.
    pub fn key_ring(&self) -> Result<KeyRing, WrongSetting> {
        let Some(keys) = self.encryption_keys.as_deref().filter(|keys| !keys.trim().is_empty()) else {
            return Ok(KeyRing::default());
        };
        keys.parse().map_err(|why| {
            let how = "2026-01:$(openssl rand -base64 32)";
            WrongSetting::new("--encryption-keys (PREFECTURE_ENCRYPTION_KEYS)", why, how)
        })
    }
}
