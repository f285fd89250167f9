//! `admin encryption`: the keys of secrets at rest.

use clap::Subcommand;
use tenant_store::control::Control;
use tenant_store::encryption::KeyRing;

use super::output::{Shown, row};
use crate::config::EncryptionSettings;
use crate::program::{Error, rewrap_all};

#[derive(Subcommand)]
pub enum Command {
    /// Make a new key, to be put in front of PREFECTURE_ENCRYPTION_KEYS. It is kept nowhere.
    Generate {
        /// What to call it: letters, digits, dashes, dots and underscores, never the same twice.
        id: String,
    },
    /// Make the first key the one that all workspaces depend on, so that the others can be taken out.
    Rewrap {
        #[command(flatten)]
        keys: EncryptionSettings,
    },
}

pub async fn run(control: &Control, command: Command) -> Result<Shown, Error> {
    match command {
        Command::Generate { id } => {
            let key = KeyRing::generate(&id);
            // An id that no ring takes is refused before it is written down anywhere.
            key.parse::<KeyRing>()?;
            Ok(Shown::One(row![key: key]))
        }
        Command::Rewrap { keys } => {
            let ring = keys.key_ring()?;
            let first = ring.first_id().ok_or("PREFECTURE_ENCRYPTION_KEYS is not set")?;
            let report = rewrap_all(control, &ring).await?;
            if report.failed.is_empty() {
                control.forget_other_keys(first).await?;
            }
            match report.failed.first() {
                None => Ok(Shown::One(row![rewrapped: report.rewrapped, nothing_to_do: report.nothing_to_do])),
                Some((workspace, why)) => Err(format!(
                    "{} workspaces still depend on another key, {} do not. First: {workspace}: {why}. Keep all keys, mend it \
                     and run this again.",
                    report.failed.len(),
                    report.rewrapped + report.nothing_to_do
                )
                .into()),
            }
        }
    }
}
