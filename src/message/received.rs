//! A received message: the head's bytes, where its parts lie, and the body.

use std::sync::Arc;

use bytes::Bytes;

use super::header_name::HeaderName;
use super::lex::Span;
use super::method::Method;
use super::name_addr::NameAddrRef;
use super::params::HeaderParams;
use super::parsed::{Address, FirstLine, Parsed, DUPLICABLE};
use super::uri::UriRef;
use super::via::{BranchForm, TopVia};

/// A SIP request or response (RFC 3261 7). Cloning shares all text and all offsets.
#[derive(Debug, Clone)]
pub struct Message {
    head: Bytes,
    body: Bytes,
    pub(super) parsed: Arc<Parsed>,
    method: Option<Method>,
    cseq_method: Option<Method>,
    /// Text of the top Via once it was stamped.
    pub(super) stamped_via: Option<Bytes>,
    /// The Request-URI in place of which a strict router's last Route was put.
    pub(super) strict_route: Option<Bytes>,
}

impl Message {
    pub(crate) fn new(head: Bytes, parsed: Arc<Parsed>) -> Message {
        let method_at = |span: Span| {
            let name = span.of(&head);
            Method::known(name).unwrap_or_else(|| Method::Other(head.slice_ref(name)))
        };
        let cseq_method = parsed.cseq.map(|cseq| method_at(cseq.method));
        let method = match parsed.first {
            FirstLine::Request { method, .. } => Some(method_at(method)),
            _ => cseq_method.clone(),
        };
        Message {
            body: Bytes::new(),
            parsed,
            method,
            cseq_method,
            stamped_via: None,
            strict_route: None,
            head,
        }
    }

    /// The message with another head; the rest of it stays. `None`: the text is no head.
    pub(super) fn with_head(&self, head: Vec<u8>) -> Option<Message> {
        let (message, _) = Message::parse(head.into()).ok()?;
        let (stamped_via, strict_route) = (self.stamped_via.clone(), self.strict_route.clone());
        Some(Message { body: self.body.clone(), stamped_via, strict_route, ..message })
    }

    pub(super) fn text(&self, span: Span) -> &[u8] {
        span.of(&self.head)
    }

    /// True for a request, false for a response.
    pub fn is_request(&self) -> bool {
        matches!(self.parsed.first, FirstLine::Request { .. })
    }

    /// Method of the first line (RFC 3261 7.1); in a response that of the first CSeq.
    pub fn method(&self) -> Option<&Method> {
        self.method.as_ref()
    }

    /// Version as received (RFC 3261 7.1).
    pub fn version(&self) -> &[u8] {
        self.text(self.parsed.version)
    }

