//! What a script holds of an [element](crate::element), whoever runs that: an engine on real sockets, or a simulation.
//!
//! A [`Host`] steps its element for a script. [`Requests`] and [`Clients`] are what a script asks; [`IncomingRequest`], [`Client`]
//! and [`Store`] are what it keeps in its hands, and the element forgets what the script lets go of.

mod call;
mod client;
mod clients;
mod interface;
mod lock;
mod request;
mod requests;
mod stores;

pub use call::{Call, Calls, Wait};
pub use client::Client;
pub use clients::{Clients, NewRoute};
pub use interface::{Anchors, Host, LetGo, Released};
pub(crate) use lock::lock;
pub use request::IncomingRequest;
pub use requests::Requests;
pub use stores::{Store, Stored, StoredProfile};
