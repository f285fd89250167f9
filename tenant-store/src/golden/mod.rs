//! The SQL of every filter, order and relation, in files to be read: `flows.sql`, `flow_runs.sql` and so on.
//!
//! Each entry is a comment with a request, and the statement it becomes. `filter` shows the condition of a filter alone,
//! `find` the look for flows and deployments that goes before lists of runs, the others the whole statement without its
//! columns: as when that look found too many, or with `near` few. After a change that is meant, run
//! `GOLDEN=write cargo test -p tenant-store sql` and read the difference. A criterion that no entry asks fails a test.

use domain::WorkPoolId;
use domain::artifacts::{Artifact, ArtifactCollection};
use domain::block_schemas::BlockSchema;
use domain::block_types::BlockType;
use domain::deployments::Deployment;
use domain::flow_runs::{FlowRun, SimpleFlowRun};
use domain::flows::Flow;
use domain::history::Intervals;
use domain::observed_states::ObservedStateSort;
use domain::saved_searches::SavedSearch;
use domain::task_run_counts::Chart;
use domain::task_runs::TaskRun;
use domain::variables::Variable;
use domain::work_pools::WorkPool;
use domain::work_queues::WorkQueue;
use domain::workers::Worker;
use serde_json::Value;
use uuid::Uuid;
use wire::{Described, Input, Schemas, Time};

use crate::artifacts::{self, ArtifactCollectionFilter, ArtifactCollectionSort, ArtifactFilter, ArtifactSort};
use crate::block_documents::{self, BlockDocumentFilter, BlockDocumentSort, Filters as BlockFilters};
use crate::block_schemas::{self, BlockSchemaFilter, BlockSchemaSort};
use crate::block_types::{self, BlockTypeFilter, BlockTypeSort};
use crate::deployments::{self, DeploymentFilter, DeploymentSort};
use crate::flow_runs::{self, FlowRunFilter, FlowRunSort};
use crate::flows::{self, FlowFilter, FlowSort};
use crate::relations::{Filters, Near};
use crate::run_states;
use crate::saved_searches::{self, SavedSearchSort};
use crate::sql::{Columns, Condition, Sql};
use crate::task_runs::{self, TaskRunFilter, TaskRunSort};
use crate::variables::{self, VariableFilter, VariableSort};
use crate::work_pools::{self, WorkPoolFilter};
use crate::work_queues::{self, Slots, WorkQueueFilter};
use crate::workers::{self, WorkerFilter};

const FILES: [(&str, &str); 8] = [
    ("artifacts.sql", include_str!("artifacts.sql")),
    ("blocks.sql", include_str!("blocks.sql")),
    ("deployments.sql", include_str!("deployments.sql")),
    ("flows.sql", include_str!("flows.sql")),
    ("flow_runs.sql", include_str!("flow_runs.sql")),
    ("task_runs.sql", include_str!("task_runs.sql")),
    ("variables.sql", include_str!("variables.sql")),
    ("work_pools.sql", include_str!("work_pools.sql")),
];

/// The filters of a request.
#[derive(Input)]
#[input(forbid_extra)]
struct Body {
    flows: Option<FlowFilter>,
    flow_runs: Option<FlowRunFilter>,
    task_runs: Option<TaskRunFilter>,
    deployments: Option<DeploymentFilter>,
    work_pools: Option<WorkPoolFilter>,
    work_queues: Option<WorkQueueFilter>,
    artifacts: Option<ArtifactFilter>,
    latest_artifacts: Option<ArtifactCollectionFilter>,
    variables: Option<VariableFilter>,
    workers: Option<WorkerFilter>,
    block_documents: Option<BlockDocumentFilter>,
    block_types: Option<BlockTypeFilter>,
    block_schemas: Option<BlockSchemaFilter>,
}

/// What a request asks: of related resources, and of those that are related to none or only from their side.
pub(crate) struct Asked {
    pub filters: Filters,
    artifacts: Option<ArtifactFilter>,
    latest_artifacts: Option<ArtifactCollectionFilter>,
    variables: Option<VariableFilter>,
    workers: Option<WorkerFilter>,
    blocks: BlockFilters,
}

