//! What the reference (3.9.1) was seen to do with some 500 schedules over ten years in five time zones, done again here.
//! `recorded.json` is written by `tests/schedules/record.py`, which says what its lines are.

use serde_json::Value;

use super::steps::{MOST_STEPS, Steps};
use super::zone::Zone;
use super::{Anchor, CronSchedule, Demand, Horizon, IntervalSchedule, NewSchedule, RRuleSchedule, Schedule, countable};
use wire::{Errors, Input, Time, TimeSpan, json};

const PAGE: usize = 1000;
const MOST: usize = 20_000;

fn recorded() -> Vec<Value> {
    let lines: Value = serde_json::from_str(include_str!("recorded.json")).expect("the file is JSON");
    lines.as_array().expect("a list").clone()
}

fn time(text: &str) -> Time {
    Time::from_text(text).expect("a time")
}

fn schedule(line: &Value) -> Schedule {
    let timezone = line["zone"].as_str().map(str::to_owned);
    if let Some(rrule) = line["rrule"].as_str() {
        return Schedule::RRule(RRuleSchedule { rrule: rrule.to_owned(), timezone });
    }
    if let Some(cron) = line["cron"].as_array() {
        let text = cron[0].as_str().expect("a text").to_owned();
        return Schedule::Cron(CronSchedule { cron: text, timezone, day_or: cron[1] == true });
    }
    let interval: TimeSpan = serde_json::from_value(line["interval"][0].clone()).expect("seconds");
    let anchor_date = Anchor::utc(time(line["interval"][1].as_str().expect("a time")));
    Schedule::Interval(IntervalSchedule { interval, anchor_date, timezone })
}

/// Page by page, as the recorder asked.
fn dates(schedule: &Schedule) -> Vec<i64> {
    let (mut start, until) = (time("2024-01-01T00:00:00Z"), time("2034-01-01T00:00:00Z"));
    let mut found = Vec::new();
    while start < until && found.len() < MOST {
        let end = until.min(start.plus_seconds(400.0 * 86_400.0));
        let demand = Demand { most: PAGE, ..Demand::all(start, end) };
        let page = schedule.dates(&demand).expect("a schedule that the reference took");
        start = page.iter().max().copied().unwrap_or(end).plus_seconds(1.0);
        found.extend(page.iter().map(|date| date.micros()));
    }
    found
}

#[test]
fn dates_are_the_reference_s() {
    let lines: Vec<Value> = recorded().into_iter().filter(|line| line["zone"].is_string()).collect();
    assert!(lines.len() >= 500);
    let mut failed = 0;
    for line in &lines {
        let found = dates(&schedule(line));
        let text = found.iter().map(i64::to_string).collect::<Vec<_>>().join(",");
        if Some(u64::from(crc32fast::hash(text.as_bytes()))) == line["crc"].as_u64() {
            continue;
        }
        failed += 1;
        let some = line["some"].as_array().expect("a list");
        let missing = some.iter().filter_map(Value::as_i64).find(|date| !found.contains(date)).map(Time::from_micros);
        let spec = line.get("cron").or(line.get("interval")).or(line.get("rrule"));
        eprintln!("{} {spec:?}: {} dates for {}, first missing {missing:?}", line["zone"], found.len(), line["count"]);
    }
    assert_eq!(failed, 0, "of {} schedules", lines.len());
}

#[test]
fn texts_are_refused_with_the_reference_s_words() {
    let mut failed = 0;
    for line in recorded().iter().filter(|line| line["kind"].is_string()) {
        let key = line["kind"].as_str().expect("a name");
        let body = serde_json::json!({ key: line["text"] }).to_string();
        let mut errors = Errors::default();
        let _ = NewSchedule::parse(&json::parse(body.as_bytes()).expect("JSON"), &mut errors);
        let why = errors.items().iter().find(|item| item.kind == "value_error").map(|item| item.msg.as_str());
        if why != line["why"].as_str() {
            failed += 1;
            eprintln!("{body}\n  reference {}\n  here      {why:?}", line["why"]);
        }
    }
    assert_eq!(failed, 0);
}

