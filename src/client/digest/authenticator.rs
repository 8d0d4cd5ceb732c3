//! The answers that one request has given to challenges, and whether a further one is worth sending.

use super::{Algorithm, Challenge, Credentials, NonceCounts, Qop};
use crate::message::{HeaderName, Message};

/// How many realms a request answers. A chain of proxies has a few; a hostile peer could go on for ever.
const MOST_REALMS: usize = 8;

/// What of a request goes into a digest.
#[derive(Debug, Clone, Copy)]
pub struct Digested<'a> {
    /// The method.
    pub method: &'a [u8],
    /// The Request-URI.
    pub uri: &'a [u8],
    /// The body.
    pub body: &'a [u8],
}

/// One realm and the answer to it.
#[derive(Debug, Clone)]
struct AnsweredChallenge {
    header: HeaderName,
    realm: Vec<u8>,
    nonce: Vec<u8>,
    /// The server has already had a stale nonce renewed.
    renewed: bool,
    value: Vec<u8>,
}

/// Answers challenges to one request with the credentials it was given (RFC 3261 22.2, 22.3).
#[derive(Debug, Clone, Default)]
pub struct Authenticator {
    credentials: Vec<Credentials>,
    answers: Vec<AnsweredChallenge>,
}

impl Authenticator {
    /// Without credentials nothing is answered.
    pub fn new(credentials: Vec<Credentials>) -> Self {
        Self { credentials, answers: Vec::new() }
    }

    /// Answers a 401 or 407. True: the request is to be sent once more, with [`Authenticator::headers`].
    ///
    /// Each realm is answered once, and once more when only the nonce was stale. A realm that refuses what it was told ends
    /// the matter: sending the same password again would only lock the user out.
    pub fn answer(
        &mut self,
        response: &Message,
        request: Digested<'_>,
        counts: &mut NonceCounts,
        client_nonce: &str,
    ) -> bool {
        if self.credentials.is_empty() || !matches!(response.status(), Some(401 | 407)) {
            return false;
        }
        let challenges = acceptable(response);
        if challenges.iter().any(|(header, challenge)| self.refuses(*header, challenge)) {
            return false;
        }
        let mut answered = false;
        for (header, challenge) in &challenges {
            let Some(credentials) = Credentials::for_realm(&self.credentials, challenge.realm) else {
                continue;
            };
            let known = self.position(*header, challenge.realm);
            if known.is_none() && self.answers.len() >= MOST_REALMS {
                return false;
            }
            let count = challenge.qop.map_or(1, |_| counts.next(challenge.nonce));
            let answer = AnsweredChallenge {
                header: *header,
                realm: challenge.realm.to_vec(),
                nonce: challenge.nonce.to_vec(),
                renewed: known.is_some(),
                value: value(challenge, credentials, request, client_nonce, count),
            };
            match known {
                Some(index) => self.answers[index] = answer,
                None => self.answers.push(answer),
            }
            answered = true;
        }
        answered
    }

    /// The headers to send: `Authorization` for a server, `Proxy-Authorization` for a proxy.
    pub fn headers(&self) -> impl Iterator<Item = (HeaderName, &[u8])> {
        self.answers.iter().map(|answer| (answer.header, answer.value.as_slice()))
    }

    /// What challenges are answered with.
    pub fn credentials(&self) -> &[Credentials] {
        &self.credentials
    }

    fn position(&self, header: HeaderName, realm: &[u8]) -> Option<usize> {
        self.answers.iter().position(|answer| answer.header == header && answer.realm == realm)
    }

    /// Whether this challenge says that the answer before it was wrong.
    fn refuses(&self, header: HeaderName, challenge: &Challenge<'_>) -> bool {
        self.position(header, challenge.realm).is_some_and(|index| {
            let answer = &self.answers[index];
            !challenge.stale || answer.renewed || answer.nonce == challenge.nonce
        })
    }
}

