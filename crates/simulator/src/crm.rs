//! What each simulated CRM has to do: the interface between a CRM and what it runs on.

use serde_json::Value;

use super::fault::FaultKind;
use super::message::Push;
use super::wire::{Answer, Request};

/// What a simulated CRM does. Everything is in memory, so nothing waits.
pub trait Crm: Send + Sync + 'static {
    /// Its name, for the page.
    const NAME: &'static str;

    /// The cases that it can produce, by name.
    const CASES: &'static [&'static str] = &[];

    /// Answers a request.
    fn handle(&self, request: &Request) -> Answer;

    /// The answer of a fault in this CRM's own words; `None` when it has none of its own.
    fn fault_answer(&self, fault: &FaultKind, request: &Request) -> Option<Answer>;

    /// The requests inside a request that holds several.
    fn parts(&self, _request: &Request) -> Vec<Request> {
        Vec::new()
    }

    /// `request` with `answers` to the requests inside it at these places.
    fn with_answers(&self, request: &Request, _answers: &[(usize, Answer)]) -> Request {
        request.clone()
    }

    /// Whether the case `name` is about `request`.
    fn case_concerns(&self, _name: &str, _request: &Request) -> bool {
        false
    }

    /// The answer to a request that the case `name` is about; `None` closes the connection.
    fn case_answer(&self, _name: &str, _request: &Request) -> Option<Answer> {
        None
    }

    /// Every ticket, oldest first.
    fn tickets(&self) -> Vec<Value>;

    /// How many tickets there are. Asked after every request, so it should not list them.
    fn ticket_count(&self) -> usize {
        self.tickets().len()
    }

    /// Changes a ticket as a person would; whether there is one with this id or number.
    fn edit(&self, id: &str, fields: &Value) -> bool;

    /// Closes a ticket as a person would; whether there is one.
    fn close(&self, id: &str) -> bool;

    /// Deletes a ticket as a person would; whether there is one.
    fn delete(&self, id: &str) -> bool;

    /// Merges a ticket into another as a person would; whether the CRM can and there are both.
    fn merge(&self, id: &str, into: &str) -> bool;

    /// Messages that have become due since this was last asked.
    fn due_pushes(&self) -> Vec<Push>;

    /// The content type and text of a message, as of now; `None` when there is nothing to say.
    fn push_body(&self, push: &Push) -> Option<(&'static str, String)>;

    /// Makes every access token bad.
    fn expire_tokens(&self);

    /// Sets switches by name.
    ///
    /// # Errors
    ///
    /// A text that names the unknown switch.
    fn switch(&self, switches: &Value) -> Result<(), String>;

    /// Whether people open a ticket at this path.
    fn is_page(path: &str) -> bool;

    /// The path and query at which people open `ticket`, as the CRM itself writes them.
    fn ticket_address(&self, ticket: &Value) -> Option<String>;

    /// A row for the page: number, subject, state, priority, key, opened, comments; and
    /// whether it is closed.
    fn page_row(&self, ticket: &Value) -> ([String; 7], bool);
}
