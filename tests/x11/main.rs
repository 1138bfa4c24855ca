//! The built program on a real X server (Xvfb), driven by synthetic keys and mouse. Linux only; where there is no Xvfb
//! it says so and passes, unless `REQUIRE_X` is set.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[cfg(target_os = "linux")]
mod desktop;
#[cfg(target_os = "linux")]
mod window;
