//! TODO-SKELETON texture
