//! `/events`: what happened (reference: `server/api/events.py`). Most of it comes by the socket `/events/in`, and whoever
//! waits for it listens to `/events/out`.

mod pages;

use domain::events::counts::{Buckets, EventCount, TimeUnit};
use domain::events::filter::EventFilter;
use domain::events::{Event, ReceivedEvent};
use serde::Serialize;
use tenant_store::events::{self, Bucketed, Counted, Page, Place};
use wire::{Errors, Input, Output, Time};

use crate::kit::{Call, Failure, Invalid, Json, JsonBody, NoContent, Op, Path, Query, Reply};
use crate::ops;
use pages::{MOST, Token};

pub static OPS: &[Op] = ops![
    POST "/events" create(JsonBody<Vec<Event>>) -> NoContent,
        need Workspace(RunFlows), lane Ingest, cost PerItem, cache Never, touches [Events, TaskRuns], audit Nothing;
    POST "/events/filter" filter(JsonBody<EventsFilter>) -> Json<EventPage>,
        need Workspace(SeeEvents), lane Heavy, cost One, cache Never, touches [], audit Nothing;
    GET "/events/filter/next" next(Query<NextPage>) -> Json<EventPage>,
        need Workspace(SeeEvents), lane Heavy, cost One, cache Never, touches [], audit Nothing;
    POST "/events/count-by/{countable}" count_by(Path<String>, JsonBody<EventsCount>) -> Json<Vec<EventCount>>,
        need Workspace(SeeEvents), lane Heavy, cost One, cache Never, touches [], audit Nothing;
];

#[derive(Debug, Input)]
#[input(parameters)]
struct EventsFilter {
    /// Additional optional filter criteria to narrow down the set of Events
    filter: Option<EventFilter>,
    /// The number of events to return with each page
    #[input(default = MOST, ge = 0, le = MOST)]
    limit: i64,
}

#[derive(Debug, Input)]
#[input(parameters)]
struct NextPage {
    #[input(rename = "page-token")]
    page_token: String,
}

#[derive(Debug, Input)]
#[input(parameters)]
struct EventsCount {
    filter: EventFilter,
    #[input(default)]
    time_unit: TimeUnit,
    #[input(default = 1.0, ge = 0.01)]
    time_interval: f64,
}

/// What events can be counted by.
#[derive(Debug, Clone, Copy, Input)]
enum Countable {
    #[input(rename = "day")]
    Day,
    #[input(rename = "time")]
    Time,
    #[input(rename = "event")]
    Event,
    #[input(rename = "resource")]
    Resource,
}

/// A single page of events, with an optional link to the next page of results
#[derive(Debug, Serialize, Output)]
struct EventPage {
    /// The Events matching the query
    events: Vec<ReceivedEvent>,
    /// The total number of matching Events
    total: i64,
    /// The URL for the next page of results, if there are more
    next_page: Option<String>,
}

/// Stored when this answers; the reference stores a moment later.
async fn create(cx: Call, body: JsonBody<Vec<Event>>) -> Reply<NoContent> {
    let taken = events::take_in_events(cx.scope()?, cx.op.lane, "events", &body).await?;
    cx.app.metrics().events.taken("events", taken.stored, taken.quarantined);
    Ok(NoContent)
}

async fn filter(cx: Call, body: JsonBody<EventsFilter>) -> Reply<Json<EventPage>> {
    let EventsFilter { filter, limit } = body.0;
    let filter = filter.unwrap_or_default().resolved(Time::of_machine());
    let total = events::total(&mut cx.read().await?, &filter).await?;
    page(&cx, Token { filter, limit, total, page: Page::First }).await
}

async fn next(cx: Call, query: Query<NextPage>) -> Reply<Json<EventPage>> {
    page(&cx, Token::read(&query.page_token).ok_or_else(|| Failure::forbidden("Forbidden"))?).await
}

async fn page(cx: &Call, token: Token) -> Reply<Json<EventPage>> {
    let Token { filter, limit, total, page } = token;
    // As many as there are ids at most; one more tells whether there is a next page.
    let most = filter.id.id.as_ref().filter(|ids| !ids.is_empty()).map_or(limit, |ids| limit.min(ids.len() as i64));
    let mut found = events::page(&mut cx.read().await?, &filter, page, most + 1).await?;
    let more = found.len() as i64 > most;
    found.truncate(most as usize);
    let distinct = filter.resource.as_ref().is_some_and(|resource| resource.distinct);
    let behind = match (found.last(), page) {
        (_, Page::Skipping(offset)) => Page::Skipping(offset + limit),
        _ if distinct => Page::Skipping(limit),
        (Some(last), _) => Page::Behind(Place { occurred: last.event.occurred, id: last.event.id }),
        (None, page) => page,
    };
    let next_page = more.then(|| {
        let token = Token { filter, limit, total, page: behind }.written();
        cx.own_url(&format!("/events/filter/next?page-token={token}"))
    });
    Ok(Json(EventPage { events: found, total, next_page }))
}

async fn count_by(cx: Call, countable: Path<String>, body: JsonBody<EventsCount>) -> Reply<Json<Vec<EventCount>>> {
    let text = wire::Json::Str(countable.as_str().into());
    let mut errors = Errors::of("path");
    let Some(countable) = errors.at("countable", |errors| Countable::parse(&text, errors)) else {
        // It was read once already.
        let body = wire::json::parse(&cx.body).unwrap_or(wire::Json::Null);
        return Err(Invalid::of(errors, &body).into());
    };
    let EventsCount { filter, time_unit, time_interval } = body.0;
    let now = Time::of_machine();
    let filter = filter.resolved(now);
    let (since, until) = (filter.occurred.since.unwrap_or(now), filter.occurred.until.unwrap_or(now));
    let buckets = Buckets::new(time_unit, time_interval, since, until, now).map_err(Failure::unprocessable)?;
    let counted = match countable {
        Countable::Event => Counted::Event,
        Countable::Resource => Counted::Resource,
        Countable::Day | Countable::Time => {
            let counted = events::count_over_time(&mut cx.read().await?, &filter, buckets).await?;
            return Ok(Json(buckets.filled(&counted)));
        }
    };
    let counts = events::count_by(&mut cx.read().await?, &filter, counted).await?;
    let shown = |Bucketed { value, label, count, oldest, latest }| EventCount {
        value,
        label,
        count,
        start_time: oldest,
        end_time: latest,
    };
    Ok(Json(counts.into_iter().map(shown).collect()))
}
