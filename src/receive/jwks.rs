//! The public keys of an identity provider: fetched, kept, replaced when they rotate.
//!
//! A provider that cannot be reached does not lock out senders whose keys are known: the last
//! good set stays. May import: reqwest, the file system. Must not know: tokens, requests.

use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use jsonwebtoken::jwk::{Jwk, KeyAlgorithm, PublicKeyUse};
use jsonwebtoken::{Algorithm, AlgorithmFamily, DecodingKey};
use serde::Deserialize;

use crate::clock::Clock;
use crate::domain::time::Timestamp;
use crate::outbound;
use crate::settings::JwksLocation;

/// Longest time one fetch may take; a webhook waits for it at most this long.
const FETCH_TIMEOUT: Duration = Duration::from_secs(3);

/// Longest key set that is read, in bytes.
const MAX_JWKS_BYTES: usize = 256 * 1024;

/// An unknown key id asks the provider again at most this often, so that strangers with
/// invented ids cannot make us hammer it.
const URL_PAUSE: Duration = Duration::from_secs(30);

/// A set from a URL is fetched again after this time even when no new key id turns up, so
/// that a key which the provider has withdrawn stops working.
const URL_MAX_AGE: Duration = Duration::from_secs(15 * 60);

/// A file's modification time is looked at this often at most.
const FILE_PAUSE: Duration = Duration::from_secs(60);

/// Keys that cannot be fetched at all.
#[derive(Debug, thiserror::Error)]
pub enum JwksSetupError {
    /// No HTTP client.
    #[error("no HTTP client for the keys of {location}: {problem}")]
    Client {
        /// Where the keys are.
        location: String,
        /// What is wrong.
        problem: std::io::Error,
    },
}

/// Why a key set could not be read this time.
#[derive(Debug, thiserror::Error)]
enum FetchError {
    #[error("the provider cannot be reached: {0}")]
    Http(String),
    #[error("the provider answered {0}")]
    Status(reqwest::StatusCode),
    #[error("the key set is longer than {MAX_JWKS_BYTES} bytes")]
    TooLong,
    #[error("the file cannot be read: {0}")]
    File(#[from] std::io::Error),
    #[error("the key set is not a JWKS (line {line}, column {column})")]
    Json { line: usize, column: usize },
    #[error("the key set holds no public key that can be used")]
    Empty,
}

/// What a look-up found.
pub(super) enum Lookup {
    /// Keys that may have signed the token; at least one.
    Keys(Vec<Arc<DecodingKey>>),
    /// The provider was asked and has no such key.
    Unknown,
    /// The provider could not be asked.
    Unavailable,
}

/// A provider's keys. Shared by all requests of a source.
pub(super) struct Keyring {
    location: JwksLocation,
    client: outbound::Client,
    clock: Clock,
    current: RwLock<Arc<KeySet>>,
    /// Held while asking, so that one request asks and the others wait for its answer.
    asking: tokio::sync::Mutex<Asked>,
}

#[derive(Default)]
struct KeySet {
    keys: Vec<Key>,
    read_at: Option<Timestamp>,
}

#[derive(Clone)]
struct Key {
    id: Option<String>,
    algorithm: Option<KeyAlgorithm>,
    key: Arc<DecodingKey>,
}

#[derive(Default)]
struct Asked {
    at: Option<Timestamp>,
    failed: bool,
    file_changed_at: Option<SystemTime>,
}

impl Keyring {
    pub(super) fn new(location: &JwksLocation, clock: &Clock) -> Result<Self, JwksSetupError> {
        let client =
            outbound::Client::new(FETCH_TIMEOUT).map_err(|problem| JwksSetupError::Client {
                location: name_of(location),
                problem,
            })?;
        Ok(Self {
            location: location.clone(),
            client,
            clock: clock.clone(),
            current: RwLock::default(),
            asking: tokio::sync::Mutex::default(),
        })
    }

    /// Keys for a token signed by `algorithm` with the key `id`.
    pub(super) async fn find(&self, id: Option<&str>, algorithm: Algorithm) -> Lookup {
        let known = self.snapshot();
        let found = known.matching(id, algorithm);
        let stale = self.is_older_than(known.read_at, self.max_age());
        if !found.is_empty() && !stale {
            return Lookup::Keys(found);
        }
        let failed = if found.is_empty() {
            self.ask(known.read_at).await
        } else {
            self.ask_unless_busy(known.read_at).await
        };
        match self.snapshot().matching(id, algorithm) {
            keys if !keys.is_empty() => Lookup::Keys(keys),
            _ if failed => Lookup::Unavailable,
            _ => Lookup::Unknown,
        }
    }

    /// Asks the provider, or waits for who is asking. Returns whether the last try failed.
    async fn ask(&self, seen: Option<Timestamp>) -> bool {
        let mut asked = self.asking.lock().await;
        self.ask_locked(seen, &mut asked).await
    }

    /// As [`Keyring::ask`], but nobody waits who has a key already.
    async fn ask_unless_busy(&self, seen: Option<Timestamp>) -> bool {
        match self.asking.try_lock() {
            Ok(mut asked) => self.ask_locked(seen, &mut asked).await,
            Err(_) => false,
        }
    }

