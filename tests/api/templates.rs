//! Templates in parameters and inputs: rendered wherever values are needed, and no harm to anybody else.

use serde_json::{Value, json};
use tests::{Api, Tenant};

fn template(text: impl Into<Value>) -> Value {
    json!({ "__prefect_kind": "jinja", "template": text.into() })
}

fn deployment(api: &Api, body: Value) -> String {
    let flow = api.post("/flows/", &json!({ "name": "templates" })).body["id"].clone();
    let mut whole = json!({ "name": "d", "flow_id": flow });
    whole.as_object_mut().expect("an object").extend(body.as_object().expect("an object").clone());
    let made = api.post("/deployments/", &whole).expect(201);
    format!("/deployments/{}", made["id"].as_str().expect("an id"))
}

#[test]
fn they_are_rendered_wherever_values_are_needed() {
    let api = Tenant::fresh().api();
    api.post("/variables/", &json!({ "name": "v", "value": [1] })).expect(201);
    let named = json!({ "__prefect_kind": "workspace_variable", "variable_name": template("{{ 'v' }}") });
    let nested = template(template("{{ '{{ 2 }}' }}"));
    let path =
        deployment(&api, json!({ "parameters": { "own": template("{{ 1 + 1 }}"), "over": template("{{ 1 / 0 }}") } }));
    let run =
        json!({ "parameters": { "over": template("{% if true %}x{% endif %}"), "named": named, "nested": nested } });
    let expected = json!({ "own": "2", "over": "x", "named": [1], "nested": "2" });
    let made = api.post(&format!("{path}/create_flow_run"), &run).expect(201);
    assert_eq!(made["parameters"], expected);
    let many = api.post(&format!("{path}/create_flow_run/bulk"), &json!([run, run])).expect(200);
    for result in many["results"].as_array().expect("results") {
        let made = api.get(&format!("/flow_runs/{}", result["flow_run_id"].as_str().expect("an id"))).expect(200);
        assert_eq!(made["parameters"], expected);
    }

    let schema = json!({ "properties": { "a": { "type": "string", "pattern": "^x+$" } } });
    let enforced = json!({ "parameter_openapi_schema": schema, "enforce_parameter_schema": true });
    api.patch(&path, &enforced).expect(204);
    let change = |text: &str| api.patch(&path, &json!({ "parameters": { "a": template(text) } }));
    change("{{ 'x' * 3 }}").expect(204);
    change("{{ 'y' * 3 }}").expect(409);
    change("{{ 1 / 0 }}").expect(400);

    // A change keeps what was filled in, and what is no object is kept nowhere.
    assert_eq!(api.get(&path).expect(200)["parameters"], json!({ "a": "xxx" }));
    for whole in [template("{{ 1 }}"), json!({ "__prefect_kind": "json", "value": "5" })] {
        let whole = json!({ "parameters": whole, "enforce_parameter_schema": false });
        api.post(&format!("{path}/create_flow_run"), &whole).expect(400);
        api.patch(&path, &whole).expect(400);
    }

    // What becomes a template again is rendered again, though not for ever.
    let chain = |rounds: usize| {
        let text = (1..rounds).fold("{{ 1 }}".to_owned(), |text, _| format!("{{{{ {} }}}}", json!(text)));
        let whole = (1..rounds).fold(template(text), |inner, _| template(inner));
        json!({ "parameters": { "a": whole }, "enforce_parameter_schema": false })
    };
    assert_eq!(api.post(&format!("{path}/create_flow_run"), &chain(3)).expect(201)["parameters"]["a"], "1");
    let refused = api.post(&format!("{path}/create_flow_run"), &chain(6)).expect(400);
    assert!(refused.to_string().contains("too much work"), "{refused}");
}

