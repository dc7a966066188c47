//! Compressed bodies of answers: gzip and deflate, asked for or not, labelled or not.
//!
//! Pure.

use std::io::Read;

use axum::http::HeaderMap;
use axum::http::header::CONTENT_ENCODING;
use bytes::Bytes;
use flate2::read::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};

/// What is asked for.
pub(super) const ACCEPTED: &str = "gzip, deflate";

/// Bodies are compressed once; a second time by mistake.
const MAX_LAYERS: usize = 3;

/// What a gzip member begins with. No text begins so, and no text in an encoding of characters.
const GZIP_MARK: [u8; 3] = [0x1f, 0x8b, 8];

/// The body would be longer than is allowed.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct TooLong;

/// `body` without the compression that it has, at most `longest` bytes. The bytes tell about gzip:
/// headers are lost on the way, or left although a proxy has decompressed the body. What cannot be
/// decompressed stays as it is.
pub(super) fn decoded(headers: &HeaderMap, body: Bytes, longest: usize) -> Result<Bytes, TooLong> {
    let mut body = body;
    let mut is_deflated = says_deflate(headers);
    for _ in 0..MAX_LAYERS {
        let plain = if body.starts_with(&GZIP_MARK) {
            read(MultiGzDecoder::new(&body[..]), longest)?
        } else if is_deflated {
            is_deflated = false;
            // Some servers leave the frame out that the standard wants.
            match read(ZlibDecoder::new(&body[..]), longest)? {
                Some(plain) => Some(plain),
                None => read_whole(DeflateDecoder::new(&body[..]), longest)?,
            }
        } else {
            None
        };
        match plain {
            Some(plain) => body = plain,
            None => break,
        }
    }
    Ok(body)
}

fn says_deflate(headers: &HeaderMap) -> bool {
    let mut encodings = headers.get_all(CONTENT_ENCODING).iter();
    encodings.any(|value| {
        let names = value.to_str().unwrap_or_default().split(',');
        names
            .map(str::trim)
            .any(|name| name.eq_ignore_ascii_case("deflate"))
    })
}

/// What `compressed` holds; what came before an error is enough, as the words of a refusal are.
/// `None` when nothing came.
fn read(compressed: impl Read, longest: usize) -> Result<Option<Bytes>, TooLong> {
    let (plain, is_whole) = read_to_end(compressed, longest)?;
    Ok((is_whole || !plain.is_empty()).then(|| plain.into()))
}

/// The same without a frame, where any text may seem to begin well.
fn read_whole(compressed: impl Read, longest: usize) -> Result<Option<Bytes>, TooLong> {
    let (plain, is_whole) = read_to_end(compressed, longest)?;
    Ok(is_whole.then(|| plain.into()))
}

fn read_to_end(compressed: impl Read, longest: usize) -> Result<(Vec<u8>, bool), TooLong> {
    let mut plain = Vec::new();
    let most = u64::try_from(longest).unwrap_or(u64::MAX).saturating_add(1);
    let outcome = compressed.take(most).read_to_end(&mut plain);
    if plain.len() > longest {
        return Err(TooLong);
    }
    Ok((plain, outcome.is_ok()))
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use axum::http::HeaderValue;
    use flate2::Compression;
    use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};

    use super::*;

    const TEXT: &[u8] = b"[{\"errorCode\":\"X\"}]";

    fn gzip(text: &[u8]) -> Bytes {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap().into()
    }

    fn labelled(encoding: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(CONTENT_ENCODING, HeaderValue::from_static(encoding))])
    }

    fn plain(encoding: &'static str, body: Bytes) -> Bytes {
        decoded(&labelled(encoding), body, 1000).unwrap()
    }

    #[test]
    fn gzip_is_decompressed_however_it_is_labelled_and_how_often() {
        for encoding in ["gzip", "x-gzip", "identity", "", "gzip, gzip"] {
            assert_eq!(plain(encoding, gzip(TEXT)), TEXT, "{encoding}");
        }
        assert_eq!(plain("gzip", gzip(&gzip(TEXT))), TEXT);
        assert_eq!(plain("gzip", Bytes::from_static(TEXT)), TEXT);
    }

    #[test]
    fn deflate_is_decompressed_with_and_without_its_frame() {
        let mut framed = ZlibEncoder::new(Vec::new(), Compression::default());
        framed.write_all(TEXT).unwrap();
        assert_eq!(plain("deflate", framed.finish().unwrap().into()), TEXT);
        let mut bare = DeflateEncoder::new(Vec::new(), Compression::default());
        bare.write_all(TEXT).unwrap();
        assert_eq!(plain("deflate", bare.finish().unwrap().into()), TEXT);
        assert_eq!(plain("deflate", Bytes::from_static(TEXT)), TEXT);
    }

    #[test]
    fn the_length_is_limited_after_decompression() {
        let long = gzip(&vec![b'x'; 10_000_000]);
        assert!(long.len() < 20_000);
        assert_eq!(
            decoded(&HeaderMap::new(), long.clone(), 9_999_999),
            Err(TooLong)
        );
        let whole = decoded(&HeaderMap::new(), long, 10_000_000).unwrap();
        assert_eq!(whole.len(), 10_000_000);
    }

    #[test]
    fn what_is_broken_is_read_as_far_as_it_goes() {
        let whole = gzip(TEXT);
        let cut = whole.slice(..whole.len() - 8);
        assert_eq!(plain("gzip", cut), TEXT);
        let none = Bytes::from_static(&GZIP_MARK);
        assert_eq!(plain("gzip", none.clone()), none);
    }
}
