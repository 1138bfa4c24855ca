//! TODO-SKELETON print
