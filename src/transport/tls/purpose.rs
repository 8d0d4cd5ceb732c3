//! What a certificate has to be for, so that a SIP server may show it (RFC 5924).

use webpki::{
    Error, ExtendedKeyUsageValidator, KeyPurposeId, KeyPurposeIdIter, KeyUsage, RequiredEkuNotFoundContext,
};

/// `id-kp-serverAuth` (RFC 5280 4.2.1.12): what most authorities write.
const TLS_SERVER: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 3, 1];
/// `id-kp-sipDomain` (RFC 5924 4.1).
const SIP_DOMAIN: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 3, 20];
/// `anyExtendedKeyUsage` (RFC 5280 4.2.1.12).
const EVERYTHING: &[u8] = &[0x55, 29, 37, 0];

/// Takes certificates of SIP servers, also those of the authorities between them and the root: for SIP, for TLS servers or for
/// everything, and those that do not say what they are for.
pub(super) struct SipServer;

impl ExtendedKeyUsageValidator for SipServer {
    fn validate(&self, purposes: KeyPurposeIdIter<'_, '_>) -> Result<(), Error> {
        let mut present = Vec::new();
        for purpose in purposes {
            let purpose = purpose?;
            if [TLS_SERVER, SIP_DOMAIN, EVERYTHING].iter().any(|oid| KeyPurposeId::new(oid) == purpose) {
                return Ok(());
            }
            present.push(purpose.to_decoded_oid());
        }
        if present.is_empty() {
            return Ok(());
        }
        let required = KeyUsage::required_if_present(SIP_DOMAIN);
        Err(Error::RequiredEkuNotFoundContext(RequiredEkuNotFoundContext { required, present }))
    }
}
