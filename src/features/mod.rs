//! TODO-SKELETON features
