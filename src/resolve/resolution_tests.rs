use super::*;
use crate::message::Transport;
use crate::resolve::Server;

fn server(priority: u16, weight: u16, addrs: &[&str]) -> Server {
    Server { priority, weight, port: 5070, addrs: addrs.iter().map(|a| a.parse().unwrap()).collect() }
}

fn service(servers: Vec<Server>) -> Resolution {
    Resolution::Found(vec![Service { transport: Transport::Tcp, servers }])
}

fn host() -> Resolution {
    service(vec![server(0, 0, &["10.0.0.2", "2001:db8::2", "10.0.0.1", "2001:db8::1"])])
}

fn texts(resolution: &Resolution, profile: &Policy) -> Vec<String> {
    resolution.targets(profile, &mut |_| 0).unwrap().iter().map(Target::to_string).collect()
}

fn preferring(families: &[IpFamily]) -> Policy {
    Policy { ip_type_preference: families.to_vec(), ..Policy::default() }
}

#[test]
fn families_come_in_the_profiles_order_and_addresses_in_that_of_dns() {
    let (v4, v6) =
        (["tcp:10.0.0.2:5070", "tcp:10.0.0.1:5070"], ["tcp:[2001:db8::2]:5070", "tcp:[2001:db8::1]:5070"]);
    assert_eq!(texts(&host(), &preferring(&[IpFamily::V4, IpFamily::V6])), [v4, v6].concat());
    assert_eq!(texts(&host(), &preferring(&[IpFamily::V6, IpFamily::V4])), [v6, v4].concat());
    assert_eq!(texts(&host(), &preferring(&[IpFamily::V6])), v6);
}

#[test]
fn families_are_ordered_within_each_server() {
    let both = service(vec![server(1, 0, &["10.0.0.1", "::1"]), server(2, 0, &["10.0.0.2", "::2"])]);
    let v6_first = preferring(&[IpFamily::V6, IpFamily::V4]);
    let expected = ["tcp:[::1]:5070", "tcp:10.0.0.1:5070", "tcp:[::2]:5070", "tcp:10.0.0.2:5070"];
    assert_eq!(texts(&both, &v6_first), expected);
}

#[test]
fn a_family_that_the_server_lacks_is_left_out() {
    let profile = Policy { has_ipv6: false, ..Policy::default() };
    assert_eq!(texts(&host(), &profile).len(), 2);
}

#[test]
fn no_target_left_is_no_dns_resolution() {
    let none = Policy { ip_type_preference: Vec::new(), ..Policy::default() };
    assert_eq!(host().targets(&none, &mut |_| 0), Err(ResolveError::NoDnsResolution));
}

#[test]
fn using_a_resolution_leaves_it_as_it_was() {
    let (resolution, profile) = (host(), Policy::default());
    let mut first = resolution.targets(&profile, &mut |_| 0).unwrap();
    first.remove(0);
    assert_eq!(texts(&resolution, &profile).len(), 4);
}

#[test]
fn each_use_draws_anew() {
    let two = service(vec![server(0, 1, &["10.0.0.1"]), server(0, 1, &["10.0.0.2"])]);
    let first = |drawn: u32| two.targets(&Policy::default(), &mut |_| drawn).unwrap()[0].to_string();
    assert_eq!((first(0).as_str(), first(1).as_str()), ("tcp:10.0.0.1:5070", "tcp:10.0.0.2:5070"));
}

#[test]
fn a_target_named_twice_is_tried_once() {
    let twice = service(vec![server(1, 0, &["10.0.0.1"]), server(2, 0, &["10.0.0.1", "10.0.0.2"])]);
    assert_eq!(texts(&twice, &Policy::default()), ["tcp:10.0.0.1:5070", "tcp:10.0.0.2:5070"]);
}

#[test]
fn scripts_see_all_targets_as_stored() {
    let stored = host().stored_targets().unwrap();
    let texts: Vec<_> = stored.iter().map(Target::to_string).collect();
    let expected =
        ["tcp:10.0.0.2:5070", "tcp:[2001:db8::2]:5070", "tcp:10.0.0.1:5070", "tcp:[2001:db8::1]:5070"];
    assert_eq!(texts, expected);
    let failed = Resolution::Failed(ResolveError::NoDnsResolution);
    assert_eq!(failed.stored_targets(), Err(ResolveError::NoDnsResolution));
}
