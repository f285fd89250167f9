//! `#[derive(Input)]` and `#[derive(Output)]`: see the crate `wire`, which re-exports them, for an example.
//!
//! On a struct: `#[input(forbid_extra)]` refuses unknown fields; `#[input(parameters)]` marks a body whose fields are the
//! operation's parameters (no body is an empty object); `#[input(before = FN)]` hands the whole value to
//! `fn(&Json, &mut Errors) -> Option<Cow<Json>>` first, for rules that look at several fields. On a field: `default`,
//! `default = EXPR`, `rename = "…"`, `with = FN`, `pattern = "…"`, `min_length`, `max_length`, `ge`, `gt`, `le`, `lt`.
//! On an enum of plain variants each is written in SCREAMING_SNAKE_CASE unless `#[input(rename = "…")]` says otherwise.

mod attributes;
mod input;
mod schema;

use proc_macro::TokenStream;
use syn::{DeriveInput, parse_macro_input};

/// What a client may send: implements `wire::Input` and `wire::Described`.
#[proc_macro_derive(Input, attributes(input))]
pub fn derive_input(tokens: TokenStream) -> TokenStream {
    let item = parse_macro_input!(tokens as DeriveInput);
    let parse = input::derive(&item);
    let schema = schema::derive(&item, schema::Side::Input);
    finish([parse, schema])
}

/// What a client is answered: implements `wire::Described` beside serde's `Serialize`.
#[proc_macro_derive(Output, attributes(input))]
pub fn derive_output(tokens: TokenStream) -> TokenStream {
    let item = parse_macro_input!(tokens as DeriveInput);
    finish([schema::derive(&item, schema::Side::Output)])
}

fn finish(parts: impl IntoIterator<Item = syn::Result<proc_macro2::TokenStream>>) -> TokenStream {
    parts
        .into_iter()
        .map(|part| part.unwrap_or_else(|e| e.to_compile_error()))
        .collect::<proc_macro2::TokenStream>()
        .into()
}
