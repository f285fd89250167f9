//! `/block_types`: kinds of blocks (reference: `server/api/block_types.py`). `GET` on the collection is ours.

use domain::BlockTypeId;
use domain::block_types::{BlockType, BlockTypeCreate, BlockTypeUpdate};
use tenant_store::block_schemas::BlockSchemaFilter;
use tenant_store::block_types::{self, BlockTypeFilter, BlockTypeSort, Deleted, Which};
use wire::{Input, Limit};

use crate::kit::{Call, Created, Failure, Json, JsonBody, NoContent, Op, Path, Query, Reply};
use crate::ops;

pub static OPS: &[Op] = ops![
    POST "/block_types/" create(JsonBody<BlockTypeCreate>) -> Created<BlockType>,
        need Workspace(ManageBlocks), lane Hot, cost One, cache Never, touches [BlockTypes], audit Nothing;
    GET "/block_types/" list(Query<BlockTypeListing>) -> Json<Vec<BlockType>>,
        need Workspace(SeeBlocks), lane Heavy, cost One, cache Never, touches [], audit Nothing;
    GET "/block_types/{id}" read(Path<BlockTypeId>) -> Json<BlockType>,
        need Workspace(SeeBlocks), lane Read, cost One, cache Kind(BlockTypes), touches [], audit Nothing;
    GET "/block_types/slug/{slug}" by_slug(Path<String>) -> Json<BlockType>,
        need Workspace(SeeBlocks), lane Read, cost One, cache Kind(BlockTypes), touches [], audit Nothing;
    POST "/block_types/filter" filter(JsonBody<BlockTypesFilter>) -> Json<Vec<BlockType>>,
        need Workspace(SeeBlocks), lane Heavy, cost One, cache Never, touches [], audit Nothing;
    PATCH "/block_types/{id}" update(Path<BlockTypeId>, JsonBody<BlockTypeUpdate>) -> NoContent,
        need Workspace(ManageBlocks), lane Hot, cost One, cache Never, touches [BlockTypes], audit Nothing;
    DELETE "/block_types/{id}" delete(Path<BlockTypeId>) -> NoContent,
        need Workspace(ManageBlocks), lane Hot, cost One, cache Never,
        touches [BlockTypes, BlockDocuments, Settings], audit Nothing;
    POST "/block_types/install_system_block_types" install() -> Json<()>,
        need Workspace(ManageBlocks), lane Hot, cost One, cache Never, touches [BlockTypes], audit Nothing;
];

/// One page of the block types.
#[derive(Debug, Input)]
#[input(parameters)]
struct BlockTypeListing {
    limit: Limit,
    #[input(default, ge = 0)]
    offset: i64,
    #[input(default)]
    sort: BlockTypeSort,
}

#[derive(Debug, Input)]
#[input(parameters)]
struct BlockTypesFilter {
    block_types: Option<BlockTypeFilter>,
    block_schemas: Option<BlockSchemaFilter>,
    limit: Limit,
    #[input(default, ge = 0)]
    offset: i64,
}

fn not_found() -> Failure {
    Failure::not_found("Block type not found")
}

async fn create(cx: Call, body: JsonBody<BlockTypeCreate>) -> Reply<Created<BlockType>> {
    if body.is_reserved() {
        return Err(Failure::forbidden("Block type names beginning with 'Prefect' are reserved."));
    }
    let new = body.0.escaped();
    match block_types::create(cx.write().await?, &new).await? {
        Some(made) => Ok(Created::new(made)),
        None => Err(Failure::conflict(format!("Block type with name \"{}\" already exists", new.name))),
    }
}

async fn list(cx: Call, query: Query<BlockTypeListing>) -> Reply<Json<Vec<BlockType>>> {
    let BlockTypeListing { limit, offset, sort } = query.0;
    Ok(Json(block_types::list(&mut cx.read().await?, None, None, sort, limit.0, offset).await?))
}

async fn read(cx: Call, id: Path<BlockTypeId>) -> Reply<Json<BlockType>> {
    block_types::read(&mut cx.read().await?, Which::Id(*id)).await?.map(Json).ok_or_else(not_found)
}

async fn by_slug(cx: Call, slug: Path<String>) -> Reply<Json<BlockType>> {
    block_types::read(&mut cx.read().await?, Which::Slug(&slug)).await?.map(Json).ok_or_else(not_found)
}

async fn filter(cx: Call, body: JsonBody<BlockTypesFilter>) -> Reply<Json<Vec<BlockType>>> {
    let BlockTypesFilter { block_types: types, block_schemas, limit, offset } = body.0;
    let (types, schemas, sort) = (types.as_ref(), block_schemas.as_ref(), BlockTypeSort::default());
    Ok(Json(block_types::list(&mut cx.read().await?, types, schemas, sort, limit.0, offset).await?))
}

async fn update(cx: Call, id: Path<BlockTypeId>, body: JsonBody<BlockTypeUpdate>) -> Reply<NoContent> {
    match block_types::update(cx.write().await?, *id, &body).await? {
        true => Ok(NoContent),
        false => Err(not_found()),
    }
}

async fn delete(cx: Call, id: Path<BlockTypeId>) -> Reply<NoContent> {
    match block_types::delete(cx.write().await?, *id).await? {
        Deleted::Done => Ok(NoContent),
        Deleted::Unknown => Err(not_found()),
        Deleted::Protected => Err(Failure::forbidden("protected block types cannot be deleted.")),
    }
}

async fn install(cx: Call) -> Reply<Json<()>> {
    Ok(Json(block_types::install_protected(cx.write().await?).await?))
}
