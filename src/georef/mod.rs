//! TODO-SKELETON georef
