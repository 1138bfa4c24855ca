//! Surfaces: the visibility-based surface of a point cloud, cleaning, refinement, simplification, inspection.

pub mod bvh;
pub mod delaunay;
pub mod maxflow;
mod spatial_order;
