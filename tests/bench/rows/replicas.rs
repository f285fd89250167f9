//! Two replicas that share a Redis, beside one of them: what standing side by side costs, or gives. On one machine they
//! share its cores too, so that two can hardly do more than one.

use ::tests::Redis;

use super::read::reads;
use super::{again, get, post};
use crate::Result;
use crate::bodies;
use crate::http::Target;
use crate::load::Requests;
use crate::program;
use crate::scene::{self, Scene};
use crate::table::{Beside, Row};

/// What is done, its name among the steps, and its requests to a replica.
type Work<'w> = (&'static str, &'static str, &'w dyn Fn(&Target, usize) -> Requests);

pub async fn measure(scene: &mut Scene) -> Result<Vec<Row>> {
    let settings = scene::settings(&scene.measure)?;
    let runs = scene.scale.small;
    let Some(program) = &mut scene.program else { return Ok(Vec::new()) };
    program.place.fill(runs);
    let (redis, database) = (Redis::start(), program.server.database());
    let replicas = [(); 2].map(|()| program::server(database, &settings).redis(&redis).start());
    let place = program.place.clone();
    let targets: Vec<Target> = replicas.iter().map(|replica| place.target.at(replica.url())).collect::<Result<_>>()?;
    let watch = |count: usize| scene.watch(replicas.iter().take(count).map(|replica| replica.pid()).collect());
    let flow = |target: &Target, _| again(get(target, &format!("/flows/{}", place.flow)));
    let read = |target: &Target, seed| reads(target, "/flow_runs", runs, seed);
    let create = |target: &Target, _| again(post(target, "/flow_runs/", &bodies::flow_run(&place.flow)));
    let work: [Work<'_>; 3] = [
        ("a flow, from the cache", "replicas-cached", &flow),
        ("read a flow run", "replicas-read", &read),
        ("create a flow run", "replicas-create", &create),
    ];
    let mut rows = Vec::new();
    for (what, name, source) in work {
        let mut row = Row {
            what: format!("{what}, two replicas with Redis"),
            unit: "/s",
            limits: vec![Beside { what: "one replica with Redis", ..Beside::default() }],
            ..Row::default()
        };
        for _ in 0..scene.scale.rounds {
            for count in [2, 1] {
                let (step, targets) = (format!("{name}-{count}"), &targets[..count]);
                let source = |at: usize| source(&targets[at % count], at);
                let side = if count == 2 { &mut row.program } else { &mut row.limits[0].side };
                side.add(scene.replicas_step(&step, targets, &watch(count), source).await?);
            }
        }
        rows.push(row);
    }
    Ok(rows)
}
