//! The four SIP transaction machines: RFC 3261 17 with the corrections of RFC 6026 (INVITE) and RFC 4320
//! (non-INVITE).
//!
//! A machine is a value. It is handed the present instant and an input (a response arrived, a timer fired, the core
//! wants to send this) and answers with effects: data that says what to send, which timers to set and what to tell
//! the core. It never sees a message, a clock or a socket; the bytes of a response pass through a server machine
//! only so that it can ask for them again. Only the keys, by which messages find their machine, look into messages.
//!
//! Rules that hold for all four:
//!
//! - `new` returns the machine and its first effects. `Terminated` comes exactly once and last; with it every timer of
//!   the machine is void and every later input has no effect.
//! - `Arm` replaces an earlier setting of the same timer. A timer that was stopped, or that the present state does not
//!   want, may still be handed in: it has no effect. So a timer queue may forget lazily.
//! - Effects are carried out in their order.

mod effect;
pub mod invite_client;
pub mod invite_server;
mod key;
pub mod non_invite_client;
pub mod non_invite_server;
mod timer;

pub use effect::{AckOutcome, ClientEffect, ClientEffects, ServerEffect, ServerEffects};
pub use invite_client::InviteClient;
pub use invite_server::InviteServer;
pub use key::{branch_of_key, KeyText, ServerKey};
pub use non_invite_client::NonInviteClient;
pub use non_invite_server::NonInviteServer;
pub use timer::{Timer, Timings};
