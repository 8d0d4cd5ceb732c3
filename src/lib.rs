//! The SIP engine behind the `oversip-rs` gem, with no Ruby in it.
//!
//! The layers depend on each other one way: `{engine, simulation} -> {client, transaction, resolve} -> message`, with `element`
//! between, and `engine -> transport -> message`. `clock`, `random` and `expiring_map` know nothing of the others. Everything
//! but `engine` and `transport` is sans-IO: values that are handed the time, chance and an input, and that answer with effects.

pub mod client;
pub mod clock;
pub mod element;
pub mod engine;
mod expiring_map;
pub mod host;
pub mod message;
pub mod random;
pub mod resolve;
pub mod simulation;
pub mod transaction;
pub mod transport;

// Files that are shared with the tests outside of the library know it by its name.
#[cfg(test)]
extern crate self as oversip;
