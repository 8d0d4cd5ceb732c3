//! rsip: header values are text until `typed` is called.

use std::hint::black_box;

use rsip::headers::UntypedHeader;
use rsip::prelude::ToTypedHeader;
use rsip::{Header, SipMessage};

pub fn read(bytes: &[u8]) {
    let message = SipMessage::try_from(bytes).expect("valid");
    let headers = match &message {
        SipMessage::Request(request) => &request.headers,
        SipMessage::Response(response) => &response.headers,
    };
    for header in headers.iter() {
        match header {
            Header::Via(via) => drop(black_box(via.typed().expect("a Via"))),
            Header::From(from) => drop(black_box(from.typed().expect("a From"))),
            Header::To(to) => drop(black_box(to.typed().expect("a To"))),
            Header::CSeq(cseq) => drop(black_box(cseq.typed().expect("a CSeq"))),
            Header::Contact(contact) => drop(black_box(contact.typed().expect("a Contact"))),
            Header::RecordRoute(route) => drop(black_box(route.typed().expect("a Record-Route"))),
            Header::MaxForwards(hops) => drop(black_box(hops.num().expect("a number"))),
            Header::ContentLength(length) => drop(black_box(length.length().expect("a number"))),
            // There is no type for these: their text is what rsip offers.
            Header::CallId(id) => drop(black_box(id.value())),
            Header::Supported(tags) => drop(black_box(tags.value())),
            _ => {}
        }
    }
    black_box(message);
}
