//! `/ui/schemas`: values that a person fills in, held to their schema (reference: `server/api/ui/schemas.py`). Nothing is
//! fetched for it, and templates are not rendered: where one stands, everything fits.

use domain::deployments::parameters::{Variables, name_variables};
use domain::json_schema::report::{SchemaValuesValidationResponse, report};
use tenant_store::variables;
use wire::{Input, RawObject};

use crate::kit::{Call, Failure, Json, JsonBody, Op, Reply};
use crate::ops;

pub static OPS: &[Op] = ops![
    POST "/ui/schemas/validate" validate(JsonBody<SchemaAndValues>) -> Json<SchemaValuesValidationResponse>,
        need Workspace(SeeVariables), lane Read, cost One, cache Never, touches [], audit Nothing;
];

#[derive(Debug, Input)]
#[input(parameters)]
struct SchemaAndValues {
    schema: RawObject,
    values: RawObject,
}

async fn validate(cx: Call, body: JsonBody<SchemaAndValues>) -> Reply<Json<SchemaValuesValidationResponse>> {
    let SchemaAndValues { schema, values } = body.0;
    let variables = match name_variables(&values) {
        true => variables::values(&mut cx.read().await?).await?,
        false => Variables::new(),
    };
    let told = report(values.0.to_value(), schema.0.to_value(), &variables).map_err(Failure::unprocessable)?;
    Ok(Json(told))
}
