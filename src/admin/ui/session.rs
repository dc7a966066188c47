//! Who is signed in. Sessions are kept in memory: a restart signs everybody out.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::http::HeaderMap;
use axum::http::header::COOKIE;
use sha2::{Digest, Sha256};

use crate::admin::Actor;
use crate::domain::time::Timestamp;

/// How long a person stays signed in: a shift.
pub(super) const LIFETIME: Duration = Duration::from_secs(12 * 3600);
/// Sessions at the same time; beyond it the oldest one ends.
const MAX_SESSIONS: usize = 500;
/// Sessions of one token at the same time; beyond it its oldest one ends, so that whoever signs in
/// again and again does not end those of others.
const MAX_OF_ONE: usize = 50;

pub(super) const COOKIE_NAME: &str = "ringdown_session";

/// Only digests are kept: what can be read from memory is no session.
type Key = [u8; 32];

#[derive(Debug, Clone)]
struct Session {
    actor: Actor,
    began: Timestamp,
}

#[derive(Debug, Default)]
pub(super) struct Sessions {
    open: Mutex<HashMap<Key, Session>>,
}

impl Sessions {
    /// A new session of `actor`; answers its id, which only the browser keeps.
    pub(super) fn begin(&self, actor: Actor, now: Timestamp) -> String {
        let id = hex::encode(rand::random::<[u8; 32]>());
        let mut open = self.open();
        open.retain(|_, session| session.is_valid(now));
        make_room(
            &mut open,
            |session| session.actor.name == actor.name,
            MAX_OF_ONE,
        );
        make_room(&mut open, |_| true, MAX_SESSIONS);
        open.insert(key(&id), Session { actor, began: now });
        id
    }

    /// Who the session `id` is of; `None` when it is over or never was.
    pub(super) fn actor(&self, id: &str, now: Timestamp) -> Option<Actor> {
        let open = self.open();
        let session = open.get(&key(id)).filter(|session| session.is_valid(now))?;
        Some(session.actor.clone())
    }

    pub(super) fn end(&self, id: &str) {
        self.open().remove(&key(id));
    }

    fn open(&self) -> MutexGuard<'_, HashMap<Key, Session>> {
        // A session is put in or taken out whole.
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Session {
    /// One that seems to have begun in the future is of a clock that was set back.
    fn is_valid(&self, now: Timestamp) -> bool {
        self.began <= now && now < self.began.plus(LIFETIME)
    }
}

fn key(id: &str) -> Key {
    Sha256::digest(id.as_bytes()).into()
}

/// Ends the oldest of the sessions that `counts` until fewer than `most` are left.
fn make_room(open: &mut HashMap<Key, Session>, counts: impl Fn(&Session) -> bool, most: usize) {
    while open.values().filter(|session| counts(session)).count() >= most {
        let counted = open.iter().filter(|(_, session)| counts(session));
        let oldest = counted.min_by_key(|(_, session)| session.began);
        let Some(oldest) = oldest.map(|(key, _)| *key) else {
            return;
        };
        open.remove(&oldest);
    }
}

/// The id of the session in the cookie.
pub(super) fn session_id(headers: &HeaderMap) -> Option<&str> {
    headers
        .get_all(COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|cookies| cookies.split(';'))
        .filter_map(|cookie| cookie.trim().split_once('='))
        .find(|(name, _)| *name == COOKIE_NAME)
        .map(|(_, id)| id)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Role;

    const NOW: Timestamp = Timestamp::from_millis(1_795_442_850_000);

    fn actor(name: &str) -> Actor {
        Actor {
            name: name.into(),
            role: Role::Viewer,
        }
    }

    #[test]
    fn a_session_ends_after_its_time_and_when_it_is_ended() {
        let sessions = Sessions::default();
        let id = sessions.begin(actor("ops"), NOW);
        assert_eq!(sessions.actor(&id, NOW), Some(actor("ops")));
        assert_eq!(sessions.actor("00", NOW), None);
        assert_eq!(sessions.actor(&id, NOW.plus(LIFETIME)), None);
        let earlier = NOW.minus(Duration::from_secs(1));
        assert_eq!(sessions.actor(&id, earlier), None, "the clock was set back");
        sessions.end(&id);
        assert_eq!(sessions.actor(&id, NOW), None);
    }

    #[test]
    fn who_signs_in_again_and_again_ends_only_sessions_of_the_same_token() {
        let sessions = Sessions::default();
        let other = sessions.begin(actor("ops"), NOW);
        let first = sessions.begin(actor("wall"), NOW);
        let later = NOW.plus(Duration::from_secs(1));
        for _ in 0..2 * MAX_SESSIONS {
            sessions.begin(actor("wall"), later);
        }
        assert_eq!(sessions.actor(&first, later), None);
        assert!(sessions.actor(&other, later).is_some());
        assert_eq!(sessions.open().len(), MAX_OF_ONE + 1);
    }
}
