//! Templates that users send, rendered where they can do no harm: each request's by a process of its own with bounds of
//! memory and processor time, which knows nothing but them. No engine there is holds a hostile template to either, and what
//! goes wrong in that process (out of memory, out of stack, a defect of the engine) ends no other.
//!
//! [`Renderer`] is the side that asks, in the server; [`run`] is the process.

mod child;
mod parent;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use domain::AccountId;
use serde::{Deserialize, Serialize};
use tokio::sync::Semaphore;

pub use child::{is_child, run};
pub use parent::Done;

use crate::config::TemplateSettings;

/// What the process says, a line of JSON each: of each template in order, then how long it worked.
#[derive(Serialize, Deserialize)]
enum Said {
    Made(String),
    Refused(String),
    /// Processor time in microseconds.
    Took(u64),
}

/// Requests of an account whose templates wait.
const MOST_WAITING: usize = 64;

/// Where templates wait to be rendered; one a program.
pub struct Renderer {
    settings: TemplateSettings,
    places: Semaphore,
    /// Only of accounts whose templates are rendered or wait: one at a time, so that none fills all places.
    turns: Mutex<HashMap<AccountId, Weak<tokio::sync::Mutex<()>>>>,
}

impl Renderer {
    pub fn new(settings: &TemplateSettings) -> Self {
        Self { places: Semaphore::new(settings.templates_at_once), settings: settings.clone(), turns: Mutex::default() }
    }

    /// Processor time for the templates of a request.
    pub fn time(&self) -> Duration {
        self.settings.template_time
    }

    /// What becomes of templates, when it is the account's turn; no more of it than `room` bytes. An error is that no
    /// process could be had, or too many wait.
    pub async fn render(&self, account: AccountId, templates: &[String], room: usize) -> std::io::Result<Done> {
        let turns = self.turns_of(account);
        if Arc::strong_count(&turns) > MOST_WAITING {
            return Err(std::io::Error::other("many of the account's templates wait already"));
        }
        let _turn = turns.lock().await;
        let _place = self.places.acquire().await.map_err(std::io::Error::other)?;
        parent::render(&self.settings, templates, room).await
    }

    fn turns_of(&self, account: AccountId) -> Arc<tokio::sync::Mutex<()>> {
        let mut turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(there) = turns.get(&account).and_then(Weak::upgrade) {
            return there;
        }
        turns.retain(|_, turn| turn.strong_count() > 0);
        let turn = Arc::default();
        turns.insert(account, Arc::downgrade(&turn));
        turn
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn one_account_takes_one_place() {
        let settings =
            TemplateSettings { template_time: Duration::from_secs(1), template_memory: 1, templates_at_once: 2 };
        let renderer = Renderer::new(&settings);
        let (ours, theirs) = (AccountId(uuid::Uuid::from_u128(1)), AccountId(uuid::Uuid::from_u128(2)));
        let turns = renderer.turns_of(ours);
        let turn = turns.lock().await;
        assert!(renderer.turns_of(ours).try_lock().is_err() && renderer.turns_of(theirs).try_lock().is_ok());
        drop(turn);
        drop(turns);
        assert!(renderer.turns_of(theirs).try_lock().is_ok());
        assert_eq!(renderer.turns.lock().unwrap().len(), 1, "who has none is forgotten");
    }
}
