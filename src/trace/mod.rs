//! The trace: what has happened to the last calls, message by message, within a bound of memory. Values without sockets, locks or a
//! clock.
//!
//! Each entry has a number that grows, so that who has read some may ask for what came after ([`Log::since`]).

mod entry;
mod group;
mod json;
mod log;
mod outline;
mod ring;

pub use entry::{Of, SentResponse, What};
pub use json::{head, left_out, missed, row};
pub use log::{LeftOut, Log, Read};
pub use outline::{Outline, RequestOutcome};
pub use ring::{Ring, Summary, TraceLimits};
