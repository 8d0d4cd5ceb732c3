//! Packets that wait until a collector takes them: bounded by number and bytes. Beyond a bound the oldest ones go, as whoever looks
//! for the cause of a trouble wants to see what happens now.

use std::collections::VecDeque;

use bytes::Bytes;

/// The packets for one collector.
#[derive(Debug)]
pub struct PacketQueue {
    packets: VecDeque<Bytes>,
    bytes: usize,
    most: usize,
    most_bytes: usize,
    dropped: u64,
}

impl PacketQueue {
    /// An empty one that takes so many packets and so many bytes of them.
    pub fn new(most: usize, most_bytes: usize) -> PacketQueue {
        PacketQueue { packets: VecDeque::new(), bytes: 0, most, most_bytes, dropped: 0 }
    }

    /// Puts a packet at its end, and drops those at its front for which there is no room any more.
    pub fn push(&mut self, packet: Bytes) {
        self.bytes += packet.len();
        self.packets.push_back(packet);
        while self.packets.len() > self.most || self.bytes > self.most_bytes {
            self.dropped += u64::from(self.pop().is_some());
        }
    }

    /// Takes the packet at its front.
    pub fn pop(&mut self) -> Option<Bytes> {
        let packet = self.packets.pop_front()?;
        self.bytes -= packet.len();
        Some(packet)
    }

    /// Notes that a packet is lost that was no longer, or never, in it.
    pub fn lose(&mut self) {
        self.dropped += 1;
    }

    /// How many packets were lost so far.
    pub fn dropped(&self) -> u64 {
        self.dropped
    }

    /// How many packets wait.
    pub fn len(&self) -> usize {
        self.packets.len()
    }

    /// Whether none waits.
    pub fn is_empty(&self) -> bool {
        self.packets.is_empty()
    }

    /// How many bytes wait.
    pub fn bytes(&self) -> usize {
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(text: &'static str) -> Bytes {
        Bytes::from_static(text.as_bytes())
    }

    #[test]
    fn the_oldest_packets_go_where_there_are_too_many() {
        let mut queue = PacketQueue::new(2, 100);
        ["a", "b", "c"].into_iter().for_each(|text| queue.push(packet(text)));
        assert_eq!((queue.len(), queue.bytes(), queue.dropped()), (2, 2, 1));
        assert_eq!([queue.pop(), queue.pop(), queue.pop()], [Some(packet("b")), Some(packet("c")), None]);
        assert!(queue.is_empty());
    }

    #[test]
    fn the_oldest_packets_go_where_they_take_too_many_bytes() {
        let mut queue = PacketQueue::new(9, 6);
        ["aaa", "bbb", "cc"].into_iter().for_each(|text| queue.push(packet(text)));
        assert_eq!((queue.len(), queue.bytes(), queue.dropped()), (2, 5, 1));
        queue.push(packet("longer than the room"));
        assert_eq!((queue.len(), queue.bytes(), queue.dropped()), (0, 0, 4));
    }

    #[test]
    fn what_is_lost_outside_counts_as_well() {
        let mut queue = PacketQueue::new(1, 1);
        queue.lose();
        assert_eq!(queue.dropped(), 1);
    }
}
