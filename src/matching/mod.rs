//! TODO-SKELETON matching
