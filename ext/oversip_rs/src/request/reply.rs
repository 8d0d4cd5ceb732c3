//! What a script hands to `reply`.

use bytes::Bytes;
use magnus::{prelude::*, scan_args::scan_args, Error, RArray, RString, Ruby, Value};
use oversip::element;
use oversip::message::{split_line, Folds};

use crate::{response, text};

/// What `reply` was asked for.
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) reason: Bytes,
    pub(super) extra_lines: Vec<Bytes>,
    pub(super) body: Bytes,
}

impl Reply {
    /// As the engine wants it.
    pub(super) fn parts(&self) -> element::Reply<'_> {
        let (reason, lines, body) = (&self.reason, &self.extra_lines, &self.body);
        element::Reply { status: self.status, reason, lines, body }
    }

    /// A reply with its usual reason and nothing else.
    pub(super) fn bare(status: u16) -> Reply {
        let reason = Bytes::from_static(oversip::message::reason_phrase(status).as_bytes());
        Reply { status, reason, extra_lines: Vec::new(), body: Bytes::new() }
    }

    /// `status_code, reason_phrase = nil, extra_headers = [], body = nil`.
    pub(super) fn scan(ruby: &Ruby, args: &[Value]) -> Result<Reply, Error> {
        type Optional = (Option<Value>, Option<Value>, Option<Value>);
        let args = scan_args::<(Value,), Optional, (), (), (), ()>(args)?;
        let (reason, extra, body) = args.optional;
        let given = |value: Option<Value>| value.filter(|value| !value.is_nil());
        let mut reply = Reply::bare(status(ruby, args.required.0)?);
        if let Some(reason) = given(reason) {
            let reason = text::text_of(reason)?;
            reply.reason = text::neutral(ruby, "a reason phrase", reason, Folds::Replace);
        }
        if let Some(extra) = given(extra) {
            let Some(extra) = RArray::from_value(extra) else {
                return Err(text::unfit(
                    ruby.exception_type_error(),
                    "extra headers",
                    "an Array of header lines",
                    extra,
                ));
            };
            let mut index = 0;
            while index < extra.len() {
                let line = text::text_of(extra.entry(index as isize)?)?;
                let line = text::neutral(ruby, "a header line", line, Folds::Keep);
                if split_line(&line).is_some() {
                    reply.extra_lines.push(line);
                } else {
                    let quoted = String::from_utf8_lossy(&line).into_owned();
                    text::report_mistake(
                        ruby,
                        &format!("{quoted:?} is no header line (\"Name: value\") and left out of a reply"),
                    );
                }
                index += 1;
            }
        }
        if let Some(body) = given(body) {
            reply.body = text::text_of(body)?;
        }
        Ok(reply)
    }
}

fn status(ruby: &Ruby, value: Value) -> Result<u16, Error> {
    if RString::from_value(value).is_some() {
        return Err(text::unfit(ruby.exception_arg_error(), "status code", "an Integer", value));
    }
    response::status_argument(ruby, value)
}
