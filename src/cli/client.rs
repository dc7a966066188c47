//! HTTP to a daemon: where it is, and what is said when it does not answer.

use std::time::Duration;

use url::Url;

use super::outcome::Failed;
use super::{Global, config};
use crate::outbound::{CallError, Client};
use crate::settings::Loader;
use crate::targets;

/// Where the admin listener is when nobody says otherwise.
const DEFAULT_URL: &str = "http://127.0.0.1:9090";

/// The address of the daemon's admin listener: `url`, or the one that the configuration gives.
pub(super) fn base(url: Option<&str>, global: &Global) -> Result<Url, Failed> {
    match url {
        Some(url) => {
            readable(global)?;
            address(url)
        }
        None => address(&configured(global)?),
    }
}

/// Refuses a file that was asked for and cannot be read, also where it is not needed: it is a slip.
fn readable(global: &Global) -> Result<(), Failed> {
    let asked_for = global.config.iter().filter(|_| global.is_config_named);
    for file in asked_for {
        std::fs::File::open(file).map_err(|error| {
            Failed::usage(format!("{} cannot be read: {error}", file.display()))
        })?;
    }
    Ok(())
}

/// The address that the configuration gives; secrets need not be here. A file that was asked for
/// and cannot be used is an error: the daemon at the usual address may be another one. The one in
/// the working directory is only a guess, so the default stands in for it.
fn configured(global: &Global) -> Result<String, Failed> {
    let mut loader = Loader::from_process(global.config.clone(), targets::profiles());
    loader.offline = true;
    match loader.load() {
        Ok(loaded) => {
            let mut address = loaded.settings.admin.listen;
            if address.ip().is_unspecified() {
                address.set_ip(std::net::Ipv4Addr::LOCALHOST.into());
            }
            Ok(format!("http://{address}"))
        }
        Err(error) if global.is_config_named => Err(config::refused(&error)),
        Err(_) => Ok(DEFAULT_URL.to_owned()),
    }
}

/// Reads the address of a daemon.
///
/// An address that is not one is wrong usage.
pub(super) fn address(text: &str) -> Result<Url, Failed> {
    Url::parse(text)
        .ok()
        .filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
        .ok_or_else(|| {
            Failed::usage(format!(
                "--url {text:?} is not an address such as http://127.0.0.1:9090"
            ))
        })
}

/// `base` with `segments` after its path; each is one segment, whatever is in it.
pub(super) fn below(base: &Url, segments: &[&str]) -> Url {
    let mut url = base.clone();
    if let Ok(mut path) = url.path_segments_mut() {
        path.pop_if_empty().extend(segments);
    }
    url
}

/// A client of a daemon, whose calls take at most `timeout`.
pub(super) fn http(timeout: Duration) -> Result<Client, Failed> {
    Client::of_own_daemon(timeout)
        .map_err(|error| Failed::usage(format!("TLS cannot be set up: {error}")))
}

/// No answer came from `url`.
pub(super) fn no_answer(url: &Url, error: &CallError) -> Failed {
    Failed::not_fine(format!(
        "no answer from {url}: {}\nIs the daemon running there? --url or RINGDOWN_URL says where it is.",
        innermost(error)
    ))
}

/// The cause that all others came from, which stands last.
fn innermost(error: &CallError) -> String {
    let text = error.to_string();
    text.rsplit(": ").next().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_one_segment_whatever_is_in_it() {
        let base = address("http://127.0.0.1:9090/behind/").unwrap();
        let url = below(&base, &["api", "v1", "review", "../config?x#y"]);
        assert_eq!(
            url.as_str(),
            "http://127.0.0.1:9090/behind/api/v1/review/..%2Fconfig%3Fx%23y"
        );
    }

    #[test]
    fn what_is_no_http_address_is_wrong_usage() {
        for text in ["nonsense", "localhost:9090", "file:///etc/passwd", ""] {
            assert!(address(text).is_err(), "{text:?}");
        }
    }
}
