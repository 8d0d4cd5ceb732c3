//! A simulated network on which elements and scripted peers run, in virtual time.
//!
//! A [`World`] holds elements with their scripts, peers, the [`Network`] between them and the [`Zone`] of DNS. Its clock jumps
//! from one event to the next. It opens no socket, starts no thread and reads no clock; one seed decides everything that is
//! left to chance, so that the same seed leads to the same run, byte for byte. What was sent is in the [`Record`].

mod blocks;
mod lookup;
mod network;
mod node;
mod party;
mod peer;
mod record;
mod schedule;
mod script;
mod stream;
mod uac;
mod uas;
mod user_agent;
mod world;
mod zone;

pub use blocks::{Blocks, Turn};
pub use network::{Conditions, Network, Reachability};
pub use node::{ClientJudgement, ScriptWork};
pub use party::PartyId;
pub use peer::{Inbox, Peer, PeerApi, PeerId};
pub use record::{ConnectionOutcome, Entry, Fate, Record, TriedConnection};
pub use script::{to, to_udp, Api, Script};
pub use uac::{CallPlan, CallState, Uac, UacCall};
pub use uas::{CalleeState, Uas, UasCall};
pub use user_agent::{record_route_lines, Dialog};
pub use world::{ElementId, Judge, LinkState, News, Step, World};
pub use zone::{Trouble, Zone};
