//! Strikes a replica at points of its work.

use std::sync::atomic::{AtomicBool, Ordering};

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use tests::{Way, eventually};

use super::ground::Ground;
use super::scene::{Scene, Service};
use super::trap::{Message, PASSES};

const POINTS: usize = 3;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    Kill,
    Pause,
}

/// When the replica is back, and its network good again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Back {
    /// While the other has hardly begun.
    AtOnce,
    /// When the other has done everything.
    Later,
}

#[derive(Debug, Clone, Copy)]
struct Point {
    at: Message,
    fault: Fault,
    back: Back,
}

impl Point {
    fn any(random: &mut StdRng, messages: usize) -> Point {
        let way = if random.random() { Way::ToServer } else { Way::ToClient };
        let at = Message { number: random.random_range(1..=messages), way };
        let fault = if random.random() { Fault::Kill } else { Fault::Pause };
        let back = if random.random() { Back::AtOnce } else { Back::Later };
        Point { at, fault, back }
    }
}

/// What became of a round: struck, or the pass was over before its message came.
struct Round {
    struck: bool,
    messages: usize,
}

pub fn at_points(service: &Service) {
    let number = |name: &str| std::env::var(name).ok().map(|text| text.parse().expect("a number"));
    let (points, seed) = (number("SERVICE_FAULTS").unwrap_or(POINTS), number("SERVICE_FAULTS_SEED").unwrap_or(1));
    let mut random = StdRng::seed_from_u64(seed as u64);
    Ground::with(|ground| {
        let mut scene = Scene::on(ground);
        (service.set_up)(&scene);
        let cold = round(ground, service, &mut scene, None).messages;
        assert!(cold > 0, "no message of {} was seen: does its first look still say {:?}?", service.pass, PASSES);
        let (mut messages, mut struck, mut missed) = (cold, Vec::new(), 0);
        while struck.len() < points {
            let point = Point::any(&mut random, messages);
            let done = round(ground, service, &mut scene, Some(point));
            if done.struck {
                // Who begins anew has to prepare its statements first.
                messages = if point.fault == Fault::Kill { cold } else { messages };
                struck.push(point);
            } else {
                (messages, missed) = (done.messages.max(1), missed + 1);
                assert!(missed <= 20 + 2 * points, "{missed} points were missed");
            }
        }
        ground.settle(&scene);
        sound(service, &scene, "at the end");
        let kills = struck.iter().filter(|point| point.fault == Fault::Kill).count();
        let places: std::collections::BTreeSet<_> =
            struck.iter().map(|point| (point.at.number, point.at.way == Way::ToClient)).collect();
        eprintln!(
            "{}: {kills} kills and {} pauses at {} places of {cold} messages; {} rounds",
            service.name,
            struck.len() - kills,
            places.len(),
            scene.round
        );
    });
}

/// One time in which there is something to do.
fn round(ground: &mut Ground, service: &Service, scene: &mut Scene, point: Option<Point>) -> Round {
    scene.round += 1;
    let (scene, stop) = (&*scene, &AtomicBool::new(false));
    ground.settle(scene);
    ground.other.signal("STOP");
    ground.trap.set(scene.schema(), service.pass, point.map(|point| point.at));
    let struck = std::thread::scope(|scope| {
        let _stops = Stop(stop);
        if let Some(meanwhile) = service.meanwhile {
            scope.spawn(move || meanwhile(scene, stop));
        }
        (service.lay)(scene);
        scene.is_due();
        eventually("the replica comes to the point, or to the end", || {
            let left = scene.left(service);
            if ground.trap.sprung() || (left == 0 && !scene.claimed()) { Ok(()) } else { Err(left) }
        });
        let struck = ground.trap.disarm();
        match point.filter(|_| struck) {
            Some(point) => strike(ground, service, scene, point),
            None => ground.other.signal("CONT"),
        }
        struck
    });
    let messages = ground.trap.passed();
    ground.settle(scene);
    sound(service, scene, &format!("{point:?}"));
    Round { struck, messages }
}

fn strike(ground: &mut Ground, service: &Service, scene: &Scene, point: Point) {
    match point.fault {
        Fault::Kill => ground.struck.kill9(),
        Fault::Pause => ground.struck.signal("STOP"),
    }
    scene.claim_ends();
    ground.other.signal("CONT");
    if point.back == Back::AtOnce {
        comes_back(ground, point.fault);
    }
    let mut looks = 0;
    eventually(&format!("{} is done after {point:?}", service.name), || match scene.left(service) {
        0 => Ok(()),
        left => {
            looks += 1;
            if looks % 20 == 0 {
                scene.hurry();
            }
            Err(left)
        }
    });
    if point.back == Back::Later {
        comes_back(ground, point.fault);
    }
}

fn comes_back(ground: &mut Ground, fault: Fault) {
    ground.let_network_be();
    match fault {
        Fault::Kill => ground.struck.start_again(),
        Fault::Pause => ground.struck.signal("CONT"),
    }
}

#[track_caller]
fn sound(service: &Service, scene: &Scene, when: &str) {
    let findings = scene.findings(service);
    assert!(findings.is_empty(), "{}, {when}: {} findings:\n{}", service.name, findings.len(), findings.join("\n"));
}

/// Tells those beside to stop, also when this one fails.
struct Stop<'s>(&'s AtomicBool);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
