//! What rate limits cost: the same work for an account with limits, never reached, and for one without.
//!
//! The account's, the workspace's and the key's bucket are all taken from. A difference of a few percent drowns in what a
//! machine does beside; so the two take turns in many short steps.

use ::tests::{Account, put_on_plan};
use serde_json::json;

use super::read::reads;
use super::{again, get};
use crate::Result;
use crate::place::Place;
use crate::program::Program;
use crate::scene::Scene;
use crate::table::{Beside, Floor, Row, Side};

/// Short steps for a usual one.
const TURNS: u32 = 3;
/// Requests a minute that nobody reaches.
const PLENTY: &str = "2000000000";

pub async fn measure(scene: &mut Scene) -> Result<Vec<Row>> {
    let Some(program) = &scene.program else { return Ok(Vec::new()) };
    let (limited, free) = (limited(program, scene.scale.small)?, free(program, scene.scale.small)?);
    let row = |what: &str| Row {
        what: what.to_owned(),
        unit: "/s",
        floors: vec![Floor::Part(0.95)],
        limits: vec![Beside { what: "without limits", ..Beside::default() }],
        ..Row::default()
    };
    let mut cached = row("a flow, from the cache, limits on");
    let mut read = row("read a flow run, limits on");
    let usual = scene.scale.times;
    scene.scale.times.counted = usual.counted / TURNS;
    for _ in 0..scene.scale.rounds * TURNS as usize {
        for (place, on) in [(&limited, true), (&free, false)] {
            let request = get(&place.target, &format!("/flows/{}", place.flow));
            let run = |seed| reads(&place.target, "/flow_runs", place.done, seed);
            let name = |what: &str| format!("limits-{what}-{}", if on { "on" } else { "off" });
            let step = scene.program_step(&name("cached"), &place.target, |_| again(request.clone())).await?;
            side(&mut cached, on).add(step);
            side(&mut read, on).add(scene.program_step(&name("read"), &place.target, run).await?);
        }
    }
    scene.scale.times = usual;
    Ok(vec![cached, read])
}

fn side(row: &mut Row, on: bool) -> &mut Side {
    if on { &mut row.program } else { &mut row.limits[0].side }
}

fn limited(program: &Program, runs: u64) -> Result<Place> {
    let account = Account::create(&program.server);
    let mut place = program.workspace_of(&account)?;
    place.fill(runs);
    put_on_plan(&program.server, &account, &["--requests", PLENTY, "--requests-of-a-key", PLENTY]);
    let workspace = place.target.base.rsplit('/').next().unwrap_or_default();
    let part = json!({"allocations": [{"workspace_id": workspace, "rate_limit_percentage": 90}]});
    account.api().put("/rate-limit-allocations/", &part).expect(200);
    let answer = place.api.get("/hello");
    let policy = answer.header("ratelimit-policy").unwrap_or_default();
    if policy.matches(";q=").count() != 3 {
        return Err(format!("three limits should count, not {policy:?}").into());
    }
    Ok(place)
}

fn free(program: &Program, runs: u64) -> Result<Place> {
    let mut place = program.workspace()?;
    place.fill(runs);
    match place.api.get("/hello").header("ratelimit-policy") {
        Some(policy) => Err(format!("no limit should count, not {policy}").into()),
        None => Ok(place),
    }
}
