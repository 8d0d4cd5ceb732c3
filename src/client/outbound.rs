//! Whether the sender of a request wants to be reached over the flow that it used (RFC 5626 5.1).

use crate::message::{Message, Method, UriRef};

/// What decides whether the sender of a request wants to be reached over the flow it used ("outgoing Outbound").
#[derive(Debug, Clone, Copy, Default)]
pub struct OutboundFacts {
    /// The request is outside a dialog.
    pub initial: bool,
    /// It came over UDP or a connection that the peer opened.
    pub outbound_listener: bool,
    /// `fix_nat` asked for it: see [`flow_may_be_forced`].
    pub forced: bool,
    /// It has one Via value: nobody stands between the sender and us.
    pub single_via: bool,
    /// Its method is INVITE, REGISTER, SUBSCRIBE or REFER.
    pub outbound_aware: bool,
    /// Its Contact URI has the parameter `ob`.
    pub contact_ob: bool,
    /// It is a REGISTER whose Contact has `reg-id`.
    pub register_reg_id: bool,
}

impl OutboundFacts {
    /// The facts of a request as it was received. `contact` is its Contact URI, as the script has left it; `inbound`: it came over
    /// UDP or a connection that the peer opened.
    pub fn of(request: &Message, contact: Option<&UriRef<'_>>, inbound: bool, forced: bool) -> OutboundFacts {
        let method = request.method();
        OutboundFacts {
            initial: request.to_tag().is_none(),
            outbound_listener: inbound,
            forced,
            single_via: request.num_vias() == 1,
            outbound_aware: method.is_some_and(Method::is_outbound_aware),
            contact_ob: contact.is_some_and(UriRef::ob),
            register_reg_id: method == Some(&Method::Register) && request.contact_has_reg_id(),
        }
    }

    /// RFC 5626 5.1: the decision. `preloaded_ob` tells that the sender put a Route value of ours with `ob` there itself.
    pub fn outgoing_outbound(&self, preloaded_ob: bool) -> bool {
        let asked_for = preloaded_ob || self.contact_ob || self.register_reg_id;
        let direct = self.single_via && self.outbound_aware && asked_for;
        self.initial && self.outbound_listener && (self.forced || direct)
    }
}

/// Whether the flow of a client behind a NAT is kept though the client does not ask for it: the request begins a dialog or a
/// registration, and nobody stands between the client and us.
pub fn flow_may_be_forced(request: &Message) -> bool {
    let facts = OutboundFacts::of(request, None, true, false);
    facts.initial && facts.single_via && facts.outbound_aware
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn facts(initial: bool) -> OutboundFacts {
        OutboundFacts {
            initial,
            outbound_listener: true,
            single_via: true,
            outbound_aware: true,
            ..Default::default()
        }
    }

    fn request(method: &str, vias: usize, to_tag: &str, contact: &str) -> Message {
        let via = "Via: SIP/2.0/UDP h;branch=z9hG4bKx\r\n".repeat(vias);
        let text = format!(
            "{method} sip:c@d SIP/2.0\r\n{via}From: <sip:a@b>;tag=1\r\nTo: <sip:c@d>{to_tag}\r\nCall-ID: c\r\n\
             CSeq: 7 {method}\r\nMax-Forwards: 9\r\nContact: {contact}\r\n\r\n"
        );
        Message::parse(Bytes::from(text)).expect("a valid request").0
    }

    #[test]
    fn the_facts_are_those_of_the_request() {
        let ob = UriRef::parse(b"sip:a@h;ob");
        let asked = OutboundFacts::of(&request("INVITE", 1, "", "<sip:a@h;ob>"), ob.as_ref(), true, false);
        assert!(asked.outgoing_outbound(false));
        let plain = OutboundFacts::of(&request("INVITE", 1, "", "<sip:a@h>"), None, true, false);
        assert!(!plain.outgoing_outbound(false) && plain.outgoing_outbound(true));
        let register = |contact| OutboundFacts::of(&request("REGISTER", 1, "", contact), None, true, false);
        assert!(register("<sip:a@h>;reg-id=1;+sip.instance=\"<urn:x>\"").outgoing_outbound(false));
        assert!(!register("<sip:a@h>").outgoing_outbound(false));
    }

    #[test]
    fn a_flow_is_forced_for_the_begin_of_a_dialog_or_registration_straight_from_the_client() {
        for method in ["INVITE", "REGISTER", "SUBSCRIBE", "REFER"] {
            assert!(flow_may_be_forced(&request(method, 1, "", "<sip:a@h>")), "{method}");
            assert!(!flow_may_be_forced(&request(method, 1, ";tag=2", "<sip:a@h>")), "{method}");
            assert!(!flow_may_be_forced(&request(method, 2, "", "<sip:a@h>")), "{method}");
        }
        assert!(!flow_may_be_forced(&request("OPTIONS", 1, "", "<sip:a@h>")));
    }

    #[test]
    fn outgoing_outbound_needs_every_condition() {
        let asked = OutboundFacts { contact_ob: true, ..facts(true) };
        assert!(asked.outgoing_outbound(false));
        assert!(OutboundFacts { register_reg_id: true, ..facts(true) }.outgoing_outbound(false));
        assert!(facts(true).outgoing_outbound(true));
        assert!(!facts(true).outgoing_outbound(false));
        assert!(!OutboundFacts { initial: false, ..asked }.outgoing_outbound(true));
        assert!(!OutboundFacts { outbound_listener: false, ..asked }.outgoing_outbound(true));
        assert!(!OutboundFacts { single_via: false, ..asked }.outgoing_outbound(true));
        assert!(!OutboundFacts { outbound_aware: false, ..asked }.outgoing_outbound(true));
    }

    #[test]
    fn fix_nat_forces_outgoing_outbound_but_not_inside_a_dialog_or_over_our_own_connections() {
        let forced =
            OutboundFacts { initial: true, outbound_listener: true, forced: true, ..Default::default() };
        assert!(forced.outgoing_outbound(false));
        assert!(!OutboundFacts { initial: false, ..forced }.outgoing_outbound(false));
        assert!(!OutboundFacts { outbound_listener: false, ..forced }.outgoing_outbound(false));
    }
}
