//! Marks by which the process recognises what it wrote itself: tags, `ovid`, branch ends.

use std::borrow::Borrow;
use std::ops::Deref;
use std::sync::Arc;

use hmac::{Hmac, Mac};
use sha2::Sha256;

use super::hex::{hex, push_hex, write_hex};
use crate::random::Random;

/// What our branches begin with (RFC 3261 8.1.1.7). The rest of them is in lower case.
const MAGIC_COOKIE: &str = "z9hG4bK";

/// The cookie, 16 random digits and the loop mark.
const BRANCH_LEN: usize = MAGIC_COOKIE.len() + 16 + 32;

/// A branch of ours (RFC 3261 8.1.1.7). Cloning shares its text.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Branch(Arc<[u8; BRANCH_LEN]>);

impl Branch {
    /// The magic cookie, 16 random digits and the loop mark.
    pub(crate) fn new(random: [u8; 8], antiloop_id: &[u8; 32]) -> Branch {
        let mut text = [0; BRANCH_LEN];
        let (cookie, rest) = text.split_at_mut(MAGIC_COOKIE.len());
        cookie.copy_from_slice(MAGIC_COOKIE.as_bytes());
        let (digits, mark) = rest.split_at_mut(16);
        write_hex(digits, &random);
        mark.copy_from_slice(antiloop_id);
        Branch(Arc::new(text))
    }

    /// One of the same length, where it does not matter which.
    pub(crate) fn any() -> Branch {
        Branch::new([0; 8], &[b'0'; 32])
    }

    /// A branch that came back in another letter case, as it was written. `None`: it has the case that we write, or is none of
    /// ours by its length.
    pub(crate) fn as_written(received: &[u8]) -> Option<[u8; BRANCH_LEN]> {
        let mut branch: [u8; BRANCH_LEN] = received.try_into().ok()?;
        branch.make_ascii_lowercase();
        branch[..MAGIC_COOKIE.len()].copy_from_slice(MAGIC_COOKIE.as_bytes());
        (branch != received).then_some(branch)
    }
}

impl Deref for Branch {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &*self.0
    }
}

impl Borrow<[u8]> for Branch {
    fn borrow(&self) -> &[u8] {
        self
    }
}

impl std::fmt::Debug for Branch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        String::from_utf8_lossy(self).fmt(f)
    }
}

/// The random values that last as long as the process.
#[derive(Clone)]
pub struct ProcessTags {
    ovid: String,
    totag_prefix: String,
    antiloop: Hmac<Sha256>,
}

impl std::fmt::Debug for ProcessTags {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ProcessTags").field("ovid", &self.ovid).finish_non_exhaustive()
    }
}

impl ProcessTags {
    /// Draws the values.
    pub fn random(random: &mut Random) -> ProcessTags {
        ProcessTags::from_parts(random.bytes(), random.bytes(), random.bytes())
    }

    fn from_parts(ovid: [u8; 4], totag_prefix: [u8; 4], antiloop_key: [u8; 16]) -> ProcessTags {
        let mut prefix = hex(&totag_prefix);
        prefix.push('.');
        let antiloop = Hmac::new_from_slice(&antiloop_key).expect("HMAC takes a key of any length");
        ProcessTags { ovid: hex(&ovid), totag_prefix: prefix, antiloop }
    }

    /// The value of the `ovid` parameter that marks our own Route values: eight hexadecimal digits.
    pub fn ovid(&self) -> &str {
        &self.ovid
    }

    /// Whether a received `ovid` value is ours.
    pub fn check_ovid(&self, value: &[u8]) -> bool {
        value == self.ovid.as_bytes()
    }

    /// A new To tag for a stateless reply (RFC 3261 8.2.7): the process prefix and eight random digits.
    pub fn totag_for_sl_reply(&self, random: &mut Random) -> String {
        let mut tag = String::with_capacity(self.totag_prefix.len() + 8);
        tag.push_str(&self.totag_prefix);
        push_hex(&mut tag, &random.bytes::<4>());
        tag
    }

    /// Whether a To tag was made by [`Self::totag_for_sl_reply`] of this process: an ACK that carries it ends here.
    pub fn check_totag_for_sl_reply(&self, tag: &[u8]) -> bool {
        tag.starts_with(self.totag_prefix.as_bytes())
    }

    /// 32 hexadecimal digits that are the same whenever the same request passes: it ends our branches, so that a
    /// request that comes back unchanged is seen to loop (RFC 3261 16.3 step 4, 16.6 step 8). Nobody without the
    /// process's key can make one.
    pub fn antiloop_id(&self, ruri: &[u8], call_id: &[u8], first_route_uri: Option<&[u8]>) -> [u8; 32] {
        let mut mac = self.antiloop.clone();
        // Lengths go in as well: no two different triples feed the same bytes.
        for part in [Some(ruri), Some(call_id), first_route_uri] {
            let length = part.map_or(u64::MAX, |bytes| bytes.len() as u64);
            mac.update(&length.to_be_bytes());
            mac.update(part.unwrap_or_default());
        }
        let mut id = [0; 32];
        write_hex(&mut id, &mac.finalize().into_bytes()[..16]);
        id
    }

