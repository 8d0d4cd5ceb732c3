//! The hash functions of digest authentication.

use md5::Md5;
use sha2::{Digest, Sha256, Sha512_256};

use crate::client::hex::hex;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Hash {
    Md5,
    Sha256,
    Sha512Of256,
}

/// An `algorithm` of a challenge: a hash function, and whether the session variant of A1 is asked for (RFC 7616 3.4.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Algorithm {
    hash: Hash,
    /// A1 takes in the nonces of the session.
    pub session: bool,
}

impl Algorithm {
    /// What a challenge without `algorithm` means (RFC 7616 3.3).
    pub const MD5: Algorithm = Algorithm { hash: Hash::Md5, session: false };

    /// The algorithm of a name, in any letter case; `None` for one that is not supported.
    pub fn named(name: &[u8]) -> Option<Algorithm> {
        let session = name.len() > 5 && name[name.len() - 5..].eq_ignore_ascii_case(b"-sess");
        let base = if session { &name[..name.len() - 5] } else { name };
        let known = [
            (&b"MD5"[..], Hash::Md5),
            (b"SHA-256", Hash::Sha256),
            // RFC 7616 6.1; RFC 8760 2.2 writes it like this too.
            (b"SHA-512-256", Hash::Sha512Of256),
        ];
        let (_, hash) = known.into_iter().find(|(name, _)| name.eq_ignore_ascii_case(base))?;
        Some(Algorithm { hash, session })
    }

    /// H(parts joined by colons), in lower-case hexadecimal digits.
    pub fn hash(self, parts: &[&[u8]]) -> String {
        match self.hash {
            Hash::Md5 => digest_of::<Md5>(parts),
            Hash::Sha256 => digest_of::<Sha256>(parts),
            Hash::Sha512Of256 => digest_of::<Sha512_256>(parts),
        }
    }
}

fn digest_of<D: Digest>(parts: &[&[u8]]) -> String {
    let mut state = D::new();
    for (index, part) in parts.iter().enumerate() {
        if index > 0 {
            state.update(b":");
        }
        state.update(part);
    }
    hex(&state.finalize())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_in_any_case() {
        assert_eq!(Algorithm::named(b"md5"), Some(Algorithm::MD5));
        assert!(Algorithm::named(b"sha-256-SESS").is_some_and(|algorithm| algorithm.session));
        assert!(Algorithm::named(b"SHA-512-256").is_some());
        for unknown in [&b"SHA-512"[..], b"-sess", b"", b"token"] {
            assert_eq!(Algorithm::named(unknown), None);
        }
    }

    /// Published test vectors of the hash functions: RFC 1321 A.5, FIPS 180-4 ("abc").
    #[test]
    fn hashes_are_the_published_ones() {
        let of = |name: &[u8]| Algorithm::named(name).expect("known").hash(&[b"abc"]);
        assert_eq!(of(b"MD5"), "900150983cd24fb0d6963f7d28e17f72");
        assert_eq!(of(b"SHA-256"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        assert_eq!(of(b"SHA-512-256"), "53048e2681941ef99b2e29b76b4c7dabe4c2d0c634fc6d46e0e2f13107e7af23");
    }
}
