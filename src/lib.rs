//! The SIP engine behind the `oversip-rs` gem, with no Ruby in it.
//!
//! The layers depend on each other one way: `engine -> client -> resolve -> message`, `engine -> {transport,
//! transaction} -> message`.
//! Everything but `engine` and `transport` is sans-IO: values that are handed the time
//! and an input and that answer with effects.

pub mod client;
pub mod clock;
pub mod element;
pub mod engine;
mod expiring_map;
pub mod message;
pub mod random;
pub mod resolve;
pub mod simulation;
pub mod transaction;
pub mod transport;

// Files that are shared with the tests outside of the library know it by its name.
#[cfg(test)]
extern crate self as oversip;
