//! Certificates as text (RFC 7468).

use base64::engine::general_purpose::STANDARD;
use base64::Engine;

/// Characters of a line.
const LINE: usize = 64;

/// The PEM form of a certificate (DER), with a line end after its last line.
pub fn certificate_pem(der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let mut pem = String::with_capacity(text.len() + text.len() / LINE + 64);
    pem.push_str("-----BEGIN CERTIFICATE-----\n");
    let mut rest = &text[..];
    while !rest.is_empty() {
        let (line, more) = rest.split_at(rest.len().min(LINE));
        pem.push_str(line);
        pem.push('\n');
        rest = more;
    }
    pem.push_str("-----END CERTIFICATE-----\n");
    pem
}

#[cfg(test)]
mod tests {
    use super::certificate_pem;

    #[test]
    fn lines_have_64_characters() {
        let pem = certificate_pem(&[0; 49]);
        let lines: Vec<&str> = pem.lines().collect();
        assert_eq!(lines.len(), 4);
        assert_eq!(lines[0], "-----BEGIN CERTIFICATE-----");
        assert_eq!((lines[1].len(), lines[2]), (64, "AA=="));
        assert!(pem.ends_with("-----END CERTIFICATE-----\n"));
    }
}
