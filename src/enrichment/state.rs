//! Questions to the Platform API about the state of queues, trunks and Edges, for polling.

use serde_json::{Value, json};

use super::budget::CallBudget;
use super::client::{ApiError, EDGES, OBSERVATIONS, PlatformApi, TRUNKS};
use crate::domain::time::Timestamp;

/// An answer, as the API gave it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Answered {
    pub(crate) items: Vec<Value>,
    /// When it was asked: nothing of the answer is older.
    pub(crate) asked_at: Timestamp,
}

impl PlatformApi {
    /// The same client, which makes at most so many calls in a minute, logins included.
    pub(crate) fn with_budget(mut self, calls_per_minute: u32) -> Self {
        self.budget = Some(CallBudget::new(calls_per_minute));
        self
    }

    /// The present readings of `metrics` of the queues: one item for each queue and media type.
    pub(crate) async fn observations(
        &mut self,
        queue_ids: &[String],
        metrics: &[&str],
    ) -> Result<Answered, ApiError> {
        let predicates: Vec<Value> = queue_ids
            .iter()
            .map(|id| json!({"dimension": "queueId", "operator": "matches", "value": id}))
            .collect();
        let question = json!({
            "filter": {"type": "or", "predicates": predicates},
            "metrics": metrics,
        });
        let url = self.at(OBSERVATIONS);
        let answer = self
            .call(OBSERVATIONS, |http| http.post(url.clone()).json(&question))
            .await?;
        let results = answer.json().map(|mut body| body["results"].take());
        match results {
            Some(Value::Array(items)) => Ok(Answered {
                items,
                asked_at: self.asked_at,
            }),
            // What the documentation calls an empty answer.
            Some(Value::Null) => Ok(Answered {
                items: Vec::new(),
                asked_at: self.asked_at,
            }),
            _ => Err(ApiError::NotUnderstood { path: OBSERVATIONS }),
        }
    }

    /// All trunks, with their state.
    pub(crate) async fn trunks(&mut self) -> Result<Answered, ApiError> {
        self.all(TRUNKS).await
    }

    /// All Edges, with their state.
    pub(crate) async fn edges(&mut self) -> Result<Answered, ApiError> {
        self.all(EDGES).await
    }

    async fn all(&mut self, path: &'static str) -> Result<Answered, ApiError> {
        let (items, asked_at) = self.list_from(path).await?;
        Ok(Answered { items, asked_at })
    }
}
