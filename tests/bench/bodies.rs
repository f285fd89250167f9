//! What clients send: bodies and events of the sizes that the SDK sends them in (3.9.1, measured on the wire).

use std::time::{SystemTime, UNIX_EPOCH};

use crate::socket;

pub fn flow(name: &str) -> String {
    format!(r#"{{"name":"{name}","tags":[],"labels":{{}}}}"#)
}

pub fn flow_run(flow: &str) -> String {
    format!(
        r#"{{"state":{{"type":"PENDING","name":"Pending","message":null,"state_details":{{"traceparent":null}},"data":null}},"name":null,"flow_id":"{flow}","flow_version":"a747e73c964853b712b8f7d1d3f5c55a","parameters":{{"n":10}},"context":{{}},"parent_task_run_id":null,"empirical_policy":{{"retries":0,"retry_delay":0}},"tags":[]}}"#
    )
}

/// A state that a client proposes.
#[derive(Debug, Clone, Copy)]
pub enum Proposed {
    Pending,
    Running,
    Completed,
}

pub fn set_state(run: &str, state: Proposed) -> String {
    let (kind, name, untracked) = match state {
        Proposed::Pending => ("PENDING", "Pending", false),
        Proposed::Running => ("RUNNING", "Running", false),
        Proposed::Completed => ("COMPLETED", "Completed", true),
    };
    let transition = uuid::Uuid::new_v4();
    format!(
        r#"{{"state":{{"type":"{kind}","name":"{name}","message":null,"state_details":{{"flow_run_id":"{run}","task_run_id":null,"child_flow_run_id":null,"scheduled_time":null,"cache_key":null,"cache_expiration":null,"deferred":null,"untrackable_result":{untracked},"pause_timeout":null,"pause_reschedule":false,"pause_key":null,"run_input_keyset":null,"refresh_cache":null,"retriable":null,"transition_id":"{transition}","task_parameters_id":null,"traceparent":null,"deployment_concurrency_lease_id":null}},"data":null}},"force":false}}"#
    )
}

/// A run that waits for its time, which has come.
pub fn scheduled_run(flow: &str) -> String {
    format!(
        r#"{{"state":{{"type":"SCHEDULED","name":"Scheduled","state_details":{{"scheduled_time":"2024-01-01T00:00:00Z"}}}},"name":"template","flow_id":"{flow}","flow_version":"a747e73c964853b712b8f7d1d3f5c55a","parameters":{{"n":10}},"context":{{}},"empirical_policy":{{"retries":0,"retry_delay":0}},"tags":[]}}"#
    )
}

pub const LIST: &str =
    r#"{"flow_runs":{"state":{"type":{"any_":["COMPLETED"]}}},"sort":"START_TIME_DESC","limit":200,"offset":0}"#;

/// A list that no index serves: all runs are looked at and none is found.
pub const HEAVIEST: &str = r#"{"flow_runs":{"name":{"like_":"no run is called so"}},"sort":"NAME_ASC","limit":200}"#;

pub fn logs(flow_run: &str, lines: usize) -> String {
    let at = rfc3339(now_micros());
    let lines: Vec<String> = (0..lines)
        .map(|_| {
            format!(
                r#"{{"name":"prefect.task_runs","level":20,"message":"Finished in state Completed()","timestamp":"{at}","flow_run_id":"{flow_run}","task_run_id":"{}"}}"#,
                uuid::Uuid::new_v4()
            )
        })
        .collect();
    format!("[{}]", lines.join(","))
}

pub fn now_micros() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_micros()).unwrap_or_default()
}

/// `2026-01-02T03:04:05.678901Z`.
pub fn rfc3339(micros: i64) -> String {
    let (days, of_day) = (micros.div_euclid(86_400_000_000), micros.rem_euclid(86_400_000_000));
    // Days since 0000-03-01 of the proleptic Gregorian calendar, so that leap days end a year.
    let days = days + 719_468;
    let (era, of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = year + era * 400 + i64::from(month <= 2);
    let seconds = of_day / 1_000_000;
    let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{:06}Z", of_day % 1_000_000)
}

/// What events name beside themselves.
#[derive(Debug, Clone)]
pub struct Around<'a> {
    pub flow: &'a str,
    pub flow_run: &'a str,
}

/// Appends the frame of a flow run's heartbeat.
pub fn heartbeat(around: &Around<'_>, out: &mut Vec<u8>) {
    let Around { flow, flow_run } = around;
    let (at, id) = (rfc3339(now_micros()), uuid::Uuid::now_v7());
    let event = format!(
        r#"{{"occurred":"{at}","event":"prefect.flow-run.heartbeat","resource":{{"prefect.resource.id":"prefect.flow-run.{flow_run}","prefect.resource.name":"favorite-muskrat","prefect.version":"3.9.1"}},"related":[{{"prefect.resource.id":"prefect.flow.{flow}","prefect.resource.role":"flow","prefect.resource.name":"bench capture"}}],"payload":{{}},"id":"{id}","follows":null}}"#
    );
    socket::text(event.as_bytes(), out);
}

