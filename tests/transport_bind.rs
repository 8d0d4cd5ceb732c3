//! Binding the listening sockets.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, UdpSocket};

use oversip::transport::{address_available, bind_all, ListenSpec, Transport};

const V4: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const V6: IpAddr = IpAddr::V6(Ipv6Addr::LOCALHOST);

fn spec(transport: Transport, ip: IpAddr, port: u16) -> ListenSpec {
    ListenSpec { transport, ip, port }
}

#[test]
fn port_zero_is_one_number_for_both_transports_and_families() {
    let specs = [
        spec(Transport::Udp, V4, 0),
        spec(Transport::Udp, V6, 0),
        spec(Transport::Tcp, V4, 0),
        spec(Transport::Tcp, V6, 0),
    ];
    let bound = bind_all(&specs).unwrap();
    let port = bound[0].local.port();
    assert_ne!(port, 0);
    let seen: Vec<_> = bound.iter().map(|socket| (socket.transport, socket.local)).collect();
    let expected: Vec<_> =
        specs.iter().map(|spec| (spec.transport, SocketAddr::new(spec.ip, port))).collect();
    assert_eq!(seen, expected);
}

#[test]
fn fixed_ports_are_kept_beside_a_free_one() {
    let free = TcpListener::bind((V4, 0)).unwrap().local_addr().unwrap().port();
    let bound =
        bind_all(&[spec(Transport::Udp, V4, 0), spec(Transport::Tcp, V4, free), spec(Transport::Tcp, V6, 0)])
            .unwrap();
    assert_eq!(bound[1].local.port(), free);
    assert_eq!(bound[0].local.port(), bound[2].local.port());
}

#[test]
fn a_number_that_is_taken_for_one_member_is_not_chosen() {
    // With this many numbers taken on one side, some of these rounds come upon one of them at first.
    let taken: Vec<UdpSocket> = (0..500).map(|_| UdpSocket::bind((V6, 0)).unwrap()).collect();
    for _ in 0..300 {
        let bound = bind_all(&[spec(Transport::Tcp, V4, 0), spec(Transport::Udp, V6, 0)]).unwrap();
        let port = bound[0].local.port();
        assert_eq!(bound[1].local.port(), port);
        assert!(taken.iter().all(|socket| socket.local_addr().unwrap().port() != port));
    }
}

#[test]
fn an_address_in_use_is_named_with_transport_ip_and_port() {
    let holder = TcpListener::bind((V4, 0)).unwrap();
    let port = holder.local_addr().unwrap().port();
    let error = bind_all(&[spec(Transport::Udp, V4, port), spec(Transport::Tcp, V4, port)]).unwrap_err();
    assert_eq!(error.to_string(), format!("cannot bind TCP 127.0.0.1:{port}: Address already in use"));
    assert_eq!((error.transport, error.ip, error.port), (Transport::Tcp, V4, port));

    let holder = UdpSocket::bind((V6, 0)).unwrap();
    let port = holder.local_addr().unwrap().port();
    let error = bind_all(&[spec(Transport::Udp, V6, port)]).unwrap_err();
    assert_eq!(error.to_string(), format!("cannot bind UDP [::1]:{port}: Address already in use"));
}

#[test]
fn a_foreign_address_is_refused_at_once() {
    let foreign = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));
    let error = bind_all(&[spec(Transport::Tcp, foreign, 0)]).unwrap_err();
    assert_eq!(error.to_string(), "cannot bind TCP 192.0.2.1:0: Cannot assign requested address");
    assert!(!address_available(foreign));
    assert!(address_available(V4));
}

#[test]
fn the_ipv6_wildcard_leaves_ipv4_alone() {
    let bound = bind_all(&[spec(Transport::Tcp, Ipv6Addr::UNSPECIFIED.into(), 0)]).unwrap();
    let port = bound[0].local.port();
    let beside = bind_all(&[spec(Transport::Tcp, Ipv4Addr::UNSPECIFIED.into(), port)]).unwrap();
    assert_eq!(beside[0].local.port(), port);
}

#[test]
fn dropping_the_sockets_frees_the_port() {
    let port = bind_all(&[spec(Transport::Tcp, V4, 0)]).unwrap()[0].local.port();
    assert!(bind_all(&[spec(Transport::Tcp, V4, port)]).is_ok());
}
