//! The version of the API that a client says it speaks (`X-PREFECT-API-VERSION`; reference: `server/api/dependencies.py`,
//! `EnforceMinimumAPIVersion`). Absent is fine: not every client says it.

use super::failure::Invalid;
use super::{Call, Failure, Op, Reply};

/// In which clients say it.
pub const HEADER: &str = "x-prefect-api-version";

/// The oldest version that is understood.
const OLDEST: [i64; 3] = [0, 8, 0];

/// Refuses a header that is no version, or one too old; but a body that is not JSON is complained of first, as there.
pub fn check(call: &Call) -> Reply<()> {
    let said = call.header(HEADER).filter(|said| !said.is_empty());
    let (Some(said), true) = (said, is_asked_by(call.op)) else { return Ok(()) };
    let Err(failure) = judge(said) else { return Ok(()) };
    if !call.body.is_empty() {
        wire::json::parse(&call.body).map_err(|why| Invalid::not_json(why, &call.body))?;
    }
    Err(failure)
}

/// Whether an operation looks at it. What tells of the version cannot ask for one.
pub fn is_asked_by(op: &Op) -> bool {
    !matches!(op.path, "/health" | "/version")
}

/// Whether a request says no version, or one that is understood.
pub fn is_served(headers: &http::HeaderMap) -> bool {
    let said = headers.get(HEADER).and_then(|value| value.to_str().ok());
    said.is_none_or(|said| said.is_empty() || judge(said).is_ok())
}

fn judge(said: &str) -> Reply<()> {
    let parts: Vec<Option<i64>> = said.split('.').map(|part| part.trim().parse().ok()).collect();
    let [Some(major), Some(minor), Some(patch)] = parts[..] else {
        // Without a blank behind the full stop: clients may compare.
        let format = "Invalid X-PREFECT-API-VERSION header format.Expected header in format 'x.y.z' but received";
        return Err(Failure::bad_request(format!("{format} {said}")));
    };
    if [major, minor, patch] < OLDEST {
        let detail =
            format!("The request specified API version {said} but this server requires version 0.8.0 or higher.");
        return Err(Failure::bad_request(detail));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::judge;

    #[test]
    fn three_numbers_not_too_old() {
        for good in ["0.8.0", "0.8.4", "0.9.0", "1.0.0", "12.0.3"] {
            assert!(judge(good).is_ok(), "{good}");
        }
        for bad in ["0.7.9", "-1.0.0", "0.8", "x.y.z", "0.8.4.1"] {
            assert!(judge(bad).is_err(), "{bad}");
        }
    }
}
