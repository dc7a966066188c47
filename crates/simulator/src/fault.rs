//! Faults on demand: which request, what goes wrong, how often.

use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::wire::Request;

/// What goes wrong.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum FaultKind {
    /// The connection is closed and nothing is done: the CRM is down.
    Down,
    /// The answer comes late.
    Slow {
        /// How late.
        milliseconds: u64,
    },
    /// The request is done, and the connection is closed before the answer.
    CutAfterCommit,
    /// The request is done, and something else is answered, such as 502 with HTML.
    ErrorAfterCommit {
        /// The status answered.
        status: u16,
    },
    /// The connection is closed, and the request is done a while later.
    LateCommit {
        /// How much later.
        milliseconds: u64,
    },
    /// A fixed answer; nothing is done.
    Status {
        /// The status.
        status: u16,
        /// The body.
        #[serde(default)]
        body: String,
        /// Its content type.
        #[serde(default = "json_type")]
        content_type: String,
    },
    /// 429; nothing is done.
    TooManyRequests {
        /// `Retry-After`, where there is one.
        retry_after: Option<u64>,
    },
    /// Salesforce's 403 `REQUEST_LIMIT_EXCEEDED`.
    RequestLimitExceeded {
        /// The daily limit rather than the concurrent one.
        #[serde(default)]
        daily: bool,
    },
    /// 503 with `Retry-After`; nothing is done.
    Unavailable {
        /// `Retry-After`, in seconds.
        retry_after: Option<u64>,
    },
    /// 401 as for an expired session.
    Unauthorized,
    /// The CRM's own refusal of the content.
    ValidationRefusal {
        /// The CRM's code, or rule name.
        code: String,
        /// Its message.
        message: String,
        /// The field it is about.
        #[serde(default)]
        field: Option<String>,
    },
    /// Success without an id; nothing is done.
    OkWithoutId,
    /// 200 with `success: false`; nothing is done.
    SuccessFalse,
    /// 200 with an HTML page (a sleeping instance); nothing is done.
    HtmlWith200,
    /// 202 with a request id; the request is done a second later.
    Asynchronous,
    /// 200 with bytes that are not JSON; nothing is done.
    Garbage,
    /// 200 with bytes that are said to be gzip and are not; nothing is done.
    DamagedGzip,
    /// 200 with a body of so many bytes.
    HugeBody {
        /// The length.
        bytes: usize,
    },
    /// A redirect.
    Redirect {
        /// Where to.
        location: String,
    },
    /// What a CRM, or something in front of it, has answered in the field, by its name. Affects
    /// only the requests that the case is about.
    Case {
        /// The name: one of the CRM's `CASES`.
        name: String,
    },
    /// An answer that quotes the whole request, as gateways do; nothing is done.
    Echo {
        /// The status.
        status: u16,
        /// The body; `ECHO` in it stands for the request.
        body: String,
        /// Its content type.
        #[serde(default = "json_type")]
        content_type: String,
        /// How the request is written.
        encoding: Encoding,
    },
}

/// How a text is written within another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Encoding {
    /// As a JSON text.
    Json,
    /// As a JSON text of nothing but `\uXXXX`.
    JsonEscapes,
    /// Percent-encoded.
    Percent,
    /// Percent-encoded, with lower-case digits.
    PercentLower,
    /// As a value of a form.
    Form,
    /// As text in HTML.
    Html,
    /// Base64.
    Base64,
    /// Base64 in the alphabet for addresses, without padding.
    Base64Url,
}

fn json_type() -> String {
    "application/json".to_owned()
}

/// How often a fault happens.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "trigger")]
pub enum Trigger {
    /// The next requests that match.
    Next {
        /// How many.
        count: u32,
    },
    /// Every so manieth of the requests that match, the first of them too.
    Every {
        /// 2: every other request.
        nth: u32,
    },
    /// A share of the requests that match, 0 to 1, chosen by a seeded generator.
    Rate {
        /// The share.
        share: f64,
        /// The seed.
        #[serde(default)]
        seed: u64,
    },
    /// For a while.
    During {
        /// Begins so many milliseconds from now.
        #[serde(default)]
        from_milliseconds: u64,
        /// Lasts so many milliseconds.
        milliseconds: u64,
    },
    /// Until it is cleared.
    Always,
}

/// One fault.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Fault {
    /// Only requests with this method.
    #[serde(default)]
    pub method: Option<String>,
    /// Only requests whose path contains this. Absent: every request but to `/_sim`.
    #[serde(default)]
    pub path: Option<String>,
    /// Only requests whose body contains this.
    #[serde(default)]
    pub body_contains: Option<String>,
    /// What goes wrong.
    #[serde(flatten)]
    pub kind: FaultKind,
    /// How often.
    #[serde(flatten)]
    pub trigger: Trigger,
}

impl Fault {
    /// The case `name`, by `trigger`.
    pub fn case(name: &str, trigger: Trigger) -> Self {
        let name = name.to_owned();
        Self::new(FaultKind::Case { name }, trigger)
    }

