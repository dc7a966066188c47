//! Which fields a ticket is created, changed or resolved without, after the CRM refused their values.
//!
//! A ticket without its group is worth more than no ticket. The values go into the description of a
//! new ticket, and into a comment on an existing one. Pure.

use super::completion::reason;
use crate::domain::failure::Failure;
use crate::domain::ticket::{OmittedField, TicketChange, TicketFields, text_of};
use crate::settings::{KeyField, TargetSettings};

/// So often an operation is tried with fewer fields within one attempt.
pub(super) const MAX_OMISSIONS: usize = 2;

/// What one target's tickets cannot do without.
#[derive(Debug, Clone)]
pub(super) struct Omission {
    description_field: &'static str,
    /// Without it, a change that resolves a ticket would leave it open.
    state_field: &'static str,
    /// Fields that cannot be read back.
    write_only: &'static [&'static str],
    /// Ringdown's own fields, and those that the settings name as strict.
    required: Vec<String>,
}

impl Omission {
    pub(super) fn of(target: &TargetSettings) -> Self {
        let kind = target.kind;
        let key_field = match target.key_field() {
            KeyField::Unique(field) | KeyField::OrRecordId(field) => Some(field),
            KeyField::InTitle { .. } => None,
        };
        let own = [kind.title_field, kind.description_field].into_iter();
        let own = own.chain(kind.own_fields.iter().copied()).chain(key_field);
        let strict = target.strict_fields.iter().cloned();
        Self {
            description_field: kind.description_field,
            state_field: kind.state_field,
            write_only: kind.write_only_fields,
            required: own.map(str::to_owned).chain(strict).collect(),
        }
    }

    /// Takes the fields out of `fields` that `failure` is about. Where the CRM does not name a
    /// field, the last optional one goes. Returns what was taken out: nothing when no ticket can
    /// be created that way.
    pub(super) fn omit(&self, fields: &mut TicketFields, failure: &Failure) -> Vec<OmittedField> {
        if !failure.refuses_value || failure.outcome_unknown {
            return Vec::new();
        }
        let names: Vec<String> = match &failure.field {
            Some(named) => {
                let named: Vec<&str> = named.split(',').map(str::trim).collect();
                let is_named =
                    |name: &&String| named.iter().any(|one| one.eq_ignore_ascii_case(name));
                fields.keys().filter(is_named).cloned().collect()
            }
            None => {
                let mut optional = fields.keys().filter(|name| !self.is_required(name));
                optional.next_back().into_iter().cloned().collect()
            }
        };
        if names.iter().any(|name| self.is_required(name)) {
            return Vec::new();
        }
        let reason = reason(failure);
        let omitted = names.into_iter().filter_map(|field| {
            let value = text_of(&fields.remove(&field)?);
            let reason = reason.clone();
            Some(OmittedField {
                field,
                value,
                reason,
                kept: None,
                is_chosen: false,
            })
        });
        omitted.collect()
    }

    /// The same for a change of a ticket.
    pub(super) fn omit_from(
        &self,
        change: &mut TicketChange,
        failure: &Failure,
    ) -> Vec<OmittedField> {
        let state = change.fields.remove_entry(self.state_field);
        let omitted = self.omit(&mut change.fields, failure);
        change.fields.extend(state);
        omitted
    }

    /// `fields` with the values of the omitted ones in the description.
    pub(super) fn described(
        &self,
        fields: &TicketFields,
        omitted: &[OmittedField],
    ) -> TicketFields {
        let mut all = fields.clone();
        all.extend(self.description(fields, omitted));
        all
    }

    /// The description in `fields` with the values of the omitted ones.
    pub(super) fn description(
        &self,
        fields: &TicketFields,
        omitted: &[OmittedField],
    ) -> TicketFields {
        let before = fields.get(self.description_field);
        let before = before.and_then(|text| text.as_str()).unwrap_or_default();
        let mut text = before.trim_end().to_owned();
        for one in omitted {
            text.push_str("\n\n");
            text.push_str(&note(one));
        }
        let mut description = TicketFields::new();
        description.insert(self.description_field.to_owned(), text.trim_start().into());
        description
    }

    /// Those of `fields` that a ticket can do without and that can be read back.
    pub(super) fn optional(&self, fields: &TicketFields) -> TicketFields {
        let mut optional = fields.clone();
        optional
            .retain(|name, _| !self.is_required(name) && !self.write_only.contains(&name.as_str()));
        optional
    }

    fn is_required(&self, name: &str) -> bool {
        let mut required = self.required.iter();
        required.any(|one| one.eq_ignore_ascii_case(name))
    }
}

