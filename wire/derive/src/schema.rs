//! `wire::Described`, for both sides.

use quote::quote;
use syn::{Data, DeriveInput};

use crate::attributes::{self, Tokens};

#[derive(Clone, Copy, PartialEq)]
pub enum Side {
    Input,
    Output,
}

pub fn derive(item: &DeriveInput, side: Side) -> syn::Result<Tokens> {
    let ident = &item.ident;
    let name = ident.to_string();
    let docs = attributes::docs(&item.attrs);
    let body = match &item.data {
        Data::Enum(data) => {
            let names = attributes::variant_names(data)?;
            quote! { ::wire::__private::json!({ "type": "string", "enum": [#(#names),*], "title": #name, "description": #docs }) }
        }
        data => of_struct(item, data, &name, &docs, side)?,
    };
    Ok(quote! {
        impl ::wire::Described for #ident {
            fn schema(schemas: &mut ::wire::Schemas) -> ::wire::Schema { schemas.named(#name, |schemas| { #body }) }
        }
    })
}

fn of_struct(item: &DeriveInput, data: &Data, name: &str, docs: &str, side: Side) -> syn::Result<Tokens> {
    let of_type = attributes::of_type(&item.attrs)?;
    let mut properties = Vec::new();
    for (field, of_field) in attributes::fields(data, &item.ident)? {
        let Some(ident) = field.ident.as_ref() else {
            continue;
        };
        let wire_name = attributes::wire_name(ident, of_field.rename.as_ref());
        let ty = &field.ty;
        let field_docs = attributes::docs(&field.attrs);
        let pattern = of_field.pattern.as_ref().map(|p| quote! { set("pattern", ::wire::__private::json!(#p)); });
        let bounds = of_field.bounds.iter().map(|(check, bound)| {
            let key = match check.to_string().as_str() {
                "ge" => "minimum",
                "gt" => "exclusiveMinimum",
                "le" => "maximum",
                "lt" => "exclusiveMaximum",
                "min_length" => "minLength",
                _ => "maxLength",
            };
            quote! { set(#key, ::wire::__private::json!(#bound)); }
        });
        let default = match (&of_field.default, side) {
            (Some(Some(expr)), Side::Input) => Some(quote! { #expr }),
            (Some(None), Side::Input) => Some(quote! { ::core::default::Default::default() }),
            _ => None,
        };
        let default = default.map(|default| {
            quote! {
                let default: #ty = #default;
                if let ::core::option::Option::Some(shown) = (&&&::wire::__private::Shown(&default)).shown() { set("default", shown); }
            }
        });
        let required = match side {
            Side::Output => quote! { true },
            Side::Input if of_field.default.is_some() => quote! { false },
            Side::Input => quote! { <#ty as ::wire::Input>::absent().is_none() },
        };
        properties.push(quote! {
            let mut property = <#ty as ::wire::Described>::schema(schemas);
            if let ::core::option::Option::Some(fields) = property.as_object_mut() {
                let mut set = |key: &str, value: ::wire::__private::Value| { fields.insert(key.to_owned(), value); };
                if !#field_docs.is_empty() { set("description", ::wire::__private::json!(#field_docs)); }
                #pattern
                #(#bounds)*
                #default
            }
            properties.insert(#wire_name.to_owned(), property);
            if #required { required.push(#wire_name); }
        });
    }
    let forbid = of_type.forbid_extra;
    Ok(quote! {
        #[allow(unused_imports, clippy::allow_attributes, reason = "needed where a field has a default")]
        use ::wire::__private::{ViaName as _, ViaNothing as _, ViaSerialize as _};
        let mut properties = ::wire::__private::Map::new();
        let mut required: Vec<&str> = Vec::new();
        #(#properties)*
        let mut schema = ::wire::__private::json!({ "type": "object", "title": #name, "properties": properties });
        if !required.is_empty() { schema["required"] = ::wire::__private::json!(required); }
        if !#docs.is_empty() { schema["description"] = ::wire::__private::json!(#docs); }
        if #forbid { schema["additionalProperties"] = ::wire::__private::json!(false); }
        schema
    })
}
