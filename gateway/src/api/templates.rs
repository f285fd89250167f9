//! The templates of one request, and what is left for them. The store asks for them by
//! [`Unrendered`](tenant_store::Error::Unrendered), its transaction ended; one asks it again with what they became.

use std::time::Duration;

use domain::AccountId;
use domain::templates::Rendered;

use crate::kit::{Call, Failure, Reply};

/// What all of them may become, in bytes.
const MOST_MADE: usize = 4 << 20;
/// A template may be what another became; that deep, and no deeper.
const ROUNDS: u32 = 4;
const TOO_MUCH: &str = "Templates ask for too much work.";

pub struct Templates<'c> {
    cx: &'c Call,
    account: AccountId,
    time: Duration,
    room: usize,
    rounds: u32,
}

impl<'c> Templates<'c> {
    pub fn of(cx: &'c Call) -> Reply<Self> {
        let (account, time) = (cx.member()?.account(), cx.app.renderer().time());
        Ok(Self { cx, account, time, room: MOST_MADE, rounds: ROUNDS })
    }

    /// Another value of the same request: templates in templates begin anew.
    pub fn next(&mut self) {
        self.rounds = ROUNDS;
    }

    /// Adds what becomes of each of the templates, or why nothing does.
    pub async fn render(&mut self, templates: Vec<String>, rendered: &mut Rendered) -> Reply<()> {
        let mut became = Vec::new();
        if !self.time.is_zero() && self.rounds > 0 {
            let done = self.cx.app.renderer().render(self.account, &templates, self.room).await;
            let done = done.map_err(|why| Failure::unavailable("Templates cannot be rendered now. Try again.", why))?;
            self.rounds -= 1;
            self.time = self.time.saturating_sub(done.took);
            became = done.became;
        }
        let mut became = became.into_iter();
        for template in templates {
            let one = became.next().unwrap_or_else(|| Err(TOO_MUCH.to_owned()));
            self.room = self.room.saturating_sub(one.as_ref().map_or(0, String::len));
            rendered.insert(template, one);
        }
        Ok(())
    }
}
