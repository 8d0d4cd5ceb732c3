//! ezk-sip-types: lines are pulled, values are text until a type is asked for.

use std::hint::black_box;

use bytes::Bytes;
use ezk_sip_types::header::typed::{
    CSeq, CallID, Contact, ContentLength, FromTo, MaxForwards, Routing, Supported, Via,
};
use ezk_sip_types::msg::{Line, MessageLine, PullParser};
use ezk_sip_types::parse::Parse;
use ezk_sip_types::{Headers, Name};

pub fn read(bytes: &Bytes) {
    let mut lines = PullParser::new(bytes, 0);
    let text = |line: Option<_>| -> Option<&str> {
        line.map(|line: Result<_, _>| std::str::from_utf8(line.expect("complete")).expect("UTF-8"))
    };
    let first = text(lines.next()).expect("a first line");
    let (_, first) = MessageLine::parse(bytes)(first).expect("a first line");
    let mut headers = Headers::with_capacity(16);
    while let Some(line) = text(lines.next()) {
        let (_, line) = Line::parse(bytes, line).expect("a header");
        headers.insert(line.name, line.value);
    }
    black_box(headers.get::<Vec<Via>>(Name::VIA).expect("Vias"));
    black_box(headers.get::<FromTo>(Name::FROM).expect("a From"));
    black_box(headers.get::<FromTo>(Name::TO).expect("a To"));
    black_box(headers.get_named::<CallID>().expect("a Call-ID"));
    black_box(headers.get_named::<CSeq>().expect("a CSeq"));
    black_box(headers.get_named::<Vec<Contact>>().expect("a Contact"));
    black_box(headers.get_named::<ContentLength>().expect("a Content-Length"));
    if first.is_request() {
        black_box(headers.get_named::<MaxForwards>().expect("a Max-Forwards"));
        black_box(headers.get::<Vec<Routing>>(Name::RECORD_ROUTE).expect("a Record-Route"));
        black_box(headers.get_named::<Vec<Supported>>().expect("option tags"));
    }
    black_box((first, headers));
}
