//! TODO-SKELETON evaluate
