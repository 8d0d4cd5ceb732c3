//! The header fields of a message as Ruby sees them: a live Hash, made when somebody asks for it.
//!
//! Three stages. Nothing read: the received bytes are the truth and go out as they are. Single headers read: their
//! Arrays are handed out and remembered, for a script may change them in place. The Hash asked for: from then on it
//! is the truth, and the message goes out in canonical form.

mod hash;
mod methods;
mod name;
mod state;
mod wanted;
mod wire;

pub use self::{
    hash::{has_routes, hash, peek, remove_top_routes, set_in_hash},
    methods::define,
    name::{headerize, key},
    state::HeaderState,
    wire::{canonical, wire, write, Wire},
};
