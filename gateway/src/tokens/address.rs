//! Which addresses the program asks for keys. The operator names them; a slip, a redirect or an answer must not turn the
//! program into a messenger to places that only it can reach.

use std::net::IpAddr;

use reqwest::Url;

/// The address of an issuer, if it may be one: `https`, or `http` on this machine; no query, no fragment, no password.
///
/// # Errors
/// What is wrong with it, for the operator.
pub fn is_issuer(text: &str) -> Result<Url, String> {
    let url = is_key_set(text)?;
    match url.query() {
        None => Ok(url),
        Some(_) => Err(format!("{text:?} has a query, which no issuer's address has")),
    }
}

/// The address of a key set: the same, and it may have a query.
///
/// # Errors
/// What is wrong with it, for the operator.
pub fn is_key_set(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).map_err(|why| format!("{text:?} is no address: {why}"))?;
    match url.scheme() {
        "https" => {}
        "http" if is_loopback(&url) => {}
        _ => {
            return Err(format!("{text:?}: write https (http is for this machine alone, as in http://127.0.0.1:8080)"));
        }
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(format!("{:?} has a user or a password in it", url.host_str().unwrap_or_default()));
    }
    match url.fragment() {
        None => Ok(url),
        Some(_) => Err(format!("{text:?} has a fragment")),
    }
}

fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let address: Option<IpAddr> = host.trim_start_matches('[').trim_end_matches(']').parse().ok();
    host == "localhost" || address.is_some_and(|address| address.is_loopback())
}

/// Whether an address that was answered (a redirect, the key set of a discovery document) may be asked: it must be on
/// the host that the operator named, and as safe.
pub fn may_follow(from: &Url, to: &Url) -> bool {
    to.host_str() == from.host_str()
        && is_key_set(to.as_str()).is_ok()
        && (to.scheme() == "https" || from.scheme() == "http")
}

/// Where an issuer's discovery document is (OpenID Connect Discovery 1.0, section 4).
pub fn discovery(issuer: &Url) -> Url {
    let mut url = issuer.clone();
    url.set_path(&format!("{}/.well-known/openid-configuration", issuer.path().trim_end_matches('/')));
    url
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        Url::parse(text).unwrap()
    }

    #[test]
    fn issuers_are_https_or_on_this_machine() {
        for good in [
            "https://token.actions.githubusercontent.com",
            "https://gitlab.example.org/group",
            "http://127.0.0.1:8080",
            "http://localhost",
            "http://[::1]:80/x",
        ] {
            assert!(is_issuer(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "example.org",
            "http://example.org",
            "http://169.254.169.254/latest",
            "http://localhost.example.org",
            "http://127.0.0.1.example.org",
            "ftp://example.org",
            "file:///etc/passwd",
            "https://user:secret@example.org",
            "https://example.org?x=1",
            "https://example.org#x",
        ] {
            let refused = is_issuer(bad);
            assert!(refused.is_err(), "{bad}");
            assert!(!refused.is_err_and(|said| said.contains("secret")), "{bad}");
        }
        assert!(is_key_set("https://example.org/keys?p=policy").is_ok());
    }

    #[test]
    fn only_the_same_host_is_followed() {
        let from = url("https://idp.example.org/a");
        assert!(may_follow(&from, &url("https://idp.example.org/keys")));
        for elsewhere in [
            "http://idp.example.org/keys",
            "https://example.org/keys",
            "https://169.254.169.254/",
            "http://127.0.0.1/",
            "https://idp.example.org.evil.example/",
            "https://a:b@idp.example.org/",
        ] {
            assert!(!may_follow(&from, &url(elsewhere)), "{elsewhere}");
        }
        assert!(may_follow(&url("http://127.0.0.1:1/"), &url("http://127.0.0.1:2/keys")));
    }

    #[test]
    fn discovery_is_below_the_issuers_path() {
        for (issuer, expected) in [
            ("https://a.example", "https://a.example/.well-known/openid-configuration"),
            ("https://a.example/b/", "https://a.example/b/.well-known/openid-configuration"),
        ] {
            assert_eq!(discovery(&url(issuer)).as_str(), expected);
        }
    }
}
