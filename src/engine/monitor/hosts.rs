//! By which names this server may be asked.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::connection_places::MonitorPeer;
use super::monitor_request::{HostHeader, MonitorRequest};

/// Names of this server, beside its addresses and `localhost`.
#[derive(Debug, Clone, Default)]
pub(super) struct Hosts(pub(super) Vec<String>);

impl Hosts {
    /// Whether a request of this peer has come by a name of ours, or says none, as no browser does. Else why it is refused. No browser
    /// reaches the control socket.
    ///
    /// Calls are shown by a name of ours alone. Figures, which have no password, are shown to other machines by any name: whoever has
    /// them come there lets all of them ask, while a browser on this machine reaches what is for this machine alone.
    pub(super) fn admit(&self, request: &MonitorRequest, peer: MonitorPeer) -> Result<(), &'static str> {
        let ours = match request.host() {
            _ if peer == MonitorPeer::Control => true,
            _ if peer != MonitorPeer::ThisMachine && !request.is_about_calls() => true,
            HostHeader::Absent => true,
            HostHeader::Is(host) => self.have(host),
            HostHeader::Unclear => false,
        };
        ours.then_some(())
            .ok_or("the Host header names no address of this server: metrics[hosts] may have its name")
    }

    /// Whether a Host header is one of ours. A page of another site that has its name lead here (DNS rebinding) comes by that name:
    /// so a name has to be known, while an address shows that this very address was asked for.
    fn have(&self, host: &str) -> bool {
        let port = host.rfind(':').filter(|at| host[at + 1..].bytes().all(|byte| byte.is_ascii_digit()));
        let name = &host[..port.unwrap_or(host.len())];
        if let Some(address) = name.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            return address.parse::<Ipv6Addr>().is_ok();
        }
        let name = name.strip_suffix('.').unwrap_or(name);
        let known = |other: &str| other.eq_ignore_ascii_case(name);
        name.parse::<Ipv4Addr>().is_ok() || known("localhost") || self.0.iter().any(|host| known(host))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hosts() -> Hosts {
        Hosts(vec!["sip.example.com".into()])
    }

    /// Of this path and host, whether the control socket, this machine and another one are admitted.
    fn admitted(path: &str, host: &str) -> [bool; 3] {
        let request = hyper::Request::get(path).header("Host", host).body(String::new()).expect("a request");
        let request = MonitorRequest::of(request);
        let other = MonitorPeer::Address(Ipv4Addr::new(192, 0, 2, 1).into());
        [MonitorPeer::Control, MonitorPeer::ThisMachine, other]
            .map(|peer| hosts().admit(&request, peer).is_ok())
    }

    #[test]
    fn figures_are_shown_to_other_machines_by_any_name_and_calls_to_nobody() {
        assert_eq!(admitted("/metrics", "192.0.2.1"), [true; 3]);
        assert_eq!(admitted("/calls", "sip.example.com"), [true; 3]);
        assert_eq!(admitted("/metrics", "evil.example"), [true, false, true]);
        assert_eq!(admitted("/calls/events", "evil.example"), [true, false, false]);
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
            assert!(hosts().have(host), "{host}");
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
            assert!(!hosts().have(host), "{host}");
        }
    }
}
