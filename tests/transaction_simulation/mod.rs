//! A client and a server machine of one transaction on the two ends of a bad network, under a virtual clock.

pub mod invite;
pub mod network;
pub mod non_invite;
mod owner;
mod schedule;
