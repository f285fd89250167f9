//! The `#[input(…)]` attributes, read once for both derives; an unknown one is a compile error that lists the known.

use proc_macro2::TokenStream;
use syn::{Attribute, Expr, ExprLit, Lit, LitStr, Meta, Path};

#[derive(Default)]
pub struct OfType {
    pub forbid_extra: bool,
    pub parameters: bool,
    /// Looks at the whole value, and may change it, before any field is read.
    pub before: Option<Path>,
}

#[derive(Default)]
pub struct OfField {
    pub default: Option<Option<Expr>>,
    pub rename: Option<String>,
    pub with: Option<Path>,
    pub pattern: Option<LitStr>,
    /// Name of the function in `wire::check` and its bound.
    pub bounds: Vec<(syn::Ident, Expr)>,
}

pub fn of_type(attributes: &[Attribute]) -> syn::Result<OfType> {
    let mut found = OfType::default();
    each(attributes, |meta| {
        if meta.path.is_ident("forbid_extra") {
            found.forbid_extra = true;
        } else if meta.path.is_ident("parameters") {
            found.parameters = true;
        } else if meta.path.is_ident("before") {
            found.before = Some(meta.value()?.parse()?);
        } else {
            return Err(meta.error("on a type: forbid_extra, parameters, before"));
        }
        Ok(())
    })?;
    Ok(found)
}

pub fn of_field(attributes: &[Attribute]) -> syn::Result<OfField> {
    let mut found = OfField::default();
    each(attributes, |meta| {
        let name = meta.path.require_ident()?.clone();
        match name.to_string().as_str() {
            "default" => {
                found.default = Some(if meta.input.peek(syn::Token![=]) { Some(meta.value()?.parse()?) } else { None });
            }
            "rename" => found.rename = Some(meta.value()?.parse::<LitStr>()?.value()),
            "with" => found.with = Some(meta.value()?.parse()?),
            "pattern" => found.pattern = Some(meta.value()?.parse()?),
            "ge" | "gt" | "le" | "lt" | "min_length" | "max_length" => {
                found.bounds.push((name, meta.value()?.parse()?))
            }
            _ => {
                let known = "on a field: default, rename, with, pattern, min_length, max_length, ge, gt, le, lt";
                return Err(meta.error(known));
            }
        }
        Ok(())
    })?;
    Ok(found)
}

fn each(attributes: &[Attribute], mut f: impl FnMut(syn::meta::ParseNestedMeta) -> syn::Result<()>) -> syn::Result<()> {
    for attribute in attributes.iter().filter(|a| a.path().is_ident("input")) {
        attribute.parse_nested_meta(&mut f)?;
    }
    Ok(())
}

/// The doc comment as one text.
pub fn docs(attributes: &[Attribute]) -> String {
    let lines = attributes.iter().filter_map(|attribute| match &attribute.meta {
        Meta::NameValue(pair) if pair.path.is_ident("doc") => match &pair.value {
            Expr::Lit(ExprLit { lit: Lit::Str(s), .. }) => Some(s.value().trim().to_owned()),
            _ => None,
        },
        _ => None,
    });
    lines.collect::<Vec<_>>().join(" ").trim().to_owned()
}

/// The name on the wire of a field.
pub fn wire_name(ident: &syn::Ident, rename: Option<&String>) -> String {
    rename.cloned().unwrap_or_else(|| ident.to_string().trim_start_matches("r#").to_owned())
}

/// The name on the wire of an enum's variant.
pub fn variant_name(variant: &syn::Variant) -> syn::Result<String> {
    let rename = of_field(&variant.attrs)?.rename;
    Ok(rename.unwrap_or_else(|| {
        let mut out = String::new();
        for c in variant.ident.to_string().chars() {
            if c.is_uppercase() && !out.is_empty() {
                out.push('_');
            }
            out.extend(c.to_uppercase());
        }
        out
    }))
}

/// The wire names of an enum of plain variants.
pub fn variant_names(data: &syn::DataEnum) -> syn::Result<Vec<String>> {
    for variant in &data.variants {
        if !matches!(variant.fields, syn::Fields::Unit) {
            return Err(syn::Error::new_spanned(variant, "only enums of plain variants can be derived"));
        }
    }
    data.variants.iter().map(variant_name).collect()
}

/// The named fields of a struct.
pub fn fields(data: &syn::Data, span: &syn::Ident) -> syn::Result<Vec<(syn::Field, OfField)>> {
    let syn::Data::Struct(syn::DataStruct { fields: syn::Fields::Named(named), .. }) = data else {
        return Err(syn::Error::new_spanned(
            span,
            "derive it on a struct with named fields or an enum of plain variants",
        ));
    };
    named.named.iter().map(|field| Ok((field.clone(), of_field(&field.attrs)?))).collect()
}

pub type Tokens = TokenStream;
