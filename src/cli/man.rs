//! The manual page: the help of every command in one text for `man`. `clap_mangen` was refused: it
//! brings two crates for what a few lines do.

use clap::Command;

/// The page of `command`.
pub(super) fn page(mut command: Command) -> String {
    command.build();
    let name = command.get_name().to_owned();
    let version = command.get_version().unwrap_or_default().to_owned();
    let about = command
        .get_about()
        .map(ToString::to_string)
        .unwrap_or_default();
    let mut page = format!(
        ".TH {} 1 \"\" \"{name} {version}\"\n.SH NAME\n{name} \\- {}\n.SH SYNOPSIS\n.nf\n{}\n.fi\n",
        name.to_uppercase(),
        escaped(&about),
        escaped(&command.render_usage().to_string()),
    );
    describe(&mut page, &mut command);
    page.push_str(".SH EXIT STATUS\n0: fine. 1: the thing asked about is not fine. 2: wrong usage or configuration.\n");
    page
}

/// `command` and what is below it, a section each.
fn describe(page: &mut String, command: &mut Command) {
    let title = command
        .get_bin_name()
        .unwrap_or(command.get_name())
        .to_owned();
    let help = command.render_long_help().to_string();
    page.push_str(&format!(
        ".SH \"{}\"\n.nf\n{}\n.fi\n",
        escaped(&title),
        escaped(help.trim_end())
    ));
    for below in command.get_subcommands_mut() {
        if !below.is_hide_set() && below.get_name() != "help" {
            describe(page, below);
        }
    }
}

/// `text` without anything that `man` would obey.
fn escaped(text: &str) -> String {
    let lines = text.lines().map(|line| {
        let line = line
            .replace('\\', "\\e")
            .replace('-', "\\-")
            .replace('"', "\\(dq");
        match line.starts_with(['.', '\'']) {
            true => format!("\\&{line}"),
            false => line,
        }
    });
    lines.collect::<Vec<_>>().join("\n")
}
