//! The rules of a token: what is read of it before its key is known, and what must hold then.

use std::time::Duration;

use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Validation, decode, decode_header};
use serde::Deserialize;
use serde_json::{Map, Value};
use tenant_store::control::{Issuer, Token};
use wire::Time;

use super::key_set::Key;
use crate::metrics::Bad;

/// What a token says of itself, to find the key that it must have been signed with. Nothing else is taken from it.
#[derive(Debug, PartialEq)]
pub struct Claimed {
    pub issuer: String,
    pub key: String,
}

/// The claims that are looked at here. Each at most once, or reading fails.
#[derive(Deserialize)]
struct Registered {
    iss: String,
    aud: Audience,
    exp: f64,
    nbf: f64,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Many(Vec<String>),
}

/// Audiences of a token at most.
const MOST_AUDIENCES: usize = 16;

/// Reads what a token claims, believing none of it.
pub fn read(text: &str, largest: usize) -> Result<Claimed, Bad> {
    #[derive(Deserialize)]
    struct Issuer {
        iss: String,
    }
    if text.len() > largest {
        return Err(Bad::Size);
    }
    // `none` is no algorithm, so a header with it cannot be read.
    let header = decode_header(text).map_err(|_| Bad::Form)?;
    // Extensions that one must understand (RFC 7515, section 4.1.11); there are none that we do.
    if header.crit.is_some() {
        return Err(Bad::Form);
    }
    let key = header.kid.ok_or(Bad::Key)?;
    let claims: Issuer = jsonwebtoken::dangerous::insecure_decode_claims(text).map_err(|_| Bad::Form)?;
    Ok(Claimed { issuer: claims.iss, key })
}

/// The token that a text is, if it was signed with this key and holds now. `leeway` is how far the clocks may differ.
pub fn verify(text: &str, issuer: &Issuer, key: &Key, leeway: Duration, now: Time) -> Result<Token, Bad> {
    let mut validation = Validation::new(key.algorithm);
    validation.set_issuer(&[&issuer.url]);
    validation.set_required_spec_claims(&["iss", "aud", "exp", "nbf"]);
    // Times are looked at below, by a clock that is given. Which audiences are whose is the control plane's to say.
    (validation.validate_exp, validation.validate_nbf, validation.validate_aud) = (false, false, false);
    let decoded = decode::<Map<String, Value>>(text, &key.verifies, &validation);
    let claims = decoded.map_err(|error| bad(error.kind()))?.claims;

    let registered = Registered::deserialize(&Value::Object(claims.clone())).map_err(|_| Bad::Claims)?;
    let Registered { iss, aud, exp, nbf } = registered;
    // The library takes a list of issuers too, of which one fits.
    if iss != issuer.url {
        return Err(Bad::Claims);
    }
    let leeway = leeway.as_secs_f64();
    let (end, begin) = (moment(exp)?.plus_seconds(leeway), moment(nbf)?.plus_seconds(-leeway));
    if end <= now {
        return Err(Bad::Expired);
    }
    if begin > now {
        return Err(Bad::NotYet);
    }
    let audiences = match aud {
        Audience::One(audience) => vec![audience],
        Audience::Many(audiences) => audiences,
    };
    match audiences.len() {
        1..=MOST_AUDIENCES => Ok(Token::verified(issuer.id, &audiences, &claims, end)),
        _ => Err(Bad::Claims),
    }
}

/// The last second of the year 9999: beyond, a claim is no time.
const LAST: f64 = 253_402_300_799.0;

/// The moment of a claim, in seconds since 1970 (RFC 7519, section 2).
fn moment(seconds: f64) -> Result<Time, Bad> {
    match (0.0..=LAST).contains(&seconds) {
        true => Ok(Time::from_micros((seconds * 1e6) as i64)),
        false => Err(Bad::Claims),
    }
}

fn bad(error: &ErrorKind) -> Bad {
    match error {
        ErrorKind::InvalidAlgorithm | ErrorKind::InvalidKeyFormat => Bad::Algorithm,
        ErrorKind::InvalidSignature => Bad::Signature,
        ErrorKind::MissingRequiredClaim(_) | ErrorKind::InvalidIssuer | ErrorKind::InvalidClaimFormat(_) => Bad::Claims,
        _ => Bad::Form,
    }
}
