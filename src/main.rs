//! The `veduta` program: parses the command line, runs it, maps the outcome to an exit code.

fn main() -> std::process::ExitCode {
    veduta::cli::main()
}
