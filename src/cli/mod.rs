//! The command line: subcommands over the same library and the same project that the window uses.
//!
//! Results go to standard output, progress and warnings to standard error. Exit codes: 0 done, 1 failed, 2 usage,
//! 3 cancelled.

mod args;
mod check;
mod control;
mod demo;
mod devices;
mod error;
mod eval;
mod export;
mod info;
mod print;
mod printers;
mod progress;
mod quote;
mod relink;
mod render;
mod report;
mod run;
mod size;
mod studio;
mod synth;
mod turntable;

pub(crate) use args::ControlArgs;
pub use args::{Cli, Command};
pub(crate) use control::{
    DEFAULT_SIGMA_M as CONTROL_SIGMA_M, Imported, import as import_control, write_list as write_control_list,
};
pub(crate) use export::write_one as export_one;
pub(crate) use progress::format_seconds;
pub(crate) use report::{Contents as ReportContents, write as write_report};
pub(crate) use run::default_memory;

pub use demo::{PHOTOS as DEMO_PHOTOS, WIDTH as DEMO_WIDTH, flight_options as demo_flight_options};
pub use error::CliError;
pub use render::{Side, What};
pub(crate) use render::{camera_argument, scene_arguments};
pub(crate) use studio::{Prepared, Studio};
pub(crate) use synth::generate_into;
pub(crate) use turntable::{Round, write_round};

use clap::Parser;
use std::process::ExitCode;

/// Parses the arguments and runs the command.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let outcome = match cli.command {
        Command::Demo(args) => demo::demo(&args),
        Command::Run(args) => run::run(&args),
        Command::Info(args) => info::info(&args),
        Command::Export(args) => export::export(&args),
        Command::Render(args) => render::render(&args),
        Command::Turntable(args) => turntable::turntable(&args),
        Command::Report(args) => report::report(&args),
        Command::Synth(args) => synth::synth(&args),
        Command::Eval(args) => eval::eval(&args),
        Command::Relink(args) => relink::relink(&args),
        Command::Check(args) => check::check(&args),
        Command::Print(args) => print::print(&args),
        Command::Quote(args) => quote::quote(&args),
        Command::Printers { profile, json } => printers::printers(profile.as_deref(), json),
        Command::Devices => devices::devices(),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            error.print();
            ExitCode::from(error.exit_code())
        }
    }
}

/// Writes a line for the user to standard output; a reader that went away is not an error.
pub(crate) fn say(text: impl std::fmt::Display) {
    use std::io::Write;
    let _ = writeln!(std::io::stdout().lock(), "{text}");
}

/// An option's value as the command line writes it.
pub(crate) fn word(value: &impl clap::ValueEnum) -> String {
    value.to_possible_value().map_or_else(String::new, |v| v.get_name().to_string())
}
