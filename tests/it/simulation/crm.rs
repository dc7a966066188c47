//! A simulated CRM with a log of its own. Each call waits in it until the schedule lets it go
//! on: first it takes effect, or not, then it is answered, or not.

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use async_trait::async_trait;
use ringdown::domain::allowance::Allowance;
use ringdown::domain::change_feed::ChangeMark;
use ringdown::domain::doubt::RunTimes;
use ringdown::domain::failure::Failure;
use ringdown::domain::ticket::{Ticket, TicketFields, TicketKey};
use ringdown::targets::{
    Applied, ChangePage, ClaimCheck, Crm, Inspect, Pace, SnapshotSet, TicketChange, TokenStatus,
};
use tokio::sync::{Notify, oneshot};

use crate::simulation::conditions::{About, Condition, Lasting};
use crate::simulation::coverage::Coverage;
use crate::simulation::dice::Dice;
use crate::simulation::faults::{self, Fault};
use crate::simulation::rendering;

/// The client's own limit for one call.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(10);
/// What is committed at all is committed and findable this long after its call began: what
/// the client of a CRM that refuses no second record waits before it trusts a look-up.
pub(crate) const SETTLES: Duration = Duration::from_secs(60);

/// What is asked of the CRM.
#[derive(Debug, Clone)]
pub(crate) enum Request {
    /// With the names of the fields.
    Create(TicketKey, Vec<String>),
    Find(TicketKey),
    Read(String),
    Update(String, String),
    Resolve(String, String),
    HasComment(String, String),
    Link(String, String),
}

impl Request {
    /// What it asks, without the keys that differ from run to run.
    fn kind(&self) -> &'static str {
        match self {
            Self::Create(..) => "create",
            Self::Find(_) => "find",
            Self::Read(_) => "read",
            Self::Update(..) => "update",
            Self::Resolve(..) => "resolve",
            Self::HasComment(..) => "has_comment",
            Self::Link(..) => "link",
        }
    }

    pub(crate) fn is_write(&self) -> bool {
        !matches!(self, Self::Find(_) | Self::Read(_) | Self::HasComment(..))
    }

    /// The record that it writes to.
    pub(crate) fn record(&self) -> Option<&str> {
        match self {
            Self::Update(id, _) | Self::Resolve(id, _) | Self::Link(id, _) => Some(id),
            _ => None,
        }
    }
}

/// A good answer.
#[derive(Debug)]
enum Reply {
    Ticket(Option<Ticket>),
    Noted(bool),
}

type Outcome = Result<Reply, Failure>;

struct Call {
    request: Request,
    began: Duration,
    outcome: Option<Outcome>,
    /// Whether it was let go on and did nothing.
    hangs: bool,
    answer: oneshot::Sender<Outcome>,
}

/// A record of the CRM.
#[derive(Debug, Clone)]
pub(crate) struct Record {
    pub(crate) id: String,
    pub(crate) key: TicketKey,
    pub(crate) closed: bool,
    /// The marks of what was written to it, in order; the last one resolved it when `closed`.
    pub(crate) marks: Vec<String>,
    /// The ticket it hangs under.
    pub(crate) parent: Option<String>,
    findable_at: Duration,
}

struct State {
    dice: Dice,
    elapsed: Duration,
    fault_percent: usize,
    down_until: Duration,
    conditions: Vec<Lasting>,
    /// The next write takes effect, and its response is lost.
    loses_next_write: bool,
    records: Vec<Record>,
    /// Creates that have come in since they were last taken, with the templates of each.
    creates: Vec<(TicketKey, i64)>,
    /// Creates whose client has given up, and when they are committed all the same.
    late: Vec<(Duration, TicketKey)>,
    calls: Vec<Call>,
    coverage: Coverage,
}

/// The CRM, and the client for it. Clones are the same CRM.
#[derive(Clone)]
pub(crate) struct SimulatedCrm {
    /// Whether it refuses a second record with the same key.
    unique: bool,
    state: Arc<Mutex<State>>,
    arrived: Arc<Notify>,
}

