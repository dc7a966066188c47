//! The certificate of SNS, and what is signed with its key. Pure.
//!
//! That the certificate is Amazon's follows from where it was fetched, by TLS.

use aws_lc_rs::signature::{
    RSA_PKCS1_2048_8192_SHA1_FOR_LEGACY_USE_ONLY, RSA_PKCS1_2048_8192_SHA256, RsaParameters,
    UnparsedPublicKey,
};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use webpki::EndEntityCert;

use super::message::SnsMessage;

/// The public key of a certificate.
pub(super) struct Certificate {
    public_key: Vec<u8>,
}

impl Certificate {
    /// The first certificate in `pem`.
    pub(super) fn from_pem(pem: &[u8]) -> Option<Self> {
        let der = CertificateDer::from_pem_slice(pem).ok()?;
        let certificate = EndEntityCert::try_from(&der).ok()?;
        Some(Self {
            public_key: certificate.subject_public_key_info().as_ref().to_vec(),
        })
    }

    /// Whether `message` is signed with the key of this certificate.
    pub(super) fn signed(&self, message: &SnsMessage) -> bool {
        let algorithm: &'static RsaParameters = match message.signature_version.as_deref() {
            // What SNS uses unless the owner of the topic asks for the other.
            Some("1") => &RSA_PKCS1_2048_8192_SHA1_FOR_LEGACY_USE_ONLY,
            Some("2") => &RSA_PKCS1_2048_8192_SHA256,
            _ => return false,
        };
        let signature = message.signature.as_deref();
        let signature = signature.and_then(|text| STANDARD.decode(text).ok());
        let (Some(signature), Some(text)) = (signature, message.signed_text()) else {
            return false;
        };
        let key = UnparsedPublicKey::new(algorithm, &self.public_key);
        key.verify(text.as_bytes(), &signature).is_ok()
    }
}