/// Lets the comment of `change` name what is left out; or a comment of its own, where that of the
/// change `is_written` already.
pub(super) fn note_in(change: &mut TicketChange, omitted: &[OmittedField], is_written: bool) {
    if is_written {
        let names: Vec<&str> = omitted.iter().map(|one| one.field.as_str()).collect();
        change.marker = format!("{} without {}", change.marker, names.join(", "));
        change.comment = None;
    }
    let before = change.comment.take();
    // A comment carries the marker already.
    let mark = before.is_none().then(|| format!("[{}]", change.marker));
    let notes = omitted.iter().map(note);
    let parts = before.into_iter().chain(notes).chain(mark);
    change.comment = Some(parts.collect::<Vec<_>>().join("\n\n"));
}

fn note(OmittedField { field, value, .. }: &OmittedField) -> String {
    format!("Not set, because the CRM refused it: {field} = {value}")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::domain::failure::{FailureKind, FailureScope, ResolvedBy, class};

    fn omission() -> Omission {
        let required = [
            "short_description",
            "description",
            "correlation_id",
            "priority",
        ];
        Omission {
            description_field: "description",
            state_field: "state",
            write_only: &["work_notes"],
            required: required.map(str::to_owned).into(),
        }
    }

    fn fields() -> TicketFields {
        let fields = json!({"short_description": "s", "description": "d", "priority": "1",
            "assignment_group": "No Such Group", "category": "x"});
        fields.as_object().unwrap().clone()
    }

    fn refused(field: Option<&str>) -> Failure {
        let class = class(FailureScope::Ticket, ResolvedBy::Nothing);
        let mut failure = Failure::new(FailureKind::IntegrationFailure, class, "is no name");
        failure.field = field.map(str::to_owned);
        failure.refuses_value = true;
        failure
    }

    fn omitted(failure: &Failure) -> Vec<String> {
        let omitted = omission().omit(&mut fields(), failure);
        omitted.into_iter().map(|one| one.field).collect()
    }

    #[test]
    fn the_field_that_the_crm_names_is_left_out_and_its_value_described() {
        let mut fields = fields();
        let omitted = omission().omit(&mut fields, &refused(Some("Assignment_Group")));
        assert!(!fields.contains_key("assignment_group"));
        let fields = omission().described(&fields, &omitted);
        assert_eq!(
            fields["description"],
            "d\n\nNot set, because the CRM refused it: assignment_group = No Such Group"
        );
    }

    #[test]
    fn a_change_keeps_its_state_and_its_comment_names_what_is_left_out() {
        let fields = json!({"state": "6", "close_code": "No Such Code"});
        let fields = fields.as_object().unwrap();
        let mut change = TicketChange {
            comment: Some("Recovered. [ref 3f9a]".into()),
            marker: "ref 3f9a".into(),
            fields: fields.clone(),
        };
        let omitted = omission().omit_from(&mut change, &refused(None));
        assert_eq!(omitted.len(), 1);
        note_in(&mut change, &omitted, false);
        assert_eq!(
            change.comment.as_deref(),
            Some(
                "Recovered. [ref 3f9a]\n\n\
                 Not set, because the CRM refused it: close_code = No Such Code"
            )
        );
        // Nothing else is optional.
        assert!(
            omission()
                .omit_from(&mut change, &refused(Some("state")))
                .is_empty()
        );
        assert_eq!(change.fields, *json!({"state": "6"}).as_object().unwrap());
        let mut without_comment = TicketChange {
            comment: None,
            fields: fields.clone(),
            ..change
        };
        let omitted = omission().omit_from(&mut without_comment, &refused(Some("close_code")));
        note_in(&mut without_comment, &omitted, false);
        let comment = without_comment.comment.unwrap();
        assert!(comment.ends_with("close_code = No Such Code\n\n[ref 3f9a]"));
    }

    #[test]
    fn what_is_left_out_has_a_comment_of_its_own_where_the_other_is_written() {
        let mut change = TicketChange {
            comment: Some("Recovered. [ref 3f9a]".into()),
            marker: "ref 3f9a".into(),
            fields: fields(),
        };
        let omitted = omission().omit_from(&mut change, &refused(Some("category")));
        note_in(&mut change, &omitted, true);
        assert_eq!(
            change.comment.as_deref(),
            Some(
                "Not set, because the CRM refused it: category = x\n\n\
                 [ref 3f9a without category]"
            )
        );
        assert!(!"Recovered. [ref 3f9a]".contains(&change.marker));
    }

    #[test]
    fn without_a_name_the_last_optional_field_goes() {
        assert_eq!(omitted(&refused(None)), ["category"]);
        assert_eq!(
            omitted(&refused(Some("category, assignment_group"))),
            ["assignment_group", "category"]
        );
    }

    #[test]
    fn a_field_that_the_ticket_needs_a_strict_one_and_one_that_was_not_sent_stay() {
        for field in ["description", "correlation_id", "priority", "caller_id", ""] {
            assert!(omitted(&refused(Some(field))).is_empty(), "{field}");
        }
        let mut missing = refused(Some("category"));
        missing.refuses_value = false;
        assert!(omitted(&missing).is_empty());
        assert!(omitted(&refused(Some("category")).in_doubt()).is_empty());
    }
}
