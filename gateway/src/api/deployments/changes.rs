//! Why a deployment, or a run of one, was not made or changed, in the words of the reference.

use domain::DeploymentId;
use domain::deployments::parameters::Unfit;
use domain::flow_runs::{refused_filled_in, too_large_filled_in};
use domain::json_schema::TOO_MUCH;
use tenant_store::deployments::{self as store, NoRun, NotCreated, NotUpdated};

use crate::kit::{Failure, Invalid};

const NO_SCHEMA: &str = "Error updating deployment: Cannot update parameters because parameter schema enforcement is enabled \
                         and the deployment does not have a valid parameter schema.";
const NO_BLOCK: &str = "Block not found.";
const CIRCULAR: &str = "Invalid schema: Unable to validate schema with circular references.";

pub fn not_created(why: NotCreated) -> Failure {
    match why {
        NotCreated::NoWorkPool(name) => no_work_pool(&name),
        NotCreated::JobVariables(unfit) => unfit_job_variables(unfit, "Error creating deployment"),
        NotCreated::NoLimit => no_limit(),
        NotCreated::NoDocument(what, id) => Failure::conflict(format!(
            "Error creating deployment. Could not find {what} block with id: {id}. This usually occurs when applying a \
             deployment specification that was built against a different Prefect database / workspace."
        )),
    }
}

pub fn not_updated(why: NotUpdated) -> Failure {
    match why {
        NotUpdated::NoDeployment => Failure::not_found("Deployment not found."),
        NotUpdated::NoWorkPool(name) => no_work_pool(&name),
        NotUpdated::JobVariables(why) => Failure::conflict(format!("Error creating deployment: {why}")),
        NotUpdated::NoLimit => no_limit(),
        NotUpdated::Schedules(refused) => Failure::unprocessable(refused.to_string()),
        NotUpdated::Parameters(unfit) => {
            unfit_parameters(unfit, "Error hydrating deployment parameters", "Error updating deployment")
        }
    }
}

pub fn no_run(why: NoRun, id: DeploymentId) -> Failure {
    match why {
        NoRun::NoDeployment => super::not_found(),
        NoRun::Parameters(unfit) => {
            unfit_parameters(unfit, "Error hydrating flow run parameters", "Error creating flow run")
        }
        NoRun::NoWorkPool(queue) => Failure::bad_request(format!(
            "Cannot create flow run in work queue {queue} because deployment {id} is not associated with a work pool. \
             Please remove work_pool_name and try again."
        )),
        NoRun::JobVariables(unfit) => unfit_job_variables(unfit, "Error creating flow run"),
    }
}

/// The same of one run among many.
pub fn no_run_of_many(why: NoRun) -> String {
    match why {
        NoRun::NoDeployment => "Deployment not found".into(),
        NoRun::Parameters(Unfit::Unfilled(why)) => why,
        NoRun::Parameters(Unfit::NoSchema) => {
            "Parameter schema enforcement is enabled but deployment has no valid schema.".into()
        }
        NoRun::Parameters(Unfit::Invalid(why)) => format!("Parameter validation failed: {why}"),
        NoRun::Parameters(Unfit::Circular) => "Invalid schema: circular references detected.".into(),
        NoRun::Parameters(Unfit::TooMuch) => TOO_MUCH.into(),
        NoRun::Parameters(Unfit::TooLarge) => too_large_filled_in(),
        NoRun::NoWorkPool(queue) => format!(
            "Cannot create flow run in work queue {queue} because deployment is not associated with a work pool."
        ),
        NoRun::JobVariables(store::Unfit::Invalid(why)) => format!("Error creating flow run: {why}"),
        NoRun::JobVariables(store::Unfit::NoBlock) => NO_BLOCK.into(),
    }
}

fn unfit_parameters(unfit: Unfit, unfilled: &str, invalid: &str) -> Failure {
    match unfit {
        Unfit::Unfilled(why) => Failure::bad_request(format!("{unfilled}: {why}")),
        Unfit::NoSchema => Failure::conflict(NO_SCHEMA),
        Unfit::Invalid(why) => Failure::conflict(format!("{invalid}: {why}")),
        Unfit::Circular => Failure::unprocessable(CIRCULAR),
        Unfit::TooMuch => Failure::unprocessable(TOO_MUCH),
        Unfit::TooLarge => Invalid::of(refused_filled_in("parameters"), &wire::Json::Null).into(),
    }
}

fn no_limit() -> Failure {
    Failure::not_found("Concurrency limit not found")
}

fn no_work_pool(name: &str) -> Failure {
    Failure::not_found(format!("Work pool \"{name}\" not found."))
}

fn unfit_job_variables(unfit: store::Unfit, doing: &str) -> Failure {
    match unfit {
        store::Unfit::Invalid(why) => Failure::unprocessable(format!("{doing}: {why}")),
        store::Unfit::NoBlock => Failure::not_found(NO_BLOCK),
    }
}
