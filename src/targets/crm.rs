//! The interface of every CRM client.

use async_trait::async_trait;

use super::claim::ClaimCheck;
use super::inspect::Inspect;
use super::login::TokenStatus;
use super::pace::Pace;
use crate::domain::allowance::Allowance;
use crate::domain::change_feed::ChangeMark;
use crate::domain::doubt::RunTimes;
use crate::domain::failure::Failure;
use crate::domain::ticket::{Ticket, TicketChange, TicketFields, TicketKey};
use crate::domain::ticket_sync::TicketSnapshot;

/// A CRM in which we own tickets.
///
/// Every method classifies its failures (see [`Failure`]): what a failure is about, what ends it,
/// and whether the operation may have taken effect. The caller decides from this what follows. It
/// changes the class only where the results of other deliveries contradict it. No method retries by
/// itself, save one repetition after a renewed token, which costs the caller no attempt.
#[async_trait]
pub trait Crm: Send + Sync {
    /// The same client for one delivery: it sends a request only while `claim` allows it, and
    /// shares everything else.
    fn for_claim(&self, claim: ClaimCheck) -> Box<dyn Crm>;

    /// The CRM's own account of its fields and rights, for a pre-flight; `None` where it cannot
    /// be asked.
    fn inspect(&self) -> Option<&dyn Inspect>;

    /// Opens the ticket for `key`. Repeating it with the same key makes no second ticket
    /// wherever the CRM offers a way to refuse one.
    /// After a failure with `outcome_unknown` the ticket may exist.
    async fn create(&self, key: &TicketKey, fields: &TicketFields) -> Result<Ticket, Failure>;

    /// For how long the CRM may be at work on what was sent, as far as is known. A request of a
    /// process that has died must have ended before a look-up that finds nothing can be trusted.
    fn runs_for(&self) -> RunTimes;

    /// What it has learnt and must still know after a restart; `None`: nothing. Never a secret.
    fn learnt(&self) -> Option<String> {
        None
    }

    /// Takes over what an earlier process had learnt.
    fn recall(&self, _learnt: &str) {}

    /// The ticket for `key`, checked to be ours, whatever its state.
    async fn find(&self, key: &TicketKey) -> Result<Option<Ticket>, Failure>;

    /// Reads a ticket again by its record id; `Ok(None)` when it is gone.
    async fn read(&self, ticket_id: &str) -> Result<Option<Ticket>, Failure>;

    /// Adds a comment and sets fields on an open ticket.
    /// After a failure with `outcome_unknown` ask [`Crm::has_comment`] first.
    async fn update(&self, ticket_id: &str, change: &TicketChange) -> Result<Applied, Failure>;

    /// Sets the ticket resolved with `change`, and checks that it is. A ticket that a person
    /// has already resolved or closed is left as it is.
    async fn resolve(&self, ticket_id: &str, change: &TicketChange) -> Result<Applied, Failure>;

    /// Whether a comment that carries `marker` is on the ticket.
    async fn has_comment(&self, ticket_id: &str, marker: &str) -> Result<bool, Failure>;

    /// Sets the ticket's parent.
    async fn link(&self, ticket_id: &str, parent_id: &str) -> Result<(), Failure>;

    /// The next page of our tickets that were changed after `from`, in the order of the changes,
    /// whoever changed them, with those deleted where the CRM tells.
    async fn changes_after(&self, from: &ChangeMark) -> Result<ChangePage, Failure>;

    /// The present state of these tickets, in as few calls as the CRM allows.
    async fn fetch_snapshots(&self, ticket_ids: &[String]) -> Result<SnapshotSet, Failure>;

    /// The cheapest authenticated call that proves the CRM answers again.
    async fn probe(&self) -> Result<(), Failure>;

    /// Learns again after a start that these tickets (key and record id) do not carry our key. Of use
    /// where no other ticket may be opened before they do.
    fn recall_without_key(&self, _tickets: &[(TicketKey, String)]) {}

    /// Forgets the login and everything that was learned with it, such as the address of the
    /// instance: the next call logs in again. For use after a response that does not look like the
    /// CRM's own.
    fn forget_login(&self);

    /// The pace of all its calls.
    fn pace(&self) -> Pace;

    /// The calls that the CRM still allows, as its newest answer says; `None` where it says
    /// nothing about that.
    fn allowance(&self) -> Option<Allowance>;

    /// Age and expiry of the credential in use, for the admin API.
    fn token_status(&self) -> TokenStatus;
}

/// What came of a change of a ticket that has not failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Applied {
    /// The ticket as it is afterwards, where that is known without another call.
    pub seen: Option<TicketSnapshot>,
    /// Whether it is certain that the CRM has accepted a write. A ticket that was only read, or whose
    /// change was refused because a person has closed it, does not show that writes are accepted.
    pub is_write: bool,
}

impl Applied {
    pub const fn written(seen: Option<TicketSnapshot>) -> Self {
        Self {
            seen,
            is_write: true,
        }
    }

    pub const fn only_read(seen: Option<TicketSnapshot>) -> Self {
        Self {
            seen,
            is_write: false,
        }
    }
}

/// A page of changes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ChangePage {
    pub seen: Vec<TicketSnapshot>,
    /// The last change of the page, where more may follow it.
    pub next: Option<ChangeMark>,
}

/// The present state of tickets that were requested by their ids.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SnapshotSet {
    /// Those that the CRM shows, also as deleted.
    pub seen: Vec<TicketSnapshot>,
    /// Ids of which the CRM shows nothing: deleted for good, or hidden from our user.
    pub missing: Vec<String>,
}

impl SnapshotSet {
    /// The same with what was `seen` of the tickets that were `asked` for: ids of which nothing
    /// was seen are missing. `is_same` tells whether two spellings are one id.
    #[must_use]
    pub(super) fn with(
        mut self,
        asked: &[String],
        seen: Vec<TicketSnapshot>,
        is_same: impl Fn(&str, &str) -> bool,
    ) -> Self {
        let is_seen = |id: &str| seen.iter().any(|one| is_same(&one.ticket_id, id));
        let missing = asked.iter().filter(|id| !is_seen(id)).cloned();
        self.missing.extend(missing);
        self.seen.extend(seen);
        self
    }
}
