//! Who a request is from, and whether that is enough.
//!
//! With tokens configured a request names one of them; all are compared, each in constant
//! time. Without tokens the listener is on a loopback address and whoever reaches it is the
//! operator `local`: there a browser must not be made to act for a foreign page, so the
//! request has to be addressed to this machine, and a change must not come from elsewhere.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use axum::extract::{ConnectInfo, Request, State};
use axum::http::header::{AUTHORIZATION, HOST};
use axum::http::request::Parts;
use axum::http::{Extensions, HeaderMap};
use axum::middleware::Next;
use axum::response::Response;
use sha2::{Digest, Sha256};
use subtle::{Choice, ConditionallySelectable, ConstantTimeEq};

use super::answer::Refused;
use super::guesses::{Delays, Guesses};
use super::hosts::without_port;
use super::origin::comes_from_elsewhere;
use crate::settings::{AdminSettings, Role};
use crate::telemetry::Metrics;

/// Who makes a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor {
    /// The token's name, or `local`.
    pub name: Arc<str>,
    /// What it may do.
    pub role: Role,
}

struct Token {
    digest: [u8; 32],
    actor: Actor,
}

/// The admin tokens in force, as digests, and who has guessed at them.
pub struct Tokens {
    known: Vec<Token>,
    guesses: Mutex<Guesses>,
    delays: Delays,
}

/// A request that is refused for who it is from.
enum Rejected {
    AtOnce(Refused),
    /// It carried one wrong token too many.
    WithDelay(Refused),
}

impl From<Refused> for Rejected {
    fn from(refused: Refused) -> Self {
        Self::AtOnce(refused)
    }
}

impl Tokens {
    /// The tokens of `settings`.
    pub fn new(settings: &AdminSettings) -> Self {
        let tokens = settings.tokens.iter().map(|(name, token)| Token {
            digest: Sha256::digest(token.secret.expose().as_bytes()).into(),
            actor: Actor {
                name: name.as_str().into(),
                role: token.role,
            },
        });
        Self {
            known: tokens.collect(),
            guesses: Mutex::default(),
            delays: Delays::default(),
        }
    }

    /// The bearer of `given`. Takes equally long whichever token it is, or none.
    fn bearer(&self, given: &[u8]) -> Option<&Actor> {
        let given: [u8; 32] = Sha256::digest(given).into();
        let (mut found, mut which) = (Choice::from(0), 0_u64);
        for (index, token) in (0_u64..).zip(&self.known) {
            let same = token.digest.ct_eq(&given);
            which.conditional_assign(&index, same);
            found |= same;
        }
        let index = usize::try_from(which).ok()?;
        self.known
            .get(index)
            .map(|token| &token.actor)
            .filter(|_| bool::from(found))
    }

    fn identify(&self, request: &Request, metrics: &Metrics) -> Result<Actor, Rejected> {
        if self.known.is_empty() {
            return Ok(local(request)?);
        }
        let given = request
            .headers()
            .get(AUTHORIZATION)
            .and_then(|value| bearer_token(value.as_bytes()))
            .ok_or_else(|| {
                Refused::not_authenticated("Send an admin token: Authorization: Bearer TOKEN.")
            })?;
        let bearer = self.bearer(given).cloned();
        bearer.ok_or_else(|| self.wrong_token(request.extensions(), request.uri().path(), metrics))
    }

    /// Whether everybody who reaches the listener is the operator of this machine.
    pub(super) fn are_none(&self) -> bool {
        self.known.is_empty()
    }

    /// The bearer of the token `given`, which a person typed into a form. Wrong ones count and are
    /// slowed down as those of the API.
    pub(super) async fn sign_in(
        &self,
        head: &Parts,
        given: &str,
        metrics: &Metrics,
    ) -> Result<Actor, Refused> {
        if let Some(actor) = self.bearer(given.trim().as_bytes()) {
            return Ok(actor.clone());
        }
        match self.wrong_token(&head.extensions, head.uri.path(), metrics) {
            Rejected::AtOnce(refused) => Err(refused),
            Rejected::WithDelay(refused) => {
                self.delays.delay().await;
                Err(refused)
            }
        }
    }

