//! What a matcher accepts, and for what it holds.

use super::*;

fn subject() -> Subject<'static> {
    Subject {
        source: Some("genesys"),
        rule: "queue-wait",
        key: "Billing Tier 1",
        labels: Some(BTreeMap::from([("site", "Berlin")])),
    }
}

#[test]
fn matchers_hold_of_the_value_they_look_at_as_a_whole() {
    for (text, holds) in [
        ("rule=queue-wait", true),
        ("rule=queue", false),
        (" rule = queue-wait ", true),
        ("rule!=queue-wait", false),
        ("source=genesys", true),
        ("key=\"Billing Tier 1\"", true),
        ("key=~Billing.*", true),
        ("key=~Billing", false),
        ("key=~a|Billing Tier 1", true),
        ("key!~Billing.*", false),
        ("key!~Sales.*", true),
        ("labels.site=Berlin", true),
        ("labels.site!=Berlin", false),
        ("labels.floor=\"\"", true),
        ("labels.floor!=\"\"", false),
        ("labels.floor!=4", true),
        ("labels.site=~(?i)BERLIN", true),
        ("key=Billing Tier 1=x", false),
    ] {
        let matcher = Matcher::parse(text).unwrap();
        assert_eq!(matcher.holds(&subject()), holds, "{text}");
        let again = Matcher::parse(&matcher.to_string()).unwrap();
        assert_eq!(again.holds(&subject()), holds, "{text} read again");
    }
}

#[test]
fn what_is_no_matcher_is_refused() {
    let no_operator = |text: &str| BadMatcher::NoOperator(text.to_owned());
    for (text, problem) in [
        ("", no_operator("")),
        ("queue-wait", no_operator("queue-wait")),
        ("rule!queue", no_operator("rule!queue")),
        ("queue=q1", BadMatcher::UnknownName("queue".to_owned())),
        ("labels.=x", BadMatcher::UnknownName("labels.".to_owned())),
        ("=x", BadMatcher::UnknownName(String::new())),
        ("rule=", BadMatcher::NoValue("rule".to_owned())),
        ("rule==x", BadMatcher::TwoEquals("rule=x".to_owned())),
    ] {
        assert_eq!(Matcher::parse(text), Err(problem), "{text:?}");
    }
    for text in ["key=~(", "key=~a)|(b", "key=~\\w{400}{400}"] {
        let refused = matches!(Matcher::parse(text), Err(BadMatcher::Pattern { .. }));
        assert!(refused, "{text}");
    }
    let long = format!("key={}", "x".repeat(MAX_TEXT));
    assert_eq!(Matcher::parse(&long), Err(BadMatcher::TooLong));
}

#[test]
fn an_outage_has_neither_source_nor_labels_to_match() {
    let outage = Subject {
        source: None,
        rule: "outage:site",
        key: "Berlin",
        labels: None,
    };
    for (text, holds) in [
        ("rule=outage:site", true),
        ("key=Berlin", true),
        ("labels.site!=Hamburg", false),
        ("labels.site=\"\"", false),
        ("source!=x", false),
    ] {
        assert_eq!(
            Matcher::parse(text).unwrap().holds(&outage),
            holds,
            "{text}"
        );
    }
}
