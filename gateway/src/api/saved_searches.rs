//! `/saved_searches`: criteria that a user interface keeps (reference: `server/api/saved_searches.py`).

use domain::SavedSearchId;
use domain::saved_searches::{SavedSearch, SavedSearchCreate};
use tenant_store::saved_searches::{self, SavedSearchSort};
use wire::{Input, Limit};

use crate::kit::{Call, Created, Failure, Json, JsonBody, NoContent, Op, Path, Query, Reply};
use crate::ops;

pub static OPS: &[Op] = ops![
    PUT "/saved_searches/" save(JsonBody<SavedSearchCreate>) -> Created<SavedSearch>,
        need Workspace(ManageSavedSearch), lane Hot, cost One, cache Never, touches [SavedSearches], audit Nothing;
    GET "/saved_searches/" list(Query<SavedSearchListing>) -> Json<Vec<SavedSearch>>,
        need Workspace(SeeFlows), lane Heavy, cost One, cache Never, touches [], audit Nothing;
    GET "/saved_searches/{id}" read(Path<SavedSearchId>) -> Json<SavedSearch>,
        need Workspace(SeeFlows), lane Read, cost One, cache Kind(SavedSearches), touches [], audit Nothing;
    DELETE "/saved_searches/{id}" delete(Path<SavedSearchId>) -> NoContent,
        need Workspace(ManageSavedSearch), lane Hot, cost One, cache Never, touches [SavedSearches], audit Nothing;
    POST "/saved_searches/filter" filter(JsonBody<SavedSearchesFilter>) -> Json<Vec<SavedSearch>>,
        need Workspace(SeeFlows), lane Heavy, cost One, cache Never, touches [], audit Nothing;
];

/// One page of the saved searches.
#[derive(Debug, Input)]
#[input(parameters)]
struct SavedSearchListing {
    limit: Limit,
    #[input(default, ge = 0)]
    offset: i64,
    #[input(default)]
    sort: SavedSearchSort,
}

#[derive(Debug, Input)]
#[input(parameters)]
struct SavedSearchesFilter {
    limit: Limit,
    #[input(default, ge = 0)]
    offset: i64,
}

fn not_found() -> Failure {
    Failure::not_found("Saved search not found")
}

async fn save(cx: Call, body: JsonBody<SavedSearchCreate>) -> Reply<Created<SavedSearch>> {
    let (search, fresh) = saved_searches::save(cx.write().await?, &body).await?;
    Ok(Created::if_fresh(search, fresh))
}

async fn list(cx: Call, query: Query<SavedSearchListing>) -> Reply<Json<Vec<SavedSearch>>> {
    let SavedSearchListing { limit, offset, sort } = query.0;
    Ok(Json(saved_searches::list(&mut cx.read().await?, sort, limit.0, offset).await?))
}

async fn read(cx: Call, id: Path<SavedSearchId>) -> Reply<Json<SavedSearch>> {
    saved_searches::read(&mut cx.read().await?, *id).await?.map(Json).ok_or_else(not_found)
}

async fn delete(cx: Call, id: Path<SavedSearchId>) -> Reply<NoContent> {
    match saved_searches::delete(cx.write().await?, *id).await? {
        true => Ok(NoContent),
        false => Err(not_found()),
    }
}

async fn filter(cx: Call, body: JsonBody<SavedSearchesFilter>) -> Reply<Json<Vec<SavedSearch>>> {
    let SavedSearchesFilter { limit, offset } = body.0;
    Ok(Json(saved_searches::list(&mut cx.read().await?, SavedSearchSort::default(), limit.0, offset).await?))
}
