//! Who may see calls: who knows the token.

use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::engine::monitor::monitor_request::MonitorRequest;

const NO_TOKEN: &str = "the address needs the token: /calls?token=...; the log or the configuration has it";

/// How the page of calls is guarded.
#[derive(Clone)]
pub struct CallsPage {
    /// Who knows it may see calls.
    pub token: String,
}

// The token is nobody else's.
impl std::fmt::Debug for CallsPage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CallsPage").finish_non_exhaustive()
    }
}

impl CallsPage {
    /// Whether this request may see calls; else why not.
    pub(super) fn admit(&self, asked: &MonitorRequest) -> Result<(), &'static str> {
        let given = asked.parameter("token").or_else(|| asked.bearer_token());
        given.filter(|token| self.is_token(token)).map(|_| ()).ok_or(NO_TOKEN)
    }

    /// How long this takes says nothing of the token.
    fn is_token(&self, given: &str) -> bool {
        Sha256::digest(given).ct_eq(&Sha256::digest(&self.token)).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page() -> CallsPage {
        CallsPage { token: "0123456789abcdef".into() }
    }

    #[test]
    fn a_token_has_to_be_the_whole_one() {
        assert!(page().is_token("0123456789abcdef"));
        for token in ["", "0123456789abcde", "0123456789abcdef0", "0123456789ABCDEF"] {
            assert!(!page().is_token(token), "{token}");
        }
    }

    #[test]
    fn the_token_is_shown_to_nobody() {
        assert!(!format!("{:?}", page()).contains("0123"));
    }
}
