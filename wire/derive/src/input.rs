//! `wire::Input`.

use quote::{format_ident, quote};
use syn::{Data, DeriveInput};

use crate::attributes::{self, OfField, Tokens};

pub fn derive(item: &DeriveInput) -> syn::Result<Tokens> {
    let body = match &item.data {
        Data::Enum(data) => of_enum(data)?,
        data => of_struct(item, data)?,
    };
    let name = &item.ident;
    let of_nothing = attributes::of_type(&item.attrs)?.parameters.then(|| {
        quote! {
            fn of_nothing(errors: &mut ::wire::Errors) -> ::core::option::Option<Self> { Self::parse(&::wire::Json::Null, errors) }
        }
    });
    let named = match &item.data {
        Data::Enum(data) => Some(named(name, data)?),
        _ => None,
    };
    Ok(quote! {
        #named
        impl ::wire::Input for #name {
            fn parse(value: &::wire::Json<'_>, errors: &mut ::wire::Errors) -> ::core::option::Option<Self> { #body }
            #of_nothing
        }
    })
}

fn of_struct(item: &DeriveInput, data: &Data) -> syn::Result<Tokens> {
    let of_type = attributes::of_type(&item.attrs)?;
    let fields = attributes::fields(data, &item.ident)?;
    let mut names = Vec::new();
    let mut takes = Vec::new();
    let mut sets = Vec::new();
    for (field, of_field) in &fields {
        // `fields` admits named fields only.
        let Some(ident) = field.ident.as_ref() else {
            continue;
        };
        let wire_name = attributes::wire_name(ident, of_field.rename.as_ref());
        let local = format_ident!("field_{}", ident.to_string().trim_start_matches("r#"));
        takes.push(take(&local, &wire_name, &field.ty, of_field));
        sets.push(quote! { #ident: #local? });
        names.push(wire_name);
    }
    let open = if of_type.parameters {
        quote! { ::wire::Fields::of_parameters(value, NAMES, errors)? }
    } else {
        quote! { ::wire::Fields::of(value, errors)? }
    };
    let before = of_type.before.as_ref().map(|before| {
        quote! {
            let prepared = #before(value, errors)?;
            let value: &::wire::Json<'_> = &prepared;
        }
    });
    let forbid = of_type.forbid_extra.then(|| quote! { let extra = fields.forbid_extra(NAMES, errors); });
    let forbid_end = of_type.forbid_extra.then(|| quote! { extra?; });
    Ok(quote! {
        const NAMES: &[&str] = &[#(#names),*];
        #before
        let fields = #open;
        #(#takes)*
        #forbid
        #forbid_end
        ::core::option::Option::Some(Self { #(#sets),* })
    })
}

fn take(local: &syn::Ident, wire_name: &str, ty: &syn::Type, of_field: &OfField) -> Tokens {
    let default = match &of_field.default {
        None => quote! { ::core::option::Option::None },
        Some(None) => {
            quote! { ::core::option::Option::Some(|| ::core::default::Default::default()) }
        }
        Some(Some(expr)) => quote! { ::core::option::Option::Some(|| #expr) },
    };
    let parse = match &of_field.with {
        Some(with) => quote! { #with(value, errors) },
        None => quote! { <#ty as ::wire::Input>::parse(value, errors) },
    };
    let pattern = of_field.pattern.as_ref().map(|pattern| {
        quote! {
            static PATTERN: ::std::sync::OnceLock<::wire::__private::Regex> = ::std::sync::OnceLock::new();
            ::wire::check::pattern(::wire::__private::text(&parsed), #pattern, &PATTERN, value, errors)?;
        }
    });
    let bounds = of_field.bounds.iter().map(|(check, bound)| {
        if check == "min_length" || check == "max_length" {
            quote! { ::wire::check::#check(::wire::__private::text(&parsed), #bound, value, errors)?; }
        } else {
            quote! { ::wire::check::#check(&parsed, #bound, value, errors)?; }
        }
    });
    let parsed = if of_field.pattern.is_none() && of_field.bounds.is_empty() {
        parse
    } else {
        quote! {
            let parsed: #ty = #parse?;
            #pattern
            #(#bounds)*
            ::core::option::Option::Some(parsed)
        }
    };
    quote! {
        let #local: ::core::option::Option<#ty> = fields.take(#wire_name, errors, #default, |value, errors| { #parsed });
    }
}

/// What the variants of an enum are called on the wire.
fn named(name: &syn::Ident, data: &syn::DataEnum) -> syn::Result<Tokens> {
    let names = attributes::variant_names(data)?;
    let variants = data.variants.iter().map(|v| &v.ident);
    Ok(quote! {
        impl ::wire::__private::Named for #name {
            fn name(&self) -> &'static str {
                match self { #(Self::#variants => #names),* }
            }
        }
    })
}

fn of_enum(data: &syn::DataEnum) -> syn::Result<Tokens> {
    let names = attributes::variant_names(data)?;
    let variants = data.variants.iter().map(|v| &v.ident);
    let expected = match names.split_last() {
        Some((last, rest)) if !rest.is_empty() => {
            let rest: Vec<String> = rest.iter().map(|n| format!("'{n}'")).collect();
            format!("{} or '{last}'", rest.join(", "))
        }
        _ => names.iter().map(|n| format!("'{n}'")).collect(),
    };
    let msg = format!("Input should be {expected}");
    Ok(quote! {
        if let ::wire::Json::Str(text) = value {
            match text.as_ref() {
                #(#names => return ::core::option::Option::Some(Self::#variants),)*
                _ => {}
            }
        }
        errors.push_with("enum", #msg, value, ::core::option::Option::Some(::wire::__private::json!({ "expected": #expected })));
        ::core::option::Option::None
    })
}
