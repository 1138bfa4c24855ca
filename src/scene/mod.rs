//! The data that flows through the pipeline, without methods beyond access: photos and flight, features and matches,
//! control points, reconstruction, depth maps, fused points, mesh, textured city, part. Every type is plain and serialisable.

mod city;
mod control;
mod dense;
mod flight;
mod foreign;
mod matches;
mod mesh;
mod painting;
mod reconstruction;

pub use city::{City, TexturePage};
pub use control::{
    ControlMark, ControlPoint, ControlReport, ControlResult, ControlRms, ControlRole, ControlTarget, MarkResult,
};
pub use dense::{DepthMap, FusedPoint, PointCloud};
pub use flight::{Attitude, Flight, GpsFix, LocalFrame, Photo, PositionPrior, RotationPrior, SkippedPhoto};
pub use foreign::{ForeignMesh, ForeignPage, LengthUnit, NO_PAGE};
pub use matches::{Features, Keypoint, PairKind, PairMatches, VerifiedPair};
pub use mesh::{Mesh, Part, SurfaceClass};
pub use painting::{CUT, Painting, VertexColoured};
pub use reconstruction::{Georeference, Observation, PriorResidual, Reconstruction, SparsePoint};