impl SimulatedCrm {
    pub(crate) fn new(unique: bool, dice: Dice, fault_percent: usize) -> Self {
        let state = State {
            dice,
            elapsed: Duration::ZERO,
            fault_percent,
            down_until: Duration::ZERO,
            conditions: Vec::new(),
            loses_next_write: false,
            records: Vec::new(),
            creates: Vec::new(),
            late: Vec::new(),
            calls: Vec::new(),
            coverage: Coverage::default(),
        };
        Self {
            unique,
            state: Arc::new(Mutex::new(state)),
            arrived: Arc::default(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    async fn call(&self, request: Request) -> Outcome {
        let (answer, answered) = oneshot::channel();
        {
            let mut state = self.state();
            let began = state.elapsed;
            state.calls.push(Call {
                request,
                began,
                outcome: None,
                hangs: false,
                answer,
            });
        }
        self.arrived.notify_one();
        answered
            .await
            .unwrap_or_else(|_| Err(Fault::AnswerLost.failure()))
    }

    /// A call has come in.
    pub(crate) async fn arrival(&self) {
        self.arrived.notified().await;
    }

    /// Calls under way.
    pub(crate) fn under_way(&self) -> usize {
        self.state().calls.len()
    }

    /// Lets the call `index` take effect, or answers it when it has; says what it did.
    pub(crate) fn proceed(&self, index: usize) -> String {
        let mut state = self.state();
        let request = state.calls[index].request.kind();
        if state.calls[index].outcome.is_none() {
            let asked = state.calls[index].request.clone();
            let outcome = state.outcome(&asked, self.unique);
            state.calls[index].hangs = outcome.is_none();
            state.calls[index].outcome = outcome;
            return format!("{request} came to {:?}", state.calls[index].outcome);
        }
        let call = state.calls.remove(index);
        drop(state);
        let _ = call.answer.send(call.outcome.unwrap());
        format!("{request} was answered")
    }

    /// Whether the call `index` has taken effect, or failed to.
    pub(crate) fn is_answerable(&self, index: usize) -> bool {
        let state = self.state();
        let call = state.calls.get(index);
        call.is_some_and(|call| call.outcome.is_some())
    }

    /// A call that hangs a ticket under another, and has not come to anything yet.
    pub(crate) fn next_link(&self) -> Option<usize> {
        let is_link =
            |call: &Call| matches!(call.request, Request::Link(..)) && call.outcome.is_none();
        self.state().calls.iter().position(is_link)
    }

    /// A call that does not hang; hanging ones end by their time.
    pub(crate) fn next_to_go_on(&self) -> Option<usize> {
        self.state().calls.iter().position(|call| !call.hangs)
    }

    /// Moves the CRM's time.
    pub(crate) fn pass(&self, span: Duration) {
        let mut state = self.state();
        state.elapsed += span;
        state.commit_late(self.unique);
    }

    /// Ends one call that has lasted too long; answers whether there was one.
    pub(crate) fn time_out_one(&self) -> bool {
        let mut state = self.state();
        let now = state.elapsed;
        let Some(index) = state
            .calls
            .iter()
            .position(|call| call.began + TIMEOUT <= now)
        else {
            return false;
        };
        let call = state.calls.remove(index);
        if call.outcome.is_none() {
            state.abandon(&call);
        }
        state.coverage.note(Fault::Hangs.name());
        let failure = state.classified(Fault::Hangs, &call.request, self.unique);
        drop(state);
        let _ = call.answer.send(Err(failure));
        true
    }

    /// The client's process has died: nobody waits for an answer any more.
    ///
    /// Where nothing refuses a second record, the next process looks up at once what was
    /// under way, so that CRM is given the time until then to settle: see `settle`.
    pub(crate) fn hang_up(&self) -> Vec<(Request, bool)> {
        let mut state = self.state();
        let calls = std::mem::take(&mut state.calls);
        for call in calls.iter().filter(|call| call.outcome.is_none()) {
            state.abandon(call);
        }
        if !self.unique {
            state.settle();
        }
        calls
            .into_iter()
            .map(|call| {
                (
                    call.request,
                    call.outcome.is_some_and(|outcome| outcome.is_ok()),
                )
            })
            .collect()
    }

    /// The client's clock was set forward: what it waits for by that clock is over at once, and
    /// where nothing refuses a second record, the CRM is given that time to settle.
    pub(crate) fn client_clock_set_forward(&self) {
        if !self.unique {
            self.state().settle();
        }
    }

    pub(crate) fn go_down(&self, span: Duration) {
        let mut state = self.state();
        state.down_until = state.elapsed + span;
        state.coverage.note("fault: the CRM is down");
    }

    pub(crate) fn begin(&self, condition: Condition) {
        let mut state = self.state();
        state.coverage.note(condition.name());
        state.end_conditions();
        if !state.conditions.is_empty() {
            state.coverage.note("condition: several at once");
        }
        let lasting = Lasting::new(condition, state.elapsed);
        state.conditions.push(lasting);
    }

    /// From now on nothing goes wrong any more.
    pub(crate) fn recover(&self) {
        let mut state = self.state();
        state.fault_percent = 0;
        for call in &mut state.calls {
            call.hangs = false;
        }
        state.down_until = Duration::ZERO;
        state.conditions.clear();
        state.loses_next_write = false;
    }

    pub(crate) fn records(&self) -> Vec<Record> {
        self.state().records.clone()
    }

    /// Creates that have come in since the last call of this, with the templates that each was
    /// rendered from.
    pub(crate) fn take_creates(&self) -> Vec<(TicketKey, i64)> {
        std::mem::take(&mut self.state().creates)
    }

    pub(crate) fn coverage(&self) -> Coverage {
        self.state().coverage.clone()
    }
}

impl State {
    /// What comes of `request`; `None` when it hangs.
    fn outcome(&mut self, request: &Request, unique: bool) -> Option<Outcome> {
        let fault = if self.down_until > self.elapsed {
            Some(Fault::Unreachable)
        } else if let Some(answer) = self.answer_of_conditions(request) {
            Some(answer)
        } else if self.dice.chance(self.fault_percent) {
            Some(Fault::roll(&mut self.dice))
        } else {
            None
        };
        match fault {
            None => Some(Ok(self.execute(request, unique))),
            Some(Fault::Hangs) => None,
            Some(fault) => {
                self.coverage.note(fault.name());
                if fault.takes_effect() {
                    self.execute(request, unique);
                }
                Some(Err(self.classified(fault, request, unique)))
            }
        }
    }

    /// Forgets the conditions that are over.
    fn end_conditions(&mut self) {
        let now = self.elapsed;
        let (over, last): (Vec<_>, Vec<_>) = std::mem::take(&mut self.conditions)
            .into_iter()
            .partition(|one| one.until <= now);
        self.conditions = last;
        self.loses_next_write |= over.iter().any(|one| one.condition.loses_canary);
    }

    fn answer_of_conditions(&mut self, request: &Request) -> Option<Fault> {
        self.end_conditions();
        let mut conditions = self.conditions.iter_mut();
        if let Some(answer) = conditions.find_map(|one| one.answer(request)) {
            return Some(answer);
        }
        if request.is_write() && std::mem::take(&mut self.loses_next_write) {
            let what = "condition: the response of the first write after it is lost";
            self.coverage.note(what);
            return Some(Fault::AnswerLost);
        }
        None
    }

    fn classified(&mut self, fault: Fault, request: &Request, unique: bool) -> Failure {
        let mut failure = fault.failure();
        self.coverage.note(faults::remedy(&failure));
        self.coverage.note(faults::cell(&failure));
        match request {
            Request::Create(..) if !unique && failure.outcome_unknown => {
                failure.settle_after = SETTLES;
            }
            Request::Find(_) | Request::Read(_) | Request::HasComment(..) => {
                failure.outcome_unknown = false;
            }
            _ => {}
        }
        failure
    }

    fn execute(&mut self, request: &Request, unique: bool) -> Reply {
        match request {
            Request::Create(key, _) => Reply::Ticket(Some(self.open(key, self.elapsed, unique))),
            Request::Find(key) => Reply::Ticket(self.find(key)),
            Request::Read(id) => Reply::Ticket(
                self.record(id)
                    .map(|record| ticket(record, Some(format!("INC-{id}")))),
            ),
            Request::Update(id, mark) => {
                if let Some(record) = self.record(id) {
                    record.marks.push(mark.clone());
                }
                Reply::Noted(true)
            }
            Request::Resolve(id, mark) => {
                if let Some(record) = self.record(id).filter(|record| !record.closed) {
                    record.marks.push(mark.clone());
                    record.closed = true;
                }
                Reply::Noted(true)
            }
            Request::Link(id, parent) => {
                if let Some(record) = self.record(id) {
                    record.parent = Some(parent.clone());
                }
                Reply::Noted(true)
            }
            Request::HasComment(id, mark) => {
                let noted = self
                    .record(id)
                    .is_some_and(|record| record.marks.contains(mark));
                Reply::Noted(noted)
            }
        }
    }

    fn record(&mut self, id: &str) -> Option<&mut Record> {
        self.records.iter_mut().find(|record| record.id == id)
    }

    fn open(&mut self, key: &TicketKey, at: Duration, unique: bool) -> Ticket {
        let same = self.records.iter().find(|record| record.key == *key);
        if let Some(record) = same.filter(|_| unique) {
            return ticket(record, None);
        }
        let lag = self.dice.seconds(&[0, 0, 1, 3, 8]);
        let record = Record {
            id: format!("T{}", self.records.len() + 1),
            key: key.clone(),
            closed: false,
            marks: Vec::new(),
            parent: None,
            findable_at: at + lag,
        };
        self.records.push(record.clone());
        ticket(&record, None)
    }

    fn find(&mut self, key: &TicketKey) -> Option<Ticket> {
        let record = self.records.iter().find(|record| record.key == *key)?;
        if record.findable_at > self.elapsed {
            self.coverage.note("fault: not found at once");
            return None;
        }
        Some(ticket(record, None))
    }

    /// The client of `call` is gone before the call took effect; a create may still do so.
    fn abandon(&mut self, call: &Call) {
        if let Request::Create(key, _) = &call.request
            && self.dice.chance(50)
        {
            let delay = self.dice.seconds(&[0, 1, 5, 30]);
            self.late.push((self.elapsed + delay, key.clone()));
        }
    }

    /// Everything under way is committed, and findable. Without this a crash and a restart
    /// within the CRM's lag can make a second ticket where the CRM does not refuse it.
    fn settle(&mut self) {
        for (at, _) in &mut self.late {
            *at = self.elapsed;
        }
        self.commit_late(false);
        for record in &mut self.records {
            record.findable_at = self.elapsed;
        }
    }

    fn commit_late(&mut self, unique: bool) {
        let now = self.elapsed;
        let (due, rest) = self.late.drain(..).partition(|(at, _)| *at <= now);
        self.late = rest;
        let due: Vec<(Duration, TicketKey)> = due;
        for (at, key) in due {
            self.open(&key, at, unique);
            self.coverage
                .note("fault: committed after the client had given up");
        }
    }
}

fn ticket(record: &Record, number: Option<String>) -> Ticket {
    Ticket {
        id: record.id.clone(),
        number,
        url: format!("https://crm.example.com/{}", record.id),
        state: None,
        closed: record.closed,
        not_kept: Vec::new(),
        is_unread: false,
        was_there: false,
    }
}

#[async_trait]
impl Crm for SimulatedCrm {
    fn inspect(&self) -> Option<&dyn Inspect> {
        None
    }

    fn for_claim(&self, _claim: ClaimCheck) -> Box<dyn Crm> {
        // Nothing here is sent over a network, where the claim is checked.
        Box::new(self.clone())
    }

    fn runs_for(&self) -> RunTimes {
        RunTimes {
            create: match self.unique {
                true => Duration::ZERO,
                false => SETTLES,
            },
            comment: SETTLES,
        }
    }

    async fn create(&self, key: &TicketKey, fields: &TicketFields) -> Result<Ticket, Failure> {
        let names = fields.keys().cloned().collect();
        if let Some(version) = rendering::version_of(fields) {
            self.state().creates.push((key.clone(), version));
        }
        match self.call(Request::Create(key.clone(), names)).await? {
            Reply::Ticket(Some(ticket)) => Ok(ticket),
            other => panic!("a create was answered {other:?}"),
        }
    }

    async fn find(&self, key: &TicketKey) -> Result<Option<Ticket>, Failure> {
        match self.call(Request::Find(key.clone())).await? {
            Reply::Ticket(ticket) => Ok(ticket),
            Reply::Noted(_) => panic!("a look-up was answered without a ticket"),
        }
    }

    async fn read(&self, ticket_id: &str) -> Result<Option<Ticket>, Failure> {
        match self.call(Request::Read(ticket_id.to_owned())).await? {
            Reply::Ticket(ticket) => Ok(ticket),
            Reply::Noted(_) => panic!("a read was answered without a ticket"),
        }
    }

    async fn update(&self, ticket_id: &str, change: &TicketChange) -> Result<Applied, Failure> {
        let request = Request::Update(ticket_id.to_owned(), change.marker.clone());
        self.call(request).await.map(|_| Applied::written(None))
    }

    async fn resolve(&self, ticket_id: &str, change: &TicketChange) -> Result<Applied, Failure> {
        let request = Request::Resolve(ticket_id.to_owned(), change.marker.clone());
        self.call(request).await.map(|_| Applied::written(None))
    }

    async fn has_comment(&self, ticket_id: &str, marker: &str) -> Result<bool, Failure> {
        let request = Request::HasComment(ticket_id.to_owned(), marker.to_owned());
        Ok(matches!(self.call(request).await?, Reply::Noted(true)))
    }

    async fn link(&self, ticket_id: &str, parent_id: &str) -> Result<(), Failure> {
        let request = Request::Link(ticket_id.to_owned(), parent_id.to_owned());
        self.call(request).await.map(|_| ())
    }

    /// Nobody works on the simulated tickets: reading back is no part of the simulation.
    async fn changes_after(&self, _: &ChangeMark) -> Result<ChangePage, Failure> {
        Ok(ChangePage::default())
    }

    async fn fetch_snapshots(&self, _: &[String]) -> Result<SnapshotSet, Failure> {
        Ok(SnapshotSet::default())
    }

    /// Answered at once: the worker does nothing else meanwhile.
    async fn probe(&self) -> Result<(), Failure> {
        let mut state = self.state();
        if state.down_until > state.elapsed {
            return Err(Fault::Unreachable.failure());
        }
        state.end_conditions();
        let about_all = |one: &&mut Lasting| one.condition.about == About::Everything;
        let condition = state.conditions.iter_mut().find(about_all);
        let mut fault = condition.map(Lasting::next_answer);
        let percent = state.fault_percent;
        if fault.is_none() && state.dice.chance(percent) {
            fault = Some(Fault::roll(&mut state.dice));
        }
        let Some(fault) = fault else { return Ok(()) };
        let mut failure = fault.failure();
        state.coverage.note(faults::cell(&failure));
        failure.outcome_unknown = false;
        Err(failure)
    }

    fn forget_login(&self) {}

    fn pace(&self) -> Pace {
        Pace::new(50)
    }

    fn allowance(&self) -> Option<Allowance> {
        None
    }

    fn token_status(&self) -> TokenStatus {
        TokenStatus::default()
    }
}
