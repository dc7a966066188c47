use std::future::pending;
use std::net::{IpAddr, Ipv4Addr};

use axum::http::HeaderMap;
use futures::poll;

use super::*;

const LONG: Duration = Duration::from_secs(60);
const ATTACKER: IpAddr = IpAddr::V4(Ipv4Addr::new(198, 51, 100, 1));
const OTHER: IpAddr = IpAddr::V4(Ipv4Addr::new(203, 0, 113, 5));

impl RequestLimiter {
    pub(in crate::receive) fn small(slots: usize, memory: usize, senders: usize) -> Self {
        Self::with_timeout(slots, memory, senders, LONG)
    }

    fn with_timeout(slots: usize, memory: usize, senders: usize, body_timeout: Duration) -> Self {
        let settings = ServerSettings {
            body_memory: memory,
            body_timeout,
            max_in_flight: slots,
            ..ServerSettings::from_toml("server", "max_body_bytes = 1").unwrap()
        };
        Self::new(&settings, senders)
    }

    fn is_unused(&self) -> bool {
        let state = self.state();
        let is_unused = |account: &Grants| *account == Grants::default();
        state.accounts.iter().all(is_unused) && state.in_flight.is_empty()
    }
}

type Sent<'a> = Pin<Box<dyn Future<Output = Rejected> + 'a>>;

/// A request whose body has `memory` so far and does not come to its end. It is waited for.
async fn slow(limiter: &RequestLimiter, sender: usize, peer: IpAddr, memory: usize) -> Sent<'_> {
    let mut request: Sent<'_> = Box::pin(async move {
        let headers = HeaderMap::new();
        let mut permit = limiter.acquire(sender, Origin::of(peer, &headers)).unwrap();
        permit.take_memory(memory).unwrap();
        permit.wait(pending::<()>()).await.unwrap_err()
    });
    become_listed(request.as_mut()).await;
    request
}

/// Looks at `request` as often as it takes until it is in the list.
async fn become_listed<F: Future + ?Sized>(mut request: Pin<&mut F>) {
    for _ in 0..2 {
        assert!(poll!(request.as_mut()).is_pending());
    }
}

fn acquire<'a>(
    limiter: &'a RequestLimiter,
    sender: usize,
    headers: &'a HeaderMap,
) -> Result<RequestPermit<'a>, Rejected> {
    limiter.acquire(sender, Origin::of(OTHER, headers))
}

#[tokio::test]
async fn a_new_request_takes_the_slot_of_the_slowest_of_its_sender() {
    let headers = HeaderMap::new();
    let limiter = RequestLimiter::small(3, 1_000, 1);
    let oldest = slow(&limiter, 0, ATTACKER, 1).await;
    let mut others = [
        slow(&limiter, 0, ATTACKER, 1).await,
        slow(&limiter, 0, ATTACKER, 1).await,
    ];
    let good = acquire(&limiter, 0, &headers).unwrap();
    assert_eq!(oldest.await, Rejected::Displaced(Resource::Slots));
    for other in &mut others {
        assert!(poll!(other.as_mut()).is_pending());
    }
    drop((good, others));
    assert!(limiter.is_unused());
}

#[tokio::test]
async fn a_body_that_has_come_with_its_head_needs_no_place_in_the_list() {
    let headers = HeaderMap::new();
    let limiter = RequestLimiter::small(1, 1_000, 1);
    let mut permit = acquire(&limiter, 0, &headers).unwrap();
    // As hyper hands it over: when it is asked for a second time.
    permit.wait(tokio::task::yield_now()).await.unwrap();
    assert!(permit.wait.is_none());
}

#[tokio::test]
async fn requests_that_are_complete_are_not_dropped() {
    let headers = HeaderMap::new();
    let limiter = RequestLimiter::small(2, 1_000, 1);
    let (first, mut second) = (
        acquire(&limiter, 0, &headers).unwrap(),
        acquire(&limiter, 0, &headers).unwrap(),
    );
    become_listed(pin!(second.wait(pending::<()>()))).await;
    second.arrived().unwrap();
    let refused = acquire(&limiter, 0, &headers).err();
    assert_eq!(refused, Some(Rejected::Full(Resource::Slots)));
    drop(first);
    assert!(acquire(&limiter, 0, &headers).is_ok());
}

