//! Who asks for a transition, as far as the rules care: versions of the API and of the client.

/// What the request said of its sender. [`Default`] is a caller that said nothing, such as our own services.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Caller {
    /// Of the header `X-PREFECT-API-VERSION`.
    pub api_version: Option<ApiVersion>,
    /// Of the `User-Agent` of the SDK.
    pub client: Option<ClientVersion>,
}

impl Caller {
    /// Whether the caller knows an API that old callers do not. One that names no version knows everything.
    pub fn speaks(&self, least: ApiVersion) -> bool {
        self.api_version.is_none_or(|version| version >= least)
    }

    /// Whether the client renews the lease of its deployment's slot. One that names no version does not.
    pub fn renews_leases(&self) -> bool {
        self.client.as_ref().is_some_and(|client| client.is_at_least([3, 4, 11]))
    }

    /// Whether the client takes work pools with the block of their result storage. One that names no version does.
    pub fn knows_result_storage(&self) -> bool {
        self.client.as_ref().is_none_or(|client| client.is_at_least([3, 3, 8]))
    }

    /// Whether the caller is a worker of the few releases that took deployments' slots themselves.
    pub fn takes_slots_itself(&self) -> bool {
        const RELEASES: [&str; 5] = ["3.0.0rc20", "3.0.0", "3.0.1", "3.0.2", "3.0.3"];
        self.client.as_ref().is_some_and(|client| RELEASES.contains(&client.text.as_str()))
    }
}

/// A version of the API.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ApiVersion(pub u64, pub u64, pub u64);

/// Since then the client brings the tasks of a flow run that retries back itself.
pub const TASKS_RETRY_THEMSELVES: ApiVersion = ApiVersion(0, 8, 3);
/// Since then pauses are tracked in the run's policy.
pub const PAUSES_ARE_TRACKED: ApiVersion = ApiVersion(0, 8, 4);

impl ApiVersion {
    /// Three numbers with dots between; anything else is a 400 to whoever sent it.
    pub fn parse(text: &str) -> Option<Self> {
        let mut numbers = text.split('.').map(|n| n.trim().parse().ok());
        let version = Self(numbers.next()??, numbers.next()??, numbers.next()??);
        numbers.next().is_none().then_some(version)
    }
}

/// A version of the SDK, ordered as PEP 440 orders releases against what comes before them.
#[derive(Clone, Debug, PartialEq)]
pub struct ClientVersion {
    text: String,
    release: Vec<u64>,
    /// A development, alpha, beta or candidate build of that release: older than the release itself.
    before_release: bool,
}

impl ClientVersion {
    /// From `prefect/3.9.1 (API 0.8.4)`; `None` where another program called.
    pub fn of_user_agent(header: &str) -> Option<Self> {
        let (version, rest) = header.strip_prefix("prefect/")?.split_once(" (API ")?;
        let api = rest.strip_suffix(')')?;
        if api.is_empty() || api.contains(char::is_whitespace) {
            return None;
        }
        Self::parse(version)
    }

    pub fn parse(text: &str) -> Option<Self> {
        let public = text.split('+').next()?;
        let end = public.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(public.len());
        let (numbers, rest) = public.split_at(end);
        let release: Vec<u64> =
            numbers.trim_end_matches('.').split('.').map(|n| n.parse().ok()).collect::<Option<_>>()?;
        let well_formed = release.len() >= 3
            && text.bytes().all(|b| b.is_ascii_digit() || b.is_ascii_lowercase() || b".+".contains(&b));
        let before_release = ["a", "b", "c", "rc", "dev", "pre"].iter().any(|sign| rest.starts_with(sign));
        well_formed.then(|| Self { text: text.to_owned(), release, before_release })
    }

    fn is_at_least(&self, release: [u64; 3]) -> bool {
        let own = self.release.as_slice();
        own > release.as_slice() || own == release.as_slice() && !self.before_release
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(text: &str) -> Caller {
        Caller { api_version: None, client: ClientVersion::parse(text) }
    }

    #[test]
    fn api_versions_are_three_numbers() {
        assert_eq!(ApiVersion::parse("0.8.4"), Some(ApiVersion(0, 8, 4)));
        for bad in ["", "0.8", "0.8.4.1", "0.8.x", "a.b.c", "-1.0.0"] {
            assert_eq!(ApiVersion::parse(bad), None, "{bad}");
        }
        let old = Caller { api_version: Some(ApiVersion(0, 8, 3)), client: None };
        assert!(old.speaks(TASKS_RETRY_THEMSELVES) && !old.speaks(PAUSES_ARE_TRACKED));
        assert!(Caller::default().speaks(PAUSES_ARE_TRACKED));
    }

    #[test]
    fn versions_come_from_the_user_agent_of_the_sdk_alone() {
        assert_eq!(ClientVersion::of_user_agent("prefect/3.9.1 (API 0.8.4)"), ClientVersion::parse("3.9.1"));
        for other in [
            "curl/8",
            "prefect/3.9 (API 0.8.4)",
            "prefect/3.9.1",
            "prefect/3.9.1 (API )",
            "prefect/3.9.1 (API 1 2)",
            "prefect/x (API 1)",
        ] {
            assert_eq!(ClientVersion::of_user_agent(other), None, "{other}");
        }
    }

    #[test]
    fn leases_are_renewed_since_3_4_11() {
        for (version, renews) in [
            ("3.4.11", true),
            ("3.4.11+3.gabc", true),
            ("3.4.11.post1", true),
            ("3.4.11.dev2", false),
            ("3.4.11rc1", false),
            ("3.4.11rc1+local", false),
            ("3.4.10", false),
            ("3.4.12.dev1", true),
            ("3.9.1", true),
            ("2.20.0", false),
            ("10.0.0", true),
        ] {
            assert_eq!(client(version).renews_leases(), renews, "{version}");
        }
        assert!(!Caller::default().renews_leases());
    }

    #[test]
    fn a_few_workers_take_slots_themselves() {
        assert!(client("3.0.0rc20").takes_slots_itself() && client("3.0.3").takes_slots_itself());
        assert!(!client("3.0.4").takes_slots_itself() && !Caller::default().takes_slots_itself());
    }
}