    /// Counts a wrong token, and says so; answers what its sender hears.
    fn wrong_token(&self, sender: &Extensions, path: &str, metrics: &Metrics) -> Rejected {
        // Whoever calls the router without telling the peer is one sender.
        let peer = peer_of(sender).unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
        // Plain counts: whole whatever happened while the lock was held.
        let mut guesses = self.guesses.lock().unwrap_or_else(PoisonError::into_inner);
        let noted = guesses.note(peer, Instant::now());
        drop(guesses);
        if let Some(lines_left_out) = noted.line {
            tracing::warn!(
                %peer,
                path,
                slowed_down = noted.wait.is_some(),
                lines_left_out,
                "an admin request carried an unknown token"
            );
        }
        match noted.wait {
            Some(wait) => {
                metrics.admin_refused("guessing");
                Rejected::WithDelay(Refused::guessing(wait))
            }
            None => {
                metrics.admin_refused("token");
                Refused::not_authenticated("This is not an admin token.").into()
            }
        }
    }
}

fn bearer_token(value: &[u8]) -> Option<&[u8]> {
    let (scheme, token) = value.split_at_checked(7)?;
    let token = token.trim_ascii();
    (scheme.eq_ignore_ascii_case(b"bearer ") && !token.is_empty()).then_some(token)
}

/// What a route needs, as the middleware is told.
#[derive(Clone)]
pub(super) struct Guard {
    pub(super) tokens: Arc<Tokens>,
    pub(super) metrics: Metrics,
    pub(super) needs: Role,
}

/// Lets a request pass to a route that needs a role, and tells the route who it is from.
pub(super) async fn guard(
    State(guard): State<Guard>,
    mut request: Request,
    next: Next,
) -> Result<Response, Refused> {
    let actor = match guard.tokens.identify(&request, &guard.metrics) {
        Ok(actor) => actor,
        Err(Rejected::AtOnce(refused)) => return Err(refused),
        Err(Rejected::WithDelay(refused)) => {
            guard.tokens.delays.delay().await;
            return Err(refused);
        }
    };
    if actor.role < guard.needs {
        return Err(Refused::not_allowed(
            "This needs a token with the role operator.",
        ));
    }
    if guard.needs == Role::Operator && comes_from_elsewhere(request.headers()) {
        return Err(Refused::not_allowed(
            "A page of another site may not change anything here.",
        ));
    }
    request.extensions_mut().insert(actor);
    Ok(next.run(request).await)
}

/// The operator of this machine, when the request comes from it and is addressed to it. A
/// page that points its own name at 127.0.0.1 sends that name as the host.
pub(super) fn local(request: &Request) -> Result<Actor, Refused> {
    let from_here = peer_of(request.extensions()).is_some_and(|peer| peer.is_loopback());
    if !from_here || !is_addressed_here(request.headers()) {
        return Err(Refused::not_allowed(
            "Without admin tokens only this machine is served, at localhost or a loopback \
             address; configure [admin.tokens] for others.",
        ));
    }
    Ok(Actor {
        name: "local".into(),
        role: Role::Operator,
    })
}

fn peer_of(sender: &Extensions) -> Option<IpAddr> {
    let peer = sender.get::<ConnectInfo<SocketAddr>>();
    peer.map(|ConnectInfo(peer)| peer.ip().to_canonical())
}

fn is_addressed_here(headers: &HeaderMap) -> bool {
    headers
        .get(HOST)
        .and_then(|host| host.to_str().ok())
        .is_some_and(|host| is_loopback_name(without_port(host)))
}

fn is_loopback_name(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost")
        || address.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use axum::http::header::HeaderName;

    use super::*;

    fn headers(pairs: &[(HeaderName, &'static str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| (name.clone(), value.parse().unwrap()))
            .collect()
    }

    #[test]
    fn only_names_of_this_machine_are_local() {
        for here in [
            "localhost",
            "localhost:9090",
            "127.0.0.1:9090",
            "[::1]:9090",
            "[::1]",
        ] {
            assert!(is_addressed_here(&headers(&[(HOST, here)])), "{here}");
        }
        for elsewhere in [
            "evil.example",
            "localhost.evil.example:9090",
            "10.0.0.1",
            "",
        ] {
            assert!(
                !is_addressed_here(&headers(&[(HOST, elsewhere)])),
                "{elsewhere}"
            );
        }
        assert!(!is_addressed_here(&HeaderMap::new()));
    }

    #[test]
    fn the_schemes_case_does_not_matter_and_other_schemes_do() {
        assert_eq!(bearer_token(b"bearer abc"), Some(&b"abc"[..]));
        assert_eq!(bearer_token(b"Basic abcd"), None);
        assert_eq!(bearer_token(b"B"), None);
        assert_eq!(bearer_token(b"Bearer   "), None);
    }
}
