//! API keys: `pnu_` for users, `pnb_` for service accounts, 30 random characters and a checksum of six.
//!
//! The layout is the one secret scanners know: the checksum (CRC-32 in base 62) tells a key from any other text without
//! asking anybody, so a mistyped one costs no query. The 178 random bits make a plain SHA-256 enough to store.

use std::fmt;

use rand::Rng;
use sha2::{Digest, Sha256};

const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const PREFIX: usize = 4;
const RANDOM: usize = 30;
const CHECKSUM: usize = 6;
const LENGTH: usize = PREFIX + RANDOM + CHECKSUM;

/// Whose keys look like this.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyKind {
    User,
    Bot,
}

impl KeyKind {
    const fn prefix(self) -> &'static str {
        match self {
            Self::User => "pnu_",
            Self::Bot => "pnb_",
        }
    }
}

/// A key as its owner holds it. Has no `Display`: the secret leaves through [`ApiKey::secret`] alone.
#[derive(Clone, PartialEq, Eq)]
pub struct ApiKey {
    kind: KeyKind,
    secret: String,
}

impl ApiKey {
    /// A new key from the thread's cryptographic generator.
    pub fn generate(kind: KeyKind) -> Self {
        let mut rng = rand::rng();
        let mut secret = String::with_capacity(LENGTH);
        secret.push_str(kind.prefix());
        for _ in 0..RANDOM {
            secret.push(char::from(BASE62[rng.random_range(0..BASE62.len())]));
        }
        secret.push_str(&checksum(&secret));
        Self { kind, secret }
    }

    /// The key that a text is; `None` if it cannot be one. Asks nobody.
    pub fn parse(text: &str) -> Option<Self> {
        let kind = [KeyKind::User, KeyKind::Bot].into_iter().find(|kind| text.starts_with(kind.prefix()))?;
        if text.len() != LENGTH || !text.bytes().skip(PREFIX).all(|b| b.is_ascii_alphanumeric()) {
            return None;
        }
        let (body, sum) = text.split_at(PREFIX + RANDOM);
        (checksum(body) == sum).then(|| Self { kind, secret: text.to_owned() })
    }

    pub fn kind(&self) -> KeyKind {
        self.kind
    }

    /// The key itself, to be shown once to its owner.
    pub fn secret(&self) -> &str {
        &self.secret
    }

    /// What may be shown later: `pnu_****1aBc`, enough to tell keys apart.
    pub fn mask(&self) -> String {
        format!("{}****{}", self.kind.prefix(), &self.secret[LENGTH - 4..])
    }

    pub(super) fn hash(&self) -> [u8; 32] {
        Sha256::digest(self.secret.as_bytes()).into()
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.mask())
    }
}

fn checksum(body: &str) -> String {
    let mut rest = crc32fast::hash(body.as_bytes());
    let mut digits = [b'0'; CHECKSUM];
    for digit in digits.iter_mut().rev() {
        // 62^6 is more than 2^32: nothing remains after six digits.
        *digit = BASE62[(rest % 62) as usize];
        rest /= 62;
    }
    digits.iter().copied().map(char::from).collect()
}

#[cfg(test)]
mod tests {
    use super::{ApiKey, KeyKind};

    #[test]
    fn a_generated_key_reads_back() {
        for (kind, prefix) in [(KeyKind::User, "pnu_"), (KeyKind::Bot, "pnb_")] {
            let key = ApiKey::generate(kind);
            assert!(key.secret().starts_with(prefix) && key.secret().len() == 40);
            assert_eq!(ApiKey::parse(key.secret()).as_ref(), Some(&key));
            assert_eq!(key.kind(), kind);
        }
        assert_ne!(ApiKey::generate(KeyKind::User), ApiKey::generate(KeyKind::User));
    }

    #[test]
    fn what_is_no_key_is_refused_without_asking() {
        let key = ApiKey::generate(KeyKind::User);
        let secret = key.secret();
        let mut one_digit_off = secret.to_owned().into_bytes();
        one_digit_off[10] = if one_digit_off[10] == b'x' { b'y' } else { b'x' };
        let one_digit_off = String::from_utf8(one_digit_off).expect("ASCII");
        let of_other_kind = secret.replacen("pnu_", "pnb_", 1);
        let with_umlaut = format!("pnu_ä{}", &secret[6..]);
        for text in
            ["", "pnu_", "bogus", &secret[..39], &format!("{secret}0"), &one_digit_off, &of_other_kind, &with_umlaut]
        {
            assert!(ApiKey::parse(text).is_none(), "{text}");
        }
    }

    #[test]
    fn debug_hides_the_secret() {
        let key = ApiKey::generate(KeyKind::Bot);
        let shown = format!("{key:?}");
        assert!(shown.starts_with("pnb_****") && shown.len() == 12 && !shown.contains(&key.secret()[4..36]));
    }
}
