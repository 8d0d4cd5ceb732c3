//! SIP messages as a capture file (pcapng), each as what Wireshark calls an exported PDU: the message, its addresses, its ports,
//! and the name of the protocol.
//!
//! There are no IP, TCP or TLS headers in it. So a message is read as SIP whatever its port is and whatever carried it, however
//! long it is, and where segments or frames began says nothing.

use std::borrow::Cow;
use std::io::{self, Write};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use pcap_file::pcapng::blocks::enhanced_packet::{EnhancedPacketBlock, EnhancedPacketOption};
use pcap_file::pcapng::blocks::interface_description::{
    InterfaceDescriptionBlock, InterfaceDescriptionOption,
};
use pcap_file::pcapng::blocks::section_header::SectionHeaderBlock;
use pcap_file::pcapng::PcapNgWriter;
use pcap_file::{DataLink, PcapError};

/// One message.
#[derive(Debug, Clone)]
pub struct Packet<'a> {
    /// Time since 1970-01-01 00:00 UTC. A file counts nanoseconds up to the year 2554.
    pub at: Duration,
    /// Address and port of the sender.
    pub from: SocketAddr,
    /// Address and port that it was sent to.
    pub to: SocketAddr,
    /// Whether the port is one of TCP; else it is one of UDP.
    pub is_stream: bool,
    /// The bytes of the message.
    pub bytes: &'a [u8],
    /// What the reader of the file is told about it. What does not fit into an option (65 535 bytes) is cut off.
    pub comment: &'a str,
}

/// The registered tags of an exported PDU (`epan/exported_pdu.h` of Wireshark).
#[derive(Debug, Clone, Copy)]
enum Tag {
    End = 0,
    Dissector = 12,
    FromIpv4 = 20,
    ToIpv4 = 21,
    FromIpv6 = 22,
    ToIpv6 = 23,
    PortType = 24,
    FromPort = 25,
    ToPort = 26,
}

/// Port types of the same file.
const TCP: u32 = 2;
const UDP: u32 = 3;

/// `if_tsresol`: times are in 10^-9 s, as the writer has them.
const NANOSECONDS: u8 = 9;

/// The file.
///
/// # Errors
///
/// The writer's, which has none for memory.
pub fn pcapng<'a>(packets: impl IntoIterator<Item = Packet<'a>>) -> Result<Vec<u8>, PcapError> {
    let mut writer = PcapNgWriter::with_section_header(Vec::new(), SectionHeaderBlock::default())?;
    writer.write_pcapng_block(InterfaceDescriptionBlock {
        linktype: DataLink::WIRESHARK_UPPER_PDU,
        snaplen: 0,
        options: vec![
            InterfaceDescriptionOption::IfName(Cow::Borrowed("oversip")),
            InterfaceDescriptionOption::IfTsResol(NANOSECONDS),
        ],
    })?;
    for packet in packets {
        writer.write_pcapng_block(block(&packet).map_err(PcapError::IoError)?)?;
    }
    Ok(writer.into_inner())
}

fn block<'a>(packet: &Packet<'a>) -> io::Result<EnhancedPacketBlock<'a>> {
    let data = exported(packet)?;
    let comment = shortened(packet.comment);
    let options = if comment.is_empty() {
        Vec::new()
    } else {
        vec![EnhancedPacketOption::Comment(Cow::Borrowed(comment))]
    };
    Ok(EnhancedPacketBlock {
        interface_id: 0,
        timestamp: packet.at,
        original_len: u32::try_from(data.len()).map_err(io::Error::other)?,
        data: Cow::Owned(data),
        options,
    })
}

/// What of a comment fits into an option.
fn shortened(comment: &str) -> &str {
    let mut end = comment.len().min(usize::from(u16::MAX));
    while !comment.is_char_boundary(end) {
        end -= 1;
    }
    &comment[..end]
}

