//! What RFC 3263 led to, in the form that is remembered.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use crate::client::{IpFamily, Profile, RouteError, Target, Transport};

/// The result of the look-ups, before it is put in an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Resolution {
    /// One host, reached by one transport at one port.
    Host {
        /// The transport.
        transport: Transport,
        /// The port.
        port: u16,
        /// Its addresses of all families asked for, in the order of the answers.
        addrs: Vec<IpAddr>,
    },
    /// There is nothing to send to.
    Failed(RouteError),
}

impl Resolution {
    /// A fresh list of targets, at least one: by the profile's preference of families, within a family as DNS gave them.
    pub fn targets(&self, profile: &Profile) -> Result<Vec<Target>, RouteError> {
        let (transport, port, addrs) = match self {
            Resolution::Host { transport, port, addrs } => (*transport, *port, addrs),
            Resolution::Failed(error) => return Err(*error),
        };
        let mut targets = Vec::with_capacity(addrs.len());
        for family in profile.ip_type_preference.iter().filter(|family| profile.allows_family(**family)) {
            let of_family = addrs.iter().filter(|ip| IpFamily::of(**ip) == *family);
            targets.extend(of_family.map(|ip| Target::new(transport, *ip, port)));
        }
        if targets.is_empty() {
            return Err(RouteError::NoDnsResolution);
        }
        Ok(targets)
    }
}

/// A finished resolution.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resolved {
    /// The result.
    pub resolution: Arc<Resolution>,
    /// How long it may stay in the DNS cache; `None`: it may not.
    pub keep: Option<Duration>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host() -> Resolution {
        let addrs =
            ["10.0.0.2", "2001:db8::2", "10.0.0.1", "2001:db8::1"].map(|a| a.parse().unwrap()).to_vec();
        Resolution::Host { transport: Transport::Tcp, port: 5070, addrs }
    }

    fn texts(families: &[IpFamily]) -> Vec<String> {
        let profile = Profile { ip_type_preference: families.to_vec(), ..Profile::default() };
        host().targets(&profile).unwrap().iter().map(Target::to_string).collect()
    }

    #[test]
    fn families_come_in_the_profiles_order_and_addresses_in_that_of_dns() {
        let (v4, v6) = (
            ["tcp:10.0.0.2:5070", "tcp:10.0.0.1:5070"],
            ["tcp:[2001:db8::2]:5070", "tcp:[2001:db8::1]:5070"],
        );
        assert_eq!(texts(&[IpFamily::V4, IpFamily::V6]), [v4, v6].concat());
        assert_eq!(texts(&[IpFamily::V6, IpFamily::V4]), [v6, v4].concat());
        assert_eq!(texts(&[IpFamily::V6]), v6);
    }

    #[test]
    fn a_family_that_the_server_lacks_is_left_out() {
        let profile = Profile { has_ipv6: false, ..Profile::default() };
        assert_eq!(host().targets(&profile).unwrap().len(), 2);
    }

    #[test]
    fn no_target_left_is_no_dns_resolution() {
        let profile = Profile { ip_type_preference: Vec::new(), ..Profile::default() };
        assert_eq!(host().targets(&profile), Err(RouteError::NoDnsResolution));
    }

    #[test]
    fn using_a_resolution_leaves_it_as_it_was() {
        let (resolution, profile) = (host(), Profile::default());
        let mut first = resolution.targets(&profile).unwrap();
        first.remove(0);
        assert_eq!(resolution.targets(&profile).unwrap().len(), 4);
    }
}
