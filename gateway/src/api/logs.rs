//! `/logs`: what runs say (reference: `server/api/logs.py`; the download: `server/api/flow_runs.py`).

use bytes::Bytes;
use domain::logs::{Log, LogLines};
use domain::{FlowRunId, LogId};
use futures_util::stream;
use http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use http::{HeaderValue, StatusCode};
use http_body_util::{BodyExt, StreamBody};
use hyper::body::Frame;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use tenant_store::flow_runs;
use tenant_store::logs::{self, LogFilter, LogSort};
use wire::{Input, Limit, Time};

use crate::kit::{Call, Created, Failure, Json, JsonBody, Op, Path, Query, Reply, Response};
use crate::ops;

pub static OPS: &[Op] = ops![
    POST "/logs/" create(JsonBody<LogLines>) -> Created<()>,
        need Workspace(RunFlows), lane Ingest, cost PerItem, cache Never, touches [Logs], audit Nothing;
    GET "/logs/" list(Query<LogListing>) -> Json<Vec<Log>>,
        need Workspace(SeeFlows), lane Heavy, cost One, cache Never, touches [], audit Nothing;
    POST "/logs/filter" filter(JsonBody<LogsFilter>) -> Json<Vec<Log>>,
        need Workspace(SeeFlows), lane Heavy, cost One, cache Never, touches [], audit Nothing;
    GET "/flow_runs/{id}/logs/download" download(Path<FlowRunId>) -> Response,
        need Workspace(SeeFlows), lane Heavy, cost One, cache Never, touches [], audit Nothing;
];

/// One page of a collection.
#[derive(Debug, Input)]
#[input(parameters)]
struct LogListing {
    limit: Limit,
    #[input(default, ge = 0)]
    offset: i64,
    #[input(default)]
    sort: LogSort,
}

#[derive(Debug, Input)]
#[input(parameters)]
struct LogsFilter {
    limit: Limit,
    #[input(default, ge = 0)]
    offset: i64,
    logs: Option<LogFilter>,
    #[input(default)]
    sort: LogSort,
}

async fn create(cx: Call, body: JsonBody<LogLines>) -> Reply<Created<()>> {
    let logs = body.0.into_logs(Time::of_machine());
    if !logs.is_empty() {
        logs::create(cx.write().await?, &logs).await?;
        cx.app.hub().tell_of_logs(cx.scope()?.workspace(), logs);
    }
    Ok(Created::new(()))
}

async fn list(cx: Call, query: Query<LogListing>) -> Reply<Json<Vec<Log>>> {
    let LogListing { limit, offset, sort } = query.0;
    Ok(Json(logs::list(&mut cx.read().await?, None, sort, limit.0, offset).await?))
}

async fn filter(cx: Call, body: JsonBody<LogsFilter>) -> Reply<Json<Vec<Log>>> {
    let LogsFilter { limit, offset, logs, sort } = body.0;
    Ok(Json(logs::list(&mut cx.read().await?, logs.as_ref(), sort, limit.0, offset).await?))
}

/// Lines read at once. A page is one statement; no connection is held while the client takes it.
const PAGE: i64 = 1000;

/// What a file name may hold unescaped (Python's `quote` with nothing safe).
const FILE_NAME: &AsciiSet = &NON_ALPHANUMERIC.remove(b'_').remove(b'.').remove(b'-').remove(b'~');

async fn download(cx: Call, id: Path<FlowRunId>) -> Reply<Response> {
    let id = *id;
    let run =
        flow_runs::read(&mut cx.read().await?, id).await?.ok_or_else(|| Failure::not_found("Flow run not found"))?;
    let name = utf8_percent_encode(&format!("{}-logs.csv", run.name), FILE_NAME).to_string();
    let disposition = format!("attachment; filename=\"flow-run-logs.csv\"; filename*=UTF-8''{name}");
    let disposition = HeaderValue::from_str(&disposition).map_err(Failure::internal)?;

    let pages = stream::try_unfold(Some((cx, Position::Start)), move |state| async move {
        let Some((cx, position)) = state else { return Ok(None) };
        let after = match position {
            Position::Start => None,
            Position::Behind(time, line) => Some((time, line)),
        };
        let page = next_page(&cx, id, after)
            .await
            .inspect_err(|error| tracing::warn!(%error, "a download of logs broke off"))?;
        let mut text = String::new();
        if after.is_none() {
            text.push_str("timestamp,level,flow_run_id,task_run_id,message\r\n");
        }
        page.iter().for_each(|log| line(log, &mut text));
        let full = i64::try_from(page.len()).is_ok_and(|n| n == PAGE);
        let next = page.last().filter(|_| full).map(|last| (cx, Position::Behind(last.timestamp, last.id)));
        Ok::<_, std::io::Error>(Some((Frame::data(Bytes::from(text)), next)))
    });
    let mut response = Response::new(StreamBody::new(pages).boxed_unsync());
    *response.status_mut() = StatusCode::OK;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/csv; charset=utf-8"));
    response.headers_mut().insert(CONTENT_DISPOSITION, disposition);
    Ok(response)
}

#[derive(Clone, Copy)]
enum Position {
    Start,
    Behind(Time, LogId),
}

async fn next_page(cx: &Call, run: FlowRunId, after: Option<(Time, LogId)>) -> Result<Vec<Log>, std::io::Error> {
    let scope = cx.scope().map_err(|_| std::io::Error::other("no workspace"))?;
    let mut tx = scope.read(cx.op.lane).await.map_err(std::io::Error::other)?;
    logs::of_run(&mut tx, run, after, PAGE).await.map_err(std::io::Error::other)
}

/// One line of CSV, as Python's `csv` writes it: quoted only where it must be.
fn line(log: &Log, out: &mut String) {
    let time = log.timestamp.to_string();
    out.push_str(&time.replace('T', " ").replace('Z', "+00:00"));
    out.push_str(&format!(",{},", log.level));
    if let Some(id) = log.flow_run_id {
        out.push_str(&id.to_string());
    }
    out.push(',');
    if let Some(id) = log.task_run_id {
        out.push_str(&id.to_string());
    }
    out.push(',');
    if log.message.contains([',', '"', '\r', '\n']) {
        out.push('"');
        out.push_str(&log.message.replace('"', "\"\""));
        out.push('"');
    } else {
        out.push_str(&log.message);
    }
    out.push_str("\r\n");
}
