//! Without a key that works nobody gets in, and is told nothing: one 401 for all.

use tests::Api;
use tests::operations::Operation;

use crate::exceptions::{Check, Findings, excuse};
use crate::ground::{Ground, blind, none, seen};
use crate::keys;

#[test]
fn without_a_working_key_every_operation_is_the_same_401() {
    let ground = Ground::get();
    let model = seen(&Api::new(&ground.mine.api_url(), None).get("/"));
    assert_eq!(model.0, 401);
    assert!(model.1.contains(&("www-authenticate".into(), "Bearer".into())), "{model:?}");

    let credentials = keys::refused();
    let findings = Findings::default();
    let operations: Vec<&Operation> = ground.operations.http().collect();
    std::thread::scope(|scope| {
        for part in operations.chunks(operations.len().div_ceil(4)) {
            let (findings, model) = (&findings, &model);
            scope.spawn(move || {
                for operation in part {
                    for (what, credential) in credentials {
                        let filled = blind(operation);
                        let body = filled.body.map(|body| body.to_string().into_bytes());
                        let headers: Vec<(&str, &str)> =
                            credential.iter().map(|c| ("authorization", c.as_str())).collect();
                        let api = Api::new(&ground.base(operation, &ground.mine), None);
                        let answer = seen(&api.request(&operation.method, &filled.path, &headers, body));
                        if answer != *model {
                            findings.push(operation, format!("{what} is answered {answer:?}"));
                        }
                    }
                }
            });
        }
    });
    none(excuse(Check::Open, findings.take()));
}