#[tokio::test]
async fn a_request_that_asks_for_memory_hears_what_it_was_dropped_for() {
    let headers = HeaderMap::new();
    let limiter = RequestLimiter::small(1, 1_000, 1);
    let mut slow = acquire(&limiter, 0, &headers).unwrap();
    become_listed(pin!(slow.wait(pending::<()>()))).await;
    let _good = acquire(&limiter, 0, &headers).unwrap();
    let dropped = slow.take_memory(1);
    assert_eq!(dropped, Err(Rejected::Displaced(Resource::Slots)));
}

#[tokio::test]
async fn one_sender_that_takes_everything_leaves_the_others_their_part_even_if_nothing_can_be_dropped()
 {
    let headers = HeaderMap::new();
    let limiter = RequestLimiter::small(8, 800, 2);
    let mut greedy = Vec::new();
    while let Ok(mut permit) = acquire(&limiter, 0, &headers) {
        let _ = permit.take_memory(100);
        greedy.push(permit);
    }
    assert_eq!(greedy.len(), 6);
    for _ in 0..2 {
        let mut permit = acquire(&limiter, 1, &headers).unwrap();
        permit.take_memory(100).unwrap();
        greedy.push(permit);
    }
    assert!(acquire(&limiter, 1, &headers).is_err());
}

#[tokio::test]
async fn beyond_its_part_a_sender_takes_from_the_one_that_has_most() {
    let headers = HeaderMap::new();
    let limiter = RequestLimiter::small(8, 1_000, 2);
    let mut flood = Vec::new();
    for _ in 0..6 {
        flood.push(slow(&limiter, 0, ATTACKER, 1).await);
    }
    let slots: Vec<_> = (0..4)
        .map(|_| acquire(&limiter, 1, &headers).unwrap())
        .collect();
    let mut dropped = 0;
    for mut one in flood {
        dropped += usize::from(poll!(one.as_mut()).is_ready());
    }
    assert_eq!((slots.len(), dropped), (4, 2));
}

#[tokio::test]
async fn memory_is_made_by_dropping_and_one_that_was_dropped_gets_no_more() {
    let headers = HeaderMap::new();
    let limiter = RequestLimiter::small(8, 1_000, 1);
    let large = slow(&limiter, 0, ATTACKER, 700).await;
    let mut small = slow(&limiter, 0, ATTACKER, 100).await;
    let mut good = acquire(&limiter, 0, &headers).unwrap();
    good.take_memory(500).unwrap();
    assert_eq!(large.await, Rejected::Displaced(Resource::Memory));
    assert!(poll!(small.as_mut()).is_pending());
    // Complete, and holds 500 of 1,000: nobody else can have more than is left.
    let mut next = acquire(&limiter, 0, &headers).unwrap();
    assert_eq!(next.take_memory(600), Err(Rejected::Full(Resource::Memory)));
    assert!(poll!(small.as_mut()).is_pending());
    next.take_memory(500).unwrap();
    assert_eq!(small.await, Rejected::Displaced(Resource::Memory));
    drop((good, next));
    assert!(limiter.is_unused());
}

#[tokio::test]
async fn a_request_that_is_dropped_while_it_grows_keeps_nothing() {
    let headers = HeaderMap::new();
    let limiter = RequestLimiter::small(8, 1_000, 1);
    let mut permit = acquire(&limiter, 0, &headers).unwrap();
    permit.take_memory(800).unwrap();
    become_listed(pin!(permit.wait(pending::<()>()))).await;
    assert_eq!(
        permit.take_memory(800),
        Err(Rejected::Displaced(Resource::Memory))
    );
    assert!(limiter.is_unused());
    let mut other = acquire(&limiter, 0, &headers).unwrap();
    other.take_memory(1_000).unwrap();
    assert!(permit.arrived().is_err());
    drop((permit, other));
    assert!(limiter.is_unused());
}

