//! How long a JSONPath query may take. A map's query runs for every event, on the thread that answers
//! the sender, so one whose time may grow faster than the event is refused. Pure.
//!
//! Its parts are told apart by their signs alone: texts in quotes are left out first.

/// Most ways by which one value may be selected.
const MOST_WAYS: usize = 64;

/// Why the time of `query`, which is valid, may grow faster than the event.
pub(super) fn too_much(query: &str) -> Option<&'static str> {
    let bare = without_texts(query);
    if bare.matches("..").count() > 1 {
        return Some("it has more than one `..`; name the members on the way instead");
    }
    if has_wide_root(&bare) {
        return Some(
            "a `$` inside a filter must lead to one value, as in [?@.name == $.name]: what follows it \
             is looked up again for each value",
        );
    }
    if ways(&bare) > MOST_WAYS {
        return Some("its lists of selectors select the same value too often");
    }
    if has_changing_pattern(&bare) {
        return Some("the pattern of match() and search() must be a text in quotes");
    }
    has_repeated_root(&bare).then_some(
        "inside a filter, a value from `$` may only be compared with a value from `@` or with a text, as in \
         [?@.name == $.name]: anything else is computed again for each value",
    )
}

/// `query` with its texts in quotes empty.
fn without_texts(query: &str) -> String {
    let mut bare = String::new();
    let mut quote = None;
    let mut is_escaped = false;
    for character in query.chars() {
        match quote {
            Some(open) => {
                if character == open && !is_escaped {
                    bare.push(character);
                    quote = None;
                }
                is_escaped = character == '\\' && !is_escaped;
            }
            None => {
                bare.push(character);
                if matches!(character, '"' | '\'') {
                    quote = Some(character);
                }
            }
        }
    }
    bare
}

/// Whether a query from `$` inside a filter can select more than one value.
fn has_wide_root(bare: &str) -> bool {
    let roots = bare.match_indices('$').skip(1);
    roots
        .map(|(at, _)| bare.get(at + 1..).unwrap_or_default())
        .any(|rest| !leads_to_one(rest))
}

/// Whether a function takes a value from `$` inside a filter, or two such values are compared. The event
/// decides how long they are. A comparison with a value from `@` takes no longer than that value is long.
fn has_repeated_root(bare: &str) -> bool {
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    bare.match_indices('$').skip(1).any(|(at, _)| {
        let before = bare.get(..at).unwrap_or_default().trim_end();
        let function = before.strip_suffix('(');
        if function.is_some_and(|name| name.ends_with(is_name)) {
            return true;
        }
        let after = after_one(bare.get(at + 1..).unwrap_or_default());
        let operator = after.unwrap_or_default().trim_start();
        let operand = operator.trim_start_matches(['=', '!', '<', '>']);
        operand.len() < operator.len() && operand.trim_start().starts_with('$')
    })
}

fn leads_to_one(rest: &str) -> bool {
    after_one(rest).is_some()
}

/// What follows the steps at the beginning of `rest`, when these are names and numbers only.
fn after_one(mut rest: &str) -> Option<&str> {
    let is_name = |c: char| c.is_alphanumeric() || c == '_';
    loop {
        let step = rest.trim_start();
        if let Some(name) = step.strip_prefix('.') {
            let after = name.trim_start_matches(is_name);
            if after.len() == name.len() {
                return None;
            }
            rest = after;
        } else if let Some(inner) = step.strip_prefix('[') {
            let (selector, after) = inner.split_once(']')?;
            let is_one = |c: char| c.is_ascii_digit() || matches!(c, '-' | '"' | '\'' | ' ');
            if !selector.chars().all(is_one) {
                return None;
            }
            rest = after;
        } else {
            return Some(rest);
        }
    }
}

/// By how many ways one value can be selected: the product of the lengths of all lists of selectors.
fn ways(bare: &str) -> usize {
    let mut open = Vec::new();
    let mut product = 1_usize;
    for character in bare.chars() {
        match character {
            '[' | '(' => open.push((character, 1)),
            ']' | ')' => {
                if let Some(('[', selectors)) = open.pop() {
                    product = product.saturating_mul(selectors);
                }
            }
            ',' => {
                if let Some((_, selectors)) = open.last_mut() {
                    *selectors += 1;
                }
            }
            _ => {}
        }
    }
    product
}

/// Whether a pattern comes from the event: it would be prepared again for each value.
fn has_changing_pattern(bare: &str) -> bool {
    let calls = ["match(", "search("];
    let ends = calls.iter().flat_map(|call| {
        bare.match_indices(call)
            .map(move |(at, _)| bare.get(at + call.len()..).unwrap_or_default())
    });
    ends.map(second_argument)
        .any(|argument| !argument.trim_start().starts_with(['"', '\'']))
}

/// What follows the first comma between the arguments.
fn second_argument(arguments: &str) -> &str {
    let mut depth = 0_usize;
    for (at, character) in arguments.char_indices() {
        match character {
            '(' | '[' => depth += 1,
            ')' | ']' => match depth.checked_sub(1) {
                Some(less) => depth = less,
                None => return "",
            },
            ',' if depth == 0 => return arguments.get(at + 1..).unwrap_or_default(),
            _ => {}
        }
    }
    ""
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_grows_with_the_event_only_is_accepted() {
        for query in [
            "$.metrics[?@.name == 'oWaiting'].count",
            "$.metrics[?@.name == $.name].avg",
            "$.a[?@.b == $['x'][0].c && $.on]",
            "$..[?match(@.t,'^y+$')]",
            "$..[?@.a == 'x..y$' && @.b == $.c]",
            "$.a[?@.b[?@.c[?@.d > 1]]]",
            "$['a','b','c'][0,1].d",
            "$[?search(@.x[0], \"a,b\")]",
            "$..host",
            "$.n[?(@.a) && ($.on || !$.off)]",
            "$.n[?$.a == @.b || 'x' == $.c]",
            "$.n[?length(@.a) > $.b]",
        ] {
            assert_eq!(too_much(query), None, "{query}");
        }
    }

    #[test]
    fn what_may_grow_faster_is_refused() {
        for (query, why) in [
            ("$.n[?$.n[?$.n[?@ > 1]]]", "must lead to one value"),
            ("$.n[?$.m[?@ > 1]]", "must lead to one value"),
            ("$.n[?count($.n[*]) > 1]", "must lead to one value"),
            ("$.n[?$.*]", "must lead to one value"),
            ("$.n[?length($..x) > 1]", "must lead to one value"),
            ("$.n[?$['a','b']]", "must lead to one value"),
            ("$.n[?$.m[0:9]]", "must lead to one value"),
            ("$..a..b", "more than one `..`"),
            ("$..[?@..a]", "more than one `..`"),
            ("$[*,*][*,*][*,*][*,*][*,*][*,*][*,*]", "too often"),
            ("$.n[?search($.b, 'x+y')]", "computed again"),
            ("$.n[?match( $.b,'(x|xx)*y')]", "computed again"),
            ("$.n[?length($.b) > 3]", "computed again"),
            ("$.n[?value($.b) == $.k]", "computed again"),
            ("$.n[?$.m == $.k]", "computed again"),
            ("$..[?@.a && ($['m'][0] <= $.k)]", "computed again"),
            ("$.n[?match(@.a, $.p)]", "in quotes"),
            ("$.n[?search(@.a, @.b)]", "in quotes"),
        ] {
            let found = too_much(query).unwrap_or_default();
            assert!(found.contains(why), "{query}: {found}");
        }
    }
}