    /// A new branch for a client transaction (RFC 3261 8.1.1.7): the magic cookie, 16 random digits and the loop mark.
    pub fn new_branch(&self, antiloop_id: &[u8; 32], random: &mut Random) -> Branch {
        Branch::new(random.bytes(), antiloop_id)
    }
}

/// A loop mark that belongs to no request, for requests that start here.
pub fn random_loop_mark(random: &mut Random) -> [u8; 32] {
    let mut mark = [0; 32];
    write_hex(&mut mark, &random.bytes::<16>());
    mark
}

/// A random text of `2 * N` hexadecimal digits, for Call-IDs, From tags and the like.
pub fn random_hex<const N: usize>(random: &mut Random) -> String {
    hex(&random.bytes::<N>())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn random() -> Random {
        Random::from_number(1)
    }

    fn tags() -> ProcessTags {
        ProcessTags::from_parts([1, 2, 3, 0xff], [0xab; 4], [7; 16])
    }

    #[test]
    fn a_branch_in_another_letter_case_is_recognised() {
        let branch = tags().new_branch(b"0123456789abcdef0123456789abcdef", &mut random());
        for received in [branch.to_ascii_uppercase(), branch.to_ascii_lowercase()] {
            let found = Branch::as_written(&received);
            assert_eq!(found.as_ref().map(|found| &found[..]), Some(&*branch));
        }
        for as_it_is in [&*branch, b"Z9HG4BK1", b""] {
            assert_eq!(Branch::as_written(as_it_is), None);
        }
    }

    fn is_hex(text: &str) -> bool {
        text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
    }

    #[test]
    fn ovid_is_eight_digits_and_recognised_byte_by_byte() {
        assert_eq!(tags().ovid(), "010203ff");
        assert!(tags().check_ovid(b"010203ff"));
        assert!(!tags().check_ovid(b"010203FF"));
        assert!(!tags().check_ovid(b"010203ff0"));
        assert!(!tags().check_ovid(b""));
    }

    #[test]
    fn to_tags_are_new_each_time_and_recognised() {
        let (tags, mut random) = (tags(), random());
        let (a, b) = (tags.totag_for_sl_reply(&mut random), tags.totag_for_sl_reply(&mut random));
        assert_ne!(a, b);
        assert!(a.starts_with("abababab.") && a.len() == 17 && is_hex(&a[9..]));
        assert!(tags.check_totag_for_sl_reply(a.as_bytes()));
    }

    #[test]
    fn to_tags_of_others_are_not_recognised() {
        let tags = tags();
        for foreign in ["", "abababab", "ababababX12345678", "x\nabababab.12345678", "0bababab.12345678"] {
            assert!(!tags.check_totag_for_sl_reply(foreign.as_bytes()), "{foreign:?}");
        }
    }

    #[test]
    fn the_loop_mark_depends_on_all_three_parts_and_on_the_key() {
        let tags = tags();
        let mark = tags.antiloop_id(b"sip:a@b", b"call", Some(b"sip:r"));
        assert!(is_hex(std::str::from_utf8(&mark).unwrap()));
        assert_eq!(mark, tags.antiloop_id(b"sip:a@b", b"call", Some(b"sip:r")));
        let others = [
            tags.antiloop_id(b"sip:a@c", b"call", Some(b"sip:r")),
            tags.antiloop_id(b"sip:a@b", b"calx", Some(b"sip:r")),
            tags.antiloop_id(b"sip:a@b", b"call", None),
            tags.antiloop_id(b"sip:a@b", b"call", Some(b"")),
            tags.antiloop_id(b"sip:a@bc", b"all", Some(b"sip:r")),
            ProcessTags::from_parts([1, 2, 3, 0xff], [0xab; 4], [8; 16]).antiloop_id(
                b"sip:a@b",
                b"call",
                Some(b"sip:r"),
            ),
        ];
        for other in others {
            assert_ne!(mark, other);
        }
        assert_ne!(others[2], others[3]);
    }

    #[test]
    fn a_branch_starts_with_the_cookie_and_ends_with_the_loop_mark() {
        let tags = tags();
        let mark = tags.antiloop_id(b"sip:a@b", b"call", None);
        let mut random = random();
        let (a, b) = (tags.new_branch(&mark, &mut random), tags.new_branch(&mark, &mut random));
        assert_ne!(a, b);
        assert!(a.starts_with(b"z9hG4bK") && a.ends_with(&mark));
        assert_eq!(a.len(), 55);
    }

    #[test]
    fn processes_differ() {
        let mut random = random();
        assert_ne!(ProcessTags::random(&mut random).ovid(), ProcessTags::random(&mut random).ovid());
        assert_eq!(random_hex::<5>(&mut random).len(), 10);
    }
}
