//! Why a login cannot be made from the settings.

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum SetupError {
    /// A name and password, or an API key, are sent as they are.
    #[error("`basic` and `api_key` have no tokens")]
    NoTokens,
    /// The private key cannot be read.
    #[error("private_key is not an RSA private key in PEM")]
    PrivateKey,
    /// The cryptography library refuses.
    #[error("the refresh token cannot be sealed for the store")]
    Encryption,
}
