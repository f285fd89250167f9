//! Where is measured: a workspace of this program, or the reference, with a flow and runs in it.

use std::ops::Range;

use ::tests::Api;
use serde_json::{Value, json};

use crate::Result;
use crate::bodies::{self, Proposed};
use crate::bulk::{self, Family, Store};
use crate::http::Target;

#[derive(Debug, Clone)]
pub struct Place {
    pub target: Target,
    pub api: Api,
    pub store: Store,
    pub flow: String,
    /// Ended runs, numbered from 1.
    pub done: u64,
    /// Waiting runs, numbered from 1.
    waiting: u64,
    templates: Templates,
}

/// Runs made through the API, of which the others are copies.
#[derive(Debug, Clone)]
struct Templates {
    done: String,
    waiting: String,
}

impl Place {
    /// Makes a flow and the templates.
    pub fn furnish(target: Target, api: Api, store: Store) -> Result<Place> {
        let flow = id(&send(&api, "/flows/", &bodies::flow("bench"))?)?;
        let done = id(&send(&api, "/flow_runs/", &bodies::flow_run(&flow))?)?;
        for state in [Proposed::Running, Proposed::Completed] {
            send(&api, &format!("/flow_runs/{done}/set_state"), &bodies::set_state(&done, state))?;
        }
        let waiting = id(&send(&api, "/flow_runs/", &bodies::scheduled_run(&flow))?)?;
        Ok(Place { target, api, store, flow, done: 0, waiting: 0, templates: Templates { done, waiting } })
    }

    /// Brings the number of ended runs up to `count`.
    pub fn fill(&mut self, count: u64) {
        if count > self.done {
            bulk::copy(&self.store, &self.templates.done, Family::Done, self.done + 1, count - self.done);
            self.done = count;
        }
    }

    /// New runs that wait: their numbers.
    pub fn wait(&mut self, count: u64) -> Range<u64> {
        let from = self.waiting + 1;
        bulk::copy(&self.store, &self.templates.waiting, Family::Waiting, from, count);
        self.waiting += count;
        from..from + count
    }

    /// Copies a run so often that waits for its time: of the runs that are far from due.
    pub fn wait_later(&self, template: &str, count: u64) {
        bulk::copy(&self.store, template, Family::Later, 1, count);
    }

    /// A run made through the API, to which others are alike.
    pub fn template(&self) -> &str {
        &self.templates.done
    }
}

/// A flow and a few runs made through the API, for workspaces of which there are many.
pub fn few_runs(api: &Api, count: usize) -> Result<(String, Vec<String>)> {
    let flow = id(&send(api, "/flows/", &bodies::flow("bench"))?)?;
    let runs = (0..count).map(|_| id(&send(api, "/flow_runs/", &bodies::flow_run(&flow))?)).collect::<Result<_>>()?;
    Ok((flow, runs))
}

/// Sends a body as it is; what is no success is an error with what the server said.
pub fn send(api: &Api, path: &str, body: &str) -> Result<Value> {
    let headers = [("content-type", "application/json")];
    let answer = api.try_request("POST", path, &headers, Some(body.as_bytes().to_vec()))?;
    if (200..300).contains(&answer.status) {
        return Ok(answer.body);
    }
    Err(format!("POST {}{path} was answered {}: {}", api.base(), answer.status, answer.body).into())
}

pub fn id(body: &Value) -> Result<String> {
    Ok(body["id"].as_str().ok_or_else(|| format!("no id in {}", json!(body)))?.to_owned())
}
