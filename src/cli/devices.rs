//! `veduta devices`: which GPUs there are, which would be used, and why.

use super::{CliError, say};
use crate::gpu::{DeviceChoice, adapters};

/// Runs the command.
pub fn devices() -> Result<(), CliError> {
    let found = adapters(DeviceChoice::Auto);
    if found.is_empty() {
        say("no graphics adapter was found");
    }
    for adapter in &found {
        let mark = if adapter.chosen { "*" } else { " " };
        say(format!(
            "{mark} {} ({}, {}, {}): {}",
            adapter.name, adapter.kind, adapter.backend, adapter.driver, adapter.reason
        ));
    }
    if !found.iter().any(|a| a.chosen) {
        say("the processor would be used (every kernel has a processor version with the same result)");
    }
    Ok(())
}
