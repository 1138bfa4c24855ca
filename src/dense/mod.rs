//! TODO-SKELETON dense
