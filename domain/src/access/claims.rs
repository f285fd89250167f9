//! What a token must say to stand for a service account.

use serde_json::{Map, Value};

/// Values that claims may ask for at most.
pub const MOST_VALUES: usize = 32;

/// How many values claims ask for, in whatever depth: the more, the narrower. A token fits when it has all of them, which
/// is containment as Postgres's `@>` defines it.
///
/// None for claims that ask for nothing, which any token of the issuer would fit, or for more than [`MOST_VALUES`].
pub fn weight(claims: &Map<String, Value>) -> Option<usize> {
    let weight: usize = claims.values().map(values).sum();
    (1..=MOST_VALUES).contains(&weight).then_some(weight)
}

fn values(value: &Value) -> usize {
    match value {
        Value::Null => 0,
        Value::Array(items) => items.iter().map(values).sum(),
        Value::Object(fields) => fields.values().map(values).sum(),
        Value::Bool(_) | Value::Number(_) | Value::String(_) => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn weight_of(claims: Value) -> Option<usize> {
        weight(claims.as_object().expect("a test gives an object"))
    }

    #[test]
    fn claims_weigh_what_they_ask_for() {
        for (claims, expected) in [
            (serde_json::json!({ "sub": "ci" }), Some(1)),
            (serde_json::json!({ "sub": "ci", "ref": "main", "groups": ["a", "b"] }), Some(4)),
            (serde_json::json!({ "kubernetes.io": { "namespace": "n", "serviceaccount": { "name": "s" } } }), Some(2)),
        ] {
            assert_eq!(weight_of(claims.clone()), expected, "{claims}");
        }
    }

    #[test]
    fn what_asks_for_nothing_or_too_much_is_refused() {
        let many: Vec<usize> = (0..=MOST_VALUES).collect();
        for claims in [
            serde_json::json!({}),
            serde_json::json!({ "sub": null, "groups": [], "more": {} }),
            serde_json::json!({ "groups": many }),
        ] {
            assert_eq!(weight_of(claims.clone()), None, "{claims}");
        }
    }
}
