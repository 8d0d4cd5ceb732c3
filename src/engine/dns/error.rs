//! Why names cannot be looked up at all.

use thiserror::Error;

/// The resolver cannot be set up.
#[derive(Debug, Error)]
pub enum LookupError {
    /// There is no name server to ask.
    #[error("no name server is configured")]
    NoNameServer,
    /// The library refuses the configuration.
    #[error("the resolver cannot be set up: {0}")]
    Setup(String),
}
