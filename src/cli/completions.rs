//! Completion scripts. They complete the names of rules, targets and sources too: the script asks
//! `ringdown names`, which reads them from the configuration.

use clap::{Command, ValueEnum};
use clap_complete::Shell;

use super::Global;
use super::config::{self, Offline};

/// Names of the configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Names {
    Rules,
    Targets,
    Sources,
}

/// Options whose values are names.
const NAMED: [(&str, &str); 3] = [
    ("rule", "rules"),
    ("target", "targets"),
    ("source", "sources"),
];

/// The names, a line each. A configuration that cannot be read has none: nobody wants its faults in
/// the middle of a command.
pub(super) fn names(which: Names, global: &Global) -> String {
    let Ok(loaded) = config::load(global, Offline { offline: true }) else {
        return String::new();
    };
    let settings = &loaded.settings;
    let names: Vec<String> = match which {
        Names::Rules => settings
            .rules
            .iter()
            .map(|rule| rule.name.to_string())
            .collect(),
        Names::Targets => settings.targets.keys().map(ToString::to_string).collect(),
        Names::Sources => settings.sources.keys().map(ToString::to_string).collect(),
    };
    names.join("\n")
}

/// The script of `shell` for `command`.
pub(super) fn script(shell: Shell, command: &mut Command) -> String {
    // Into memory: the generator panics when its reader goes away.
    let mut script = Vec::new();
    clap_complete::generate(shell, command, "ringdown", &mut script);
    let script = String::from_utf8_lossy(&script).into_owned();
    NAMED.iter().fold(script, |script, (option, names)| {
        let ask = format!("ringdown names {names} 2>/dev/null");
        match shell {
            Shell::Bash => {
                let files = "COMPREPLY=($(compgen -f \"${cur}\"))";
                let known = format!("COMPREPLY=($(compgen -W \"$({ask})\" -- \"${{cur}}\"))");
                let case = format!("--{option})\n                    ");
                script.replace(&format!("{case}{files}"), &format!("{case}{known}"))
            }
            Shell::Zsh => {
                let value = format!(":{}:", option.to_uppercase());
                let known = format!("{value}{{compadd -- $({ask})}}");
                script.replace(&format!("{value}_default"), &known)
            }
            Shell::Fish => {
                let lines = script.lines().map(|line| {
                    match line.contains(&format!(" -l {option} ")) && line.ends_with(" -r") {
                        true => format!("{line} -f -a \"({ask})\"\n"),
                        false => format!("{line}\n"),
                    }
                });
                lines.collect()
            }
            _ => script,
        }
    })
}
