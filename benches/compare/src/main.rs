//! Reads the same messages with the parser of oversip and with two published ones: message, headers, and the value of every
//! header that has a structure. Ends with status 1 unless ours takes at most half the time of each.

#[path = "../../messages/mod.rs"]
mod messages;

mod ezk_reader;
mod ours;
mod rsip_reader;

use std::hint::black_box;
use std::time::{Duration, Instant};

use bytes::Bytes;

/// Rounds in turn, so that a busy machine slows all of them; the fastest round counts, and the median is shown.
const ROUNDS: usize = 61;
const READS: u32 = 2000;

struct Reader {
    name: &'static str,
    read: fn(&Bytes),
    rounds: Vec<Duration>,
}

impl Reader {
    fn new(name: &'static str, read: fn(&Bytes)) -> Reader {
        Reader { name, read, rounds: Vec::with_capacity(ROUNDS) }
    }

    fn run(&mut self, message: &Bytes) {
        let start = Instant::now();
        for _ in 0..READS {
            (self.read)(black_box(message));
        }
        self.rounds.push(start.elapsed() / READS);
    }

    fn best(&self) -> f64 {
        self.rounds.iter().min().map_or(0.0, Duration::as_secs_f64) * 1e6
    }

    fn median(&mut self) -> f64 {
        self.rounds.sort();
        self.rounds[ROUNDS / 2].as_secs_f64() * 1e6
    }
}

fn main() {
    let mut slow = false;
    println!("{:<10} {:<16} {:>10} {:>10} {:>8}", "message", "parser", "best", "median", "ratio");
    for (message, text) in [("INVITE", messages::INVITE), ("200", messages::OK)] {
        let bytes = Bytes::from_static(text);
        let mut readers = [
            Reader::new("oversip", |bytes| ours::read(bytes.clone())),
            Reader::new("ezk-sip-types", ezk_reader::read),
            Reader::new("rsip", |bytes| rsip_reader::read(bytes)),
        ];
        for _ in 0..ROUNDS {
            readers.iter_mut().for_each(|reader| reader.run(&bytes));
        }
        let ours = readers[0].best();
        for (index, reader) in readers.iter_mut().enumerate() {
            let (best, median) = (reader.best(), reader.median());
            let ratio = best / ours;
            slow |= index > 0 && ratio < 2.0;
            println!(
                "{:<10} {:<16} {best:>7.2} us {median:>7.2} us {ratio:>7.1}x",
                format!("{message} {}", text.len()),
                reader.name
            );
        }
    }
    if slow {
        eprintln!("oversip is not twice as fast as each");
        std::process::exit(1);
    }
}
