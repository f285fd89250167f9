//! `/ui/schemas`: values that a person fills in, held to their schema (reference: `server/api/ui/schemas.py`). Nothing is
//! fetched for it, and templates are not rendered: where one stands, everything fits.

use domain::deployments::parameters::{Variables, names_of_variables};
use domain::flow_runs::refused_filled_in;
use domain::json_schema::report::{SchemaValuesValidationResponse, Unsaid, report};
use domain::templates::Rendered;
use tenant_store::variables;
use wire::{Input, RawObject};

use crate::kit::{Call, Failure, Invalid, Json, JsonBody, Op, Reply};
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
    let too_large = || Invalid::of(refused_filled_in("values"), &wire::Json::Null).into();
    let names = names_of_variables(&[&values], &Rendered::new()).map_err(|_| too_large())?;
    let variables = match names.is_empty() {
        false => variables::values(&mut cx.read().await?, &names).await?,
        true => Variables::new(),
    };
    let told = report(values.0.to_value(), schema.0.to_value(), &variables);
    told.map(Json).map_err(|unsaid| match unsaid {
        Unsaid::Schema(why) => Failure::unprocessable(why),
        Unsaid::TooLarge => too_large(),
    })
}
