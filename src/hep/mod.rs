//! HEP3, the protocol by which SIP messages are handed to a collector such as Homer: its packets, and the bounded queue in which
//! they wait. Values only; the sockets are the engine's.
//!
//! The format is described in "HEP3 Network Protocol Specification" (<https://github.com/sipcapture/HEP>).

mod packet;
mod queue;

pub use packet::Agent;
pub use queue::PacketQueue;
