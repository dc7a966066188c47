//! The public keys of an identity provider: fetched, kept, replaced when they rotate.
//!
//! A provider that cannot be reached does not lock out senders whose keys are known: the last good
//! set stays.

use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

use axum::http::StatusCode;
use bytes::Bytes;
use jsonwebtoken::{Algorithm, DecodingKey};
use tokio::sync::{Mutex, OwnedMutexGuard};

use super::key_set::{Key, KeySet, KeySetError, parse};
use crate::clock::Clock;
use crate::domain::time::Timestamp;
use crate::outbound;
use crate::settings::JwksLocation;

/// Longest time one fetch may take.
const FETCH_TIMEOUT: Duration = Duration::from_secs(3);

/// Longest time that one request waits for keys, be they of several issuers.
pub(super) const MAX_WAIT: Duration = Duration::from_secs(4);

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
    #[error("no HTTP client for the keys of {location}: {problem}")]
    Client {
        location: String,
        problem: std::io::Error,
    },
}

/// Why a key set could not be read this time.
#[derive(Debug, thiserror::Error)]
enum FetchError {
    #[error("the provider cannot be reached: {0}")]
    Http(String),
    #[error("the provider answered {0}")]
    Status(StatusCode),
    #[error("nothing was read within {} s", FETCH_TIMEOUT.as_secs())]
    TooSlow,
    #[error("the key set is longer than {MAX_JWKS_BYTES} bytes")]
    TooLong,
    #[error("the file cannot be read: {0}")]
    File(#[from] std::io::Error),
    #[error(transparent)]
    KeySet(#[from] KeySetError),
}

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
    issuer: Arc<Issuer>,
    /// Held while asking, so that one request asks and the others wait for its answer.
    asking: Arc<Mutex<Asked>>,
}

/// Where the keys are, and those that are known.
struct Issuer {
    location: JwksLocation,
    client: outbound::Client,
    clock: Clock,
    current: RwLock<Arc<KeySet>>,
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
        let issuer = Issuer {
            location: location.clone(),
            client,
            clock: clock.clone(),
            current: RwLock::default(),
        };
        Ok(Self {
            issuer: Arc::new(issuer),
            asking: Arc::default(),
        })
    }

    /// Keys for a token signed by `algorithm` with the key `id`.
    pub(super) async fn find(&self, id: Option<&str>, algorithm: Algorithm) -> Lookup {
        let known = self.issuer.snapshot();
        let found = known.matching(id, algorithm);
        let max_age = self.issuer.max_age();
        let stale = self.issuer.is_older_than(known.read_at, max_age);
        if !found.is_empty() && !stale {
            return Lookup::Keys(found);
        }
        let failed = if found.is_empty() {
            self.ask(known.read_at).await
        } else {
            self.ask_unless_busy(known.read_at).await
        };
        match self.issuer.snapshot().matching(id, algorithm) {
            keys if !keys.is_empty() => Lookup::Keys(keys),
            _ if failed => Lookup::Unavailable,
            _ => Lookup::Unknown,
        }
    }

    /// Asks the provider, or waits for another request that asks. Returns whether the last try
    /// failed.
    async fn ask(&self, seen: Option<Timestamp>) -> bool {
        let asked = Arc::clone(&self.asking).lock_owned().await;
        self.ask_locked(seen, asked).await
    }

    /// As [`Keyring::ask`], but a request that has a key already does not wait.
    async fn ask_unless_busy(&self, seen: Option<Timestamp>) -> bool {
        match Arc::clone(&self.asking).try_lock_owned() {
            Ok(asked) => self.ask_locked(seen, asked).await,
            Err(_) => false,
        }
    }

    async fn ask_locked(&self, seen: Option<Timestamp>, mut asked: OwnedMutexGuard<Asked>) -> bool {
        let issuer = Arc::clone(&self.issuer);
        let replaced_meanwhile = issuer.snapshot().read_at != seen;
        if replaced_meanwhile || !issuer.is_older_than(asked.at, issuer.pause()) {
            return asked.failed;
        }
        // A task of its own: others wait for its answer when the request that needed it first
        // is dropped.
        let asking = tokio::spawn(async move { issuer.refresh(&mut asked).await });
        asking.await.unwrap_or(true)
    }
}

impl Issuer {
    /// Reads the keys again. Returns whether that failed.
    async fn refresh(&self, asked: &mut Asked) -> bool {
        let now = self.clock.now();
        // Recorded before asking: if the call is cut off, it must not let the next request ask
        // again at once.
        asked.at = Some(now);
        asked.failed = true;
        let reading = tokio::time::timeout(FETCH_TIMEOUT, self.read(asked)).await;
        match reading.unwrap_or(Err(FetchError::TooSlow)) {
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
                Ok(Some(parse(&bytes)?))
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

impl From<outbound::InvalidRequest> for FetchError {
    fn from(error: outbound::InvalidRequest) -> Self {
        Self::Http(error.to_string())
    }
}

impl From<outbound::CallError> for FetchError {
    fn from(error: outbound::CallError) -> Self {
        Self::Http(error.to_string())
    }
}

async fn fetch(client: &outbound::Client, url: url::Url) -> Result<Bytes, FetchError> {
    let request = client.get(url).build()?;
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

fn name_of(location: &JwksLocation) -> String {
    match location {
        JwksLocation::Url(url) => format!("{}{}", url.host_str().unwrap_or_default(), url.path()),
        JwksLocation::File(path) => path.display().to_string(),
    }
}
