//! How long the blocks of scripts take: by event, and by the place where they stand.

use std::time::Duration;

use hashlink::LinkedHashMap;
use prometheus::HistogramVec;

use super::families::Families;
use super::times::histograms;
use crate::observed::BlockRun;

/// Places that are known; the one whose block has not run for the longest time goes.
const MOST_PLACES: usize = 256;

/// Files with a block on the same line, for the same event, that are known.
const MOST_FILES: usize = 4;

/// The blocks of an engine, by place.
#[derive(Debug)]
pub(super) struct Blocks {
    by_event: HistogramVec,
}

/// A place but for its file: the event and the line.
type Place = (&'static str, u32);

/// The places of blocks. The blocks of several files may stand on lines of the same number.
#[derive(Debug, Default)]
pub(super) struct Places(LinkedHashMap<Place, Vec<(Box<str>, Runs)>>);

/// What is known of a block.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Runs {
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
    pub runs: Runs,
}

impl Blocks {
    pub(super) fn new() -> Blocks {
        let help =
            "How long blocks and event methods of the script take, with the time that they are suspended.";
        Blocks { by_event: histograms("oversip_block_seconds", help, &["event"]) }
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
        let place = (run.event, run.line);
        if self.0.len() >= MOST_PLACES && !self.0.contains_key(&place) {
            self.0.pop_front();
        }
        let files = self.0.entry(place).or_insert_with(Vec::new);
        let known = match files.iter().position(|(file, _)| **file == *run.file) {
            Some(known) => known,
            None => {
                files.truncate(MOST_FILES - 1);
                files.push((run.file.into(), Runs::default()));
                files.len() - 1
            }
        };
        let runs = &mut files[known].1;
        let took = duration(run);
        runs.count += 1;
        runs.total += took;
        runs.longest = runs.longest.max(took);
        runs.exceptions += u64::from(run.exception.is_some());
        self.0.to_back(&place);
    }

    /// All that are known, the one first that takes most time in all.
    pub(super) fn list(&self) -> Vec<BlockFigures> {
        let figures = |(&(event, line), files): (&Place, &Vec<(Box<str>, Runs)>)| {
            let figures = |(file, runs): &(Box<str>, Runs)| BlockFigures {
                event,
                place: format!("{file}:{line}"),
                runs: *runs,
            };
            files.iter().map(figures).collect::<Vec<_>>()
        };
        let mut list: Vec<_> = self.0.iter().flat_map(figures).collect();
        list.sort_by_key(|block| std::cmp::Reverse(block.runs.total));
        list
    }
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
        let list = places.list();
        assert_eq!(
            list.iter().map(|block| block.place.as_str()).collect::<Vec<_>>(),
            ["server.rb:2", "server.rb:1"]
        );
        let wanted = Runs {
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
        places.note(&run(1, 5));
        let others = ["a.rb", "b.rb", "c.rb", "d.rb", "e.rb"];
        others.iter().for_each(|file| places.note(&BlockRun { file, ..run(1, 9) }));
        places.note(&run(1, 5));
        let list = places.list();
        assert_eq!(list.len(), MOST_FILES);
        assert_eq!(
            list.iter().find(|block| block.place == "server.rb:1").map(|block| block.runs.count),
            Some(2)
        );
    }

    #[test]
    fn the_place_that_has_not_run_for_longest_goes() {
        let mut places = Places::default();
        (0..MOST_PLACES as u32).for_each(|line| places.note(&run(line, 1)));
        places.note(&run(0, 1));
        places.note(&run(9999, 1));
        let lines: Vec<_> = places.list().into_iter().map(|block| block.place).collect();
        assert_eq!(lines.len(), MOST_PLACES);
        assert!(lines.contains(&"server.rb:0".to_owned()) && !lines.contains(&"server.rb:1".to_owned()));
    }
}