pub(crate) fn asked(text: &str) -> Asked {
    let Body {
        flows,
        flow_runs,
        task_runs,
        deployments,
        work_pools,
        work_queues,
        artifacts,
        latest_artifacts,
        variables,
        workers,
        block_documents,
        block_types,
        block_schemas,
    } = parsed(text);
    let filters = Filters { flows, flow_runs, task_runs, deployments, work_pools, work_queues };
    let blocks = BlockFilters { block_documents, block_types, block_schemas };
    Asked { filters, artifacts, latest_artifacts, variables, workers, blocks }
}

pub(crate) fn parsed<T: Input>(text: &str) -> T {
    let body = wire::json::parse(text.as_bytes()).unwrap_or_else(|_| panic!("not JSON: {text}"));
    let mut errors = wire::Errors::of_body();
    T::parse(&body, &mut errors).unwrap_or_else(|| panic!("{text}: {:?}", errors.items()))
}

/// The hundred intervals of the histories here.
pub(crate) fn intervals() -> Intervals {
    let start = Time::from_micros(1_767_225_600_000_000);
    Intervals { start, length: 86_400_000_000, count: 100 }
}

/// What an entry asks for: a resource, what of it, perhaps in an order.
pub(crate) fn statement<'a>(what: &str, asked: &'a Asked, near: &'a Near) -> Sql<'a> {
    let Asked { filters, artifacts, latest_artifacts, variables, workers, blocks } = asked;
    let words: Vec<&str> = what.split(' ').collect();
    let (limit, offset) = (200, 0);
    match words[..] {
        ["flows", "list", sort] => flows::page(filters, parsed::<FlowSort>(&format!("\"{sort}\"")), limit, offset),
        ["flows", "count"] => flows::counting(filters),
        ["deployments", "list", sort] => {
            deployments::statements::page(filters, parsed::<DeploymentSort>(&format!("\"{sort}\"")), limit, offset)
        }
        ["deployments", "count"] => deployments::statements::counting(filters),
        ["flow_runs", "list", sort] => {
            flow_runs::statements::page(filters, near, parsed::<FlowRunSort>(&format!("\"{sort}\"")), limit, offset)
        }
        ["flow_runs", "simple", sort] => {
            flow_runs::statements::simple(filters, near, parsed::<FlowRunSort>(&format!("\"{sort}\"")), 1000, offset)
        }
        ["flow_runs", "count"] => flow_runs::statements::counting(filters, near),
        ["flow_runs", "lateness"] => flow_runs::statements::averaging(filters, near),
        ["flow_runs", "history"] => flow_runs::statements::historical(filters, near, &intervals()),
        ["task_runs", "list", sort] => task_runs::statements::page(
            TaskRun::COLUMNS,
            filters,
            near,
            parsed::<TaskRunSort>(&format!("\"{sort}\"")),
            limit,
            offset,
        ),
        ["task_runs", "count"] => task_runs::statements::counting(filters, near),
        ["task_runs", "by_state"] => task_runs::statements::counting_by_state(filters, near),
        ["task_runs", "dashboard"] => {
            let after = filters.task_runs.as_ref().and_then(|filter| filter.start_time.as_ref()?.after_);
            let (start, length) = (after.expect("a dashboard has a beginning"), 60_000_000);
            task_runs::statements::charting(filters, near, start, Chart { start, length })
        }
        ["task_runs", "history"] => task_runs::statements::historical(filters, near, &intervals()),
        ["observed_states", "list", sort] => {
            run_states::observed_statement(None, parsed::<ObservedStateSort>(&format!("\"{sort}\"")), limit)
        }
        ["artifacts", "list", sort] => {
            let sort = parsed::<ArtifactSort>(&format!("\"{sort}\""));
            artifacts::page(artifacts.as_ref(), filters, sort, limit, offset)
        }
        ["artifacts", "count"] => artifacts::counting(artifacts.as_ref(), filters),
        ["latest_artifacts", "list", sort] => {
            let sort = parsed::<ArtifactCollectionSort>(&format!("\"{sort}\""));
            artifacts::page_latest(latest_artifacts.as_ref(), filters, sort, limit, offset)
        }
        ["latest_artifacts", "count"] => artifacts::counting_latest(latest_artifacts.as_ref(), filters),
        ["variables", "list", sort] => {
            variables::page(variables.as_ref(), parsed::<VariableSort>(&format!("\"{sort}\"")), limit, offset)
        }
        ["variables", "count"] => variables::counting(variables.as_ref()),
        ["block_types", "list", sort] => {
            let (types, schemas) = (blocks.block_types.as_ref(), blocks.block_schemas.as_ref());
            block_types::page(types, schemas, parsed::<BlockTypeSort>(&format!("\"{sort}\"")), limit, offset)
        }
        ["block_schemas", "list", sort] => {
            let sort = parsed::<BlockSchemaSort>(&format!("\"{sort}\""));
            block_schemas::page(blocks.block_schemas.as_ref(), sort, limit, offset)
        }
        ["block_documents", "list", sort] => {
            let sort = parsed::<BlockDocumentSort>(&format!("\"{sort}\""));
            block_documents::listing(blocks, sort, Some((limit, offset)))
        }
        ["block_documents", "count"] => block_documents::counting(blocks),
        ["saved_searches", "list", sort] => {
            saved_searches::page(parsed::<SavedSearchSort>(&format!("\"{sort}\"")), limit, offset)
        }
        ["work_pools", "list"] => work_pools::page(filters.work_pools.as_ref(), limit, offset),
        ["work_pools", "count"] => work_pools::counting(filters.work_pools.as_ref()),
        ["work_queues", "list"] => work_queues::page(None, filters.work_queues.as_ref(), Slots::Alone, limit, offset),
        ["work_queues", "of_pool"] => {
            let pool = WorkPoolId(Uuid::nil());
            work_queues::page(Some(pool), filters.work_queues.as_ref(), Slots::InPool, limit, offset)
        }
        ["workers", "list"] => workers::page(WorkPoolId(Uuid::nil()), workers.as_ref(), limit, offset),
        _ => panic!("what is {what}?"),
    }
}

