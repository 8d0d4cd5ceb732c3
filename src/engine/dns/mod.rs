//! Puts the questions of a resolution to name servers, through hickory-resolver.

mod error;
mod lookup;
mod name_servers;
mod records;

pub(super) use lookup::Lookup;
pub(super) use name_servers::NameServer;
