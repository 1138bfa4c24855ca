//! TODO-SKELETON synthetic
