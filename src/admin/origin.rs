//! From which page a browser makes a request, as it says itself.

use axum::http::HeaderMap;
use axum::http::header::{HOST, HeaderName, ORIGIN};

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Whether a browser says that a page of another origin made the request.
pub(super) fn comes_from_elsewhere(headers: &HeaderMap) -> bool {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let other_site = matches!(text(SEC_FETCH_SITE), Some("cross-site" | "same-site"));
    let other_origin = headers.contains_key(ORIGIN)
        && text(ORIGIN).and_then(|origin| origin.split_once("://").map(|(_, host)| host))
            != text(HOST);
    other_site || other_origin
}

/// Whether a page of this listener sent the form. A browser says so by one of two headers; without
/// both it is refused, because then nobody knows.
pub(super) fn is_our_form(headers: &HeaderMap) -> bool {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    match text(SEC_FETCH_SITE) {
        Some(site) => site == "same-origin",
        None => {
            let origin = text(ORIGIN).and_then(|origin| origin.split_once("://"));
            origin.is_some_and(|(_, host)| Some(host) == text(HOST))
        }
    }
}

/// Whether another site led the browser here, so that it has left its cookie out.
pub(super) fn follows_a_link(headers: &HeaderMap) -> bool {
    headers
        .get(SEC_FETCH_SITE)
        .is_some_and(|site| site == "cross-site")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(HeaderName, &'static str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| (name.clone(), value.parse().unwrap()))
            .collect()
    }

    #[test]
    fn a_change_from_a_foreign_page_is_recognised() {
        let host = (HOST, "localhost:9090");
        let same = [host.clone(), (ORIGIN, "http://localhost:9090")];
        assert!(!comes_from_elsewhere(&headers(&same)));
        assert!(!comes_from_elsewhere(&headers(std::slice::from_ref(&host))));
        for foreign in ["http://evil.example", "null", "http://localhost:8080"] {
            let pairs = [host.clone(), (ORIGIN, foreign)];
            assert!(comes_from_elsewhere(&headers(&pairs)), "{foreign}");
        }
        assert!(comes_from_elsewhere(&headers(&[
            host,
            (SEC_FETCH_SITE, "cross-site")
        ])));
    }

    #[test]
    fn a_form_is_ours_only_when_the_browser_says_so() {
        let host = (HOST, "ringdown:9090");
        for ours in [
            vec![host.clone(), (ORIGIN, "http://ringdown:9090")],
            // A proxy has changed the host, and the browser compared with the name it knows.
            vec![
                host.clone(),
                (ORIGIN, "https://ringdown.example.com"),
                (SEC_FETCH_SITE, "same-origin"),
            ],
        ] {
            assert!(is_our_form(&headers(&ours)), "{ours:?}");
        }
        for foreign in [
            vec![host.clone()],
            vec![host.clone(), (ORIGIN, "null")],
            vec![host.clone(), (ORIGIN, "http://evil.example")],
            vec![
                host.clone(),
                (ORIGIN, "http://ringdown:9090"),
                (SEC_FETCH_SITE, "same-site"),
            ],
        ] {
            assert!(!is_our_form(&headers(&foreign)), "{foreign:?}");
        }
    }
}