fn text(request: &str) -> String {
    let (what, body) = request.split_at(request.find('{').unwrap_or_else(|| panic!("no body: {request}")));
    let (what, asked) = (what.trim(), asked(body));
    let text = match what {
        "filter" => {
            let mut sql = Sql::default();
            let Asked { filters, artifacts, latest_artifacts, variables, workers, blocks } = &asked;
            let Filters { flows, flow_runs, task_runs, deployments, work_pools, work_queues } = filters;
            let conditions: [Option<&dyn Condition>; 13] = [
                flows.as_ref().map(|f| f as _),
                flow_runs.as_ref().map(|f| f as _),
                task_runs.as_ref().map(|f| f as _),
                deployments.as_ref().map(|f| f as _),
                work_pools.as_ref().map(|f| f as _),
                work_queues.as_ref().map(|f| f as _),
                artifacts.as_ref().map(|f| f as _),
                latest_artifacts.as_ref().map(|f| f as _),
                variables.as_ref().map(|f| f as _),
                workers.as_ref().map(|f| f as _),
                blocks.block_documents.as_ref().map(|f| f as _),
                blocks.block_types.as_ref().map(|f| f as _),
                blocks.block_schemas.as_ref().map(|f| f as _),
            ];
            conditions.into_iter().flatten().for_each(|condition| condition.write(&mut sql));
            sql.text().to_owned()
        }
        "find" => {
            let found = [asked.filters.flows_to_find(), asked.filters.deployments_to_find()];
            let texts: Vec<&str> = found.iter().flatten().map(|sql| sql.text()).collect();
            if texts.is_empty() { "-".to_owned() } else { texts.join("; ") }
        }
        _ => match what.strip_prefix("near ") {
            // As after a look that found one flow and two deployments.
            Some(what) => {
                let near = Near::found(
                    asked.filters.flows_to_find().map(|_| vec![Uuid::nil()]),
                    asked.filters.deployments_to_find().map(|_| vec![Uuid::nil(); 2]),
                );
                statement(what, &asked, &near).text().to_owned()
            }
            None => statement(what, &asked, &Near::default()).text().to_owned(),
        },
    };
    let columns = [
        block_documents::COLUMNS,
        BlockSchema::COLUMNS,
        BlockType::COLUMNS,
        Flow::COLUMNS,
        Deployment::COLUMNS,
        FlowRun::COLUMNS,
        SimpleFlowRun::COLUMNS,
        TaskRun::COLUMNS,
        ArtifactCollection::COLUMNS,
        Artifact::COLUMNS,
        Variable::COLUMNS,
        SavedSearch::COLUMNS,
        WorkPool::COLUMNS,
        WorkQueue::COLUMNS,
        Worker::COLUMNS,
    ];
    columns.into_iter().fold(text, |text, columns| text.replace(columns, "…"))
}

