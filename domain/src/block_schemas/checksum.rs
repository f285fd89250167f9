//! The checksum of a schema (reference: `blocks/core.py`, `_calculate_schema_checksum`; `utilities/hashing.py`): SHA-256 of
//! the fields as Python's `json` writes them with sorted keys, without what says which fields are secret and without the
//! definitions of nested blocks, which have checksums of their own.

use std::fmt::Write as _;

use sha2::{Digest, Sha256};
use wire::Json;

use super::nested::non_block_definitions;
use super::{field, object};
use crate::python_json;

/// `sha256:…`
pub fn checksum(fields: &Json<'_>) -> String {
    let mut fields = without(fields, "secret_fields");
    if let Some(definitions) = field(&fields, "definitions").filter(|definitions| is_something(definitions)) {
        let kept = non_block_definitions(&fields, definitions);
        fields = with_definitions(&fields, kept);
    }
    // The arguments of the function that hashes, and its named arguments, of which there are none.
    let mut text = String::from("[[");
    python_json::write(&fields, None, &mut text);
    text.push_str("], {}]");
    let hash = Sha256::digest(text.as_bytes());
    hash.iter().fold(String::from("sha256:"), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

fn is_something(definitions: &Json<'_>) -> bool {
    matches!(definitions, Json::Object(all) if !all.is_empty())
}

fn with_definitions<'a>(fields: &Json<'a>, definitions: Vec<(String, Json<'a>)>) -> Json<'a> {
    let Json::Object(all) = fields else { return fields.clone() };
    let mut kept: Vec<_> = all.iter().filter(|(key, _)| key != "definitions").cloned().collect();
    if !definitions.is_empty() {
        let definitions = definitions.into_iter().map(|(key, value)| (key.into(), value)).collect();
        kept.push(("definitions".into(), object(definitions)));
    }
    object(kept)
}

/// The same without a key, in objects within objects too, though not in those that stand in lists.
fn without<'a>(value: &Json<'a>, name: &str) -> Json<'a> {
    match value {
        Json::Object(fields) => {
            let kept = fields.iter().filter(|(key, _)| key != name);
            object(kept.map(|(key, value)| (key.clone(), without(value, name))).collect())
        }
        _ => value.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Fields and their checksum by the SDK's `Block._calculate_schema_checksum`.
    const CLIENTS: &[(&str, &str)] = &[
        (r##"{}"##, "sha256:f8e6e96abbc38504d4e9c99fc57281fa0026bede1fa42db79f22f984501710f4"),
        (
            r##"{"a":1,"b":[1,2.0,1e16,0.0001,0.00001,-0.0,1e300,1.5,123456789012345678901234567890,null,true,false]}"##,
            "sha256:cfa05d841c5c2ec24c213799001c1fcaac78bcd80b4b340ef7ef1727f712c41c",
        ),
        (
            r##"{"é":"\ud83d\ude00\u007f\n\t/\"\\","B":"x","a":"y"}"##,
            "sha256:b1ecedcc7a97dac78c65e50f3880d8c381a3da2d5df25e3b8f116e253e0d28a7",
        ),
        (
            r##"{"p":{"$ref":"#/definitions/A"},"definitions":{"A":{"x":{"$ref":"#/definitions/B"}},"B":{"block_type_slug":"b"},"C":{}}}"##,
            "sha256:2385c93250af865d0300449ee04a39db12b3515e1dd623a56b7648d26f506bb1",
        ),
        (
            r##"{"p":{"$ref":"#/definitions/B"},"definitions":{"B":{"block_type_slug":"b"}}}"##,
            "sha256:a1a9cd6e179cb030bd4f0084a416d16c4bab77b437635b6338ee169a0feb3b6a",
        ),
        (
            r##"{"secret_fields":["a"],"n":{"secret_fields":["b"],"k":1},"l":[{"secret_fields":["c"]}]}"##,
            "sha256:f3e38ab54f9d670d84218f0f81ace3234081f69e126073cec95c3035f767130d",
        ),
        (r##"{"definitions":{}}"##, "sha256:79b9787dcd02e098a1b261c2d8be3dbe363953714e67eccf5610554df8050ed1"),
    ];

    fn of(text: &str) -> String {
        checksum(&wire::json::parse(text.as_bytes()).unwrap())
    }

    #[test]
    fn checksums_are_the_clients() {
        for (text, expected) in CLIENTS {
            assert_eq!(&of(text), expected, "{text}");
        }
    }

    #[test]
    fn order_and_secrets_do_not_count() {
        assert_eq!(of(r#"{"a":1,"b":{"secret_fields":["x"],"c":2}}"#), of(r#"{"b":{"c":2},"a":1,"secret_fields":[]}"#));
        assert_ne!(of(r#"{"a":[{"secret_fields":[]}]}"#), of(r#"{"a":[{}]}"#));
    }
}
