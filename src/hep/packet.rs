//! One captured message as a packet of HEP3: the letters "HEP3", the length of all, and chunks, each with vendor, type and length.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::SystemTime;

use bytes::Bytes;

use crate::message::Transport;
use crate::observed::{Direction, ObservedMessage};

/// Who captures: what stands in each of its packets.
#[derive(Clone)]
pub struct Agent {
    /// The number by which a collector tells its agents apart.
    pub id: u32,
    /// The password that the collector wants.
    pub password: Option<String>,
}

// The password is nobody else's.
impl std::fmt::Debug for Agent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Agent").field("id", &self.id).finish_non_exhaustive()
    }
}

/// The types of the chunks that every collector knows.
#[derive(Debug, Clone, Copy)]
enum Chunk {
    Family = 0x01,
    Protocol = 0x02,
    FromIpv4 = 0x03,
    ToIpv4 = 0x04,
    FromIpv6 = 0x05,
    ToIpv6 = 0x06,
    FromPort = 0x07,
    ToPort = 0x08,
    Seconds = 0x09,
    Microseconds = 0x0a,
    Kind = 0x0b,
    Agent = 0x0c,
    Password = 0x0e,
    Payload = 0x0f,
    CorrelationId = 0x11,
}

/// The vendor whose chunks are the general ones.
const GENERIC: u16 = 0;
/// Vendor, type and length of a chunk.
const CHUNK_HEAD: usize = 6;
/// "HEP3" and the length.
const HEAD: usize = 6;
/// About what everything but password, Call-ID and message takes.
const REST: usize = 160;

/// The numbers of the address families, as Linux has them.
const IPV4: u8 = 2;
const IPV6: u8 = 10;
/// The numbers of the protocols above IP.
const TCP: u8 = 6;
const UDP: u8 = 17;
/// What is captured.
const SIP: u8 = 1;

impl Agent {
    /// The packet for a message that came or left at this date. `None`: it is longer than a packet can be, 65 535 bytes in all.
    pub fn packet(&self, message: &ObservedMessage<'_>, date: SystemTime) -> Option<Bytes> {
        let password = self.password.as_deref().unwrap_or_default().as_bytes();
        let call_id = message.call_id.unwrap_or_default();
        let length = message.head.len() + message.body.len();
        let mut packet = HepPacket(Vec::with_capacity(REST + password.len() + call_id.len() + length));
        packet.0.extend_from_slice(b"HEP3\0\0");
        let (from, to) = ends(message);
        packet.addresses(from, to)?;
        packet.add(Chunk::Protocol, &[&[if message.transport == Transport::Udp { UDP } else { TCP }]])?;
        let date = date.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        packet.add(Chunk::Seconds, &[&(date.as_secs() as u32).to_be_bytes()])?;
        packet.add(Chunk::Microseconds, &[&date.subsec_micros().to_be_bytes()])?;
        packet.add(Chunk::Kind, &[&[SIP]])?;
        packet.add(Chunk::Agent, &[&self.id.to_be_bytes()])?;
        if !password.is_empty() {
            packet.add(Chunk::Password, &[password])?;
        }
        if !call_id.is_empty() {
            packet.add(Chunk::CorrelationId, &[call_id])?;
        }
        packet.add(Chunk::Payload, &[message.head, message.body])?;
        packet.whole()
    }
}

