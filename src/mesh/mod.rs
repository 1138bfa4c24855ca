//! Surfaces: the visibility-based surface of a point cloud, cleaning, refinement, simplification, inspection.

pub mod delaunay;
mod spatial_order;
