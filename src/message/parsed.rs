//! What the parser finds: offsets into the head buffer, and small values.

use smallvec::SmallVec;

use super::header_name::HeaderName;
use super::lex::Span;
use super::name_addr::NameAddrParts;
use super::uri_syntax::UriParts;
use super::via::ViaParts;

/// The first line of a message.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) enum FirstLine {
    #[default]
    Unknown,
    /// The URI is missing only in a message that was not read to the end of its first line.
    Request {
        method: Span,
        uri: Option<UriParts>,
    },
    Response {
        status: u16,
        reason: Span,
    },
}

/// One header line.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Line {
    pub(crate) name: HeaderName,
    pub(crate) name_text: Span,
    /// Without leading blanks; structured values also without trailing ones.
    pub(crate) value: Span,
    /// Behind the CRLF.
    pub(crate) end: u32,
}

/// One value of a Via, Route or Contact line.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Element {
    /// Index of the line.
    pub(crate) line: u32,
    pub(crate) text: Span,
}

/// From or To.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Address {
    pub(crate) value: Span,
    pub(crate) name_addr: NameAddrParts,
    pub(crate) params: Span,
    pub(crate) tag: Option<Span>,
}

/// The first element of the first Contact line, if it is a SIP contact.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Contact {
    pub(crate) name_addr: NameAddrParts,
    pub(crate) params: Span,
    pub(crate) reg_id: bool,
}

/// The number and the method of a CSeq. A number over 32 bits is kept as the largest one.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CSeq {
    pub(crate) number: u32,
    pub(crate) digits: Span,
    pub(crate) method: Span,
}

/// Most messages have no more lines, nor values of Via, Route and Contact, nor of Route alone.
const USUAL_LINES: usize = 20;
const USUAL_ELEMENTS: usize = 6;
const USUAL_ROUTES: usize = 1;

/// All that is known of a head, for most messages in one piece of memory.
#[derive(Debug, Clone, Default)]
pub(crate) struct Parsed {
    pub(crate) first: FirstLine,
    pub(crate) version: Span,
    pub(crate) lines: SmallVec<[Line; USUAL_LINES]>,
    pub(crate) elements: SmallVec<[Element; USUAL_ELEMENTS]>,
    pub(crate) routes: SmallVec<[NameAddrParts; USUAL_ROUTES]>,
    pub(crate) via: Option<ViaParts>,
    pub(crate) num_vias: u32,
    pub(crate) from: Option<Address>,
    pub(crate) to: Option<Address>,
    pub(crate) call_id: Option<Span>,
    pub(crate) cseq: Option<CSeq>,
    pub(crate) max_forwards: Option<u16>,
    pub(crate) content_length: Option<u32>,
    pub(crate) contact: Option<Contact>,
    pub(crate) num_contacts: u32,
    /// One bit per name of [`DUPLICABLE`] that was seen twice.
    pub(crate) duplicated: u8,
    /// It breaks the grammar: only what a refusal repeats was read of it, and some of that as it stood.
    pub(crate) unreadable: bool,
}

/// Headers that may appear once, in the order in which a repetition is reported.
pub(crate) const DUPLICABLE: [HeaderName; 6] = [
    HeaderName::From,
    HeaderName::To,
    HeaderName::CSeq,
    HeaderName::CallId,
    HeaderName::MaxForwards,
    HeaderName::ContentLength,
];

impl Parsed {
    /// Notes a second header of a name that may appear once.
    pub(crate) fn mark_duplicate(&mut self, name: HeaderName) {
        if let Some(index) = DUPLICABLE.iter().position(|n| *n == name) {
            self.duplicated |= 1 << index;
        }
    }
}
