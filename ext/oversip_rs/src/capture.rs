//! The file that `OverSIP::CallRecord::Pcapng` makes.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use magnus::{function, prelude::*, Error, RArray, RModule, RString, Ruby};
use oversip::capture::{self, Packet};

use crate::text;

/// A row of [`pcapng`], copied.
struct Row {
    at: Duration,
    from: SocketAddr,
    to: SocketAddr,
    is_stream: bool,
    bytes: Bytes,
    comment: String,
}

/// `pcapng(rows)`: a capture file. Each row is `[nanoseconds since 1970, from, to, whether it went over TCP, bytes, comment]`.
fn pcapng(ruby: &Ruby, rows: RArray) -> Result<RString, Error> {
    let rows =
        rows.into_iter().map(|row| read(ruby, RArray::try_convert(row)?)).collect::<Result<Vec<_>, _>>()?;
    let packets = rows.iter().map(|row| Packet {
        at: row.at,
        from: row.from,
        to: row.to,
        is_stream: row.is_stream,
        bytes: &row.bytes,
        comment: &row.comment,
    });
    let file = capture::pcapng(packets).map_err(|error| text::runtime_error(ruby, error.to_string()))?;
    Ok(text::binary(ruby, &file))
}

fn read(ruby: &Ruby, row: RArray) -> Result<Row, Error> {
    Ok(Row {
        at: Duration::from_nanos(row.entry(0)?),
        from: address(ruby, row.entry(1)?)?,
        to: address(ruby, row.entry(2)?)?,
        is_stream: row.entry(3)?,
        bytes: text::bytes_of(row.entry(4)?),
        comment: row.entry(5)?,
    })
}

fn address(ruby: &Ruby, address: String) -> Result<SocketAddr, Error> {
    address.parse().map_err(|_| {
        text::runtime_error(ruby, format!("a capture file takes IP addresses with a port, not {address:?}"))
    })
}

/// Defines the function.
pub fn define(engine: RModule) -> Result<(), Error> {
    engine.define_singleton_method("pcapng", function!(pcapng, 1))
}
