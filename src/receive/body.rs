//! A request's body: the check of its headers, and reading it whole up to its limit.

use axum::body::{Body, Bytes, HttpBody};
use axum::http::HeaderMap;
use axum::http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE};
use http_body_util::BodyExt;

use super::request_limiter::{Rejected, RequestPermit};

/// Why a body was not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BodyFault {
    /// Compressed, so that its content cannot be told.
    Compressed,
    /// Longer than allowed.
    TooLong,
    /// The connection broke or the framing is wrong.
    Broken,
    /// It was too slow, or there was no room for it.
    Rejected(Rejected),
}

impl From<Rejected> for BodyFault {
    fn from(dropped: Rejected) -> Self {
        Self::Rejected(dropped)
    }
}

/// Checks a body by its headers: not declared longer than `max` bytes.
pub(super) fn check_length(headers: &HeaderMap, max: usize) -> Result<(), BodyFault> {
    let declared = headers
        .get(CONTENT_LENGTH)
        .and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    match declared {
        Some(length) if length > max as u64 => Err(BodyFault::TooLong),
        _ => Ok(()),
    }
}

/// The same, and not compressed.
pub(super) fn check_plain(headers: &HeaderMap, max: usize) -> Result<(), BodyFault> {
    if is_compressed(headers) {
        return Err(BodyFault::Compressed);
    }
    check_length(headers, max)
}

/// Reads `body` to its end, at most `max` bytes. `permit` counts its memory. A body that arrived in
/// one piece is not copied.
pub(super) async fn read(
    body: &mut Body,
    max: usize,
    permit: &mut RequestPermit<'_>,
) -> Result<Bytes, BodyFault> {
    let declared = body.size_hint().upper();
    let declared = declared.and_then(|length| usize::try_from(length).ok());
    let whole = match permit.wait(next_piece(body)).await?? {
        None => Bytes::new(),
        Some(first) if body.is_end_stream() => {
            if first.len() > max {
                return Err(BodyFault::TooLong);
            }
            permit.take_memory(first.len())?;
            first
        }
        // Boxed, because it is rare: it would enlarge the future of every request.
        Some(first) => Box::pin(gather(first, body, max, declared.unwrap_or(max), permit)).await?,
    };
    permit.arrived()?;
    Ok(whole)
}

/// Reads on after the `first` piece. Memory grows with the received bytes: a length that is only
/// `declared` takes none.
async fn gather(
    first: Bytes,
    body: &mut Body,
    max: usize,
    declared: usize,
    permit: &mut RequestPermit<'_>,
) -> Result<Bytes, BodyFault> {
    let mut whole = Vec::new();
    let mut next = Some(first);
    while let Some(piece) = next {
        let length = whole.len() + piece.len();
        if length > max {
            return Err(BodyFault::TooLong);
        }
        if length > whole.capacity() {
            let capacity = (whole.capacity() * 2).min(declared).max(length);
            permit.take_memory(capacity - whole.capacity())?;
            whole.reserve_exact(capacity - whole.len());
        }
        whole.extend_from_slice(&piece);
        drop(piece);
        next = permit.wait(next_piece(body)).await??;
    }
    Ok(whole.into())
}

async fn next_piece(body: &mut Body) -> Result<Option<Bytes>, BodyFault> {
    while let Some(frame) = body.frame().await {
        // Trailers are of no interest.
        if let Ok(piece) = frame.map_err(|_| BodyFault::Broken)?.into_data() {
            return Ok(Some(piece));
        }
    }
    Ok(None)
}

/// `application/json` or any `+json`, with any parameters.
pub(super) fn is_json(headers: &HeaderMap) -> bool {
    let Some(value) = headers.get(CONTENT_TYPE) else {
        return false;
    };
    let Ok(text) = value.to_str() else {
        return false;
    };
    let essence = text.split(';').next().unwrap_or_default().trim();
    let suffix = essence.len().checked_sub("+json".len());
    essence.eq_ignore_ascii_case("application/json")
        || suffix
            .and_then(|at| essence.split_at_checked(at))
            .is_some_and(|(kind, suffix)| {
                kind.contains('/') && suffix.eq_ignore_ascii_case("+json")
            })
}

/// Whether a body is declared as compressed.
pub(super) fn is_compressed(headers: &HeaderMap) -> bool {
    headers
        .get(CONTENT_ENCODING)
        .is_some_and(|encoding| !encoding.as_bytes().eq_ignore_ascii_case(b"identity"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::receive::origin::Origin;
    use crate::receive::request_limiter::RequestLimiter;

    fn judged(headers: &[(axum::http::HeaderName, &'static str)]) -> Result<(), BodyFault> {
        let headers = headers
            .iter()
            .map(|(name, value)| (name.clone(), value.parse().unwrap()))
            .collect();
        check_plain(&headers, 100)
    }

    #[test]
    fn json_is_any_json_media_type_with_any_parameters() {
        let is_json = |text: &'static str| {
            let value = axum::http::HeaderValue::from_static(text);
            super::is_json(&HeaderMap::from_iter([(CONTENT_TYPE, value)]))
        };
        for good in [
            "application/json",
            "Application/JSON; charset=utf-8",
            "application/cloudevents+json",
            "application/vnd.x+JSON;v=1",
        ] {
            assert!(is_json(good), "{good}");
        }
        for bad in [
            "text/plain",
            "application/jsonp",
            "json",
            "+json",
            "",
            "text/html; x=+json",
        ] {
            assert!(!is_json(bad), "{bad}");
        }
        assert!(!super::is_json(&HeaderMap::new()));
    }

    #[test]
    fn a_compressed_body_is_not_taken_for_json() {
        let json = (CONTENT_TYPE, "application/json");
        assert_eq!(
            judged(&[json.clone(), (CONTENT_ENCODING, "identity")]),
            Ok(())
        );
        assert_eq!(
            judged(&[json, (CONTENT_ENCODING, "gzip")]),
            Err(BodyFault::Compressed)
        );
    }

    #[tokio::test]
    async fn a_body_in_many_pieces_is_bounded_as_a_whole() {
        let pieces = |count: usize| {
            Body::from_stream(futures::stream::iter(
                (0..count).map(|_| Ok::<_, std::io::Error>(Bytes::from_static(b"0123456789"))),
            ))
        };
        let limiter = RequestLimiter::small(1, 1_000, 1);
        let headers = HeaderMap::new();
        let read_whole = async |count| {
            let mut permit = limiter
                .acquire(0, Origin::of([127, 0, 0, 1].into(), &headers))
                .unwrap();
            read(&mut pieces(count), 30, &mut permit).await
        };
        assert_eq!(read_whole(3).await.unwrap().len(), 30);
        assert_eq!(read_whole(4).await, Err(BodyFault::TooLong));
        assert_eq!(read_whole(0).await, Ok(Bytes::new()));
    }
}