#[test]
fn counting_has_an_end() {
    let all = Demand::all(time("2030-01-01T00:00:00Z"), time("2030-02-01T00:00:00Z"));
    let rule = |rrule: &str| Schedule::RRule(RRuleSchedule { rrule: rrule.to_owned(), timezone: None }).dates(&all);
    // From any start, but for numbered occurrences, of which there may be too many.
    assert_eq!(rule("DTSTART:19000101T000000\nFREQ=SECONDLY").map(|dates| dates.len()), Ok(1002));
    assert_eq!(rule("FREQ=MINUTELY;BYMONTH=2;BYMONTHDAY=30").map(|dates| dates.len()), Ok(0));
    assert_eq!(rule("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30").map(|dates| dates.len()), Ok(0));
    assert_eq!(rule("DTSTART:19000101T000000\nFREQ=SECONDLY;COUNT=999999999").map(|dates| dates.len()), Ok(0));
    assert!(rule("DTSTART:19000101T000000\nFREQ=SECONDLY;BYHOUR=1;COUNT=999999999").is_err());
    let never = Schedule::Cron(CronSchedule { cron: "0 0 30 2 *".into(), timezone: None, day_or: true });
    assert_eq!(never.dates(&all), Ok(Vec::new()));
}

/// How many dates a rule has, and the steps that it takes to tell.
fn counted(rrule: &str, demand: &Demand) -> (Result<usize, super::TooManySteps>, u64) {
    let steps = Steps::of_an_answer();
    let dates = super::RRule::parse(rrule).expect("a rule").dates(&Zone::utc(), demand, &steps);
    (dates.map(|dates| dates.len()), MOST_STEPS - steps.left())
}

#[test]
fn all_rules_of_a_text_share_the_steps_of_an_answer() {
    let demand = Horizon::default().demand(time("2026-01-01T00:00:00Z"));
    let many =
        |rule: &str, number: usize| format!("DTSTART:20200101T000000\n{}", format!("RRULE:{rule}\n").repeat(number));
    // What is only numbered is not counted one by one.
    let (dates, steps) = counted(&many("FREQ=SECONDLY;COUNT=4900000", 12), &demand);
    assert!(dates == Ok(0) && steps < 100, "{steps}");
    let (dates, steps) = counted(&many("FREQ=SECONDLY;COUNT=999999999", 12), &demand);
    assert!(dates == Ok(100) && steps < 5_000, "{steps}");
    for (rrule, from) in [
        (many("FREQ=SECONDLY;BYHOUR=9;COUNT=4900000", 12), "2026-01-01T00:00:00Z"),
        (many("FREQ=SECONDLY", 1) + "EXRULE:FREQ=SECONDLY", "2026-01-01T00:00:00Z"),
        (many("FREQ=YEARLY;BYDAY=1MO,2TU,3WE;BYMONTH=1,2,3,4,5,6,7;COUNT=99999", 90), "9000-01-01T00:00:00Z"),
    ] {
        let (dates, steps) = counted(&rrule, &Horizon::default().demand(time(from)));
        assert!(dates.is_err() && steps == MOST_STEPS, "{rrule}: {dates:?} after {steps}");
    }
}

#[test]
fn usual_rules_take_few_steps_from_any_start() {
    let demand = Horizon::default().demand(time("2026-06-15T12:30:00Z"));
    for rrule in [
        "FREQ=SECONDLY",
        "FREQ=SECONDLY;BYHOUR=9;BYMINUTE=0",
        "FREQ=SECONDLY;BYHOUR=3;BYMINUTE=59;BYSECOND=59",
        "FREQ=SECONDLY;INTERVAL=7;COUNT=2000000000",
        "FREQ=MINUTELY;BYDAY=MO,TU,WE,TH,FR;BYHOUR=9,10,11,12,13,14,15,16",
        "FREQ=MINUTELY;INTERVAL=15;COUNT=100000000",
        "FREQ=HOURLY;BYMONTH=1;BYMONTHDAY=1",
        "FREQ=DAILY;BYDAY=MO,TU,WE,TH,FR;COUNT=5000",
        "FREQ=WEEKLY;BYDAY=MO;COUNT=1000",
        "FREQ=MONTHLY;BYDAY=-1FR",
        "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1;COUNT=500",
        "FREQ=YEARLY;BYEASTER=1",
        "FREQ=YEARLY;BYWEEKNO=20;BYDAY=MO;COUNT=200",
    ] {
        for start in ["19000101T000000", "20200101T000000", "20260615T123000"] {
            let (dates, steps) = counted(&format!("DTSTART:{start}\nRRULE:{rrule}"), &demand);
            assert!(dates.is_ok() && steps < 20_000, "{start} {rrule}: {dates:?} after {steps}");
        }
    }
}