/// Appends the three frames of a task run that goes well.
pub fn task_run(around: &Around<'_>, out: &mut Vec<u8>) {
    let Around { flow, flow_run } = around;
    let task = uuid::Uuid::now_v7();
    let dynamic = uuid::Uuid::new_v4();
    let name = format!("work-{}", &dynamic.simple().to_string()[..3]);
    let begun = now_micros();
    let times = [begun, begun + 50_000, begun + 51_241].map(rfc3339);
    let ids = [(); 3].map(|()| uuid::Uuid::now_v7());
    let [pending, running, completed] = &times;
    let steps = [
        (
            "Pending",
            r#"{"from":null,"to":"PENDING"}"#,
            "null",
            "{}",
            format!(r#""run_count":0,"flow_run_run_count":0,"expected_start_time":"{pending}","total_run_time":0.0"#),
        ),
        (
            "Running",
            r#"{"from":"PENDING","to":"RUNNING"}"#,
            r#"{"type":"PENDING","name":"Pending","message":"","state_details":{}}"#,
            "{}",
            format!(
                r#""run_count":1,"flow_run_run_count":1,"expected_start_time":"{pending}","start_time":"{running}","total_run_time":0.0"#
            ),
        ),
        (
            "Completed",
            r#"{"from":"RUNNING","to":"COMPLETED"}"#,
            r#"{"type":"RUNNING","name":"Running","message":"","state_details":{}}"#,
            r#"{"untrackable_result":true}"#,
            format!(
                r#""run_count":1,"flow_run_run_count":1,"expected_start_time":"{pending}","start_time":"{running}","end_time":"{completed}","total_run_time":0.001241"#
            ),
        ),
    ];
    for (at, (state, intended, initial, details, progress)) in steps.iter().enumerate() {
        let (occurred, id, kind) = (&times[at], ids[at], state.to_uppercase());
        let stamp = format!("{}+00:00", occurred.trim_end_matches('Z'));
        let follows = at.checked_sub(1).map_or_else(|| "null".to_owned(), |before| format!("\"{}\"", ids[before]));
        let count = i32::from(at > 0);
        let event = format!(
            r#"{{"occurred":"{occurred}","event":"prefect.task-run.{state}","resource":{{"prefect.resource.id":"prefect.task-run.{task}","prefect.resource.name":"{name}","prefect.run-count":"{count}","prefect.state-message":"","prefect.state-name":"{state}","prefect.state-timestamp":"{stamp}","prefect.state-type":"{kind}","prefect.orchestration":"client"}},"related":[{{"prefect.resource.id":"prefect.flow-run.{flow_run}","prefect.resource.role":"flow-run","prefect.resource.name":"favorite-muskrat"}},{{"prefect.resource.id":"prefect.flow.{flow}","prefect.resource.role":"flow","prefect.resource.name":"bench capture"}}],"payload":{{"intended":{intended},"initial_state":{initial},"validated_state":{{"type":"{kind}","name":"{state}","message":"","state_details":{details},"data":null}},"task_run":{{"name":"{name}","task_key":"work-d47ab5a0","dynamic_key":"{dynamic}","empirical_policy":{{"max_retries":0,"retry_delay_seconds":0.0,"retries":0,"retry_delay":0}},"tags":[],"labels":{{}},"task_inputs":{{"x":[]}},{progress}}}}},"id":"{id}","follows":{follows}}}"#
        );
        socket::text(event.as_bytes(), out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_as_the_sdk_writes_them() {
        assert_eq!(rfc3339(0), "1970-01-01T00:00:00.000000Z");
        assert_eq!(rfc3339(951_827_696_000_001), "2000-02-29T12:34:56.000001Z");
        assert_eq!(rfc3339(1_893_455_999_999_999), "2029-12-31T23:59:59.999999Z");
    }

    #[test]
    fn events_are_as_large_as_the_sdks() {
        let (flow, flow_run) = (uuid::Uuid::nil().to_string(), uuid::Uuid::max().to_string());
        let mut frames = Vec::new();
        task_run(&Around { flow: &flow, flow_run: &flow_run }, &mut frames);
        // Seen on the wire: 1314, 1459 and 1542 bytes, and eight of each frame's head.
        assert_eq!(frames.len(), 1314 + 1459 + 1542 + 3 * 8);
    }

    #[test]
    fn bodies_are_json() {
        let state = set_state("r", Proposed::Completed);
        for body in
            [flow("f"), flow_run("f"), scheduled_run("f"), state, logs("r", 2), LIST.to_owned(), HEAVIEST.to_owned()]
        {
            assert!(serde_json::from_str::<serde_json::Value>(&body).is_ok(), "{body}");
        }
    }
}
