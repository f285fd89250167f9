//! One sealed text: a byte for the format, the nonce, the encrypted text and its tag.

use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use uuid::Uuid;

/// Bytes of a key.
pub(super) const KEY_BYTES: usize = 32;
const FORMAT: u8 = 1;

/// A key that is ready for use. It has no `Debug`, so that nothing can write it down.
pub(super) struct Key(RandomizedNonceKey);

/// What was sealed was changed, belongs elsewhere or is of another key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct CannotOpen;

/// Where a sealed text belongs.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    pub what: &'static str,
    pub workspace: Uuid,
    /// Nil for what is the workspace's own.
    pub object: Uuid,
}

impl Place {
    fn bytes(&self) -> Vec<u8> {
        [self.what.as_bytes(), self.workspace.as_bytes(), self.object.as_bytes()].concat()
    }
}

impl Key {
    pub fn of(bytes: &[u8; KEY_BYTES]) -> Self {
        Self(RandomizedNonceKey::new(&AES_256_GCM, bytes).expect("the key has the length of the algorithm"))
    }

    pub fn seal(&self, place: Place, text: &[u8]) -> Vec<u8> {
        let mut sealed = text.to_vec();
        // Fails for texts of 64 GiB and without randomness, and then nothing may go on.
        let nonce = self.0.seal_in_place_append_tag(Aad::from(place.bytes()), &mut sealed).expect("it can be sealed");
        [&[FORMAT], nonce.as_ref().as_slice(), &sealed].concat()
    }

    pub fn open(&self, place: Place, sealed: &[u8]) -> Result<Vec<u8>, CannotOpen> {
        let (&format, rest) = sealed.split_first().ok_or(CannotOpen)?;
        let (nonce, rest) = rest.split_at_checked(NONCE_LEN).ok_or(CannotOpen)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| CannotOpen)?;
        if format != FORMAT {
            return Err(CannotOpen);
        }
        let mut text = rest.to_vec();
        let opened = self.0.open_in_place(nonce, Aad::from(place.bytes()), &mut text).map_err(|_| CannotOpen)?.len();
        text.truncate(opened);
        Ok(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sealed_opens_in_its_place_alone() {
        let (key, place) = (Key::of(&[1; 32]), Place { what: "x", workspace: Uuid::nil(), object: Uuid::max() });
        let sealed = key.seal(place, b"secret");
        assert_eq!(key.open(place, &sealed).unwrap(), b"secret");
        assert_eq!(key.open(place, &key.seal(place, b"")).unwrap(), b"");
        assert_ne!(sealed, key.seal(place, b"secret"), "a nonce of its own");
        assert!(!sealed.windows(6).any(|part| part == b"secret"));

        assert!(Key::of(&[2; 32]).open(place, &sealed).is_err());
        for elsewhere in [
            Place { what: "y", ..place },
            Place { workspace: Uuid::max(), ..place },
            Place { object: Uuid::nil(), ..place },
        ] {
            assert!(key.open(elsewhere, &sealed).is_err());
        }
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert!(key.open(place, &changed).is_err(), "byte {at}");
            assert!(key.open(place, &sealed[..at]).is_err(), "cut at {at}");
        }
    }
}
