//! The `veduta` program: parses the command line, runs it, maps the outcome to an exit code.

fn main() -> std::process::ExitCode {
    quiet_vulkan_loader();
    let mut arguments = std::env::args_os().skip(1);
    match (arguments.next(), arguments.next()) {
        (None, _) => veduta::app::main(None),
        (Some(one), None) if std::path::Path::new(&one).join("project.json").exists() => {
            veduta::app::main(Some(one.into()))
        }
        _ => veduta::cli::main(),
    }
}

/// Without a desktop session Mesa's device-select layer looks for one and prints errors that mean nothing here.
#[allow(unsafe_code, reason = "environment variables can only be set before other threads start")]
fn quiet_vulkan_loader() {
    if cfg!(target_os = "linux") && std::env::var_os("XDG_RUNTIME_DIR").is_none() {
        // SAFETY: this is the first statement of the program; no other thread runs.
        unsafe { std::env::set_var("NODEVICE_SELECT", "1") };
    }
}
