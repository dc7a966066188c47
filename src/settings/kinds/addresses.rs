//! Addresses: of listeners, networks, hosts and HTTP services.

use std::net::{IpAddr, SocketAddr};

use ipnet::IpNet;
use url::{Host, Url};

use super::texts::{parsed, text_called};
use crate::settings::declare::Kind;
use crate::settings::read::Fault;

/// An address on which to listen.
pub(crate) fn socket_address() -> Kind<SocketAddr> {
    parsed("address with port", parse_socket_address)
}

/// A network in CIDR notation, or one address.
pub(crate) fn network() -> Kind<IpNet> {
    parsed("network", parse_network)
}

/// The ARN of a topic of Amazon SNS.
pub(crate) fn topic_arn() -> Kind<String> {
    text_called("topic ARN", |text| {
        let parts: Vec<&str> = text.split(':').collect();
        let is_arn = match parts.as_slice() {
            ["arn", partition, "sns", region, account, name] => {
                let is_account = account.bytes().all(|byte| byte.is_ascii_digit());
                partition.starts_with("aws")
                    && !region.is_empty()
                    && account.len() == 12
                    && is_account
                    && !name.is_empty()
            }
            _ => false,
        };
        match is_arn {
            true => Ok(()),
            false => Err(format!(
                "{text:?} is not the ARN of an SNS topic, such as \
                 arn:aws:sns:eu-central-1:123456789012:genesys"
            )
            .into()),
        }
    })
}

/// An https URL without credentials; plain http to this machine only.
pub(crate) fn url() -> Kind<Url> {
    parsed("URL", parse_url)
}

/// The address of a target: an [`url()`] without a path.
pub(crate) fn base_url() -> Kind<Url> {
    url()
        .called("URL without a path")
        .check(|entry, url| match entry.reading.crm_at(&entry.path) {
            Some(crm) => Ok((crm.check_base_url)(url)?),
            None => Ok(()),
        })
        .check(|_, url| {
            if url.path() == "/" && url.query().is_none() && url.fragment().is_none() {
                return Ok(());
            }
            Err(Fault::suggesting(
                "must be an address without a path",
                Some(url.origin().ascii_serialization()),
            ))
        })
}

/// The name of an HTTP header, in lower case.
pub(crate) fn header_name() -> Kind<String> {
    parsed("header name", parse_header_name)
}

/// The name of a host without scheme and port, or `*.` before one.
pub(crate) fn host_name() -> Kind<String> {
    text_called("name", |name| {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        let mut labels = name.strip_prefix("*.").unwrap_or(name).split('.');
        if labels.all(|label| !label.is_empty() && label.bytes().all(plain)) {
            return Ok(());
        }
        Err(format!(
            "`{name}` is not a name such as ringdown.example.com or *.svc.cluster.local, without \
             scheme and port"
        )
        .into())
    })
}

fn parse_socket_address(text: &str) -> Result<SocketAddr, Fault> {
    text.parse().map_err(|_| {
        let port = text
            .strip_prefix(':')
            .filter(|port| port.parse::<u16>().is_ok());
        let suggestion = match text.strip_prefix("localhost:") {
            Some(port) => Some(format!("127.0.0.1:{port}")),
            None => port.map(|port| format!("0.0.0.0:{port}")),
        };
        let reason = format!("`{text}` is not an IP address with a port, such as 127.0.0.1:8080");
        Fault::suggesting(reason, suggestion)
    })
}

fn parse_network(text: &str) -> Result<IpNet, Fault> {
    let network = text.parse::<IpNet>();
    network
        .or_else(|error| text.parse::<IpAddr>().map(IpNet::from).map_err(|_| error))
        .map_err(|_| format!("`{text}` is not a network such as 10.0.0.0/8").into())
}

fn parse_url(text: &str) -> Result<Url, Fault> {
    let url = Url::parse(text).map_err(|error| {
        let missing = text.contains('.') && !text.contains("://");
        let suggestion = missing.then(|| format!("https://{text}"));
        Fault::suggesting(format!("is not a URL: {error}"), suggestion)
    })?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err("holds a user name or password; they belong in `auth`".into());
    }
    match url.scheme() {
        "https" => Ok(url),
        "http" if is_loopback(&url) => Ok(url),
        "http" => {
            let reason =
                "http sends credentials in the clear, and is accepted for loopback addresses only";
            Err(Fault::suggesting(
                reason,
                Some(text.replacen("http:", "https:", 1)),
            ))
        }
        other => Err(format!("must begin with https://, not {other}:").into()),
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

fn parse_header_name(name: &str) -> Result<String, Fault> {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if !name.chars().all(plain) {
        return Err(format!("`{name}` is not a header's name").into());
    }
    Ok(name.to_ascii_lowercase())
}
