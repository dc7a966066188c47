//! HTTP to a daemon: where it is, and what is said when it does not answer.

use std::error::Error;

use url::Url;

use super::outcome::Failed;

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

/// No answer came from `url`.
pub(super) fn no_answer(url: &Url, error: &reqwest::Error) -> Failed {
    Failed::not_fine(format!(
        "no answer from {url}: {}\nIs the daemon running there? --url or RINGDOWN_URL says where it is.",
        innermost(error)
    ))
}

/// The cause that all others came from.
pub(super) fn innermost(error: &dyn Error) -> String {
    let mut cause = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
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