#[tokio::test]
async fn a_body_that_is_late_is_dropped_though_there_is_room() {
    let timeout = Duration::from_millis(50);
    let limiter = RequestLimiter::with_timeout(8, 1_000_000, 1, timeout);
    let began = Instant::now();
    let nothing = slow(&limiter, 0, ATTACKER, 0).await;
    assert_eq!(nothing.await, Rejected::TooSlow);
    assert!(began.elapsed() >= timeout);
    // What has come already is no slowness.
    let began = Instant::now();
    let much = slow(&limiter, 0, ATTACKER, 104_858).await;
    assert_eq!(much.await, Rejected::TooSlow);
    assert!(began.elapsed() >= timeout + Duration::from_millis(100));
    assert!(limiter.is_unused());
}

#[tokio::test]
async fn an_address_with_many_slow_requests_loses_one_before_another_address_does() {
    let headers = HeaderMap::new();
    let limiter = RequestLimiter::small(8, 1_000, 1);
    let mut first = slow(&limiter, 0, OTHER, 1).await;
    let mut flood = Vec::new();
    for _ in 0..7 {
        flood.push(slow(&limiter, 0, ATTACKER, 1).await);
    }
    // So that they differ little in age.
    tokio::time::sleep(Duration::from_millis(20)).await;
    let _slots: Vec<_> = (0..6)
        .map(|_| acquire(&limiter, 0, &headers).unwrap())
        .collect();
    assert!(poll!(first.as_mut()).is_pending());
}

#[tokio::test]
async fn any_number_of_requests_without_a_body_does_not_protect_the_one_that_has_the_memory() {
    let headers = HeaderMap::new();
    let limiter = RequestLimiter::small(1_000, 1_000, 1);
    let mut empty = Vec::new();
    for _ in 0..300 {
        empty.push(slow(&limiter, 0, ATTACKER, 0).await);
    }
    let large = slow(&limiter, 0, ATTACKER, 900).await;
    let mut good = acquire(&limiter, 0, &headers).unwrap();
    assert_eq!(good.take_memory(500), Ok(()));
    assert_eq!(large.await, Rejected::Displaced(Resource::Memory));
    assert_eq!(good.take_memory(501), Err(Rejected::Full(Resource::Memory)));
    for one in &mut empty {
        assert!(poll!(one.as_mut()).is_pending(), "it frees nothing");
    }
}

#[tokio::test]
async fn nobody_is_dropped_for_a_body_that_would_not_fit_all_the_same() {
    let headers = HeaderMap::new();
    let limiter = RequestLimiter::small(8, 1_000, 1);
    let mut complete = acquire(&limiter, 0, &headers).unwrap();
    complete.take_memory(700).unwrap();
    let mut waited_for = [
        slow(&limiter, 0, ATTACKER, 100).await,
        slow(&limiter, 0, ATTACKER, 100).await,
    ];
    let mut large = acquire(&limiter, 0, &headers).unwrap();
    assert_eq!(
        large.take_memory(400),
        Err(Rejected::Full(Resource::Memory))
    );
    for one in &mut waited_for {
        assert!(poll!(one.as_mut()).is_pending());
    }
    // Both together free enough for this one.
    large.take_memory(300).unwrap();
    for one in waited_for {
        assert_eq!(one.await, Rejected::Displaced(Resource::Memory));
    }
}

#[tokio::test]
async fn many_tiny_bodies_do_not_protect_the_one_that_has_the_memory() {
    let headers = HeaderMap::new();
    let limiter = RequestLimiter::small(1_000, 1_000, 1);
    let mut tiny = Vec::new();
    for _ in 0..300 {
        tiny.push(slow(&limiter, 0, ATTACKER, 1).await);
    }
    let large = slow(&limiter, 0, OTHER, 700).await;
    let mut good = acquire(&limiter, 0, &headers).unwrap();
    assert_eq!(good.take_memory(650), Ok(()));
    assert_eq!(large.await, Rejected::Displaced(Resource::Memory));
    for one in &mut tiny {
        assert!(poll!(one.as_mut()).is_pending());
    }
}