#[test]
fn what_is_passed_over_has_no_dates() {
    // Each rule from its start, and from later on.
    for rrule in [
        "FREQ=SECONDLY;INTERVAL=17;BYHOUR=3;BYMINUTE=7,8",
        "FREQ=SECONDLY;INTERVAL=3601;BYHOUR=3,4;BYDAY=SA",
        "FREQ=SECONDLY;INTERVAL=90;BYSECOND=29;BYMINUTE=3,15,21,33;BYHOUR=1,2",
        "FREQ=MINUTELY;INTERVAL=7;BYHOUR=2,3;BYMINUTE=0,1,2,3,4,5,6,7,8",
        "FREQ=MINUTELY;INTERVAL=50;BYHOUR=5;BYDAY=MO,FR",
        "FREQ=HOURLY;INTERVAL=5;BYHOUR=1,2,3",
        "FREQ=MINUTELY;INTERVAL=13;COUNT=9000",
        "FREQ=HOURLY;BYMINUTE=5;COUNT=1500",
        "FREQ=DAILY;BYHOUR=3;COUNT=80",
        "FREQ=MONTHLY;INTERVAL=5",
        "FREQ=YEARLY;INTERVAL=3;BYDAY=2MO",
    ] {
        let schedule =
            Schedule::RRule(RRuleSchedule { rrule: format!("DTSTART:20240101T103059\nRRULE:{rrule}"), timezone: None });
        let end = time("2024-04-01T00:00:00Z");
        let all = schedule.dates(&Demand::all(time("2024-01-01T00:00:00Z"), end)).expect("few steps");
        for day in 0..80 {
            let from = time("2024-01-01T07:11:13Z").plus_seconds(f64::from(day) * 90_061.0);
            let later = schedule.dates(&Demand { most: 5, ..Demand::all(from, end) }).expect("few steps");
            let expected: Vec<Time> = all.iter().copied().filter(|date| *date >= from).take(5).collect();
            // What is seen of all of them ends somewhere.
            let seen = later.iter().zip(&expected).all(|(one, other)| one == other);
            assert!(seen && (all.len() > 1000 || later.len() == expected.len()), "{rrule} from {from}: {later:?}");
        }
    }
}

#[test]
fn what_could_not_be_told_is_refused_when_it_is_made() {
    let rule = |rrule: &str| NewSchedule::RRule(RRuleSchedule { rrule: rrule.into(), timezone: None });
    for good in ["FREQ=SECONDLY", "FREQ=SECONDLY;COUNT=99999999", "FREQ=DAILY;BYDAY=MO,TU,WE,TH,FR;COUNT=10000"] {
        assert_eq!(countable(&vec![rule(good); 8]), Ok(()), "{good}");
    }
    for bad in [
        "DTSTART:20200101T000000\nRRULE:FREQ=SECONDLY\nEXRULE:FREQ=SECONDLY",
        // Not now, but some day.
        "DTSTART:20260101T000000\nRRULE:FREQ=MINUTELY;BYHOUR=9;COUNT=1000000",
    ] {
        let why = countable(&[rule("FREQ=DAILY"), rule(bad)]).expect_err(bad);
        assert!(why.to_string().contains("its dates take too many steps to count"), "{why}");
    }
    // One of them alone is fine.
    let some = "DTSTART:20200101T000000\nRRULE:FREQ=MINUTELY;BYHOUR=9;COUNT=20000";
    assert_eq!(countable(&[rule(some)]), Ok(()));
    assert!(countable(&vec![rule(some); 50]).is_err());
}

#[test]
fn intervals_and_expressions_have_their_steps_too() {
    let interval = |seconds: f64| {
        let interval: TimeSpan = serde_json::from_value(serde_json::json!(seconds)).expect("seconds");
        let anchor_date = Anchor::utc(time("2024-01-01T00:00:00Z"));
        Schedule::Interval(IntervalSchedule { interval, anchor_date, timezone: Some("Europe/Berlin".into()) })
    };
    // Just when clocks go back by an hour.
    let demand = Demand { most: 3, ..Demand::all(time("2024-10-27T01:00:00Z"), time("2025-01-01T00:00:00Z")) };
    assert!(interval(0.000_007).dates(&demand).is_err());
    assert_eq!(interval(7.0).dates(&demand).map(|dates| dates.len()), Ok(3));
    let cron = |cron: String| Schedule::Cron(CronSchedule { cron, timezone: None, day_or: true });
    let demand = Demand::all(time("2024-01-01T00:00:00Z"), time("9000-01-01T00:00:00Z"));
    assert_eq!(cron("* * 29 2 0".into()).dates(&demand).map(|dates| dates.len()), Ok(1002));
    let demand = Demand { from: time("2033-01-01T00:00:00Z"), ..demand };
    assert!(cron("* * 29 2 0#1,0#5".into()).dates(&demand).is_err());
    let long = vec!["0"; 4_000].join(",");
    let told = cron(format!("{long} * * * *")).dates(&demand).expect_err("it is too long");
    assert_eq!(told.to_string(), "a cron expression of 8007 bytes is longer than 6500");
}