/// Who has sent a message, and to whom. As long as our address is not known it is the unspecified one.
fn ends(message: &ObservedMessage<'_>) -> (SocketAddr, SocketAddr) {
    let remote = message.remote;
    let unspecified: IpAddr = match remote {
        SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    let local = message.local.unwrap_or_else(|| SocketAddr::new(unspecified, 0));
    match message.direction {
        Direction::In => (remote, local),
        Direction::Out => (local, remote),
    }
}

struct HepPacket(Vec<u8>);

impl HepPacket {
    /// Both are of one family: where one of them is of IPv6, an address of IPv4 stands there as IPv6 has it (RFC 4291 2.5.5.2).
    fn addresses(&mut self, from: SocketAddr, to: SocketAddr) -> Option<()> {
        match (from.ip(), to.ip()) {
            (IpAddr::V4(from), IpAddr::V4(to)) => {
                self.add(Chunk::Family, &[&[IPV4]])?;
                self.add(Chunk::FromIpv4, &[&from.octets()])?;
                self.add(Chunk::ToIpv4, &[&to.octets()])?;
            }
            (from, to) => {
                self.add(Chunk::Family, &[&[IPV6]])?;
                self.add(Chunk::FromIpv6, &[&as_ipv6(from)])?;
                self.add(Chunk::ToIpv6, &[&as_ipv6(to)])?;
            }
        }
        self.add(Chunk::FromPort, &[&from.port().to_be_bytes()])?;
        self.add(Chunk::ToPort, &[&to.port().to_be_bytes()])
    }

    /// The value may stand in several pieces.
    fn add(&mut self, chunk: Chunk, value: &[&[u8]]) -> Option<()> {
        let length: usize = value.iter().map(|piece| piece.len()).sum();
        let length = u16::try_from(CHUNK_HEAD + length).ok()?;
        self.0.extend_from_slice(&GENERIC.to_be_bytes());
        self.0.extend_from_slice(&(chunk as u16).to_be_bytes());
        self.0.extend_from_slice(&length.to_be_bytes());
        value.iter().for_each(|piece| self.0.extend_from_slice(piece));
        Some(())
    }

    fn whole(mut self) -> Option<Bytes> {
        let length = u16::try_from(self.0.len()).ok()?;
        self.0[HEAD - 2..HEAD].copy_from_slice(&length.to_be_bytes());
        Some(self.0.into())
    }
}

fn as_ipv6(ip: IpAddr) -> [u8; 16] {
    match ip {
        IpAddr::V4(ip) => ip.to_ipv6_mapped().octets(),
        IpAddr::V6(ip) => ip.octets(),
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;
    use crate::observed::Fate;

    fn captured<'a>(remote: &str, local: &str, bytes: &'a [u8]) -> ObservedMessage<'a> {
        ObservedMessage {
            at: Instant::now(),
            direction: Direction::In,
            transport: Transport::Udp,
            local: Some(local.parse().unwrap()),
            remote: remote.parse().unwrap(),
            connection: None,
            fate: Fate::Sent,
            method: b"INVITE",
            status: None,
            call_id: Some(b"id"),
            head: &bytes[..bytes.len() / 2],
            body: &bytes[bytes.len() / 2..],
        }
    }

    fn date() -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::new(1_700_000_000, 123_456_789)
    }

    fn agent(password: Option<&str>) -> Agent {
        Agent { id: 2001, password: password.map(str::to_owned) }
    }

    /// Type and value of each chunk.
    fn chunks(packet: &[u8]) -> Vec<(u16, &[u8])> {
        assert_eq!(&packet[..4], b"HEP3");
        assert_eq!(usize::from(u16::from_be_bytes([packet[4], packet[5]])), packet.len());
        let (mut rest, mut chunks) = (&packet[6..], Vec::new());
        while !rest.is_empty() {
            assert_eq!(rest[..2], [0, 0]);
            let length = usize::from(u16::from_be_bytes([rest[4], rest[5]]));
            chunks.push((u16::from_be_bytes([rest[2], rest[3]]), &rest[6..length]));
            rest = &rest[length..];
        }
        chunks
    }

    #[test]
    fn a_packet_says_when_whence_whither_and_of_which_call() {
        let message = captured("192.0.2.1:5060", "192.0.2.2:5062", b"INVITE");
        let packet = agent(Some("pw")).packet(&message, date()).unwrap();
        let expected: [(u16, &[u8]); 13] = [
            (1, &[2]),
            (3, &[192, 0, 2, 1]),
            (4, &[192, 0, 2, 2]),
            (7, &[0x13, 0xc4]),
            (8, &[0x13, 0xc6]),
            (2, &[17]),
            (9, &1_700_000_000u32.to_be_bytes()),
            (10, &123_456u32.to_be_bytes()),
            (11, &[1]),
            (12, &2001u32.to_be_bytes()),
            (14, b"pw"),
            (17, b"id"),
            (15, b"INVITE"),
        ];
        assert_eq!(chunks(&packet), expected);
    }

    #[test]
    fn streams_are_tcp_whatever_they_carry_and_what_is_empty_is_left_out() {
        let mut message = captured("[2001:db8::1]:1", "[2001:db8::2]:2", b"x");
        message.call_id = None;
        for transport in [Transport::Tcp, Transport::Tls, Transport::Ws, Transport::Wss] {
            message.transport = transport;
            let packet = agent(None).packet(&message, date()).unwrap();
            let chunks = chunks(&packet);
            assert!(chunks.contains(&(2, &[6])));
            assert!(chunks.contains(&(1, &[10])));
            assert!(!chunks.iter().any(|(kind, _)| [14, 17].contains(kind)));
        }
    }

    #[test]
    fn what_leaves_goes_from_here_to_there_and_our_address_may_be_unknown() {
        let mut message = captured("192.0.2.1:5060", "192.0.2.2:5062", b"x");
        message.direction = Direction::Out;
        let packet = agent(None).packet(&message, date()).unwrap();
        assert!(
            chunks(&packet).contains(&(4, &[192, 0, 2, 1]))
                && chunks(&packet).contains(&(3, &[192, 0, 2, 2]))
        );
        message.local = None;
        let packet = agent(None).packet(&message, date()).unwrap();
        assert!(chunks(&packet).contains(&(3, &[0, 0, 0, 0])) && chunks(&packet).contains(&(7, &[0, 0])));
    }

    #[test]
    fn addresses_of_two_families_stand_as_ipv6_both() {
        let packet = agent(None).packet(&captured("192.0.2.1:1", "[2001:db8::2]:2", b"x"), date()).unwrap();
        let mapped = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 0, 2, 1];
        assert!(chunks(&packet).contains(&(5, &mapped)));
    }

    #[test]
    fn what_a_length_of_two_bytes_cannot_say_is_no_packet() {
        let longest = vec![b'x'; 65_535 - 200];
        assert!(agent(None).packet(&captured("192.0.2.1:1", "192.0.2.2:2", &longest), date()).is_some());
        for more in [65_500, 65_530, 65_536, 200_000] {
            let message = vec![b'x'; more];
            assert!(agent(None).packet(&captured("192.0.2.1:1", "192.0.2.2:2", &message), date()).is_none());
        }
    }

    #[test]
    fn a_password_is_shown_to_nobody() {
        assert!(!format!("{:?}", agent(Some("secret"))).contains("secret"));
    }
}
