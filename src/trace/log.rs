//! What is kept of one call: entries, and the texts in them one behind the other.

use std::time::Duration;

use super::entry::What;

/// By how many bytes, and by how many entries, there is more room when there is none: what a call holds is near to what it needs.
const MORE_BYTES: usize = 2048;
const MORE_ENTRIES: usize = 8;

/// So many bytes of texts, or of entries, are copied at a time: whoever adds to the log waits for that.
const MOST_COPIED: usize = 256 * 1024;

/// Two pieces of a text that are kept as one.
pub(super) type TextPieces<'a> = [&'a [u8]; 2];

/// Where a text stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct TextSpan {
    start: u32,
    length: u32,
}

/// One thing that has happened.
#[derive(Debug, Clone)]
struct Entry {
    number: u64,
    at: Duration,
    /// Where its texts begin.
    texts: u32,
    what: What<TextSpan>,
}

/// What a call was not given room for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LeftOut {
    /// How many entries.
    pub entries: u64,
    /// How many bytes of texts.
    pub bytes: u64,
    /// The number of the last one.
    pub last: u64,
    /// When that was, since the ring has begun.
    pub at: Duration,
}

impl LeftOut {
    /// What has come since it was so much; of a log that has begun anew, all of it.
    pub fn since(self, former: LeftOut) -> LeftOut {
        let entries = self.entries.checked_sub(former.entries);
        let bytes = self.bytes.checked_sub(former.bytes);
        entries.zip(bytes).map_or(self, |(entries, bytes)| LeftOut { entries, bytes, ..self })
    }
}

/// What is kept of one call.
#[derive(Debug, Clone, Default)]
pub struct Log {
    entries: Vec<Entry>,
    texts: Vec<u8>,
    /// Where the texts stood before of which these are the end.
    skipped: u32,
    left_out: LeftOut,
}

/// An entry as it is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Read<'a> {
    /// Its number among all of the ring.
    pub number: u64,
    /// When, since the ring has begun.
    pub at: Duration,
    /// What has happened.
    pub what: What<&'a [u8]>,
}

impl Log {
    /// Adds an entry, unless the log is to hold more than `most` bytes with it.
    pub(super) fn add(&mut self, number: u64, at: Duration, what: &What<TextPieces<'_>>, most: usize) {
        let before = self.texts.len();
        let full = self.size() > most;
        let mut length = 0;
        let texts = &mut self.texts;
        let what = what.map(&mut |pieces: TextPieces<'_>| {
            let more = pieces[0].len() + pieces[1].len();
            length += more;
            if full || texts.len() + more > most {
                return TextSpan { start: u32::MAX, length: 0 };
            }
            let start = texts.len() as u32;
            if texts.capacity() - texts.len() < more {
                texts.reserve_exact(more.max(MORE_BYTES).max(texts.len() / 4));
            }
            pieces.into_iter().for_each(|piece| texts.extend_from_slice(piece));
            TextSpan { start, length: more as u32 }
        });
        if full || before + length > most {
            self.texts.truncate(before);
            self.left_out.entries += 1;
            self.left_out.bytes += length as u64;
            (self.left_out.last, self.left_out.at) = (number, at);
            return;
        }
        if self.entries.len() == self.entries.capacity() {
            self.entries.reserve_exact(MORE_ENTRIES.max(self.entries.len() / 4));
        }
        self.entries.push(Entry { number, at, texts: before as u32, what });
    }

    /// How many bytes of memory it takes.
    pub(super) fn size(&self) -> usize {
        self.texts.capacity() + self.entries.capacity() * size_of::<Entry>()
    }

    /// Forgets everything, and keeps the memory.
    pub(super) fn clear(&mut self) {
        self.entries.clear();
        self.texts.clear();
        self.left_out = LeftOut::default();
    }

    /// The number of the newest entry, be it left out; 0 for none.
    pub fn last(&self) -> u64 {
        self.entries.last().map_or(0, |entry| entry.number).max(self.left_out.last)
    }

    /// What there was no room for.
    pub fn left_out(&self) -> LeftOut {
        self.left_out
    }

    /// A copy of the first entries with a higher number than this one, as many as a reader may copy at a time.
    pub(super) fn copy_since(&self, number: u64) -> Log {
        let rest = &self.entries[self.first_after(number)..];
        let whole = self.texts.len() as u32;
        let skipped = rest.first().map_or(whole, |entry| entry.texts);
        let by_texts = rest.partition_point(|entry| (entry.texts - skipped) as usize <= MOST_COPIED);
        let (taken, left) = rest.split_at(by_texts.min(MOST_COPIED / size_of::<Entry>()));
        let end = left.first().map_or(whole, |entry| entry.texts);
        let texts = self.texts[skipped as usize..end as usize].to_vec();
        Log { texts, entries: taken.to_vec(), skipped, left_out: self.left_out }
    }

    /// Adds the copy of what comes next. False: there is none, or the log has begun anew meanwhile.
    pub(crate) fn append(&mut self, next: Log) -> bool {
        let goes_on = !next.entries.is_empty() && next.skipped == self.skipped + self.texts.len() as u32;
        if goes_on {
            self.entries.extend(next.entries);
            self.texts.extend(next.texts);
            self.left_out = next.left_out;
        }
        goes_on
    }

    /// The number of the newest entry that is here.
    pub fn newest(&self) -> Option<u64> {
        self.entries.last().map(|entry| entry.number)
    }

    fn first_after(&self, number: u64) -> usize {
        self.entries.partition_point(|entry| entry.number <= number)
    }

    /// The entries with a higher number than this one.
    pub fn since(&self, number: u64) -> impl Iterator<Item = Read<'_>> {
        self.entries[self.first_after(number)..].iter().map(|entry| Read {
            number: entry.number,
            at: entry.at,
            what: entry.what.map(&mut |span: TextSpan| {
                let start = (span.start - self.skipped) as usize;
                &self.texts[start..start + span.length as usize]
            }),
        })
    }
}
