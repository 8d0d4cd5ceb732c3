//! How long the blocks of scripts take: by event, and by the place where they stand.

use std::hash::BuildHasher;
use std::sync::Arc;
use std::time::Duration;

use hashlink::linked_hash_map::RawEntryMut;
use hashlink::LinkedHashMap;
use prometheus::HistogramVec;

use super::families::Families;
use super::times::{histograms, Buckets};
use crate::observed::BlockRun;

/// Places that are known; the one whose block has not run for the longest time goes.
const MOST_PLACES: usize = 256;

/// Bytes of the name of a file that are known, from its end.
const LONGEST_NAME: usize = 256;

/// The blocks of an engine, by event.
#[derive(Debug)]
pub(super) struct BlockMetrics {
    by_event: HistogramVec,
}

/// The event, the file and the line.
type BlockPlace = (&'static str, Arc<str>, u32);

/// The places of blocks.
#[derive(Debug, Default)]
pub(super) struct Places(LinkedHashMap<BlockPlace, BlockRuns>);

/// What is known of a block.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct BlockRuns {
    /// How often it has run.
    pub count: u64,
    /// How long that took in all.
    pub total: Duration,
    /// How long it took at most.
    pub longest: Duration,
    /// How often an exception has ended it.
    pub exceptions: u64,
}

/// A block with its place.
#[derive(Debug, Clone, PartialEq)]
pub struct BlockFigures {
    /// The event.
    pub event: &'static str,
    /// File and line.
    pub place: String,
    /// What is known of it.
    pub runs: BlockRuns,
}

impl BlockMetrics {
    pub(super) fn new() -> BlockMetrics {
        let help =
            "How long blocks and event methods of the script take, with the time that they are suspended.";
        BlockMetrics { by_event: histograms("oversip_block_seconds", help, Buckets::Work, &["event"]) }
    }

    pub(super) fn note(&self, run: &BlockRun<'_>) {
        self.by_event.with_label_values(&[run.event]).observe(duration(run).as_secs_f64());
    }

    pub(super) fn read(&self, families: &mut Families) {
        families.collected(&self.by_event);
    }
}

impl Places {
    /// A block has run. One that is known takes no memory.
    pub(super) fn note(&mut self, run: &BlockRun<'_>) {
        let file = end_of(run.file);
        let hash = self.0.hasher().hash_one((run.event, file, run.line));
        let is_it =
            |(event, known, line): &BlockPlace| *event == run.event && **known == *file && *line == run.line;
        let took = duration(run);
        let note = |runs: &mut BlockRuns| {
            runs.count += 1;
            runs.total += took;
            runs.longest = runs.longest.max(took);
            runs.exceptions += u64::from(run.exception.is_some());
        };
        match self.0.raw_entry_mut().from_hash(hash, is_it) {
            RawEntryMut::Occupied(mut known) => {
                known.to_back();
                note(known.get_mut());
            }
            RawEntryMut::Vacant(new) => {
                let place = (run.event, file.into(), run.line);
                note(new.insert_hashed_nocheck(hash, place, BlockRuns::default()).1);
                if self.0.len() > MOST_PLACES {
                    self.0.pop_front();
                }
            }
        }
    }

    /// A copy of all that are known.
    pub(super) fn copy(&self) -> Vec<(BlockPlace, BlockRuns)> {
        self.0.iter().map(|(place, runs)| (place.clone(), *runs)).collect()
    }
}

/// What is known of blocks, the one first that takes most time in all.
pub(super) fn figures(places: Vec<(BlockPlace, BlockRuns)>) -> Vec<BlockFigures> {
    let figures = |((event, file, line), runs)| BlockFigures { event, place: format!("{file}:{line}"), runs };
    let mut list: Vec<_> = places.into_iter().map(figures).collect();
    list.sort_by_key(|block| std::cmp::Reverse(block.runs.total));
    list
}

/// As much of a name as is kept.
fn end_of(file: &str) -> &str {
    let mut begin = file.len().saturating_sub(LONGEST_NAME);
    while !file.is_char_boundary(begin) {
        begin += 1;
    }
    &file[begin..]
}

fn duration(run: &BlockRun<'_>) -> Duration {
    run.ended.saturating_duration_since(run.began)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Instant;

    fn run(line: u32, milliseconds: u64) -> BlockRun<'static> {
        let began = Instant::now();
        BlockRun {
            event: "on_request",
            method: b"INVITE",
            call_id: None,
            file: "server.rb",
            line,
            began,
            ended: began + Duration::from_millis(milliseconds),
            exception: (milliseconds == 7).then_some(("KeyError", "no")),
        }
    }

    #[test]
    fn a_place_has_its_times_and_the_one_that_takes_most_comes_first() {
        let mut places = Places::default();
        [run(1, 5), run(2, 30), run(1, 7)].iter().for_each(|run| places.note(run));
        let list = figures(places.copy());
        assert_eq!(
            list.iter().map(|block| block.place.as_str()).collect::<Vec<_>>(),
            ["server.rb:2", "server.rb:1"]
        );
        let wanted = BlockRuns {
            count: 2,
            total: Duration::from_millis(12),
            longest: Duration::from_millis(7),
            exceptions: 1,
        };
        assert_eq!(list[1].runs, wanted);
    }

    #[test]
    fn blocks_of_several_files_may_stand_on_the_same_line() {
        let mut places = Places::default();
        let files = ["server.rb", "a.rb", "b.rb", "c.rb", "d.rb", "e.rb"];
        (0..2).for_each(|_| files.iter().for_each(|file| places.note(&BlockRun { file, ..run(1, 9) })));
        let list = figures(places.copy());
        assert_eq!(list.len(), files.len());
        assert!(list.iter().all(|block| block.runs.count == 2), "{list:?}");
    }

    #[test]
    fn of_a_long_name_the_end_is_known() {
        let mut places = Places::default();
        let file = format!("{}server.rb", "\u{e9}".repeat(1000));
        (0..2).for_each(|_| places.note(&BlockRun { file: &file, ..run(1, 9) }));
        let list = figures(places.copy());
        assert_eq!((list.len(), list[0].runs.count), (1, 2));
        assert!(list[0].place.ends_with("server.rb:1") && list[0].place.len() <= LONGEST_NAME + 2);
    }

    #[test]
    fn the_place_that_has_not_run_for_longest_goes() {
        let mut places = Places::default();
        (0..MOST_PLACES as u32).for_each(|line| places.note(&run(line, 1)));
        places.note(&run(0, 1));
        places.note(&run(9999, 1));
        let lines: Vec<_> = figures(places.copy()).into_iter().map(|block| block.place).collect();
        assert_eq!(lines.len(), MOST_PLACES);
        assert!(lines.contains(&"server.rb:0".to_owned()) && !lines.contains(&"server.rb:1".to_owned()));
    }
}