/// Requests and what stands below them.
fn entries(file: &str) -> impl Iterator<Item = (&str, &str)> {
    let mut lines = file.lines().filter(|line| !line.is_empty());
    std::iter::from_fn(move || {
        let request = lines.next()?;
        Some((
            request.strip_prefix("-- ").unwrap_or_else(|| panic!("no request: {request}")),
            lines.next().unwrap_or_default(),
        ))
    })
}

#[test]
fn sql_is_as_it_was() {
    for (name, file) in FILES {
        if std::env::var("GOLDEN").as_deref() == Ok("write") {
            let requests: Vec<&str> = file.lines().filter_map(|line| line.strip_prefix("-- ")).collect();
            let written: Vec<String> =
                requests.iter().map(|request| format!("-- {request}\n{}\n", text(request))).collect();
            let path = format!("{}/src/golden/{name}", env!("CARGO_MANIFEST_DIR"));
            std::fs::write(path, written.join("\n")).expect("the golden files can be written");
            continue;
        }
        for (request, sql) in entries(file) {
            assert_eq!(
                text(request),
                sql,
                "{name}: {request}: if that is meant, GOLDEN=write cargo test -p tenant-store sql"
            );
        }
    }
}

/// The ways to the criteria of a schema: `state.type.any_`.
fn criteria(schema: &Value, schemas: &Schemas, way: &str, into: &mut Vec<String>) {
    let schema = schemas.resolve(schema);
    let of_option =
        schema["anyOf"].as_array().and_then(|members| members.first()).map(|member| schemas.resolve(member));
    match of_option.as_ref().unwrap_or(&schema)["properties"].as_object() {
        Some(fields) => fields.iter().filter(|(name, _)| *name != "operator").for_each(|(name, field)| {
            criteria(field, schemas, &format!("{way}.{name}"), into);
        }),
        None => into.push(way.to_owned()),
    }
}

#[test]
fn sql_of_every_criterion_is_shown() {
    let requests: Vec<Value> = FILES
        .iter()
        .flat_map(|(_, file)| entries(file))
        .map(|(request, _)| serde_json::from_str(&request[request.find('{').unwrap_or(0)..]).expect("JSON"))
        .collect();
    let mut schemas = Schemas::default();
    let body = Body::schema(&mut schemas);
    let mut all = Vec::new();
    criteria(&body, &schemas, "", &mut all);
    assert!(all.len() > 70, "{all:?}");
    let asked = |way: &str| {
        requests.iter().any(|request| !request.pointer(&way.replace('.', "/")).unwrap_or(&Value::Null).is_null())
    };
    let hidden: Vec<&String> = all.iter().filter(|way| !asked(way)).collect();
    assert!(hidden.is_empty(), "no entry of src/golden/*.sql asks for {hidden:?}");
}

#[test]
fn sql_of_every_order_is_shown() {
    let mut schemas = Schemas::default();
    let orders = |schema: Value| schema["enum"].as_array().cloned().unwrap_or_default();
    let resolved = |schema: Value, schemas: &Schemas| orders(schemas.resolve(&schema));
    let flows = FlowSort::schema(&mut schemas);
    let deployments = DeploymentSort::schema(&mut schemas);
    let flow_runs = FlowRunSort::schema(&mut schemas);
    let task_runs = TaskRunSort::schema(&mut schemas);
    let artifacts = ArtifactSort::schema(&mut schemas);
    let latest_artifacts = ArtifactCollectionSort::schema(&mut schemas);
    let variables = VariableSort::schema(&mut schemas);
    let saved_searches = SavedSearchSort::schema(&mut schemas);
    let block_types = BlockTypeSort::schema(&mut schemas);
    let block_schemas = BlockSchemaSort::schema(&mut schemas);
    let block_documents = BlockDocumentSort::schema(&mut schemas);
    for (what, schema) in [
        ("flows", flows),
        ("deployments", deployments),
        ("flow_runs", flow_runs),
        ("task_runs", task_runs),
        ("artifacts", artifacts),
        ("latest_artifacts", latest_artifacts),
        ("variables", variables),
        ("saved_searches", saved_searches),
        ("block_types", block_types),
        ("block_schemas", block_schemas),
        ("block_documents", block_documents),
    ] {
        for sort in resolved(schema, &schemas) {
            let request = format!("-- {what} list {} {{}}", sort.as_str().unwrap_or_default());
            assert!(FILES.iter().any(|(_, file)| file.lines().any(|line| line == request)), "no entry: {request}");
        }
    }
}
