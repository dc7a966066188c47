//! What a value can be beyond plain TOML: durations, addresses, URLs, names out of a list,
//! expressions and templates. Each function is one type, for every key that has it.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use config::ValueKind;
use ipnet::IpNet;
use url::{Host, Url};

use super::entry::{Entry, Fault};
use crate::rules::{BadExpression, BadTemplate, Expression, Template, nearest};

/// Ten years: far above every sensible setting, far below what arithmetic on times can hold.
const LONGEST: Duration = Duration::from_secs(10 * 366 * 24 * 60 * 60);

pub(super) fn text(entry: &Entry<'_>) -> Result<String, Fault> {
    entry.text().map(str::to_owned)
}

/// `"60s"`, `"2m"`, `"30d"`.
pub(super) fn duration(entry: &Entry<'_>) -> Result<Duration, Fault> {
    let unitless = |number: &str| {
        let reason =
            format!("{number} has no unit; write \"{number}s\", \"{number}m\" or \"{number}ms\"");
        Fault::suggesting(reason, Some(format!("\"{number}s\"")))
    };
    let text = match &entry.value.kind {
        ValueKind::I64(number) => return Err(unitless(&number.to_string())),
        ValueKind::Float(number) => return Err(unitless(&number.to_string())),
        _ => entry.text()?.trim(),
    };
    if text.parse::<u64>().is_ok_and(|number| number > 0) {
        return Err(unitless(text));
    }
    let span = humantime::parse_duration(text).map_err(|error| {
        Fault::from(format!(
            "`{text}` is not a duration such as \"60s\", \"2m\" or \"30d\": {error}"
        ))
    })?;
    if span > LONGEST {
        return Err(format!("{text} is longer than ten years").into());
    }
    Ok(span)
}

/// A duration longer than nothing.
pub(super) fn positive_duration(entry: &Entry<'_>) -> Result<Duration, Fault> {
    let span = duration(entry)?;
    if span.is_zero() {
        return Err("must be longer than zero".into());
    }
    Ok(span)
}

/// A whole number from `least` to `most`.
pub(super) fn whole<T>(least: u32, most: u32) -> impl Fn(&Entry<'_>) -> Result<T, Fault>
where
    T: TryFrom<u32>,
{
    move |entry| {
        let number = entry.integer()?;
        u32::try_from(number)
            .ok()
            .filter(|number| (least..=most).contains(number))
            .and_then(|number| T::try_from(number).ok())
            .ok_or_else(|| format!("must be from {least} to {most}, but is {number}").into())
    }
}

/// A number from `least` to `most`.
pub(super) fn number(least: f64, most: f64) -> impl Fn(&Entry<'_>) -> Result<f64, Fault> {
    move |entry| {
        let number = entry.number()?;
        if (least..=most).contains(&number) {
            return Ok(number);
        }
        Err(format!("must be from {least:?} to {most:?}, but is {number:?}").into())
    }
}

/// One of a few words.
pub(super) fn one_of<T: Clone>(
    choices: &'static [(&'static str, T)],
) -> impl Fn(&Entry<'_>) -> Result<T, Fault> {
    move |entry| {
        let word = entry.text()?;
        let found = choices.iter().find(|(name, _)| *name == word);
        found.map(|(_, choice)| choice.clone()).ok_or_else(|| {
            let names = || choices.iter().map(|(name, _)| *name);
            let list = names().collect::<Vec<_>>().join(", ");
            Fault::suggesting(
                format!("`{word}` is none of {list}"),
                nearest(&word.to_lowercase(), names()),
            )
        })
    }
}

/// A list, each of whose entries is read by `parse`. Stops at the first that is wrong.
pub(super) fn list<T>(
    parse: impl Fn(&Entry<'_>) -> Result<T, Fault>,
) -> impl Fn(&Entry<'_>) -> Result<Vec<T>, Fault> {
    move |entry| {
        let items = entry.list()?;
        let numbered = items.iter().enumerate();
        numbered
            .map(|(index, item)| {
                parse(item).map_err(|fault| Fault {
                    reason: format!("entry {}: {}", index + 1, fault.reason),
                    ..fault
                })
            })
            .collect()
    }
}

/// A list with at least one entry.
pub(super) fn some<T>(
    parse: impl Fn(&Entry<'_>) -> Result<T, Fault>,
) -> impl Fn(&Entry<'_>) -> Result<Vec<T>, Fault> {
    let list = list(parse);
    move |entry| {
        let items = list(entry)?;
        if items.is_empty() {
            return Err("must have at least one entry".into());
        }
        Ok(items)
    }
}

/// A name that must be one of `known`, which are called `what`.
pub(super) fn known_name<'k>(
    what: &'k str,
    known: &'k [String],
) -> impl Fn(&Entry<'_>) -> Result<String, Fault> + 'k {
    move |entry| {
        let name = entry.text()?;
        if known.iter().any(|known| known == name) {
            return Ok(name.to_owned());
        }
        let suggestion = nearest(name, known.iter().map(String::as_str));
        Err(Fault::suggesting(
            format!("there is no {what} `{name}`"),
            suggestion,
        ))
    }
}

pub(super) fn socket_address(entry: &Entry<'_>) -> Result<SocketAddr, Fault> {
    let text = entry.text()?;
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

/// A network in CIDR notation, or one address.
pub(super) fn network(entry: &Entry<'_>) -> Result<IpNet, Fault> {
    let text = entry.text()?;
    let network = text.parse::<IpNet>();
    network
        .or_else(|error| text.parse::<IpAddr>().map(IpNet::from).map_err(|_| error))
        .map_err(|_| format!("`{text}` is not a network such as 10.0.0.0/8").into())
}

/// An https URL without credentials; plain http to this machine only.
pub(super) fn url(entry: &Entry<'_>) -> Result<Url, Fault> {
    let text = entry.text()?;
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

/// The name of an HTTP header, in lower case.
pub(super) fn header_name(entry: &Entry<'_>) -> Result<String, Fault> {
    let name = entry.text()?;
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if !name.chars().all(plain) {
        return Err(format!("`{name}` is not a header's name").into());
    }
    Ok(name.to_ascii_lowercase())
}

pub(super) fn expression(entry: &Entry<'_>) -> Result<Expression, Fault> {
    Expression::parse(entry.text()?).map_err(|error| match error {
        BadExpression::UnknownName { name, suggestion } => {
            Fault::suggesting(format!("unknown name `{name}`"), suggestion)
        }
        other => other.to_string().into(),
    })
}

pub(super) fn template(entry: &Entry<'_>) -> Result<Template, Fault> {
    Template::parse(entry.text()?).map_err(|error| match error {
        BadTemplate::UnknownName { name, suggestion } => {
            Fault::suggesting(format!("unknown name `{name}`"), suggestion)
        }
        BadTemplate::Syntax(_) => error.to_string().into(),
    })
}
