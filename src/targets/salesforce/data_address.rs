//! Whether the address a token answer names for data calls may be sent the token.
//!
//! Salesforce answers an `instance_url` that need not be the configured address: My Domain
//! names change, sandboxes move. It is used when it is one of the vendor's domains or the
//! configured host itself, by HTTPS. A stricter rule (the same registered name) would refuse
//! tokens got from `login.salesforce.com`; a looser one would let an answer send the token
//! anywhere.
//!
//! Pure.

use url::{Host, Url};

/// Salesforce's own domains, under which every org has its name.
const SALESFORCE_DOMAINS: [&str; 2] = [".salesforce.com", ".force.com"];

/// The address for data calls, where one is named and may be used. An error holds the address
/// that may not be used, for the message.
pub(super) fn checked(named: Option<&str>, base_url: &Url) -> Result<Option<Url>, String> {
    let Some(named) = named else {
        return Ok(None);
    };
    let url = Url::parse(named).map_err(|_| "something that is no address".to_owned())?;
    if !is_plausible(&url, base_url) {
        return Err(url.origin().ascii_serialization());
    }
    let mut origin = url;
    origin.set_path("/");
    origin.set_query(None);
    origin.set_fragment(None);
    Ok(Some(origin))
}

fn is_plausible(url: &Url, base_url: &Url) -> bool {
    if !url.username().is_empty() || url.password().is_some() {
        return false;
    }
    let is_local = is_loopback(url) && is_loopback(base_url);
    let host = url.host_str().unwrap_or_default();
    let is_theirs = SALESFORCE_DOMAINS
        .iter()
        .any(|domain| host.ends_with(domain));
    let is_configured = url.host() == base_url.host() && url.host().is_some();
    match url.scheme() {
        "https" => is_theirs || is_configured || is_local,
        "http" => is_local,
        _ => false,
    }
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(named: &str, base_url: &str) -> Result<Option<String>, String> {
        let base_url = Url::parse(base_url).unwrap();
        let checked = checked(Some(named), &base_url);
        checked.map(|url| url.map(String::from))
    }

    const ORG: &str = "https://acme.my.salesforce.com";

    #[test]
    fn an_org_may_name_another_of_the_vendors_addresses() {
        let moved = "https://acme--uat.sandbox.my.salesforce.com/path?x";
        assert_eq!(
            verdict(moved, ORG).unwrap().unwrap(),
            "https://acme--uat.sandbox.my.salesforce.com/"
        );
    }

    #[test]
    fn an_address_elsewhere_is_refused_and_named() {
        for elsewhere in [
            "https://salesforce.com.evil.example",
            "https://evilsalesforce.com",
            "https://192.0.2.1",
            "https://127.0.0.1",
            "http://acme.my.salesforce.com",
            "ftp://acme.my.salesforce.com",
            "https://user@acme.my.salesforce.com",
        ] {
            let named = verdict(elsewhere, ORG).unwrap_err();
            assert!(named.contains("://"), "{named}");
        }
    }

    #[test]
    fn a_gateway_may_name_itself() {
        let gateway = "https://crm.acme.example:8443";
        assert!(verdict(gateway, gateway).is_ok());
    }

    #[test]
    fn a_local_simulator_may_be_without_tls() {
        assert!(verdict("http://127.0.0.1:9", "http://localhost:8").is_ok());
    }
}
