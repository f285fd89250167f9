//! `/block_documents`, and the documents of a type below `/block_types/slug/{slug}` (reference:
//! `server/api/{block_documents,block_types}.py`). `GET` on the collection and `PUT` by type and name are ours.
//!
//! Secrets are hidden unless the caller asks for them and may see them. No answer here is ever kept in a cache.

use domain::BlockDocumentId;
use domain::access::ScopeName;
use domain::block_documents::{
    self as models, BlockDocument, BlockDocumentCreate, BlockDocumentReplace, BlockDocumentUpdate, MOST_NESTED,
};
use tenant_store::block_documents::{
    self, BlockDocumentFilter, BlockDocumentSort, Creation, Filters, Reading, Secrets, TooMany, Update, Which,
};
use tenant_store::block_schemas::BlockSchemaFilter;
use tenant_store::block_types::{self, BlockTypeFilter};
use wire::{Errors, Input, Limit};

use crate::kit::{Call, Created, Failure, Invalid, Json, JsonBody, NoContent, Op, Path, Query, Reply};
use crate::ops;

pub static OPS: &[Op] = ops![
    POST "/block_documents/" create(JsonBody<BlockDocumentCreate>) -> Created<BlockDocument>,
        need Workspace(ManageBlocks), lane Hot, cost One, cache Never, touches [BlockDocuments], audit Nothing;
    GET "/block_documents/" list(Query<BlockDocumentListing>) -> Json<Vec<BlockDocument>>,
        need Workspace(SeeBlocks), lane Heavy, cost One, cache Never, touches [], audit Nothing;
    GET "/block_documents/{id}" read(Path<BlockDocumentId>, Query<Showing>) -> Json<BlockDocument>,
        need Workspace(SeeBlocks), lane Read, cost One, cache Never, touches [], audit Nothing;
    PATCH "/block_documents/{id}" update(Path<BlockDocumentId>, JsonBody<BlockDocumentUpdate>) -> NoContent,
        need Workspace(ManageBlocks), lane Hot, cost One, cache Never, touches [BlockDocuments], audit Nothing;
    DELETE "/block_documents/{id}" delete(Path<BlockDocumentId>) -> NoContent,
        need Workspace(ManageBlocks), lane Hot, cost One, cache Never, touches [BlockDocuments, Settings], audit Nothing;
    POST "/block_documents/filter" filter(JsonBody<BlockDocumentsFilter>) -> Json<Vec<BlockDocument>>,
        need Workspace(SeeBlocks), lane Heavy, cost One, cache Never, touches [], audit Nothing;
    POST "/block_documents/count" count(JsonBody<BlockDocumentsCount>) -> Json<i64>,
        need Workspace(SeeBlocks), lane Heavy, cost One, cache Never, touches [], audit Nothing;
    GET "/block_types/slug/{slug}/block_documents" of_type(Path<String>, Query<Showing>) -> Json<Vec<BlockDocument>>,
        need Workspace(SeeBlocks), lane Heavy, cost One, cache Never, touches [], audit Nothing;
    GET "/block_types/slug/{slug}/block_documents/name/{block_document_name}"
        by_name(Path<(String, String)>, Query<Showing>) -> Json<BlockDocument>,
        need Workspace(SeeBlocks), lane Read, cost One, cache Never, touches [], audit Nothing;
    PUT "/block_types/slug/{slug}/block_documents/name/{block_document_name}"
        replace(Path<(String, String)>, JsonBody<BlockDocumentReplace>) -> Created<BlockDocument>,
        need Workspace(ManageBlocks), lane Hot, cost One, cache Never, touches [BlockDocuments], audit Nothing;
];

/// One page of the block documents.
#[derive(Debug, Input)]
#[input(parameters)]
struct BlockDocumentListing {
    limit: Limit,
    #[input(default, ge = 0)]
    offset: i64,
    #[input(default)]
    sort: BlockDocumentSort,
}

#[derive(Debug, Input)]
#[input(parameters)]
struct Showing {
    /// Whether to include sensitive values in the block document.
    #[input(default)]
    include_secrets: bool,
}

#[derive(Debug, Input)]
#[input(parameters)]
struct BlockDocumentsFilter {
    limit: Limit,
    block_documents: Option<BlockDocumentFilter>,
    block_types: Option<BlockTypeFilter>,
    block_schemas: Option<BlockSchemaFilter>,
    /// Whether to include sensitive values in the block document.
    #[input(default)]
    include_secrets: bool,
    #[input(default)]
    sort: BlockDocumentSort,
    #[input(default, ge = 0)]
    offset: i64,
}

#[derive(Debug, Input)]
#[input(parameters)]
struct BlockDocumentsCount {
    block_documents: Option<BlockDocumentFilter>,
    block_types: Option<BlockTypeFilter>,
    block_schemas: Option<BlockSchemaFilter>,
}

fn not_found() -> Failure {
    Failure::not_found("Block document not found")
}

fn too_many(_: TooMany) -> Failure {
    let why = format!("The block document holds more than {MOST_NESTED} others, or holds itself.");
    Failure::unprocessable(why)
}

/// In the words of any rule of the data that was not kept.
fn unknown(what: &str) -> Failure {
    Failure::conflict(format!("Data integrity conflict: the {what} is not there."))
}

