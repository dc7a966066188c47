//! The state of a ticket, in words.

/// What ServiceNow shows for the numbers that its API answers. Words, such as those of Salesforce, stay
/// as they are, and so does a number of somebody's own.
pub fn ticket_state(state: &str) -> &str {
    match state {
        "1" => "New",
        "2" => "In Progress",
        "3" => "On Hold",
        "6" => "Resolved",
        "7" => "Closed",
        "8" => "Canceled",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_servicenow_are_told_in_words_and_anything_else_as_it_is() {
        assert_eq!(ticket_state("1"), "New");
        assert_eq!(ticket_state("6"), "Resolved");
        assert_eq!(ticket_state("Escalated"), "Escalated");
        assert_eq!(ticket_state("42"), "42");
    }
}
