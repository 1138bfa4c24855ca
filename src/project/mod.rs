//! TODO-SKELETON project
