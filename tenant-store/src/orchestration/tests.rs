//! Changes of state on a real database.

use domain::flow_runs::{FlowRun, FlowRunCreate, FlowRunUpdate};
use domain::flows::FlowCreate;
use domain::rules::decision::Verdict;
use domain::rules::{FlowPolicy, TaskPolicy};
use domain::state::StateType;
use domain::states::StateCreate;
use domain::task_runs::{TaskRun, TaskRunCreate};
use domain::templates::Rendered;
use domain::{FlowId, FlowRunId, TaskRunId};
use wire::Input;

use super::{Asks, Outcome};
use crate::encryption::KeyRing;
use crate::flow_runs::{self, Creation, Updated};
use crate::testing::{Installation, workspace};
use crate::{Lane, Scope, flows, task_runs};

fn parsed<T: Input>(text: &str) -> T {
    let body = wire::json::parse(text.as_bytes()).expect("the test holds JSON");
    let mut errors = wire::Errors::of_body();
    T::parse(&body, &mut errors).unwrap_or_else(|| panic!("{text}: {:?}", errors.items()))
}

fn state(type_: &str) -> StateCreate {
    parsed(&format!(r#"{{"type":"{type_}"}}"#))
}

async fn flow(scope: &Scope) -> FlowId {
    let new: FlowCreate = parsed(r#"{"name":"f","tags":["ft"],"labels":{"team":"a"}}"#);
    flows::create(scope.write(Lane::Hot).await.unwrap(), &new).await.unwrap().unwrap().0.id
}

async fn create(scope: &Scope, body: &str) -> crate::Result<Creation> {
    let new: FlowRunCreate = parsed(body);
    flow_runs::create(scope.write(Lane::Hot).await.unwrap(), new, None, &Asks::default()).await
}

async fn made(scope: &Scope, body: &str) -> FlowRun {
    match create(scope, body).await.unwrap() {
        Creation::Made(run, _) => *run,
        other => panic!("{body}: {other:?}"),
    }
}

async fn set(scope: &Scope, id: FlowRunId, state: StateCreate) -> Outcome {
    let tx = scope.write(Lane::Hot).await.unwrap();
    flow_runs::set_state(tx, id, state, FlowPolicy::Core, &Asks::default()).await.unwrap().expect("the run is there")
}

async fn set_task(scope: &Scope, id: TaskRunId, state: StateCreate) -> Outcome {
    let tx = scope.write(Lane::Hot).await.unwrap();
    task_runs::set_state(tx, id, state, TaskPolicy::Core, &Asks::default()).await.unwrap().expect("the run is there")
}

async fn read(scope: &Scope, id: FlowRunId) -> FlowRun {
    let mut tx = scope.read(Lane::Read).await.unwrap();
    flow_runs::read(&mut tx, id).await.unwrap().expect("the run is there")
}

async fn read_task(scope: &Scope, id: TaskRunId) -> TaskRun {
    let mut tx = scope.read(Lane::Read).await.unwrap();
    task_runs::read(&mut tx, id).await.unwrap().expect("the run is there")
}

async fn counted(scope: &Scope, sql: &'static str) -> i64 {
    let mut tx = scope.read(Lane::Read).await.unwrap();
    let (n,) = tx.one(sql, &[]).await.unwrap();
    n
}

const STATES: &str = "select count(*) from run_state";
const EVENTS: &str = "select count(*) from event where event like 'prefect.flow-run.%'";
const EVENT_OF_RUN: &str =
    "select id, event, resource_id, related_ids from event where event like 'prefect.flow-run.%'";
const ARTIFACTS: &str = "select count(*) from artifact";

#[tokio::test]
async fn a_run_goes_from_creation_to_its_end() {
    let Installation { control, .. } = Installation::create().await;
    let scope = workspace(&control).await;
    let flow = flow(&scope).await;
    let run = made(
        &scope,
        &format!(r#"{{"flow_id":"{flow}","tags":["x"],"labels":{{"own":1}},"parameters":{{"b":1,"a":[2.50]}}}}"#),
    )
    .await;
    assert_eq!((run.state_type, run.state_name.as_deref()), (Some(StateType::Pending), Some("Pending")));
    assert_eq!(run.tags, ["x"]);
    assert_eq!(
        run.labels.0.0.to_value(),
        serde_json::json!({ "team": "a", "prefect.flow.id": flow.to_string(), "own": 1 })
    );
    assert_eq!(run.parameters.0.text(), r#"{"b":1,"a":[2.5]}"#);
    assert!(run.name.contains('-') && run.expected_start_time.is_some() && run.created <= run.updated);
    assert_eq!(
        run,
        FlowRun { estimated_start_time_delta: run.estimated_start_time_delta, ..read(&scope, run.id).await }
    );

    let running = set(&scope, run.id, state("RUNNING")).await;
    assert!(running.written && running.result.verdict == Verdict::Accept);
    assert_eq!(running.aftermath.events[0].event, "prefect.flow-run.Running");
    let done = set(&scope, run.id, parsed(r#"{"type":"COMPLETED","data":{"type":"reference","k":1}}"#)).await;
    assert!(done.written);
    let after = read(&scope, run.id).await;
    assert_eq!((after.state_type, after.run_count), (Some(StateType::Completed), 1));
    assert!(
        after.start_time < after.end_time
            && after.total_run_time > 0.0
            && after.estimated_run_time == after.total_run_time
    );
    assert_eq!(after.state.map(|state| state.parse().unwrap()), done.result.state);
    assert_eq!(
        (counted(&scope, STATES).await, counted(&scope, EVENTS).await, counted(&scope, ARTIFACTS).await),
        (3, 3, 1)
    );

    // Persisted data: the end stands, and the refusal writes nothing.
    let again = set(&scope, run.id, state("RUNNING")).await;
    assert!(!again.written && matches!(again.result.verdict, Verdict::Reject { .. }));
    assert_eq!((counted(&scope, STATES).await, counted(&scope, EVENTS).await), (3, 3));
}

#[tokio::test]
async fn the_event_of_a_state_is_stored_with_it_and_carries_its_id() {
    let Installation { control, .. } = Installation::create().await;
    let scope = workspace(&control).await;
    let flow = flow(&scope).await;
    let run = made(&scope, &format!(r#"{{"flow_id":"{flow}","tags":["x"]}}"#)).await;
    let mut tx = scope.read(Lane::Read).await.unwrap();
    let (id, event, resource, related): (domain::StateId, String, String, Vec<String>) =
        tx.one(EVENT_OF_RUN, &[]).await.unwrap();
    assert_eq!((Some(id), event.as_str()), (run.state_id, "prefect.flow-run.Pending"));
    assert_eq!(resource, format!("prefect.flow-run.{}", run.id));
    assert_eq!(related, [format!("prefect.flow.{flow}"), "prefect.tag.ft".into(), "prefect.tag.x".into()]);
}

#[tokio::test]
async fn an_idempotency_key_finds_the_run_it_made_however_many_ask_at_once() {
    let Installation { control, .. } = Installation::create().await;
    let scope = workspace(&control).await;
    let flow = flow(&scope).await;
    let body = format!(r#"{{"flow_id":"{flow}","idempotency_key":"k"}}"#);
    let all = futures_util::future::join_all((0..16).map(|_| create(&scope, &body))).await;
    let mut ids = std::collections::HashSet::new();
    let mut fresh = 0;
    for one in all {
        match one.unwrap() {
            Creation::Made(run, _) => {
                fresh += 1;
                ids.insert(run.id);
            }
            Creation::Found(run) => {
                ids.insert(run.id);
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!((fresh, ids.len()), (1, 1));
    assert_eq!(counted(&scope, STATES).await, 1);
    let empty = format!(r#"{{"flow_id":"{flow}","idempotency_key":""}}"#);
    assert_ne!(made(&scope, &empty).await.id, made(&scope, &empty).await.id);
}

#[tokio::test]
async fn what_a_new_run_names_must_be_there() {
    let Installation { control, .. } = Installation::create().await;
    let scope = workspace(&control).await;
    let flow = flow(&scope).await;
    let nowhere = uuid::Uuid::now_v7();
    for body in [
        format!(r#"{{"flow_id":"{nowhere}"}}"#),
        format!(r#"{{"flow_id":"{flow}","parent_task_run_id":"{nowhere}"}}"#),
        format!(r#"{{"flow_id":"{flow}","infrastructure_document_id":"{nowhere}"}}"#),
    ] {
        assert!(matches!(create(&scope, &body).await, Err(crate::Error::Conflict(_))), "{body}");
    }
    let pool = format!(r#"{{"flow_id":"{flow}","work_pool_name":"p"}}"#);
    assert!(matches!(create(&scope, &pool).await, Ok(Creation::NoWorkPool)));
    let queue = format!(r#"{{"flow_id":"{flow}","work_pool_name":"p","work_queue_name":"q"}}"#);
    assert!(matches!(create(&scope, &queue).await, Ok(Creation::NoWorkQueue)));
    made(&scope, &format!(r#"{{"flow_id":"{flow}","deployment_id":"{nowhere}","work_queue_name":"q"}}"#)).await;
}

#[tokio::test]
async fn of_32_workers_that_claim_one_run_one_gets_it() {
    let Installation { control, .. } = Installation::create().await;
    let scope = workspace(&control).await;
    let flow = flow(&scope).await;
    let run = made(&scope, &format!(r#"{{"flow_id":"{flow}","state":{{"type":"SCHEDULED"}}}}"#)).await;
    let all = futures_util::future::join_all((0..32).map(|_| set(&scope, run.id, state("PENDING")))).await;
    assert_eq!(all.iter().filter(|outcome| outcome.written).count(), 1);
    let aborted = all.iter().filter(|outcome| matches!(outcome.result.verdict, Verdict::Abort { .. })).count();
    assert_eq!(aborted, 31);
    assert_eq!(counted(&scope, STATES).await, 2);
}

#[tokio::test]
async fn states_that_crowd_keep_their_order_and_no_two_have_one_timestamp() {
    let Installation { control, .. } = Installation::create().await;
    let scope = workspace(&control).await;
    let flow = flow(&scope).await;
    let run = made(&scope, &format!(r#"{{"flow_id":"{flow}"}}"#)).await;
    let all = futures_util::future::join_all((0..32).map(|_| set(&scope, run.id, state("RUNNING")))).await;
    assert!(all.iter().all(|outcome| outcome.written));
    assert_eq!(counted(&scope, "select count(distinct timestamp) from run_state").await, 33);
    assert_eq!(read(&scope, run.id).await.run_count, 32);
    let last = "select count(*) from flow_run r where r.state_timestamp = (select max(s.timestamp) from run_state s)";
    assert_eq!(counted(&scope, last).await, 1);
}

#[tokio::test]
async fn the_task_run_of_a_subflow_follows_it() {
    let Installation { control, .. } = Installation::create().await;
    let scope = workspace(&control).await;
    let flow = flow(&scope).await;
    let parent = made(&scope, &format!(r#"{{"flow_id":"{flow}"}}"#)).await;
    let new: TaskRunCreate = parsed(&format!(r#"{{"flow_run_id":"{}","task_key":"k","dynamic_key":"0"}}"#, parent.id));
    let task = task_runs::create(scope.write(Lane::Hot).await.unwrap(), new.clone(), &Asks::default()).await.unwrap();
    assert!(task.fresh && task.run.state_type == Some(StateType::Pending), "{:?}", task.run);
    assert_eq!(task.run.labels.0.0.to_value()["prefect.flow-run.id"], parent.id.to_string());
    let again = task_runs::create(scope.write(Lane::Hot).await.unwrap(), new, &Asks::default()).await.unwrap();
    assert!(!again.fresh && again.run.id == task.run.id);

    let child = made(&scope, &format!(r#"{{"flow_id":"{flow}","parent_task_run_id":"{}"}}"#, task.run.id)).await;
    set(&scope, child.id, state("RUNNING")).await;
    let running = read_task(&scope, task.run.id).await;
    assert_eq!((running.state_type, running.run_count), (Some(StateType::Running), 1));
    let details = running.state.unwrap().parse().unwrap().state_details;
    assert_eq!((details.child_flow_run_id, details.task_run_id), (Some(child.id), Some(task.run.id)));
    set(&scope, child.id, state("FAILED")).await;
    assert_eq!(read_task(&scope, task.run.id).await.state_type, Some(StateType::Failed));

    // Both go with the parent, but for the subflow, which stays alone.
    let gone = flow_runs::delete(scope.write(Lane::Hot).await.unwrap(), &[parent.id]).await.unwrap();
    assert_eq!(gone, [parent.id]);
    assert_eq!(counted(&scope, "select count(*) from task_run").await, 0);
    assert_eq!(read(&scope, child.id).await.parent_task_run_id, None);
    assert_eq!(counted(&scope, STATES).await, 3);
}

#[tokio::test]
async fn a_task_run_takes_a_cached_state() {
    let Installation { control, .. } = Installation::create().await;
    let scope = workspace(&control).await;
    let flow = flow(&scope).await;
    let parent = made(&scope, &format!(r#"{{"flow_id":"{flow}","state":{{"type":"RUNNING"}}}}"#)).await;
    let mut ids = Vec::new();
    for n in 0..2 {
        let new = format!(r#"{{"flow_run_id":"{}","task_key":"k","dynamic_key":"{n}"}}"#, parent.id);
        ids.push(
            task_runs::create(scope.write(Lane::Hot).await.unwrap(), parsed(&new), &Asks::default())
                .await
                .unwrap()
                .run
                .id,
        );
    }
    let running: StateCreate = parsed(r#"{"type":"RUNNING","state_details":{"cache_key":"c"}}"#);
    assert_eq!(set_task(&scope, ids[0], running.clone()).await.result.verdict, Verdict::Accept);
    set_task(&scope, ids[0], parsed(r#"{"type":"COMPLETED","data":{"v":1},"state_details":{"cache_key":"c"}}"#)).await;
    let cached = set_task(&scope, ids[1], running).await.result;
    assert!(matches!(cached.verdict, Verdict::Reject { .. }), "{cached:?}");
    assert_eq!(cached.state.and_then(|state| state.name).as_deref(), Some("Cached"));
    assert_eq!(read_task(&scope, ids[1]).await.state_type, Some(StateType::Completed));
}

#[tokio::test]
async fn changes_that_are_no_states() {
    let Installation { control, .. } = Installation::create().await;
    let scope = workspace(&control).await;
    let flow = flow(&scope).await;
    let run = made(&scope, &format!(r#"{{"flow_id":"{flow}","labels":{{"a":1}}}}"#)).await;
    let update = async |body: &str| {
        let change: FlowRunUpdate = parsed(body);
        flow_runs::update(scope.write(Lane::Hot).await.unwrap(), run.id, change, &KeyRing::default()).await.unwrap()
    };
    assert_eq!(
        update(r#"{"name":"n","tags":["t"],"infrastructure_pid":"7","empirical_policy":{"retries":2}}"#).await,
        Updated::Done
    );
    let after = read(&scope, run.id).await;
    assert_eq!((after.name.as_str(), after.infrastructure_pid.as_deref()), ("n", Some("7")));
    assert_eq!(after.empirical_policy.parse().unwrap().retries, Some(2));
    assert_eq!(update(r#"{"infrastructure_pid":null,"name":null}"#).await, Updated::Done);
    let after = read(&scope, run.id).await;
    assert!(after.infrastructure_pid.is_none() && after.name != "n" && after.tags == ["t"]);
    assert_eq!(update(r#"{"job_variables":{}}"#).await, Updated::NotScheduled(Some(StateType::Pending)));

    let labels = parsed(r#"{"a":2,"b":true}"#);
    assert!(flow_runs::merge_labels(scope.write(Lane::Hot).await.unwrap(), run.id, &labels).await.unwrap());
    let labels = read(&scope, run.id).await.labels.0.0.to_value();
    assert_eq!((labels["a"].clone(), labels["b"].clone()), (2.into(), true.into()));
}

#[tokio::test]
async fn inputs_are_one_a_key() {
    use crate::flow_runs::InputMade;
    let Installation { control, .. } = Installation::create().await;
    let scope = workspace(&control).await;
    let flow = flow(&scope).await;
    let run = made(&scope, &format!(r#"{{"flow_id":"{flow}"}}"#)).await.id;
    let create = async |run: FlowRunId, key: &str| {
        let new = parsed(&format!(r#"{{"key":"{key}","value":"v"}}"#));
        flow_runs::create_input(scope.write(Lane::Hot).await.unwrap(), run, &new).await.unwrap()
    };
    assert_eq!(create(run, "a-1").await, InputMade::Yes);
    assert_eq!(create(run, "a-1").await, InputMade::KeyTaken);
    assert_eq!(create(run, "a-2").await, InputMade::Yes);
    assert_eq!(create(FlowRunId(uuid::Uuid::now_v7()), "a-1").await, InputMade::NoRun);
    let mut tx = scope.read(Lane::Read).await.unwrap();
    assert_eq!(flow_runs::read_input(&mut tx, run, "a-1").await.unwrap().as_deref(), Some("v"));
    let filter = parsed(r#"{"prefix":"a-","limit":5,"exclude_keys":["a-1"]}"#);
    let keys: Vec<_> =
        flow_runs::list_inputs(&mut tx, run, &filter).await.unwrap().into_iter().map(|input| input.key).collect();
    assert_eq!(keys, ["a-2"]);
    assert!(flow_runs::delete_input(scope.write(Lane::Hot).await.unwrap(), run, "a-1").await.unwrap());
    assert!(!flow_runs::delete_input(scope.write(Lane::Hot).await.unwrap(), run, "a-1").await.unwrap());
}

#[tokio::test]
async fn a_pause_ends_with_the_input_it_asked_for() {
    let Installation { control, .. } = Installation::create().await;
    let scope = workspace(&control).await;
    let flow = flow(&scope).await;
    let run = made(&scope, &format!(r#"{{"flow_id":"{flow}","state":{{"type":"RUNNING"}}}}"#)).await.id;
    let resume = async |input: Option<&str>| {
        let tx = scope.write(Lane::Hot).await.unwrap();
        let input = input.map(parsed);
        flow_runs::resume(tx, run, input.as_ref(), &Rendered::new(), &Asks::default())
            .await
            .unwrap()
            .expect("the run is there")
    };
    let early = resume(None).await;
    assert!(early.result.state.is_none() && matches!(early.result.verdict, Verdict::Abort { .. }));

    let keyset = r#"{"schema":"s","response":"r"}"#;
    let pause = format!(r#"{{"type":"PAUSED","state_details":{{"pause_key":"p","run_input_keyset":{keyset}}}}}"#);
    assert!(set(&scope, run, parsed(&pause)).await.written);
    let refused = |outcome: Outcome| match outcome.result.verdict {
        Verdict::RejectInput { reason } => reason,
        other => panic!("{other:?}"),
    };
    assert_eq!(refused(resume(Some(r#"{"x":1}"#)).await), "Run input schema not found.");
    let schema = r#"{"key":"s","value":"{\"properties\":{\"x\":{\"type\":\"integer\"}},\"required\":[\"x\"]}"}"#;
    flow_runs::create_input(scope.write(Lane::Hot).await.unwrap(), run, &parsed(schema)).await.unwrap();
    assert_eq!(
        refused(resume(Some(r#"{"x":"a"}"#)).await),
        "Reason: Validation failed for field 'x'. Failure reason: 'a' is not of type 'integer'"
    );
    assert_eq!(refused(resume(None).await), "Reason: Validation failed. Failure reason: 'x' is a required property");
    let done = resume(Some(r#"{"x":7}"#)).await;
    assert!(done.written && done.result.verdict == Verdict::Accept);
    let mut tx = scope.read(Lane::Read).await.unwrap();
    assert_eq!(flow_runs::read_input(&mut tx, run, "r").await.unwrap().as_deref(), Some(r#"{"x":7}"#));
    assert_eq!(read(&scope, run).await.state_type, Some(StateType::Running));
}

#[tokio::test]
async fn what_a_service_must_look_at_is_due() {
    let Installation { control, .. } = Installation::create().await;
    let scope = workspace(&control).await;
    let flow = flow(&scope).await;
    let run = made(&scope, &format!(r#"{{"flow_id":"{flow}","state":{{"type":"RUNNING"}}}}"#)).await.id;
    const DUE: &str = "select count(*) from flow_run where state_due is not null";
    assert_eq!(counted(&scope, DUE).await, 0);
    let pause = r#"{"type":"PAUSED","state_details":{"pause_timeout":"2100-01-01T00:00:00Z"}}"#;
    set(&scope, run, parsed(pause)).await;
    assert_eq!(counted(&scope, DUE).await, 1);
    set(&scope, run, state("RUNNING")).await;
    assert_eq!(counted(&scope, DUE).await, 0);
    let change: FlowRunUpdate = parsed(r#"{"infrastructure_pid":"1"}"#);
    flow_runs::update(scope.write(Lane::Hot).await.unwrap(), run, change, &KeyRing::default()).await.unwrap();
    set(&scope, run, state("CANCELLING")).await;
    assert_eq!(counted(&scope, DUE).await, 1);
}
