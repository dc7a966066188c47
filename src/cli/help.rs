//! The commands in groups, as `ringdown --help` lists them.

use clap::Command;

/// Each group with its commands. A command in none of them stands in the last one.
const GROUPS: [(&str, &[&str]); 4] = [
    (
        "Look",
        &[
            "status",
            "why",
            "incidents",
            "events",
            "deliveries",
            "targets",
            "health",
        ],
    ),
    (
        "Act",
        &["silences", "dead-letters", "review", "locks", "audit"],
    ),
    (
        "Prepare",
        &["config", "doctor", "explain", "demo", "sim", "storm"],
    ),
    ("Run", &["serve", "migrate", "completions", "man"]),
];

const EXAMPLES: &str = "Examples:
  ringdown demo                         see it all in one process, without a configuration
  ringdown serve --config ringdown.toml
  ringdown status                       what is going on
  ringdown why INC0012345               why there is this ticket
  ringdown targets pause salesforce --for 2h --reason \"maintenance\"
  ringdown COMMAND --help               options and examples of a command";

/// `command` with its subcommands listed in groups.
pub(super) fn grouped(command: Command) -> Command {
    let known: Vec<(String, String)> = command
        .get_subcommands()
        .filter(|one| !one.is_hide_set())
        .map(|one| {
            let about = one.get_about().map(ToString::to_string);
            (one.get_name().to_owned(), about.unwrap_or_default())
        })
        .collect();
    let line = |(name, about): &(String, String)| format!("  {name:<13} {about}\n");
    let is_in = |name: &str| GROUPS.iter().any(|(_, names)| names.contains(&name));
    let mut text = String::new();
    for (place, (title, names)) in GROUPS.iter().enumerate() {
        text.push_str(&format!("{title}:\n"));
        let of_group = names
            .iter()
            .filter_map(|name| known.iter().find(|one| one.0 == *name));
        of_group.for_each(|one| text.push_str(&line(one)));
        if place == GROUPS.len() - 1 {
            let rest = known.iter().filter(|one| !is_in(&one.0));
            rest.for_each(|one| text.push_str(&line(one)));
        }
        text.push('\n');
    }
    command.help_template(format!(
        "{{about-with-newline}}\n{{usage-heading}} {{usage}}\n\n{text}Options of all commands:\n{{options}}\n\n{EXAMPLES}\n"
    ))
}
