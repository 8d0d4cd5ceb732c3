//! Digest authentication of a user agent client: RFC 7616, with SHA-256 and SHA-512-256 as RFC 8760 asks of SIP.
//!
//! All of it is values: the client nonce and the nonce counts are handed in.

mod algorithm;
mod authenticator;
mod challenge;
mod credentials;
mod nonce_counts;

pub use algorithm::Algorithm;
pub use authenticator::{Authenticator, Digested};
pub use challenge::{Challenge, Qop};
pub use credentials::{Credentials, CredentialsError};
pub use nonce_counts::NonceCounts;
