//! The sessions of an organisation: access tokens, the refresh token, and how often clients log in.

use std::collections::{HashMap, VecDeque};

use super::clock;
use super::org::ORG_ID;
use super::switches::Switches;
use crate::credentials::REFRESH_TOKEN;

const HOUR_MS: i64 = 3_600_000;

/// Who is logged in.
#[derive(Debug)]
pub(super) struct Sessions {
    /// Access tokens with the time of their issue, in milliseconds since 1970.
    live: HashMap<String, i64>,
    /// The one refresh token that is good; none once it is revoked.
    refresh: Option<String>,
    logins: VecDeque<i64>,
}

impl Default for Sessions {
    fn default() -> Self {
        Self {
            live: HashMap::new(),
            refresh: Some(REFRESH_TOKEN.to_owned()),
            logins: VecDeque::new(),
        }
    }
}

impl Sessions {
    /// The refresh token that is good now; empty when it was revoked.
    pub(super) fn refresh_token(&self) -> &str {
        self.refresh.as_deref().unwrap_or_default()
    }

    pub(super) fn valid(&self, token: &str, switches: &Switches) -> bool {
        let oldest = clock::now_ms() - switches.session_seconds * 1000;
        self.live.get(token).is_some_and(|issued| *issued >= oldest)
    }

    pub(super) fn expire_all(&mut self) {
        self.live.clear();
    }

    /// When `token` was issued, in milliseconds since 1970; `None` when it is not known.
    pub(super) fn issued_at(&self, token: &str) -> Option<i64> {
        self.live.get(token).copied()
    }

    /// Ends the session of an access token; whether there was one.
    pub(super) fn end(&mut self, token: &str) -> bool {
        self.live.remove(token).is_some()
    }

    /// Revokes the refresh token, and with it every session.
    pub(super) fn revoke_refresh(&mut self) {
        self.refresh = None;
        self.live.clear();
    }

    pub(super) fn issue(&mut self) -> String {
        let token = format!("{ORG_ID}!AQ{}", random_text());
        self.live.insert(token.clone(), clock::now_ms());
        token
    }

    /// A new refresh token; the old one is dead at once.
    pub(super) fn issue_refresh(&mut self) -> String {
        let token = format!("5Aep{}", random_text());
        self.refresh = Some(token.clone());
        token
    }

    pub(super) fn too_many_logins(&mut self, limit: usize) -> bool {
        let now = clock::now_ms();
        self.logins.push_back(now);
        while self.logins.front().is_some_and(|at| *at < now - HOUR_MS) {
            self.logins.pop_front();
        }
        self.logins.len() > limit
    }
}

fn random_text() -> String {
    uuid::Uuid::new_v4().simple().to_string()
}