/// The challenges to answer: of each realm the topmost that is supported (RFC 8760 2.4).
fn acceptable(response: &Message) -> Vec<(HeaderName, Challenge<'_>)> {
    let mut found: Vec<(HeaderName, Challenge<'_>)> = Vec::new();
    for (asked, answered) in [
        (HeaderName::WwwAuthenticate, HeaderName::Authorization),
        (HeaderName::ProxyAuthenticate, HeaderName::ProxyAuthorization),
    ] {
        for challenge in response.header_all(asked).filter_map(Challenge::parse) {
            let known = |(header, other): &(HeaderName, Challenge<'_>)| {
                *header == answered && other.realm == challenge.realm
            };
            if !found.iter().any(known) {
                found.push((answered, challenge));
            }
        }
    }
    found
}

/// The header value (RFC 7616 3.4).
fn value(
    challenge: &Challenge<'_>,
    credentials: &Credentials,
    request: Digested<'_>,
    client_nonce: &str,
    count: u32,
) -> Vec<u8> {
    let nc = format!("{count:08x}");
    let response = response(challenge, credentials, request, client_nonce, &nc);
    let mut value = b"Digest ".to_vec();
    let mut put = |name: &str, text: &[u8], quoted: bool| {
        let mark: &[u8] = if quoted { b"\"" } else { b"" };
        let comma: &[u8] = if value.ends_with(b" ") { b"" } else { b", " };
        for part in [comma, name.as_bytes(), b"=", mark, text, mark] {
            value.extend_from_slice(part);
        }
    };
    put("username", &escaped(credentials.username()), true);
    put("realm", challenge.realm, true);
    put("nonce", challenge.nonce, true);
    put("uri", request.uri, true);
    put("response", response.as_bytes(), true);
    if let Some(name) = challenge.algorithm_name {
        put("algorithm", name, false);
    }
    if challenge.qop.is_some() || challenge.algorithm.session {
        put("cnonce", client_nonce.as_bytes(), true);
    }
    if let Some(qop) = challenge.qop {
        put("qop", qop.as_str().as_bytes(), false);
        put("nc", nc.as_bytes(), false);
    }
    if let Some(opaque) = challenge.opaque {
        put("opaque", opaque, true);
    }
    value
}

/// RFC 7616 3.4.1 to 3.4.3.
fn response(
    challenge: &Challenge<'_>,
    credentials: &Credentials,
    request: Digested<'_>,
    client_nonce: &str,
    nc: &str,
) -> String {
    let algorithm: Algorithm = challenge.algorithm;
    let user = [credentials.username().as_bytes(), challenge.realm, credentials.password().as_bytes()];
    let mut a1 = algorithm.hash(&user);
    if algorithm.session {
        a1 = algorithm.hash(&[a1.as_bytes(), challenge.nonce, client_nonce.as_bytes()]);
    }
    let a2 = match challenge.qop {
        Some(Qop::AuthInt) => {
            algorithm.hash(&[request.method, request.uri, algorithm.hash(&[request.body]).as_bytes()])
        }
        Some(Qop::Auth) | None => algorithm.hash(&[request.method, request.uri]),
    };
    match challenge.qop {
        Some(qop) => algorithm.hash(&[
            a1.as_bytes(),
            challenge.nonce,
            nc.as_bytes(),
            client_nonce.as_bytes(),
            qop.as_str().as_bytes(),
            a2.as_bytes(),
        ]),
        // RFC 2069, still spoken by old servers.
        None => algorithm.hash(&[a1.as_bytes(), challenge.nonce, a2.as_bytes()]),
    }
}

/// The inside of a quoted string (RFC 3261 25.1).
fn escaped(text: &str) -> Vec<u8> {
    let mut inside = Vec::with_capacity(text.len());
    for byte in text.bytes() {
        if matches!(byte, b'"' | b'\\') {
            inside.push(b'\\');
        }
        inside.push(byte);
    }
    inside
}
