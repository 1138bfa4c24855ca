//! TODO-SKELETON pipeline