    /// A fault of every request, by `trigger`.
    pub fn new(kind: FaultKind, trigger: Trigger) -> Self {
        Self {
            method: None,
            path: None,
            body_contains: None,
            kind,
            trigger,
        }
    }

    /// The same fault, of requests with this method only.
    #[must_use]
    pub fn on_method(mut self, method: &str) -> Self {
        self.method = Some(method.to_owned());
        self
    }

    /// The same fault, of requests whose path contains `part` only.
    #[must_use]
    pub fn on_path(mut self, part: &str) -> Self {
        self.path = Some(part.to_owned());
        self
    }

    /// The same fault, of requests whose body contains `part` only.
    #[must_use]
    pub fn on_body(mut self, part: &str) -> Self {
        self.body_contains = Some(part.to_owned());
        self
    }

    fn concerns(&self, request: &Request) -> bool {
        let has = |part: &str| {
            let mut parts = request.body.windows(part.len().max(1));
            parts.any(|body| body == part.as_bytes())
        };
        self.method
            .as_deref()
            .is_none_or(|method| method.eq_ignore_ascii_case(request.method.as_str()))
            && self
                .path
                .as_deref()
                .is_none_or(|part| request.path.contains(part))
            && self.body_contains.as_deref().is_none_or(has)
    }
}

#[derive(Debug)]
struct Armed {
    fault: Fault,
    since: Instant,
    left: u32,
    /// Requests that it could have concerned.
    met: u32,
    random: u64,
}

/// The faults in force.
#[derive(Debug, Default)]
pub(super) struct Faults {
    armed: Vec<Armed>,
}

impl Faults {
    pub(super) fn add(&mut self, fault: Fault) {
        let (left, random) = match fault.trigger {
            Trigger::Next { count } => (count, 0),
            Trigger::Rate { seed, .. } => (0, seed | 1),
            Trigger::Every { .. } | Trigger::During { .. } | Trigger::Always => (0, 0),
        };
        self.armed.push(Armed {
            fault,
            since: Instant::now(),
            left,
            met: 0,
            random,
        });
    }

    pub(super) fn clear(&mut self) {
        self.armed.clear();
    }

    /// Those that can still happen, as they were added.
    pub(super) fn json(&self) -> serde_json::Value {
        let faults = self.armed.iter().filter(|armed| !armed.is_over());
        faults.map(|armed| serde_json::json!(armed.fault)).collect()
    }

    /// The same, a line for each.
    pub(super) fn described(&self) -> Vec<String> {
        let faults = self.json();
        let faults = faults.as_array().into_iter().flatten();
        faults.map(without_nulls).collect()
    }

    /// The fault that is due for `request`, if any. `concerns` says whether a named case is about
    /// it.
    pub(super) fn take_due(
        &mut self,
        request: &Request,
        concerns: impl Fn(&str) -> bool,
    ) -> Option<FaultKind> {
        let concerns = |fault: &Fault| match &fault.kind {
            FaultKind::Case { name } => fault.concerns(request) && concerns(name),
            _ => fault.concerns(request),
        };
        self.armed
            .retain(|armed| !matches!(armed.fault.trigger, Trigger::Next { .. }) || armed.left > 0);
        self.armed
            .iter_mut()
            .filter(|armed| concerns(&armed.fault))
            .find_map(|armed| armed.is_due().then(|| armed.fault.kind.clone()))
    }
}

fn without_nulls(fault: &serde_json::Value) -> String {
    let mut fault = fault.clone();
    if let Some(members) = fault.as_object_mut() {
        members.retain(|_, value| !value.is_null());
    }
    fault.to_string()
}

impl Armed {
    /// Whether it can never happen again.
    fn is_over(&self) -> bool {
        match self.fault.trigger {
            Trigger::Next { .. } => self.left == 0,
            Trigger::During {
                from_milliseconds,
                milliseconds,
            } => {
                let end = from_milliseconds.saturating_add(milliseconds);
                self.since.elapsed() >= Duration::from_millis(end)
            }
            Trigger::Every { .. } | Trigger::Rate { .. } | Trigger::Always => false,
        }
    }

    fn is_due(&mut self) -> bool {
        match self.fault.trigger {
            Trigger::Next { .. } => {
                self.left = self.left.saturating_sub(1);
                true
            }
            Trigger::Every { nth } => {
                self.met = self.met.wrapping_add(1);
                self.met % nth.max(1) == 1 % nth.max(1)
            }
            Trigger::Rate { share, .. } => self.next_random() < share,
            Trigger::During {
                from_milliseconds,
                milliseconds,
            } => {
                let from = Duration::from_millis(from_milliseconds);
                let age = self.since.elapsed();
                age >= from && age < from + Duration::from_millis(milliseconds)
            }
            Trigger::Always => true,
        }
    }

    /// xorshift64: repeatable by its seed; uniform in 0..1.
    fn next_random(&mut self) -> f64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        #[expect(
            clippy::cast_precision_loss,
            reason = "53 bits of it fit a double exactly"
        )]
        let uniform = (self.random >> 11) as f64 / (1_u64 << 53) as f64;
        uniform
    }
}
