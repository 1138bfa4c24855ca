//! TODO-SKELETON formats
