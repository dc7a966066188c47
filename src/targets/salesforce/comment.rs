//! Comments: `CaseComment` on a case, a feed item on an incident. They have no key of their
//! own; the marker in the text tells a repetition.

use super::Salesforce;
use super::call::Effect;
use super::requests;
use super::verdict;
use crate::domain::failure::Failure;
use serde_json::Value;

impl Salesforce {
    pub(super) async fn comment(&self, ticket_id: &str, comment: &str) -> Result<(), Failure> {
        let object = self.paths.object;
        let body = requests::comment_body(object, ticket_id, comment);
        let path = self.paths.of_object(object.comment().0);
        let answer = self
            .call
            .send(Effect::Write, |client, base| {
                client.post(format!("{base}{path}")).json(&body)
            })
            .await?;
        verdict::created(&answer, self.call.clock.now()).map(|_| ())
    }

    pub(super) async fn is_commented(
        &self,
        ticket_id: &str,
        marker: &str,
    ) -> Result<bool, Failure> {
        let (_, text) = self.paths.object.comment();
        let rows = self.query(&self.paths.find_comments(ticket_id)).await?;
        Ok(rows.iter().any(|row| {
            row.get(text)
                .and_then(Value::as_str)
                .is_some_and(|text| text.contains(marker))
        }))
    }
}
