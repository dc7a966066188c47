//! A call to the data API, and what its path and headers say about it.

use serde_json::{Map, Value};

use super::call::Call;
use super::refusal::{Refusal, bad_json};
use super::state::State;
use crate::wire::Answer;

/// Answers a call to the data API.
pub(super) type Route = fn(&mut State, DataCall<'_>) -> Result<Answer, Refusal>;

/// A call to the data API, with the version its path names.
#[derive(Debug, Clone, Copy)]
pub(super) struct DataCall<'a> {
    pub(super) call: &'a Call,
    pub(super) version: u32,
}

impl DataCall<'_> {
    /// `/services/data/v64.0`.
    pub(super) fn base(&self) -> String {
        format!("/services/data/v{}.0", self.version)
    }

    pub(super) fn object_body(&self) -> Result<Map<String, Value>, Refusal> {
        match self.call.json() {
            Ok(Value::Object(fields)) => Ok(fields),
            Ok(_) => Err(bad_json("An object is wanted at [line:1, column:1]")),
            Err(error) => Err(bad_json(error)),
        }
    }
}

/// The version that the path of `call` names.
pub(super) fn version(call: &Call) -> Option<u32> {
    let text = call
        .segments
        .get(2)?
        .strip_prefix('v')?
        .strip_suffix(".0")?;
    text.parse().ok()
}

/// What a request's headers say about its writes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wishes {
    /// Absent means true.
    pub(super) assign: bool,
    /// Whether an alerting duplicate rule is overruled.
    pub(super) allow_save: bool,
}

impl Wishes {
    pub(super) fn of(data: DataCall<'_>) -> Self {
        let assign = data.call.header("sforce-auto-assign");
        let duplicates = data
            .call
            .header("sforce-duplicate-rule-header")
            .unwrap_or_default();
        Self {
            assign: !assign.is_some_and(|value| value.trim().eq_ignore_ascii_case("false")),
            allow_save: duplicates
                .to_ascii_lowercase()
                .replace(' ', "")
                .contains("allowsave=true"),
        }
    }
}