    async fn ask_locked(&self, seen: Option<Timestamp>, asked: &mut Asked) -> bool {
        let replaced_meanwhile = self.snapshot().read_at != seen;
        if replaced_meanwhile || !self.is_older_than(asked.at, self.pause()) {
            return asked.failed;
        }
        let now = self.clock.now();
        // Noted before asking: a request that is given up half way must not let the next
        // one ask again at once.
        asked.at = Some(now);
        asked.failed = true;
        match self.read(asked).await {
            Ok(keys) => {
                asked.failed = false;
                self.replace(keys, now);
            }
            Err(error) => tracing::warn!(
                keys = %name_of(&self.location),
                %error,
                "keys cannot be refreshed; the last good ones stay in force"
            ),
        }
        asked.failed
    }

    /// The new keys; `None` when they are known to be unchanged.
    async fn read(&self, asked: &mut Asked) -> Result<Option<Vec<Key>>, FetchError> {
        match &self.location {
            JwksLocation::Url(url) => {
                let bytes = fetch(&self.client, url.clone()).await?;
                parse(&bytes).map(Some)
            }
            JwksLocation::File(path) => {
                let changed_at = tokio::fs::metadata(path).await?.modified()?;
                if asked.file_changed_at == Some(changed_at) {
                    return Ok(None);
                }
                let keys = parse(&read_file(path).await?)?;
                asked.file_changed_at = Some(changed_at);
                Ok(Some(keys))
            }
        }
    }

    fn replace(&self, keys: Option<Vec<Key>>, now: Timestamp) {
        let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
        let keys = keys.unwrap_or_else(|| current.keys.clone());
        *current = Arc::new(KeySet {
            keys,
            read_at: Some(now),
        });
    }

    fn snapshot(&self) -> Arc<KeySet> {
        let current = self.current.read().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(&current)
    }

    fn max_age(&self) -> Duration {
        match self.location {
            JwksLocation::Url(_) => URL_MAX_AGE,
            JwksLocation::File(_) => FILE_PAUSE,
        }
    }

    fn pause(&self) -> Duration {
        match self.location {
            JwksLocation::Url(_) => URL_PAUSE,
            JwksLocation::File(_) => FILE_PAUSE,
        }
    }

    /// Whether `then` was never, or is further than `span` from now; also backwards, because
    /// a clock that was set back must not stop refreshing.
    fn is_older_than(&self, then: Option<Timestamp>, span: Duration) -> bool {
        let now = self.clock.now();
        then.is_none_or(|then| now.since(then).max(then.since(now)) >= span)
    }
}

impl KeySet {
    /// Keys for `algorithm` with the id `id`; all of them when the token names no id.
    fn matching(&self, id: Option<&str>, algorithm: Algorithm) -> Vec<Arc<DecodingKey>> {
        self.keys
            .iter()
            .filter(|key| id.is_none() || key.id.as_deref() == id)
            .filter(|key| key.key.family() == algorithm.family())
            .filter(|key| {
                key.algorithm
                    .is_none_or(|only| only == KeyAlgorithm::from(algorithm))
            })
            .map(|key| Arc::clone(&key.key))
            .collect()
    }
}

impl From<serde_json::Error> for FetchError {
    /// Where, and not what: the parser quotes the answer.
    fn from(error: serde_json::Error) -> Self {
        Self::Json {
            line: error.line(),
            column: error.column(),
        }
    }
}

impl From<outbound::CallError> for FetchError {
    fn from(error: outbound::CallError) -> Self {
        Self::Http(error.to_string())
    }
}

async fn fetch(client: &outbound::Client, url: url::Url) -> Result<Bytes, FetchError> {
    let request = reqwest::Request::new(reqwest::Method::GET, url);
    let received = client.send(request, MAX_JWKS_BYTES).await?;
    match received.status.is_success() {
        true => Ok(received.body),
        false => Err(FetchError::Status(received.status)),
    }
}

async fn read_file(path: &Path) -> Result<Vec<u8>, FetchError> {
    let bytes = tokio::fs::read(path).await?;
    if bytes.len() > MAX_JWKS_BYTES {
        return Err(FetchError::TooLong);
    }
    Ok(bytes)
}

/// The usable keys of a JWKS. Keys of sorts we do not know are passed over, as RFC 7517
/// section 5 asks; symmetric keys are never taken, whoever publishes them.
fn parse(bytes: &[u8]) -> Result<Vec<Key>, FetchError> {
    #[derive(Deserialize)]
    struct Set {
        keys: Vec<serde_json::Value>,
    }
    let set: Set = serde_json::from_slice(bytes)?;
    let keys: Vec<Key> = set.keys.into_iter().filter_map(usable).collect();
    if keys.is_empty() {
        return Err(FetchError::Empty);
    }
    Ok(keys)
}

fn usable(value: serde_json::Value) -> Option<Key> {
    let jwk: Jwk = serde_json::from_value(value).ok()?;
    let for_signatures = matches!(
        jwk.common.public_key_use,
        None | Some(PublicKeyUse::Signature)
    );
    let key = DecodingKey::from_jwk(&jwk).ok()?;
    (for_signatures && key.family() != AlgorithmFamily::Hmac).then(|| Key {
        id: jwk.common.key_id,
        algorithm: jwk.common.key_algorithm,
        key: Arc::new(key),
    })
}

fn name_of(location: &JwksLocation) -> String {
    match location {
        JwksLocation::Url(url) => format!("{}{}", url.host_str().unwrap_or_default(), url.path()),
        JwksLocation::File(path) => path.display().to_string(),
    }
}
