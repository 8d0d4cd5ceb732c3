//! A message from a complete buffer.

use bytes::Bytes;

use super::parser::{ParseProgress, Parser, SyntaxError};
use super::received::Message;

/// A complete buffer holds no message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ParseError {
    /// The bytes are no SIP message.
    #[error(transparent)]
    Syntax(#[from] SyntaxError),
    /// The head does not end.
    #[error("the head of the message is incomplete")]
    Incomplete,
    /// A keepalive of four bytes stands at the start.
    #[error("a keepalive and no message")]
    Keepalive,
}

impl ParseError {
    /// The error with the place in `buf`, the bytes that were parsed.
    pub fn describe(&self, buf: &[u8]) -> String {
        match self {
            ParseError::Syntax(error) => error.describe(buf),
            ParseError::Incomplete | ParseError::Keepalive => self.to_string(),
        }
    }
}

impl Message {
    /// Reads the head from a complete buffer; also says how many bytes it has. What follows is the caller's.
    pub fn parse(buf: Bytes) -> Result<(Message, usize), ParseError> {
        let mut parser = Parser::new();
        match parser.feed(&buf) {
            ParseProgress::Head { len } => {
                let message = parser.take(buf).ok_or(ParseError::Incomplete)?;
                Ok((message, len))
            }
            ParseProgress::Keepalive { .. } => Err(ParseError::Keepalive),
            ParseProgress::Incomplete => Err(ParseError::Incomplete),
            ParseProgress::Error(error) => Err(ParseError::Syntax(error)),
        }
    }
}
