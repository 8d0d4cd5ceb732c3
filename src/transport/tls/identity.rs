//! Whom a certificate speaks for (RFC 5922 section 7).

use std::net::IpAddr;
use std::time::{Duration, SystemTime};

use x509_parser::oid_registry::OID_X509_EXT_SUBJECT_ALT_NAME;
use x509_parser::prelude::{FromDer, GeneralName, ParsedExtension, X509Certificate};

/// The SIP domains of a certificate (DER), in lower case, each once, in its order: the hosts of its `sip:` URIs, else its
/// DNS names; of a certificate without subjectAltName the first common name. URIs with a user part speak for a user, not
/// for a domain. A malformed certificate has none.
pub fn sip_identities(der: &[u8]) -> Vec<String> {
    let Ok((_, certificate)) = X509Certificate::from_der(der) else { return Vec::new() };
    let Some(names) = alternative_names(&certificate) else {
        let common = certificate.subject().iter_common_name().next();
        return common.and_then(|name| name.as_str().ok()).map(str::to_lowercase).into_iter().collect();
    };
    let hosts = unique(names.iter().filter_map(|name| match name {
        GeneralName::URI(uri) => host_of_sip_uri(uri),
        _ => None,
    }));
    if !hosts.is_empty() {
        return hosts;
    }
    unique(names.iter().filter_map(|name| match name {
        GeneralName::DNSName(name) => Some((*name).to_owned()),
        _ => None,
    }))
}

/// Until when a certificate (DER) counts.
pub(super) fn valid_until(der: &[u8]) -> Option<SystemTime> {
    let (_, certificate) = X509Certificate::from_der(der).ok()?;
    let seconds = u64::try_from(certificate.validity().not_after.timestamp()).ok()?;
    SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds))
}

/// RFC 5922 section 7.2: names are compared whole; a wildcard matches nothing.
pub(super) fn speaks_for_domain(der: &[u8], domain: &str) -> bool {
    let domain = domain.trim_end_matches('.').to_lowercase();
    sip_identities(der).iter().any(|identity| identity.trim_end_matches('.') == domain)
}

pub(super) fn speaks_for_ip(der: &[u8], ip: IpAddr) -> bool {
    let Ok((_, certificate)) = X509Certificate::from_der(der) else { return false };
    let octets = match ip {
        IpAddr::V4(ip) => ip.octets().to_vec(),
        IpAddr::V6(ip) => ip.octets().to_vec(),
    };
    alternative_names(&certificate).is_some_and(|names| {
        names.iter().any(|name| matches!(name, GeneralName::IPAddress(ip) if *ip == octets))
    })
}

/// `None` without the extension; one that cannot be read holds no names.
fn alternative_names<'a>(certificate: &'a X509Certificate<'_>) -> Option<&'a [GeneralName<'a>]> {
    let extensions = certificate.extensions();
    let extension = extensions.iter().find(|extension| extension.oid == OID_X509_EXT_SUBJECT_ALT_NAME)?;
    match extension.parsed_extension() {
        ParsedExtension::SubjectAlternativeName(names) => Some(&names.general_names),
        _ => Some(&[]),
    }
}

/// The host of `sip:host[:port][;parameters][?headers]`.
fn host_of_sip_uri(uri: &str) -> Option<String> {
    let (scheme, rest) = uri.split_once(':')?;
    if !scheme.eq_ignore_ascii_case("sip") || rest.contains('@') {
        return None;
    }
    let host = match rest.strip_prefix('[') {
        Some(literal) => &rest[..literal.find(']')? + 2],
        None => rest.split([':', ';', '?']).next()?,
    };
    (!host.is_empty()).then(|| host.to_owned())
}

fn unique(names: impl Iterator<Item = String>) -> Vec<String> {
    let mut unique = Vec::new();
    for name in names.map(|name| name.to_lowercase()) {
        if !unique.contains(&name) {
            unique.push(name);
        }
    }
    unique
}

#[cfg(test)]
mod tests {
    use super::host_of_sip_uri;

    #[test]
    fn the_host_of_a_sip_uri_stands_alone() {
        for (uri, host) in [
            ("sip:example.com", Some("example.com")),
            ("SIP:example.com:5061;transport=tls", Some("example.com")),
            ("sip:example.com;x=[y]", Some("example.com")),
            ("sip:[2001:db8::1]:5061", Some("[2001:db8::1]")),
            ("sip:alice@example.com", None),
            ("sips:example.com", None),
            ("sip:", None),
            ("sip:[2001:db8::1", None),
            ("example.com", None),
        ] {
            assert_eq!(host_of_sip_uri(uri).as_deref(), host, "{uri}");
        }
    }
}
