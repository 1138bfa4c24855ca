//! The program as a user runs it: the built binary on small synthetic flights in temporary folders.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod bad_input;
mod check;
mod control;
mod positions;
mod print;
mod run;
mod support;
