//! The phrases that belong to status codes.

/// What a reply says when neither the caller nor the table has a phrase.
pub const REASON_PHRASE_NOT_SET: &str = "Reason Phrase Not Set";

/// Status codes with their usual phrase (RFC 3261 21 and the RFCs that add to it), in ascending order.
pub const REASON_PHRASES: [(u16, &str); 72] = [
    (100, "Trying"),
    (180, "Ringing"),
    (181, "Call Is Being Forwarded"),
    (182, "Queued"),
    (183, "Session Progress"),
    (199, "Early Dialog Terminated"),
    (200, "OK"),
    (202, "Accepted"),
    (204, "No Notification"),
    (300, "Multiple Choices"),
    (301, "Moved Permanently"),
    (302, "Moved Temporarily"),
    (305, "Use Proxy"),
    (380, "Alternative Service"),
    (400, "Bad Request"),
    (401, "Unauthorized"),
    (402, "Payment Required"),
    (403, "Forbidden"),
    (404, "Not Found"),
    (405, "Method Not Allowed"),
    (406, "Not Acceptable"),
    (407, "Proxy Authentication Required"),
    (408, "Request Timeout"),
    (410, "Gone"),
    (412, "Conditional Request Failed"),
    (413, "Request Entity Too Large"),
    (414, "Request-URI Too Long"),
    (415, "Unsupported Media Type"),
    (416, "Unsupported URI Scheme"),
    (417, "Unknown Resource-Priority"),
    (420, "Bad Extension"),
    (421, "Extension Required"),
    (422, "Session Interval Too Small"),
    (423, "Interval Too Brief"),
    (424, "Bad Location Information"),
    (428, "Use Identity Header"),
    (429, "Provide Referrer Identity"),
    (430, "Flow Failed"),
    (433, "Anonymity Disallowed"),
    (436, "Bad Identity-Info"),
    (437, "Unsupported Certificate"),
    (438, "Invalid Identity Header"),
    (439, "First Hop Lacks Outbound Support"),
    (440, "Max-Breadth Exceeded"),
    (469, "Bad Info Package"),
    (470, "Consent Needed"),
    (478, "Unresolvable Destination"),
    (480, "Temporarily Unavailable"),
    (481, "Call/Transaction Does Not Exist"),
    (482, "Loop Detected"),
    (483, "Too Many Hops"),
    (484, "Address Incomplete"),
    (485, "Ambiguous"),
    (486, "Busy Here"),
    (487, "Request Terminated"),
    (488, "Not Acceptable Here"),
    (489, "Bad Event"),
    (491, "Request Pending"),
    (493, "Undecipherable"),
    (494, "Security Agreement Required"),
    (500, "Server Internal Error"),
    (501, "Not Implemented"),
    (502, "Bad Gateway"),
    (503, "Service Unavailable"),
    (504, "Server Time-out"),
    (505, "Version Not Supported"),
    (513, "Message Too Large"),
    (580, "Precondition Failure"),
    (600, "Busy Everywhere"),
    (603, "Decline"),
    (604, "Does Not Exist Anywhere"),
    (606, "Not Acceptable"),
];

/// The usual phrase of a status code; [`REASON_PHRASE_NOT_SET`] for one without.
pub fn reason_phrase(status: u16) -> &'static str {
    let found = REASON_PHRASES.binary_search_by_key(&status, |(code, _)| *code);
    found.map_or(REASON_PHRASE_NOT_SET, |index| REASON_PHRASES[index].1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_listed_code_finds_its_phrase() {
        assert!(REASON_PHRASES.windows(2).all(|pair| pair[0].0 < pair[1].0));
        for (code, phrase) in REASON_PHRASES {
            assert_eq!(reason_phrase(code), phrase);
        }
        assert_eq!(reason_phrase(299), REASON_PHRASE_NOT_SET);
    }
}