#[test]
fn an_input_of_a_paused_run_may_be_one() {
    let api = Tenant::fresh().api();
    let flow = api.post("/flows/", &json!({ "name": "paused" })).body["id"].clone();
    let run = api.post("/flow_runs/", &json!({ "flow_id": flow, "state": { "type": "RUNNING" } })).expect(201);
    let path = format!("/flow_runs/{}", run["id"].as_str().expect("an id"));
    let details = json!({ "run_input_keyset": { "schema": "schema", "response": "response" } });
    api.post(&format!("{path}/set_state"), &json!({ "state": { "type": "PAUSED", "state_details": details } }))
        .expect(201);
    let schema = json!({ "properties": { "x": { "type": "string", "maxLength": 3 } } }).to_string();
    api.post(&format!("{path}/input"), &json!({ "key": "schema", "value": schema })).expect(201);
    let resume =
        |text: &str| api.post(&format!("{path}/resume"), &json!({ "run_input": { "x": template(text) } })).body;
    let refused = resume("{{ 'x' * 4 }}");
    assert_eq!(refused["status"], "REJECT", "{refused}");
    let refused = resume("{{ 1 / 0 }}");
    assert!(refused.to_string().contains("Error hydrating run input: Invalid jinja: "), "{refused}");
    api.post("/variables/", &json!({ "name": "v", "value": "abc" })).expect(201);
    let named = json!({ "__prefect_kind": "workspace_variable", "variable_name": template("{{ 'v' }}") });
    let answer = api.post(&format!("{path}/resume"), &json!({ "run_input": { "x": named } })).body;
    assert_eq!(answer["status"], "ACCEPT", "{answer}");
    let kept = api.get(&format!("{path}/input/response"));
    assert_eq!(kept.body, json!({ "x": "abc" }));
}

/// Each of these ended a process, or held a core for as long as it liked, where nothing bounded it.
#[test]
fn a_hostile_one_harms_nobody_else() {
    let api = Tenant::fresh().api();
    let path = format!("{}/create_flow_run", deployment(&api, json!({})));
    let run = |text: &str| json!({ "parameters": { "a": template(text) } });
    let doubled = |what: &str| {
        format!(
            "{{% set n = namespace(x={what}) %}}{{% for i in range(99) %}}{{% for j in range(99) %}}{{% set n.x = n.x + n.x %}}\
             {{% endfor %}}{{% endfor %}}{{{{ n.x|length }}}}"
        )
    };
    let slices = "{% set x = 'é' * 1000000 %}{% for i in range(99) %}{% for j in range(99) %}{% if x[::2] %}{% endif %}\
                  {% endfor %}{% endfor %}";
    for hostile in [
        "{{ ('x'|center(150000000))|length }}",
        "{% set r = ''.join(['x' * 1000000] * 6000) %}{{ r|length }}",
        "{{ 'x'|center(10000000000) }}",
        "{{ '{:>9999999999}'.format(1) }}",
        "{{ '%.65536e'|format(1.5) }}",
        "{% for i in range(3) %}{{ loop.cycle() }}{% endfor %}",
        "{% set x = namespace() %}{% set x.x = x %}{{ x }}",
        &doubled("[1]"),
        &doubled("'x'"),
        slices,
    ] {
        let refused = api.post(&path, &run(hostile)).expect(400);
        assert!(refused.to_string().contains("too much work"), "{hostile}: {refused}");
        assert_eq!(api.post(&path, &run("{{ 1 }}")).expect(201)["parameters"]["a"], "1");
    }
    // Of many runs one has taken all the time there is for their templates.
    let bulk = json!([run("{{ 1 }}"), run(slices), run("{{ 2 }}"), run("{{ 1 }}"), { "parameters": { "a": 1 } }]);
    let many = api.post(&format!("{path}/bulk"), &bulk).expect(200);
    let results = many["results"].as_array().expect("results").iter();
    let status: Vec<_> = results.map(|result| result["status"].as_str().expect("a status")).collect();
    assert_eq!(status, ["CREATED", "FAILED", "FAILED", "CREATED", "CREATED"]);
    // What is made of little is no more than parameters may be.
    api.post(&path, &run("{{ 'x' * 600000 }}")).expect(422);
}
