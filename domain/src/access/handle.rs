//! The names of accounts, workspaces and users in addresses.

/// Whether a text can name an account, a workspace or a user in an address: lower-case letters, digits and single dashes
/// between them, at most 100.
pub fn is_handle(text: &str) -> bool {
    let alphabet = text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    (1..=100).contains(&text.len())
        && alphabet
        && !text.starts_with('-')
        && !text.ends_with('-')
        && !text.contains("--")
}

/// The handle a name suggests: `My Team!` → `my-team`; `None` when nothing of it is left.
pub fn handle_of(name: &str) -> Option<String> {
    let lower = name.to_lowercase();
    let words: Vec<&str> = lower.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty()).collect();
    let mut handle = words.join("-");
    handle.truncate(100);
    let handle = handle.trim_end_matches('-');
    is_handle(handle).then(|| handle.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn handles() {
        for good in ["a", "my-team", "0", "a-1"] {
            assert!(is_handle(good), "{good}");
        }
        for bad in ["", "-a", "a-", "a--b", "A", "a b", "a/b", "ä"] {
            assert!(!is_handle(bad), "{bad}");
        }
        assert_eq!(handle_of("My Team!").as_deref(), Some("my-team"));
        assert_eq!(handle_of("!!"), None);
        assert_eq!(handle_of(&"x".repeat(300)).map(|h| h.len()), Some(100));
    }
}
