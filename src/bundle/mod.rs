//! TODO-SKELETON bundle
