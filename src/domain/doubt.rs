//! What follows for a delivery of which an earlier request may have had an effect, once a look-up has
//! not found that effect. Pure.
//!
//! What is found is found at any time. That it is not there means something only when the earlier
//! request has certainly ended.

use std::time::Duration;

use super::time::Timestamp;

/// A request whose outcome was unknown has certainly ended after so long, in every CRM.
pub const ENDS_WITHIN: Duration = Duration::from_secs(600);

/// For how long a CRM may be at work on a request that was sent, where a repetition would have a second
/// effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RunTimes {
    /// Nothing where the CRM is known to refuse a second record with our key.
    pub create: Duration,
    pub comment: Duration,
}

/// The request of a delivery whose outcome was unknown last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct EarlierRequest {
    /// When it became unknown; `None`: no look-up is missing.
    pub unknown_at: Option<Timestamp>,
    /// From when on the delivery may be sent again, if it is not there: the request has ended, or the
    /// CRM refuses a second record by itself.
    pub look_up_from: Timestamp,
    pub then: Option<AfterLookUp>,
}

/// What is wanted once it is known that nothing is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AfterLookUp {
    /// The templates have changed: it is rendered again before it is sent.
    Render,
    /// Its incident was closed by a person: no ticket is created any more.
    Discard,
}

impl AfterLookUp {
    /// Stored.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Render => "render",
            Self::Discard => "discard",
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Render, Self::Discard]
            .into_iter()
            .find(|one| one.as_str() == name)
    }
}

/// What is done instead of sending.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unsent {
    /// The earlier request may still be under way. It is looked up again at this time.
    NotYet {
        at: Timestamp,
    },
    Render,
    Discard,
}

/// What is done instead of sending a delivery that is not there at `now`; `None`: it is sent.
/// `in_doubt`: an earlier request may have had an effect.
pub fn instead_of_sending(
    earlier: &EarlierRequest,
    in_doubt: bool,
    now: Timestamp,
) -> Option<Unsent> {
    // Where nothing is sent any more, not even the CRM's own refusal of a second record helps: the
    // request must have ended.
    let ended_at = match (earlier.then, earlier.unknown_at) {
        (Some(AfterLookUp::Discard), Some(unknown_at)) => unknown_at.plus(ENDS_WITHIN),
        _ if in_doubt => earlier.look_up_from,
        _ => Timestamp::default(),
    };
    if now < ended_at {
        return Some(Unsent::NotYet { at: ended_at });
    }
    earlier.then.map(|then| match then {
        AfterLookUp::Render => Unsent::Render,
        AfterLookUp::Discard => Unsent::Discard,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const UNKNOWN_AT: Timestamp = Timestamp::from_millis(1_795_442_850_000);

    fn earlier(then: Option<AfterLookUp>) -> EarlierRequest {
        EarlierRequest {
            unknown_at: Some(UNKNOWN_AT),
            look_up_from: after(60),
            then,
        }
    }

    fn after(seconds: u64) -> Timestamp {
        UNKNOWN_AT.plus(Duration::from_secs(seconds))
    }

    #[test]
    fn nothing_is_sent_again_before_the_earlier_request_has_ended() {
        let next = |seconds| instead_of_sending(&earlier(None), true, after(seconds));
        assert_eq!(next(59), Some(Unsent::NotYet { at: after(60) }));
        assert_eq!(next(60), None);
        assert_eq!(instead_of_sending(&earlier(None), false, after(0)), None);
    }

    #[test]
    fn what_is_not_there_is_rendered_again_where_the_templates_have_changed() {
        let earlier = earlier(Some(AfterLookUp::Render));
        let next = |in_doubt, seconds| instead_of_sending(&earlier, in_doubt, after(seconds));
        assert_eq!(next(true, 59), Some(Unsent::NotYet { at: after(60) }));
        assert_eq!(next(true, 60), Some(Unsent::Render));
        assert_eq!(next(false, 0), Some(Unsent::Render));
    }

    #[test]
    fn a_ticket_that_nobody_wants_is_given_up_only_when_no_request_can_create_it_any_more() {
        let earlier = earlier(Some(AfterLookUp::Discard));
        for in_doubt in [true, false] {
            let next = |seconds| instead_of_sending(&earlier, in_doubt, after(seconds));
            assert_eq!(next(599), Some(Unsent::NotYet { at: after(600) }));
            assert_eq!(next(600), Some(Unsent::Discard));
        }
    }
}
