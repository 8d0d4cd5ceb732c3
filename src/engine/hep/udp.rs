//! Packets in datagrams.

use std::io;
use std::time::Duration;

use tokio::net::{lookup_host, UdpSocket};

use super::collector::Collector;
use crate::clock::Clock;
use crate::engine::clock::SystemClock;
use crate::transport::is_too_large;

/// How long an address is used before the name is looked up again.
const LIFE: Duration = Duration::from_secs(300);

/// How long the system may take to say that nobody is there.
const REFUSAL: Duration = Duration::from_millis(200);

/// Sends until the collector refuses. Ends with the reason.
pub(super) async fn send(collector: &Collector) -> io::Error {
    let clock: &dyn Clock = &SystemClock;
    let mut socket = match open(collector).await {
        Ok(socket) => socket,
        Err(error) => return error,
    };
    if collector.was_lost() {
        if let Err(error) = try_one(collector, &socket).await {
            return error;
        }
    }
    collector.is_connected();
    loop {
        if let Ok(error) = clock.timeout(LIFE, send_by(collector, &socket)).await {
            return error;
        }
        // One may have been on its way.
        collector.are_lost();
        // As long as the name leads nowhere, the old address does.
        if let Ok(other) = open(collector).await {
            socket = other;
        }
    }
}

async fn open(collector: &Collector) -> io::Result<UdpSocket> {
    let address = collector.address();
    let found = lookup_host((address.host.as_str(), address.port)).await?.next();
    let remote = found.ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, "the name has no address"))?;
    let any = if remote.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
    let socket = UdpSocket::bind(any).await?;
    socket.connect(remote).await?;
    Ok(socket)
}

/// One packet shows whether the collector is there again: all others wait for that.
async fn try_one(collector: &Collector, socket: &UdpSocket) -> io::Result<()> {
    let clock: &dyn Clock = &SystemClock;
    collector.has_packets().await;
    send_one(collector, socket).await?;
    clock.timeout(REFUSAL, refusal(socket)).await.map_or(Ok(()), Err)
}

async fn send_by(collector: &Collector, socket: &UdpSocket) -> io::Error {
    loop {
        let refused = tokio::select! {
            () = collector.has_packets() => None,
            error = refusal(socket) => Some(error),
        };
        if let Some(error) = refused {
            return error;
        }
        while !collector.is_empty() {
            if let Err(error) = send_one(collector, socket).await {
                return error;
            }
        }
    }
}

async fn send_one(collector: &Collector, socket: &UdpSocket) -> io::Result<()> {
    let Some(packet) = collector.take() else { return Ok(()) };
    match socket.send(&packet).await {
        Ok(_) => collector.are_sent(),
        Err(error) if is_too_large(&error) => collector.are_lost(),
        Err(error) => return Err(error),
    }
    Ok(())
}

/// What the collector says is of no interest, only that nobody is there (RFC 1122 4.1.3.3).
async fn refusal(socket: &UdpSocket) -> io::Error {
    let mut buffer = [0; 64];
    loop {
        if let Err(error) = socket.recv(&mut buffer).await {
            return error;
        }
    }
}
