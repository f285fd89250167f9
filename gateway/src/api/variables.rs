//! `/variables`: named values (reference: `server/api/variables.py`). `GET` on the collection and `PUT` by name are ours.

use domain::VariableId;
use domain::variables::{self as models, Variable, VariableCreate, VariableReplace, VariableUpdate};
use tenant_store::variables::{self, VariableFilter, VariableSort, Which};
use wire::{Errors, Input, Limit};

use crate::kit::{Call, Created, Failure, Invalid, Json, JsonBody, NoContent, Op, Path, Query, Reply};
use crate::ops;

pub static OPS: &[Op] = ops![
    POST "/variables/" create(JsonBody<VariableCreate>) -> Created<Variable>,
        need Workspace(WriteVariables), lane Hot, cost One, cache Never, touches [Variables], audit Nothing;
    GET "/variables/" list(Query<VariableListing>) -> Json<Vec<Variable>>,
        need Workspace(SeeVariables), lane Heavy, cost One, cache Never, touches [], audit Nothing;
    GET "/variables/{id}" read(Path<VariableId>) -> Json<Variable>,
        need Workspace(SeeVariables), lane Read, cost One, cache Kind(Variables), touches [], audit Nothing;
    GET "/variables/name/{name}" by_name(Path<String>) -> Json<Variable>,
        need Workspace(SeeVariables), lane Read, cost One, cache Kind(Variables), touches [], audit Nothing;
    PATCH "/variables/{id}" update(Path<VariableId>, JsonBody<VariableUpdate>) -> NoContent,
        need Workspace(WriteVariables), lane Hot, cost One, cache Never, touches [Variables], audit Nothing;
    PATCH "/variables/name/{name}" update_by_name(Path<String>, JsonBody<VariableUpdate>) -> NoContent,
        need Workspace(WriteVariables), lane Hot, cost One, cache Never, touches [Variables], audit Nothing;
    PUT "/variables/name/{name}" replace(Path<String>, JsonBody<VariableReplace>) -> Created<Variable>,
        need Workspace(WriteVariables), lane Hot, cost One, cache Never, touches [Variables], audit Nothing;
    DELETE "/variables/{id}" delete(Path<VariableId>) -> NoContent,
        need Workspace(ManageVariables), lane Hot, cost One, cache Never, touches [Variables], audit Nothing;
    DELETE "/variables/name/{name}" delete_by_name(Path<String>) -> NoContent,
        need Workspace(ManageVariables), lane Hot, cost One, cache Never, touches [Variables], audit Nothing;
    POST "/variables/filter" filter(JsonBody<VariablesFilter>) -> Json<Vec<Variable>>,
        need Workspace(SeeVariables), lane Heavy, cost One, cache Never, touches [], audit Nothing;
    POST "/variables/count" count(JsonBody<VariablesCount>) -> Json<i64>,
        need Workspace(SeeVariables), lane Heavy, cost One, cache Never, touches [], audit Nothing;
];

/// One page of the variables.
#[derive(Debug, Input)]
#[input(parameters)]
struct VariableListing {
    limit: Limit,
    #[input(default, ge = 0)]
    offset: i64,
    #[input(default)]
    sort: VariableSort,
}

#[derive(Debug, Input)]
#[input(parameters)]
struct VariablesFilter {
    limit: Limit,
    #[input(default, ge = 0)]
    offset: i64,
    variables: Option<VariableFilter>,
    #[input(default)]
    sort: VariableSort,
}

#[derive(Debug, Input)]
#[input(parameters)]
struct VariablesCount {
    variables: Option<VariableFilter>,
}

fn not_found() -> Failure {
    Failure::not_found("Variable not found.")
}

async fn create(cx: Call, body: JsonBody<VariableCreate>) -> Reply<Created<Variable>> {
    match variables::create(cx.write().await?, &body).await? {
        Some(variable) => Ok(Created::new(variable)),
        None => Err(Failure::conflict(format!("A variable with the name '{}' already exists.", body.name))),
    }
}

async fn list(cx: Call, query: Query<VariableListing>) -> Reply<Json<Vec<Variable>>> {
    let VariableListing { limit, offset, sort } = query.0;
    Ok(Json(variables::list(&mut cx.read().await?, None, sort, limit.0, offset).await?))
}

async fn read(cx: Call, id: Path<VariableId>) -> Reply<Json<Variable>> {
    variables::read(&mut cx.read().await?, Which::Id(*id)).await?.map(Json).ok_or_else(not_found)
}

async fn by_name(cx: Call, name: Path<String>) -> Reply<Json<Variable>> {
    variables::read(&mut cx.read().await?, Which::Name(&name)).await?.map(Json).ok_or_else(not_found)
}

async fn update(cx: Call, id: Path<VariableId>, body: JsonBody<VariableUpdate>) -> Reply<NoContent> {
    found(variables::update(cx.write().await?, Which::Id(*id), &body).await?)
}

async fn update_by_name(cx: Call, name: Path<String>, body: JsonBody<VariableUpdate>) -> Reply<NoContent> {
    found(variables::update(cx.write().await?, Which::Name(&name), &body).await?)
}

async fn replace(cx: Call, name: Path<String>, body: JsonBody<VariableReplace>) -> Reply<Created<Variable>> {
    let text = wire::Json::Str(name.as_str().into());
    let mut errors = Errors::of("path");
    let Some(name) = errors.at("name", |errors| models::name(&text, errors)) else {
        return Err(Invalid::of(errors, &wire::Json::Null).into());
    };
    let (variable, fresh) = variables::replace(cx.write().await?, &name, &body).await?;
    Ok(Created::if_fresh(variable, fresh))
}

async fn delete(cx: Call, id: Path<VariableId>) -> Reply<NoContent> {
    found(variables::delete(cx.write().await?, Which::Id(*id)).await?)
}

async fn delete_by_name(cx: Call, name: Path<String>) -> Reply<NoContent> {
    found(variables::delete(cx.write().await?, Which::Name(&name)).await?)
}

fn found(found: bool) -> Reply<NoContent> {
    match found {
        true => Ok(NoContent),
        false => Err(not_found()),
    }
}

async fn filter(cx: Call, body: JsonBody<VariablesFilter>) -> Reply<Json<Vec<Variable>>> {
    let VariablesFilter { limit, offset, variables, sort } = body.0;
    Ok(Json(variables::list(&mut cx.read().await?, variables.as_ref(), sort, limit.0, offset).await?))
}

async fn count(cx: Call, body: JsonBody<VariablesCount>) -> Reply<Json<i64>> {
    Ok(Json(variables::count(&mut cx.read().await?, body.variables.as_ref()).await?))
}