/// Tags, each with its length, in network byte order, and the message behind the last one.
fn exported(packet: &Packet) -> io::Result<Vec<u8>> {
    let mut data = Vec::with_capacity(packet.bytes.len() + 80);
    tag(&mut data, Tag::Dissector, b"sip\0")?;
    address(&mut data, packet.from.ip(), [Tag::FromIpv4, Tag::FromIpv6])?;
    address(&mut data, packet.to.ip(), [Tag::ToIpv4, Tag::ToIpv6])?;
    tag(&mut data, Tag::PortType, &if packet.is_stream { TCP } else { UDP }.to_be_bytes())?;
    tag(&mut data, Tag::FromPort, &u32::from(packet.from.port()).to_be_bytes())?;
    tag(&mut data, Tag::ToPort, &u32::from(packet.to.port()).to_be_bytes())?;
    tag(&mut data, Tag::End, &[])?;
    data.extend_from_slice(packet.bytes);
    Ok(data)
}

fn address(data: &mut Vec<u8>, ip: IpAddr, [ipv4, ipv6]: [Tag; 2]) -> io::Result<()> {
    match ip {
        IpAddr::V4(ip) => tag(data, ipv4, &ip.octets()),
        IpAddr::V6(ip) => tag(data, ipv6, &ip.octets()),
    }
}

/// Values have to be multiples of four bytes.
fn tag(data: &mut Vec<u8>, tag: Tag, value: &[u8]) -> io::Result<()> {
    let length = u16::try_from(value.len()).map_err(io::Error::other)?;
    data.write_all(&(tag as u16).to_be_bytes())?;
    data.write_all(&length.to_be_bytes())?;
    data.write_all(value)
}

#[cfg(test)]
mod tests {
    use pcap_file::pcapng::{Block, PcapNgReader};

    use super::*;

    fn packet<'a>(from: &str, to: &str, bytes: &'a [u8], comment: &'a str) -> Packet<'a> {
        Packet {
            at: Duration::new(1_700_000_000, 1_500),
            from: from.parse().unwrap(),
            to: to.parse().unwrap(),
            is_stream: true,
            bytes,
            comment,
        }
    }

    fn written(packet: Packet) -> EnhancedPacketBlock<'static> {
        let file = pcapng([packet]).unwrap();
        let mut reader = PcapNgReader::new(&file[..]).unwrap();
        let mut found = None;
        while let Some(block) = reader.next_block() {
            if let Block::EnhancedPacket(block) = block.unwrap() {
                found = Some(block.into_owned());
            }
        }
        found.unwrap()
    }

    #[test]
    fn a_message_has_its_time_its_addresses_and_ports_before_its_bytes() {
        let block = written(packet("192.0.2.1:5060", "192.0.2.100:443", b"hello", "from alice"));
        let tags = [
            &[0, 12, 0, 4][..],
            b"sip\0",
            &[0, 20, 0, 4, 192, 0, 2, 1, 0, 21, 0, 4, 192, 0, 2, 100],
            &[0, 24, 0, 4, 0, 0, 0, 2, 0, 25, 0, 4, 0, 0, 0x13, 0xc4, 0, 26, 0, 4, 0, 0, 1, 0xbb],
            &[0, 0, 0, 0],
            b"hello",
        ];
        assert_eq!(block.data, tags.concat());
        assert_eq!(block.timestamp, Duration::new(1_700_000_000, 1_500));
        assert_eq!(block.options, [EnhancedPacketOption::Comment("from alice".into())]);
    }

    #[test]
    fn ipv6_addresses_have_tags_of_their_own() {
        let block = written(packet("[2001:db8::1]:5060", "[2001:db8::2]:5061", b"", ""));
        assert_eq!(block.data[8..12], [0, 22, 0, 16]);
        assert_eq!(block.data[28..32], [0, 23, 0, 16]);
        assert!(block.options.is_empty());
    }

    #[test]
    fn a_comment_that_is_too_long_is_cut_between_letters() {
        let block = written(packet("192.0.2.1:1", "192.0.2.2:2", b"", &"ä".repeat(40_000)));
        let [EnhancedPacketOption::Comment(comment)] = &block.options[..] else { panic!("no comment") };
        assert_eq!(comment.len(), 65_534);
    }
}
