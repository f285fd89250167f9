//! `/block_schemas` and `/block_capabilities`: what fields blocks have, and what they can do (reference:
//! `server/api/{block_schemas,block_capabilities}.py`). `GET` on the collection is ours.

use domain::BlockSchemaId;
use domain::block_schemas::{BlockSchema, BlockSchemaCreate};
use tenant_store::block_schemas::{self, BlockSchemaFilter, BlockSchemaSort, Creation, Deleted};
use wire::{Input, Limit};

use crate::kit::{Call, Created, Failure, Json, JsonBody, NoContent, Op, Path, Query, Reply};
use crate::ops;

pub static OPS: &[Op] = ops![
    POST "/block_schemas/" create(JsonBody<BlockSchemaCreate>) -> Created<BlockSchema>,
        need Workspace(ManageBlocks), lane Hot, cost One, cache Never, touches [BlockTypes], audit Nothing;
    GET "/block_schemas/" list(Query<BlockSchemaListing>) -> Json<Vec<BlockSchema>>,
        need Workspace(SeeBlocks), lane Heavy, cost One, cache Never, touches [], audit Nothing;
    GET "/block_schemas/{id}" read(Path<BlockSchemaId>) -> Json<BlockSchema>,
        need Workspace(SeeBlocks), lane Read, cost One, cache Kind(BlockTypes), touches [], audit Nothing;
    GET "/block_schemas/checksum/{checksum}" by_checksum(Path<String>, Query<OfVersion>) -> Json<BlockSchema>,
        need Workspace(SeeBlocks), lane Read, cost One, cache Kind(BlockTypes), touches [], audit Nothing;
    POST "/block_schemas/filter" filter(JsonBody<BlockSchemasFilter>) -> Json<Vec<BlockSchema>>,
        need Workspace(SeeBlocks), lane Heavy, cost One, cache Never, touches [], audit Nothing;
    DELETE "/block_schemas/{id}" delete(Path<BlockSchemaId>) -> NoContent,
        need Workspace(ManageBlocks), lane Hot, cost One, cache Never,
        touches [BlockTypes, BlockDocuments, Settings], audit Nothing;
    GET "/block_capabilities/" capabilities() -> Json<Vec<String>>,
        need Workspace(SeeBlocks), lane Read, cost One, cache Kind(BlockTypes), touches [], audit Nothing;
];

/// One page of the block schemas.
#[derive(Debug, Input)]
#[input(parameters)]
struct BlockSchemaListing {
    limit: Limit,
    #[input(default, ge = 0)]
    offset: i64,
    #[input(default)]
    sort: BlockSchemaSort,
}

#[derive(Debug, Input)]
#[input(parameters)]
struct OfVersion {
    /// Version of block schema. If not provided the most recently created block schema with the matching checksum will be
    /// returned.
    version: Option<String>,
}

#[derive(Debug, Input)]
#[input(parameters)]
struct BlockSchemasFilter {
    block_schemas: Option<BlockSchemaFilter>,
    limit: Limit,
    #[input(default, ge = 0)]
    offset: i64,
}

fn not_found() -> Failure {
    Failure::not_found("Block schema not found")
}

async fn create(cx: Call, body: JsonBody<BlockSchemaCreate>) -> Reply<Created<BlockSchema>> {
    match block_schemas::create(cx.write().await?, &body).await? {
        Creation::Made(schema) => Ok(Created::new(*schema)),
        Creation::Found(schema) => Ok(Created::if_fresh(*schema, false)),
        Creation::NoBlockType => Err(Failure::not_found(format!("Block type {} not found.", body.block_type_id))),
        Creation::NoNestedType(slug) => Err(Failure::conflict(format!(
            "Cannot create block schema because block type '{slug}' was not found.Did you forget to register the block type?"
        ))),
        Creation::Refused(why) => Err(Failure::unprocessable(why)),
    }
}

async fn list(cx: Call, query: Query<BlockSchemaListing>) -> Reply<Json<Vec<BlockSchema>>> {
    let BlockSchemaListing { limit, offset, sort } = query.0;
    Ok(Json(block_schemas::list(&mut cx.read().await?, None, sort, limit.0, offset).await?))
}

async fn read(cx: Call, id: Path<BlockSchemaId>) -> Reply<Json<BlockSchema>> {
    block_schemas::read(&mut cx.read().await?, *id).await?.map(Json).ok_or_else(not_found)
}

async fn by_checksum(cx: Call, checksum: Path<String>, query: Query<OfVersion>) -> Reply<Json<BlockSchema>> {
    let found = block_schemas::by_checksum(&mut cx.read().await?, &checksum, query.version.as_deref()).await?;
    found.map(Json).ok_or_else(not_found)
}

async fn filter(cx: Call, body: JsonBody<BlockSchemasFilter>) -> Reply<Json<Vec<BlockSchema>>> {
    let BlockSchemasFilter { block_schemas: filter, limit, offset } = body.0;
    let sort = BlockSchemaSort::default();
    Ok(Json(block_schemas::list(&mut cx.read().await?, filter.as_ref(), sort, limit.0, offset).await?))
}

async fn delete(cx: Call, id: Path<BlockSchemaId>) -> Reply<NoContent> {
    match block_schemas::delete(cx.write().await?, *id).await? {
        Deleted::Done => Ok(NoContent),
        Deleted::Unknown => Err(not_found()),
        Deleted::Protected => Err(Failure::forbidden("Block schemas for protected block types cannot be deleted.")),
    }
}

async fn capabilities(cx: Call) -> Reply<Json<Vec<String>>> {
    Ok(Json(block_schemas::capabilities(&mut cx.read().await?).await?))
}
