//! What differs between the OAuth servers of CRMs. All follow RFC 6749 and mean different things
//! by its words.

use url::Url;

use crate::targets::http::Answer;

/// How one CRM speaks OAuth.
#[derive(Debug)]
pub(crate) struct OAuthDialect {
    pub client_auth: ClientAuth,
    /// Whether a refusal with this `error` passes by itself, without a change of our settings.
    pub is_temporary: fn(answer: &Answer, error: &str) -> bool,
    /// The address for data calls that a token answer names as `instance_url`: `None` where the
    /// CRM names none, so that calls go to `base_url`. An error holds the address that must not
    /// be sent the token.
    pub data_address: fn(named: Option<&str>, base_url: &Url) -> Result<Option<Url>, String>,
}

/// Where a token request carries the client's id and secret (RFC 6749, section 2.3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ClientAuth {
    /// In the form, as `client_id` and `client_secret`.
    InForm,
    /// In the header, as HTTP Basic.
    BasicHeader,
}

/// For CRMs that take data calls at `base_url` only.
pub(crate) fn no_data_address(
    _named: Option<&str>,
    _base_url: &Url,
) -> Result<Option<Url>, String> {
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crm_without_data_addresses_is_called_at_base_url_whatever_it_names() {
        let base = Url::parse("https://acme.service-now.com").unwrap();
        assert_eq!(
            no_data_address(Some("https://evil.example"), &base),
            Ok(None)
        );
    }
}