/// Shows secrets to callers who asked for them and may see them; hides them from others who asked.
fn reading(cx: &Call, include_secrets: bool) -> Reply<Reading<'_>> {
    let shown = include_secrets && cx.member()?.scopes().contains(ScopeName::SeeSecretBlocks);
    Ok(Reading { ring: cx.app.key_ring(), secrets: if shown { Secrets::Shown } else { Secrets::Hidden } })
}

async fn create(cx: Call, body: JsonBody<BlockDocumentCreate>) -> Reply<Created<BlockDocument>> {
    made(block_documents::create(cx.write().await?, &body, cx.app.key_ring()).await?)
}

fn made(creation: Creation) -> Reply<Created<BlockDocument>> {
    match creation {
        Creation::Made(document) => Ok(Created::new(*document)),
        Creation::Replaced(document) => Ok(Created::if_fresh(*document, false)),
        Creation::Taken => Err(Failure::conflict("Block already exists")),
        Creation::NoBlockType => Err(unknown("block type")),
        Creation::NoBlockSchema => Err(unknown("block schema")),
        Creation::NoSuchReference => Err(unknown("block document that it refers to")),
        Creation::Refused(why) => Err(Failure::bad_request(why)),
        Creation::TooMany => Err(too_many(TooMany)),
    }
}

async fn list(cx: Call, query: Query<BlockDocumentListing>) -> Reply<Json<Vec<BlockDocument>>> {
    let BlockDocumentListing { limit, offset, sort } = query.0;
    page(&cx, &Filters::default(), sort, Some((limit.0, offset)), false).await
}

async fn page(
    cx: &Call,
    filters: &Filters,
    sort: BlockDocumentSort,
    page: Option<(i64, i64)>,
    include_secrets: bool,
) -> Reply<Json<Vec<BlockDocument>>> {
    let reading = reading(cx, include_secrets)?;
    let documents = block_documents::list(&mut cx.read().await?, filters, sort, page, &reading).await?;
    documents.map(Json).map_err(too_many)
}

async fn read(cx: Call, id: Path<BlockDocumentId>, query: Query<Showing>) -> Reply<Json<BlockDocument>> {
    one(&cx, Which::Id(*id), query.include_secrets).await
}

async fn by_name(cx: Call, names: Path<(String, String)>, query: Query<Showing>) -> Reply<Json<BlockDocument>> {
    one(&cx, Which::Name(&names.0.0, &names.0.1), query.include_secrets).await
}

async fn one(cx: &Call, which: Which<'_>, include_secrets: bool) -> Reply<Json<BlockDocument>> {
    let reading = reading(cx, include_secrets)?;
    let found = block_documents::read(&mut cx.read().await?, which, &reading).await?;
    found.map_err(too_many)?.map(Json).ok_or_else(not_found)
}

async fn update(cx: Call, id: Path<BlockDocumentId>, body: JsonBody<BlockDocumentUpdate>) -> Reply<NoContent> {
    match block_documents::update(cx.write().await?, *id, &body, cx.app.key_ring()).await? {
        Update::Done => Ok(NoContent),
        Update::Unknown => Err(not_found()),
        Update::NoBlockSchema => Err(unknown("block schema")),
        Update::NoSuchReference => Err(unknown("block document that it refers to")),
        Update::Refused(why) => Err(Failure::bad_request(why)),
        Update::TooMany => Err(too_many(TooMany)),
    }
}

async fn replace(
    cx: Call,
    names: Path<(String, String)>,
    body: JsonBody<BlockDocumentReplace>,
) -> Reply<Created<BlockDocument>> {
    let (slug, name) = &names.0;
    let text = wire::Json::Str(name.as_str().into());
    let mut errors = Errors::of("path");
    let Some(name) = errors.at("block_document_name", |errors| models::name(&text, errors)) else {
        return Err(Invalid::of(errors, &wire::Json::Null).into());
    };
    match block_documents::replace(cx.write().await?, slug, &name, &body, cx.app.key_ring()).await? {
        Creation::NoBlockType => Err(Failure::not_found("Block type not found")),
        creation => made(creation),
    }
}

async fn delete(cx: Call, id: Path<BlockDocumentId>) -> Reply<NoContent> {
    match block_documents::delete(cx.write().await?, *id, cx.app.key_ring()).await? {
        true => Ok(NoContent),
        false => Err(not_found()),
    }
}

async fn filter(cx: Call, body: JsonBody<BlockDocumentsFilter>) -> Reply<Json<Vec<BlockDocument>>> {
    let BlockDocumentsFilter { limit, block_documents, block_types, block_schemas, include_secrets, sort, offset } =
        body.0;
    let filters = Filters { block_documents, block_types, block_schemas };
    page(&cx, &filters, sort, Some((limit.0, offset)), include_secrets).await
}

async fn count(cx: Call, body: JsonBody<BlockDocumentsCount>) -> Reply<Json<i64>> {
    let BlockDocumentsCount { block_documents, block_types, block_schemas } = body.0;
    let filters = Filters { block_documents, block_types, block_schemas };
    Ok(Json(block_documents::count(&mut cx.read().await?, &filters).await?))
}

async fn of_type(cx: Call, slug: Path<String>, query: Query<Showing>) -> Reply<Json<Vec<BlockDocument>>> {
    let found = block_types::read(&mut cx.read().await?, block_types::Which::Slug(&slug)).await?;
    let found = found.ok_or_else(|| Failure::not_found("Block type not found"))?;
    let filters = Filters { block_documents: Some(BlockDocumentFilter::of_type(found.id.0)), ..Filters::default() };
    page(&cx, &filters, BlockDocumentSort::default(), None, query.include_secrets).await
}