    /// Request-URI of a request (RFC 3261 8.1.1.1).
    pub fn ruri(&self) -> Option<UriRef<'_>> {
        match self.parsed.first {
            FirstLine::Request { uri: Some(uri), .. } => Some(UriRef::new(&self.head, uri)),
            _ => None,
        }
    }

    /// Status code of a response, 100 to 699 (RFC 3261 7.2).
    pub fn status(&self) -> Option<u16> {
        match self.parsed.first {
            FirstLine::Response { status, .. } => Some(status),
            _ => None,
        }
    }

    /// Whether it is a 2xx response (RFC 3261 7.2).
    pub fn is_success(&self) -> bool {
        self.status().is_some_and(|status| (200..300).contains(&status))
    }

    /// Reason phrase of a response, possibly empty (RFC 3261 7.2); empty for a request.
    pub fn reason(&self) -> &[u8] {
        match self.parsed.first {
            FirstLine::Response { reason, .. } => self.text(reason),
            _ => b"",
        }
    }

    /// Header lines as received (RFC 3261 7.3), in order: known name, name as spelled, value.
    pub fn lines(&self) -> impl Iterator<Item = (HeaderName, &[u8], &[u8])> {
        self.parsed.lines.iter().map(|line| (line.name, self.text(line.name_text), self.text(line.value)))
    }

    /// Header values in order: as [`lines`](Message::lines), but comma lists of Via and Route are split, those of
    /// Contact as far as they are SIP contacts, and a stamped top Via shows its new text.
    pub fn values(&self) -> impl Iterator<Item = (HeaderName, &[u8], &[u8])> {
        Values { message: self, line: 0, element: 0, via_seen: false }
    }

    /// First value of a header.
    pub fn header(&self, name: HeaderName) -> Option<&[u8]> {
        self.header_all(name).next()
    }

    /// First value of the header that these bytes name in any spelling.
    pub fn header_named<'a>(&'a self, name: &'a [u8]) -> Option<&'a [u8]> {
        self.header_all_named(name).next()
    }

    /// All values of a header, in order. There are none for [`HeaderName::Other`].
    pub fn header_all(&self, name: HeaderName) -> impl Iterator<Item = &[u8]> {
        let wanted = move |(n, _, _): &(HeaderName, &[u8], &[u8])| *n == name && n != &HeaderName::Other;
        self.values().filter(wanted).map(|(_, _, value)| value)
    }

    /// All values of the header that these bytes name in any spelling.
    pub fn header_all_named<'a, 'n>(
        &'a self,
        name: &'n [u8],
    ) -> impl Iterator<Item = &'a [u8]> + use<'a, 'n> {
        let known = HeaderName::lookup(name);
        self.values()
            .filter(move |(n, text, _)| {
                *n == known && (known != HeaderName::Other || text.eq_ignore_ascii_case(name))
            })
            .map(|(_, _, value)| value)
    }

    /// About how many bytes of memory it takes, for bounds: its text and the offsets in it.
    pub fn footprint(&self) -> usize {
        const STRUCTURE: usize = 1024;
        self.head.len() + self.body.len() + STRUCTURE
    }

    /// The body (RFC 3261 7.4); empty if there is none.
    pub fn body(&self) -> &Bytes {
        &self.body
    }

    /// Attaches the body.
    pub fn set_body(&mut self, body: Bytes) {
        self.body = body;
    }

    /// False for a request that breaks the grammar and was read only to be refused: values that a reply repeats are as they
    /// stood, and there may be anything in them.
    pub(crate) fn is_readable(&self) -> bool {
        !self.parsed.unreadable
    }

    /// The head as received, with a CRLF before the first line if there was one, and with the empty line.
    pub fn head_bytes(&self) -> &Bytes {
        &self.head
    }

    /// The topmost Via as received (RFC 3261 20.42).
    pub fn top_via(&self) -> Option<TopVia<'_>> {
        Some(TopVia::new(&self.head, self.parsed.via?))
    }

    /// The branch of the top Via without its magic cookie, if it is a branch of RFC 3261.
    pub fn branch_id(&self) -> Option<&[u8]> {
        match self.top_via()?.branch_form() {
            BranchForm::Unique(id) => Some(id),
            BranchForm::Older | BranchForm::Unusable => None,
        }
    }

    /// All Via values; the first one as stamped.
    pub fn via_values(&self) -> impl Iterator<Item = &[u8]> {
        self.header_all(HeaderName::Via)
    }

    /// Number of Via values.
    pub fn num_vias(&self) -> usize {
        self.parsed.num_vias as usize
    }

    /// Call-ID (RFC 3261 20.8).
    pub fn call_id(&self) -> Option<&[u8]> {
        Some(self.text(self.parsed.call_id?))
    }

    /// CSeq number (RFC 3261 20.16). One over 32 bits reads as the largest of them, see
    /// [`cseq_valid`](Message::cseq_valid).
    pub fn cseq(&self) -> Option<u32> {
        Some(self.parsed.cseq?.number)
    }

    /// CSeq number in decimal without leading zeros, however large.
    pub fn cseq_digits(&self) -> Option<&[u8]> {
        let digits = self.text(self.parsed.cseq?.digits);
        let zeros = digits.iter().take_while(|b| **b == b'0').count();
        Some(&digits[zeros.min(digits.len().saturating_sub(1))..])
    }

    /// False for a CSeq number of 2^31 or more (RFC 3261 8.1.1.5).
    pub fn cseq_valid(&self) -> bool {
        self.cseq().is_none_or(|number| number < 1 << 31)
    }

    /// CSeq method (RFC 3261 20.16).
    pub fn cseq_method(&self) -> Option<&Method> {
        self.cseq_method.as_ref()
    }

    /// Max-Forwards, at most 9999 (RFC 3261 20.22).
    pub fn max_forwards(&self) -> Option<u16> {
        self.parsed.max_forwards
    }

    /// Content-Length, at most 999 999 999 (RFC 3261 20.14).
    pub fn content_length(&self) -> Option<u32> {
        self.parsed.content_length
    }

    fn address(&self, name: HeaderName) -> Option<&Address> {
        match name {
            HeaderName::From => self.parsed.from.as_ref(),
            _ => self.parsed.to.as_ref(),
        }
    }

    /// Name and URI of the first From (RFC 3261 20.20).
    pub fn from(&self) -> Option<NameAddrRef<'_>> {
        Some(NameAddrRef::new(&self.head, self.address(HeaderName::From)?.name_addr))
    }

    /// Name and URI of the first To (RFC 3261 20.39).
    pub fn to(&self) -> Option<NameAddrRef<'_>> {
        Some(NameAddrRef::new(&self.head, self.address(HeaderName::To)?.name_addr))
    }

    /// Whole value of the first From.
    pub fn from_value(&self) -> Option<&[u8]> {
        Some(self.text(self.address(HeaderName::From)?.value))
    }

    /// Whole value of the first To.
    pub fn to_value(&self) -> Option<&[u8]> {
        Some(self.text(self.address(HeaderName::To)?.value))
    }

    /// `tag` of the first From (RFC 3261 19.3).
    pub fn from_tag(&self) -> Option<&[u8]> {
        Some(self.text(self.address(HeaderName::From)?.tag?))
    }

    /// `tag` of the first To (RFC 3261 19.3).
    pub fn to_tag(&self) -> Option<&[u8]> {
        Some(self.text(self.address(HeaderName::To)?.tag?))
    }

    /// Header parameters of the first From with their leading `;`; empty if there are none.
    pub fn from_params(&self) -> &[u8] {
        self.address(HeaderName::From).map_or(b"", |address| self.text(address.params))
    }

    /// Header parameters of the first To with their leading `;`; empty if there are none.
    pub fn to_params(&self) -> &[u8] {
        self.address(HeaderName::To).map_or(b"", |address| self.text(address.params))
    }

    /// Route values in order (RFC 3261 20.34).
    pub fn routes(&self) -> impl Iterator<Item = (&[u8], NameAddrRef<'_>)> {
        let routes = self.parsed.routes.iter().map(|route| NameAddrRef::new(&self.head, *route));
        self.header_all(HeaderName::Route).zip(routes)
    }

    /// Whether there is a Route value.
    pub fn has_routes(&self) -> bool {
        !self.parsed.routes.is_empty()
    }

    /// The Contact (RFC 3261 20.10), if the message has exactly one value and it is a SIP or SIPS one.
    pub fn contact(&self) -> Option<NameAddrRef<'_>> {
        if self.parsed.num_contacts != 1 {
            return None;
        }
        Some(NameAddrRef::new(&self.head, self.parsed.contact?.name_addr))
    }

    /// Header parameters of the first Contact element, from the blank or `;` behind the URI on.
    pub fn contact_params(&self) -> Option<&[u8]> {
        Some(self.text(self.parsed.contact?.params)).filter(|text| !text.is_empty())
    }

    /// True if the first Contact element has the parameter `reg-id` (RFC 5626).
    pub fn contact_has_reg_id(&self) -> bool {
        self.parsed.contact.is_some_and(|contact| contact.reg_id)
    }

    /// The same parameters one by one, keys and values as received.
    pub fn contact_param_list(&self) -> HeaderParams<'_> {
        HeaderParams::new(self.contact_params().unwrap_or(b""))
    }

    fn tags(&self, name: HeaderName) -> Vec<Vec<u8>> {
        let lines = self.parsed.lines.iter().filter(|line| line.name == name);
        lines
            .flat_map(|line| self.text(line.value).split(|b| *b == b','))
            .map(|tag| super::lex::trim(tag).to_ascii_lowercase())
            .filter(|tag| !tag.is_empty())
            .collect()
    }

    /// Option tags of all Require headers (RFC 3261 20.32) in lower case.
    pub fn require(&self) -> Vec<Vec<u8>> {
        self.tags(HeaderName::Require)
    }

    /// Option tags of all Proxy-Require headers (RFC 3261 20.29) in lower case.
    pub fn proxy_require(&self) -> Vec<Vec<u8>> {
        self.tags(HeaderName::ProxyRequire)
    }

    /// Option tags of all Supported headers (RFC 3261 20.37) in lower case.
    pub fn supported(&self) -> Vec<Vec<u8>> {
        self.tags(HeaderName::Supported)
    }

    /// The first of Via, From, To, CSeq and Call-ID that is missing (RFC 3261 8.1.1).
    pub fn missing_core_header(&self) -> Option<HeaderName> {
        let parsed = &self.parsed;
        let present = [
            (HeaderName::Via, parsed.via.is_some()),
            (HeaderName::From, parsed.from.is_some()),
            (HeaderName::To, parsed.to.is_some()),
            (HeaderName::CSeq, parsed.cseq.is_some()),
            (HeaderName::CallId, parsed.call_id.is_some()),
        ];
        present.into_iter().find(|(_, present)| !present).map(|(name, _)| name)
    }

    /// The first of From, To, CSeq, Call-ID, Max-Forwards and Content-Length that appears more than once
    /// (RFC 3261 7.3.1).
    pub fn duplicated_core_header(&self) -> Option<HeaderName> {
        let bits = self.parsed.duplicated;
        (0..DUPLICABLE.len()).find(|i| bits & (1 << i) != 0).map(|i| DUPLICABLE[i])
    }
}

struct Values<'a> {
    message: &'a Message,
    line: usize,
    element: usize,
    via_seen: bool,
}

impl<'a> Iterator for Values<'a> {
    type Item = (HeaderName, &'a [u8], &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let message = self.message;
        let line = message.parsed.lines.get(self.line)?;
        let name = message.text(line.name_text);
        if !matches!(line.name, HeaderName::Via | HeaderName::Route | HeaderName::Contact) {
            self.line += 1;
            return Some((line.name, name, message.text(line.value)));
        }
        let elements = &message.parsed.elements;
        let element = elements.get(self.element)?;
        let mut value = message.text(element.text);
        if line.name == HeaderName::Via && !self.via_seen {
            self.via_seen = true;
            value = message.stamped_via.as_deref().unwrap_or(value);
        }
        self.element += 1;
        if elements.get(self.element).is_none_or(|next| next.line != element.line) {
            self.line += 1;
        }
        Some((line.name, name, value))
    }
}
