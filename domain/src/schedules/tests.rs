//! What the reference (3.9.1) was seen to do with some 500 schedules over ten years in five time zones, done again here.
//! `recorded.json` is written by `tests/schedules/record.py`, which says what its lines are.

use serde_json::Value;

use super::{Anchor, CronSchedule, Demand, IntervalSchedule, NewSchedule, RRuleSchedule, Schedule};
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
    assert!(rule("DTSTART:19000101T000000\nFREQ=SECONDLY;COUNT=999999999").is_err());
    let never = Schedule::Cron(CronSchedule { cron: "0 0 30 2 *".into(), timezone: None, day_or: true });
    assert_eq!(never.dates(&all), Ok(Vec::new()));
}
