//! Who may see calls: browsers that were given an address of this server, by who knows the token.

use std::net::{Ipv4Addr, Ipv6Addr};

use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::engine::monitor::http_request::HttpRequest;

const FOREIGN_HOST: &str =
    "the Host header names no address of this server: metrics[hosts] may have its name";
const NO_TOKEN: &str = "the address needs the token: /calls?token=...; the log or the configuration has it";

/// How the page of calls is guarded.
#[derive(Clone)]
pub struct CallsPage {
    /// Who knows it may see calls.
    pub token: String,
    /// Names by which browsers may call it.
    pub hosts: Vec<String>,
}

// The token is nobody else's.
impl std::fmt::Debug for CallsPage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CallsPage").field("hosts", &self.hosts).finish_non_exhaustive()
    }
}

impl CallsPage {
    /// Whether this request may see calls; else why not.
    pub(super) fn admit(&self, asked: &HttpRequest) -> Result<(), &'static str> {
        if !asked.host().is_some_and(|host| self.is_ours(host)) {
            return Err(FOREIGN_HOST);
        }
        let given = asked.parameter("token").or_else(|| asked.bearer_token());
        given.filter(|token| self.is_token(token)).map(|_| ()).ok_or(NO_TOKEN)
    }

    /// Whether a Host header is one of ours. A page of another site that has its name lead here (DNS rebinding) comes by that name:
    /// so a name has to be known, while an address shows that this very address was asked for.
    fn is_ours(&self, host: &str) -> bool {
        let port = host.rfind(':').filter(|at| host[at + 1..].bytes().all(|byte| byte.is_ascii_digit()));
        let name = &host[..port.unwrap_or(host.len())];
        if let Some(address) = name.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            return address.parse::<Ipv6Addr>().is_ok();
        }
        let name = name.strip_suffix('.').unwrap_or(name);
        let known = |other: &str| other.eq_ignore_ascii_case(name);
        name.parse::<Ipv4Addr>().is_ok() || known("localhost") || self.hosts.iter().any(|host| known(host))
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
        CallsPage { token: "0123456789abcdef".into(), hosts: vec!["sip.example.com".into()] }
    }

    #[test]
    fn addresses_localhost_and_known_names_are_ours() {
        for host in [
            "127.0.0.1:9464",
            "192.0.2.1",
            "[::1]:9464",
            "[2001:db8::1]",
            "localhost:1",
            "LOCALHOST",
            "SIP.example.com:9464",
            "sip.example.com.",
        ] {
            assert!(page().is_ours(host), "{host}");
        }
    }

    #[test]
    fn other_names_are_not() {
        for host in [
            "",
            "example.com",
            "sip.example.com.evil.example",
            "evil.example:9464",
            "127.0.0.1.evil.example",
            "localhost.evil.example",
            "[::1].evil.example",
            "[::1",
            "[evil.example]",
            "xlocalhost",
            ":9464",
        ] {
            assert!(!page().is_ours(host), "{host}");
        }
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
