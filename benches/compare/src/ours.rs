//! oversip: the structured headers are read with the message; what an accessor does is forced.

use std::hint::black_box;

use bytes::Bytes;
use oversip::message::{HeaderName, Message, NameAddrRef, UriRef};

pub fn read(bytes: Bytes) {
    let (message, _) = Message::parse(bytes).expect("valid");
    uri(message.ruri());
    for via in message.via_values() {
        black_box(via);
    }
    let via = message.top_via().expect("a Via");
    black_box((via.transport(), via.host(), via.port(), via.branch(), via.received(), via.params().count()));
    name_addr(message.from().expect("a From"));
    name_addr(message.to().expect("a To"));
    black_box((message.from_tag(), message.to_tag(), message.call_id()));
    black_box((message.cseq(), message.cseq_method(), message.max_forwards(), message.content_length()));
    name_addr(message.contact().expect("a Contact"));
    black_box(message.contact_param_list().count());
    for value in message.header_all(HeaderName::RecordRoute) {
        name_addr(NameAddrRef::parse(value).expect("a Record-Route"));
    }
    black_box(message.supported());
    black_box((message.status(), message.reason()));
    black_box(&message);
}

fn name_addr(name_addr: NameAddrRef<'_>) {
    black_box(name_addr.display_name());
    uri(Some(name_addr.uri()));
}

fn uri(uri: Option<UriRef<'_>>) {
    if let Some(uri) = uri {
        black_box((uri.scheme(), uri.user_unescaped(), uri.host(), uri.port(), uri.params().count()));
    }
}
