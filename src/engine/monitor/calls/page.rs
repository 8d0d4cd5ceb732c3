//! The page itself: one text with style and script in it, and a policy that allows these two and the way back here, and nothing else.

use std::sync::LazyLock;

use base64::prelude::{Engine as _, BASE64_STANDARD};
use bytes::Bytes;
use hyper::header::{HeaderValue, CONTENT_SECURITY_POLICY};
use sha2::{Digest, Sha256};

use crate::engine::monitor::monitor_response::MonitorResponse;

const FRAME: &str = include_str!("../../../../web/calls/page.html");
/// Ladders look as on the pages that are files, and are read by the same keys.
const STYLE: [&str; 2] =
    [include_str!("../../../../web/ladder.css"), include_str!("../../../../web/calls/page.css")];
/// Each after those that it names.
const SCRIPT: [&str; 6] = [
    include_str!("../../../../web/ladder.js"),
    include_str!("../../../../web/calls/words.js"),
    include_str!("../../../../web/calls/list.js"),
    include_str!("../../../../web/calls/drawing.js"),
    include_str!("../../../../web/calls/connection.js"),
    include_str!("../../../../web/calls/page.js"),
];

static PAGE: LazyLock<(Bytes, HeaderValue)> = LazyLock::new(|| {
    let (style, script) = (STYLE.join("\n"), SCRIPT.join("\n"));
    let policy = format!(
        "default-src 'none'; style-src {}; script-src {}; img-src data:; connect-src 'self'; base-uri 'none'; form-action 'none'; \
         frame-ancestors 'none'",
        source(&style),
        source(&script)
    );
    let text = FRAME.replacen("/*style*/", &style, 1).replacen("/*script*/", &script, 1);
    // Signs of ASCII alone: it is a value.
    (text.into(), policy.parse().unwrap_or(HeaderValue::from_static("default-src 'none'")))
});

/// The page.
pub(super) fn answer() -> MonitorResponse {
    let (text, policy) = &*PAGE;
    MonitorResponse::new("text/html; charset=utf-8", text.clone())
        .header(CONTENT_SECURITY_POLICY, policy.clone())
}

/// How a policy names what stands in the page (<https://www.w3.org/TR/CSP3/>).
fn source(text: &str) -> String {
    format!("'sha256-{}'", BASE64_STANDARD.encode(Sha256::digest(text)))
}
