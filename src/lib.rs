//! The SIP engine behind the `oversip-rs` gem, with no Ruby in it.
//!
//! The layers depend on each other one way: `{engine, simulation, host} -> element -> {client, transaction, resolve} -> message`,
//! `engine -> transport -> message`, and `engine -> {trace, metrics, hep} -> observed`. Everything but `engine`, `transport`, `host`,
//! `metrics` and `hep` is values without I/O: they are handed the time, chance and an input, and answer with effects.

pub mod capture;
pub mod client;
pub mod clock;
pub mod element;
pub mod engine;
mod expiring_map;
pub mod hep;
pub mod host;
pub mod message;
pub mod metrics;
pub mod observed;
pub mod random;
pub mod resolve;
pub mod simulation;
pub mod trace;
pub mod transaction;
pub mod transport;

// Files that are shared with the tests outside of the library know it by its name.
#[cfg(test)]
extern crate self as oversip;
