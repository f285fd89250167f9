//! What accounts used, over all replicas: each tells Redis what it saw, behind the requests, and asks what the others told.
//!
//! A replica writes its own sum of a minute, never a difference, so that telling twice, or again to a Redis that forgot,
//! counts once.

use std::sync::Arc;
use std::time::Duration;

use domain::AccountId;
use futures_util::StreamExt;
use redis::Pipeline;
use uuid::Uuid;

use super::plans::Plans;
use super::usage::{self, Asker, Count, Counts, KEPT, Minutes, Usage};
use crate::redis::{Away, Redis};

/// How often a replica tells what it saw.
const EVERY: Duration = Duration::from_secs(1);
/// Accounts told of at once.
const AT_ONCE: usize = 8;
/// How long Redis keeps a minute, in seconds: as long as a replica does, and the time until it is told.
const LIFE: i64 = (KEPT + 2) * 60;

#[derive(Clone)]
pub struct Tally(Redis);

impl Tally {
    /// Begins to tell, in a task that lives as long as the runtime.
    pub fn start(redis: Redis, plans: Plans) -> Self {
        let tally = Self(redis);
        let telling = tally.clone();
        tokio::spawn(async move { telling.keep_telling(&plans).await });
        tally
    }

    async fn keep_telling(&self, plans: &Plans) {
        let mut told_by = None;
        loop {
            tokio::time::sleep(EVERY).await;
            let Some(connection) = self.0.connection() else { continue };
            let accounts = plans.usages();
            if told_by.replace(connection) != Some(connection) {
                accounts.iter().for_each(|(_, usage)| usage.tell_again());
            }
            futures_util::stream::iter(accounts)
                .for_each_concurrent(AT_ONCE, |(account, usage)| async move { self.tell(account, &usage).await })
                .await;
        }
    }

    async fn tell(&self, account: AccountId, usage: &Usage) {
        let minutes = usage.untold();
        if minutes.is_empty() {
            return;
        }
        let (mut told, teller) = (redis::pipe(), usage.teller.simple().to_string());
        for (at, counts) in &minutes {
            let key = key(account, *at);
            told.hset(&key, &teller, written(counts)).ignore().expire(key, LIFE).ignore();
        }
        if self.0.pipeline::<()>(&told).await.is_err() {
            usage.tell_again();
        }
    }

    /// Adds to minutes what others than `teller` told of them.
    pub async fn add_others(
        &self,
        minutes: &mut Minutes,
        account: AccountId,
        teller: Uuid,
        asked: impl Iterator<Item = i64> + Clone,
    ) -> Result<(), Away> {
        let mut commands: Pipeline = redis::pipe();
        for at in asked.clone() {
            commands.hgetall(key(account, at));
        }
        let told: Vec<Vec<(String, String)>> = self.0.pipeline(&commands).await?;
        let me = teller.simple().to_string();
        for (at, tellers) in asked.zip(told) {
            for (_, text) in tellers.iter().filter(|(teller, _)| *teller != me) {
                usage::add(minutes, at, read(text));
            }
        }
        Ok(())
    }
}

/// The part in braces keeps an account's minutes on one node of a cluster.
fn key(account: AccountId, at: i64) -> String {
    format!("prefecture:usage:{{{}}}:{at}", account.0.simple())
}

fn written(counts: &Counts) -> String {
    let pairs: Vec<(&Asker, &Count)> = counts.iter().map(|(asker, count)| (Arc::as_ref(asker), count)).collect();
    // Plain structures with text keys cannot fail.
    serde_json::to_string(&pairs).unwrap_or_default()
}

/// What a program of another version may have written in another form counts as nothing.
fn read(text: &str) -> Vec<(Asker, Count)> {
    serde_json::from_str(text).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let asker = Asker { workspace: None, actor: None, key: Some("k \" {}".into()) };
        let count = Count { requested: [5, 0], granted: [4, 0] };
        let counts = Counts::from_iter([(Arc::new(asker.clone()), count)]);
        assert_eq!(read(&written(&counts)), [(asker, count)]);
        assert_eq!(read("2|of another form"), []);
    }
}
