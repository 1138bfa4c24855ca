//! `veduta printers`: the rule packs by name, their limits, and the source and date of each.

use super::{CliError, say};
use crate::order::printers::{all_printers, find};
use crate::print::printer::Limit;

/// Runs the command.
pub fn printers(profile: Option<&str>, json: bool) -> Result<(), CliError> {
    let all = match profile {
        Some(name) => vec![find(name)?],
        None => all_printers()?,
    };
    if json {
        let text = serde_json::to_string_pretty(&all).map_err(|e| CliError::new(e.to_string(), ""))?;
        say(text);
        return Ok(());
    }
    for printer in &all {
        say(format!("{}: {}", printer.name, printer.title));
        if let Some(l) = &printer.formats {
            row("formats", &l.value.join(", "), l);
        }
        if let Some(l) = &printer.build_mm {
            row("build_mm", &format!("{} x {} x {}", l.value[0], l.value[1], l.value[2]), l);
        }
        for (name, limit) in printer.numbers() {
            if let Some(l) = limit {
                row(name, &l.value.to_string(), l);
            }
        }
        for quirk in &printer.quirks {
            say(format!("  {}", serde_json::to_string(quirk).unwrap_or_default().trim_matches('"')));
        }
    }
    Ok(())
}

fn row<T>(name: &str, value: &str, limit: &Limit<T>) {
    say(format!("  {name:<17} {value:<18} {} ({})", limit.source, limit.date));
}
