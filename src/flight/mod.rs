//! TODO-SKELETON flight
