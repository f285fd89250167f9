//! What an update of a deployment means for its schedules (reference: `server/api/deployments.py`, `update_deployment`).
//!
//! Where every schedule there is and every one that was sent has a slug, each is changed, renamed (`replaces`) or made by
//! it, and those that were not sent stay. Otherwise those that were sent take the place of those there were.

use super::DeploymentScheduleUpdate;
use crate::ScheduleId;

/// What is to be done.
#[derive(Debug, Clone, PartialEq)]
pub enum Change {
    None,
    Replace(Vec<DeploymentScheduleUpdate>),
    BySlug {
        /// Those that get another slug.
        renamed: Vec<ScheduleId>,
        changed: Vec<(ScheduleId, DeploymentScheduleUpdate)>,
        created: Vec<DeploymentScheduleUpdate>,
    },
}

/// Why it cannot be done; the words are the client's to read.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Refused {
    #[error("Multiple schedules have 'replaces' targeting the same slug: {0}")]
    ReplacedTwice(String),
    #[error("Cannot rename schedule from '{from}' to '{to}': a schedule with slug '{to}' already exists.")]
    SlugTaken { from: String, to: String },
    #[error("Unable to create new deployment schedules without a schedule configuration.")]
    NothingToCreate,
    #[error("Please provide a slug for each schedule in your request to ensure schedules are updated correctly.")]
    NoSlug,
}

/// `sent` is `None` when the update says nothing of schedules.
pub fn changes(
    existing: &[(ScheduleId, Option<String>)],
    sent: Option<Vec<DeploymentScheduleUpdate>>,
) -> Result<Change, Refused> {
    let Some(sent) = sent else { return Ok(Change::None) };
    let have_slugs = !existing.is_empty() && existing.iter().all(|(_, slug)| slug.is_some());
    match (have_slugs, sent.iter().all(|schedule| schedule.slug.is_some())) {
        (false, _) => Ok(Change::Replace(sent)),
        (true, false) => Err(Refused::NoSlug),
        (true, true) => by_slug(existing, sent),
    }
}

fn by_slug(existing: &[(ScheduleId, Option<String>)], sent: Vec<DeploymentScheduleUpdate>) -> Result<Change, Refused> {
    let of_slug = |wanted: &str| existing.iter().find(|(_, slug)| slug.as_deref() == Some(wanted)).map(|(id, _)| *id);
    let mut replaced: Vec<&str> = Vec::new();
    for target in sent.iter().filter_map(replaces) {
        if replaced.contains(&target) {
            return Err(Refused::ReplacedTwice(target.to_owned()));
        }
        replaced.push(target);
    }
    for schedule in &sent {
        if let (Some(from), Some(to)) = (replaces(schedule), schedule.slug.as_deref().filter(|slug| !slug.is_empty()))
            && of_slug(to).is_some()
            && !replaced.contains(&to)
        {
            return Err(Refused::SlugTaken { from: from.to_owned(), to: to.to_owned() });
        }
    }
    let (mut renamed, mut changed, mut created) = (Vec::new(), Vec::new(), Vec::new());
    for schedule in sent {
        let target = replaces(&schedule).or(schedule.slug.as_deref()).and_then(of_slug);
        match target {
            Some(id) => {
                if replaces(&schedule).is_some() {
                    renamed.push(id);
                }
                changed.push((id, schedule));
            }
            // Also one that was to replace what is not there.
            None if schedule.schedule.is_some() => created.push(schedule),
            None => return Err(Refused::NothingToCreate),
        }
    }
    Ok(Change::BySlug { renamed, changed, created })
}

fn replaces(schedule: &DeploymentScheduleUpdate) -> Option<&str> {
    schedule.replaces.as_deref().filter(|slug| !slug.is_empty())
}

#[cfg(test)]
mod tests {
    use wire::{Errors, Input, Time};

    use super::*;

    fn sent(text: &str) -> Vec<DeploymentScheduleUpdate> {
        let value = wire::json::parse(text.as_bytes()).unwrap();
        Vec::parse(&value, &mut Errors::of_body()).unwrap()
    }

    fn existing(slugs: &[Option<&str>]) -> Vec<(ScheduleId, Option<String>)> {
        slugs.iter().map(|slug| (ScheduleId::new(Time::from_micros(0)), slug.map(str::to_owned))).collect()
    }

    #[test]
    fn with_slugs_each_is_changed_and_the_others_stay() {
        let there = existing(&[Some("a"), Some("b")]);
        let body = r#"[{"slug":"a","active":false},{"slug":"c","schedule":{"cron":"0 0 * * *"}}]"#;
        let Ok(Change::BySlug { renamed, changed, created }) = changes(&there, Some(sent(body))) else { panic!() };
        assert!(renamed.is_empty());
        assert_eq!(changed.iter().map(|(id, _)| *id).collect::<Vec<_>>(), [there[0].0]);
        assert_eq!(created.len(), 1);
        assert_eq!(changes(&there, None), Ok(Change::None));
    }

    #[test]
    fn a_slug_is_handed_on_by_replacing() {
        let there = existing(&[Some("a"), Some("b")]);
        let swap = r#"[{"slug":"b","replaces":"a"},{"slug":"a","replaces":"b"}]"#;
        let Ok(Change::BySlug { renamed, .. }) = changes(&there, Some(sent(swap))) else { panic!() };
        assert_eq!(renamed, [there[0].0, there[1].0]);
        for (body, why) in [
            (r#"[{"slug":"b","replaces":"a"}]"#, Refused::SlugTaken { from: "a".into(), to: "b".into() }),
            (r#"[{"slug":"x","replaces":"a"},{"slug":"y","replaces":"a"}]"#, Refused::ReplacedTwice("a".into())),
            (r#"[{"slug":"x"}]"#, Refused::NothingToCreate),
            (r#"[{"slug":"x","replaces":"gone"}]"#, Refused::NothingToCreate),
            (r#"[{"active":true}]"#, Refused::NoSlug),
        ] {
            assert_eq!(changes(&there, Some(sent(body))), Err(why), "{body}");
        }
    }

    #[test]
    fn without_slugs_the_new_take_the_place_of_the_old() {
        for there in [existing(&[]), existing(&[Some("a"), None])] {
            assert!(matches!(changes(&there, Some(sent("[]"))), Ok(Change::Replace(new)) if new.is_empty()));
        }
    }
}
