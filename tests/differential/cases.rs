//! The form of a case file: a list of scenarios, each a list of steps that are sent in order.
//!
//! ```json
//! [{"name": "reads back", "default": {"method": "POST", "path": "/flows/filter"},
//!   "steps": [{"name": "create", "path": "/flows/", "body": {"name": "a"}, "save": {"flow": "/id"}},
//!             {"name": "by id", "body": {"flows": {"id": {"any_": ["{{flow}}"]}}}}]}]
//! ```
//! A step inherits what it does not say from `default`; a scenario may begin with what another one left (`"uses"`). `{{flow}}` is what *that* server answered; `{{now-3600}}` is
//! one moment for both servers, an hour before the scenario began (whole seconds); `{{x*100}}` is an x, a hundred times. With a space
//! before the name (`{{ x }}`) it is Jinja's own and sent as it is.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;
use serde_json::Value;

pub struct File {
    pub name: String,
    pub scenarios: Vec<Scenario>,
}

impl File {
    pub fn scenario(&self, name: &str) -> Option<&Scenario> {
        self.scenarios.iter().find(|s| s.name == name)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawScenario {
    name: String,
    #[serde(default)]
    fresh: bool,
    uses: Option<String>,
    #[serde(default)]
    default: serde_json::Map<String, Value>,
    steps: Vec<serde_json::Map<String, Value>>,
}

pub struct Scenario {
    pub name: String,
    /// Needs a workspace that nothing was written to.
    pub fresh: bool,
    /// Begins with what that scenario of the same file left: its data, its saved values.
    pub uses: Option<String>,
    pub steps: Vec<Step>,
    /// The text of the whole scenario: what stands in it is compared to the letter.
    pub text: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    pub name: String,
    pub method: String,
    pub path: String,
    /// JSON body; placeholders are filled in inside its strings.
    pub body: Option<Value>,
    /// The body as text, for what is no JSON.
    pub raw_body: Option<String>,
    /// The body as base64, for what is no text.
    pub base64_body: Option<String>,
    /// Added to `content-type: application/json`; an empty value takes a header away.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// Placeholder name to JSON pointer into the answer.
    #[serde(default)]
    pub save: BTreeMap<String, String>,
    /// Asked again until the answer is as said here, on each server for itself.
    pub poll: Option<Until>,
    /// Lists in the answer are sets.
    #[serde(default)]
    pub unordered: bool,
    /// Pointers (`*` for any member) whose value may differ; null stays null.
    #[serde(default)]
    pub mask: Vec<String>,
    /// Pointers to durations in seconds, compared with some tolerance (known names are always treated so).
    #[serde(default)]
    pub seconds: Vec<String>,
    /// Only the status is compared.
    #[serde(default)]
    pub status_only: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Until {
    #[serde(default)]
    pub pointer: String,
    pub status: Option<u16>,
    pub equals: Option<Value>,
    pub length: Option<usize>,
}

impl Until {
    pub fn holds(&self, status: u16, body: &Value) -> bool {
        let Some(found) = body.pointer(&self.pointer) else { return false };
        self.status.is_none_or(|s| s == status)
            && self.equals.as_ref().is_none_or(|v| v == found)
            && self.length.is_none_or(|n| found.as_array().is_some_and(|a| a.len() == n))
    }
}

/// Every case file of the folder, in the order of their names.
pub fn load_all(folder: &Path) -> Result<Vec<File>, String> {
    let entries = std::fs::read_dir(folder).map_err(|e| format!("{}: {e}", folder.display()))?;
    let mut paths: Vec<_> = entries.filter_map(|e| Some(e.ok()?.path())).collect();
    paths.retain(|p| p.extension().is_some_and(|e| e == "json"));
    paths.sort();
    paths.iter().map(|path| load(path).map_err(|why| format!("{}: {why}", path.display()))).collect()
}

fn load(path: &Path) -> Result<File, String> {
    let text = std::fs::read_to_string(path).map_err(|e| e.to_string())?;
    let raw: Vec<RawScenario> = serde_json::from_str(&text).map_err(|e| e.to_string())?;
    let name = path.file_stem().and_then(|s| s.to_str()).ok_or("a name in UTF-8 is needed")?.to_owned();
    let scenarios = raw.into_iter().map(scenario).collect::<Result<Vec<_>, _>>()?;
    let file = File { name, scenarios };
    for scenario in &file.scenarios {
        if let Some(used) = &scenario.uses {
            file.scenario(used).ok_or_else(|| format!("{} uses {used}, which is not here", scenario.name))?;
        }
    }
    Ok(file)
}

fn scenario(raw: RawScenario) -> Result<Scenario, String> {
    let mut steps = Vec::with_capacity(raw.steps.len());
    let mut text = String::new();
    for own in raw.steps {
        let mut whole = raw.default.clone();
        whole.extend(own);
        let value = Value::Object(whole);
        text.push_str(&value.to_string());
        let step: Step = serde_json::from_value(value.clone()).map_err(|e| format!("{}: {e}: {value}", raw.name))?;
        steps.push(step);
    }
    Ok(Scenario { name: raw.name, fresh: raw.fresh, uses: raw.uses, steps, text })
}
