//! The program as a user runs it: the built binary on small synthetic flights in temporary folders.

mod bad_input;
mod run;
mod support;
