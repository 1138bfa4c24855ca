//! The truth of a flight: what `truth.json` and the files beside it hold, and how they are written and read.
//!
//! In/out: JSON with poses, cameras and file names; a binary PLY with a class per face (East-North-Up metres); an int16
//! height map (NumPy). `cam_from_world` rows are rotation and translation; camera x right, y down, z forward; pixel
//! centres at 0.5; distortion in OpenCV's order.

use super::builder::Solid;
use crate::camera::Lens;
use crate::geometry::Rigid3;
use crate::image::Grid;
use crate::scene::{Mesh, SurfaceClass};
use nalgebra::{Matrix3, Vector3};
use serde::{Deserialize, Serialize};

/// Names of the classes, by their number in the PLY.
pub const CLASSES: [&str; 7] = ["ground", "roof", "facade", "vegetation", "car", "water", "other"];

/// A camera.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TruthCamera {
    /// `OPENCV` or `PINHOLE`.
    pub model: String,
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// Focal length in pixels.
    pub fx: f64,
    /// Equal to `fx`.
    pub fy: f64,
    /// Principal point.
    pub cx: f64,
    /// Principal point.
    pub cy: f64,
    /// Radial distortion.
    #[serde(default)]
    pub k1: f64,
    /// Radial distortion.
    #[serde(default)]
    pub k2: f64,
    /// Radial distortion; left out where it is 0.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub k3: f64,
    /// Tangential distortion.
    #[serde(default)]
    pub p1: f64,
    /// Tangential distortion.
    #[serde(default)]
    pub p2: f64,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_zero(x: &f64) -> bool {
    *x == 0.0
}

impl TruthCamera {
    /// From a lens and an image size.
    pub fn new(lens: &Lens, width: u32, height: u32) -> Self {
        let ideal = lens.k == [0.0; 3] && lens.p == [0.0; 2];
        Self {
            model: if ideal { "PINHOLE" } else { "OPENCV" }.into(),
            width,
            height,
            fx: lens.f,
            fy: lens.f,
            cx: lens.cx,
            cy: lens.cy,
            k1: lens.k[0],
            k2: lens.k[1],
            k3: lens.k[2],
            p1: lens.p[0],
            p2: lens.p[1],
        }
    }

    /// The lens.
    pub fn lens(&self) -> Lens {
        Lens { f: self.fx, cx: self.cx, cy: self.cy, k: [self.k1, self.k2, self.k3], p: [self.p1, self.p2] }
    }
}

/// One photo.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TruthPhoto {
    /// File name without folder.
    pub file: String,
    /// `nadir` or `oblique`.
    #[serde(default)]
    pub kind: String,
    /// Its camera.
    pub camera: TruthCamera,
    /// Pose, three rows of four.
    pub cam_from_world: [[f64; 4]; 3],
    /// Camera centre.
    pub centre: [f64; 3],
    /// Yaw, pitch, roll in degrees.
    #[serde(default)]
    pub yaw_pitch_roll: [f64; 3],
    /// WGS84 latitude in degrees.
    #[serde(default)]
    pub lat: f64,
    /// WGS84 longitude in degrees.
    #[serde(default)]
    pub lon: f64,
    /// Ellipsoidal altitude in metres.
    #[serde(default)]
    pub alt: f64,
    /// Time of exposure, ISO 8601.
    #[serde(default)]
    pub time: String,
    /// Exposure gain.
    #[serde(default = "one")]
    pub exposure: f64,
    /// Places and headings (degrees) of the moving cars.
    #[serde(default)]
    pub moving_cars_xyz_yaw: Vec<[f64; 4]>,
}

fn one() -> f64 {
    1.0
}

impl TruthPhoto {
    /// The pose.
    pub fn pose(&self) -> Rigid3 {
        pose_of(&self.cam_from_world)
    }
}

/// The pose in three rows of four.
pub fn pose_of(m: &[[f64; 4]; 3]) -> Rigid3 {
    let r = Matrix3::from_fn(|i, j| m[i][j]);
    Rigid3::from_matrix(&r, Vector3::new(m[0][3], m[1][3], m[2][3]))
}

/// Three rows of four of a pose.
pub fn rows_of(pose: &Rigid3) -> [[f64; 4]; 3] {
    let r = pose.matrix();
    std::array::from_fn(|i| [r[(i, 0)], r[(i, 1)], r[(i, 2)], pose.translation[i]])
}

/// Origin of the local frame.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct TruthOrigin {
    /// Latitude in degrees.
    pub lat: f64,
    /// Longitude in degrees.
    pub lon: f64,
    /// Ellipsoidal altitude in metres.
    pub alt: f64,
}

/// A raster beside the truth: pixel (i, j) centre is `x0 + (i + 0.5) gsd`, `y1 - (j + 0.5) gsd`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TruthRaster {
    /// File name.
    pub file: String,
    /// Size of a pixel in metres.
    pub gsd: f64,
    /// West border.
    pub x0: f64,
    /// North border.
    pub y1: f64,
    /// Columns.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub width: Option<usize>,
    /// Rows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub height: Option<usize>,
    /// Metres per unit of a height map.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scale: Option<f64>,
}

/// A view that is not part of the flight, for comparing textures: exposure 1, no vignetting, no noise, no moving cars.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TruthView {
    /// Path from the folder of `truth.json`.
    pub file: String,
    /// Its camera.
    pub camera: TruthCamera,
    /// Pose, three rows of four.
    pub cam_from_world: [[f64; 4]; 3],
    /// Camera centre.
    pub centre: [f64; 3],
    /// Exposure gain.
    #[serde(default = "one")]
    pub exposure: f64,
}

/// `truth.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Truth {
    /// What the coordinates are.
    pub world: String,
    /// Origin of the local frame.
    pub origin: TruthOrigin,
    /// The camera of the flight.
    pub camera: TruthCamera,
    /// Corners of the area to judge.
    pub bounds: Vec<[f64; 2]>,
    /// Names of the classes.
    pub classes: Vec<String>,
    /// Seed.
    pub seed: u64,
    /// File of the surface.
    pub mesh: String,
    /// The photos.
    pub photos: Vec<TruthPhoto>,
    /// True colours from above.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ortho: Option<TruthRaster>,
    /// True heights.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dsm: Option<TruthRaster>,
    /// Views for comparing textures.
    #[serde(default)]
    pub extra_views: Vec<TruthView>,
}

/// The true surface: a mesh in local metres with the class of each triangle.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TruthMesh {
    /// Geometry.
    pub mesh: Mesh,
    /// Class number of each triangle, see [`CLASSES`].
    pub class: Vec<u8>,
}

/// Why a truth file could not be read.
#[derive(Debug, thiserror::Error)]
pub enum TruthError {
    /// `truth.json` is not what it should be.
    #[error("truth.json cannot be read: {source}")]
    Json {
        /// The parser's error.
        #[from]
        source: serde_json::Error,
    },
    /// The PLY is not what it should be.
    #[error("the truth's surface cannot be read: {what}")]
    Ply {
        /// What is wrong.
        what: String,
    },
}

impl TruthError {
    /// What to do next.
    pub fn hint(&self) -> &'static str {
        "Give the folder that `veduta synth` wrote (its `truth` folder holds truth.json and truth.ply)."
    }
}

/// The number of a class.
pub fn class_number(class: SurfaceClass) -> u8 {
    class as u8
}

/// Reads `truth.json`.
pub fn read_json(bytes: &[u8]) -> Result<Truth, TruthError> {
    Ok(serde_json::from_slice(bytes)?)
}

/// The part of a solid that touches a rectangle.
pub fn clip(solid: &Solid, min: [f64; 2], max: [f64; 2]) -> TruthMesh {
    let mut out = TruthMesh::default();
    let mut ids = vec![u32::MAX; solid.vertices.len()];
    for t in &solid.triangles {
        let p = t.v.map(|v| solid.vertices[v as usize]);
        let outside =
            |c: usize| p.iter().all(|x| f64::from(x[c]) < min[c]) || p.iter().all(|x| f64::from(x[c]) > max[c]);
        if outside(0) || outside(1) {
            continue;
        }
        let v = t.v.map(|v| {
            let id = &mut ids[v as usize];
            if *id == u32::MAX {
                *id = out.mesh.vertices.len() as u32;
                out.mesh.vertices.push(solid.vertices[v as usize].cast());
            }
            *id
        });
        out.mesh.triangles.push(v);
        out.class.push(class_number(solid.surfaces[t.surface as usize].class));
    }
    out
}

/// Writes a surface as binary PLY.
pub fn write_ply(m: &TruthMesh) -> Vec<u8> {
    let mut out = format!(
        "ply\nformat binary_little_endian 1.0\ncomment ENU metres; class: 0=ground 1=roof 2=facade 3=vegetation 4=car \
         5=water 6=other\nelement vertex {}\nproperty float x\nproperty float y\nproperty float z\nelement face {}\n\
         property list uchar int vertex_indices\nproperty uchar class\nend_header\n",
        m.mesh.vertices.len(),
        m.mesh.triangles.len()
    )
    .into_bytes();
    out.reserve(12 * m.mesh.vertices.len() + 14 * m.mesh.triangles.len());
    for v in &m.mesh.vertices {
        for c in v.iter() {
            out.extend((*c as f32).to_le_bytes());
        }
    }
    for (t, class) in m.mesh.triangles.iter().zip(&m.class) {
        out.push(3);
        for v in t {
            out.extend((*v as i32).to_le_bytes());
        }
        out.push(*class);
    }
    out
}

/// Reads what [`write_ply`] writes.
pub fn read_ply(bytes: &[u8]) -> Result<TruthMesh, TruthError> {
    let bad = |what: &str| TruthError::Ply { what: what.to_string() };
    let end = b"end_header\n";
    let at = bytes.windows(end.len()).take(4096).position(|w| w == end).ok_or_else(|| bad("it has no header"))?;
    let header = std::str::from_utf8(&bytes[..at]).map_err(|_| bad("its header is no text"))?;
    if !header.contains("binary_little_endian") || !header.contains("property uchar class") {
        return Err(bad("it is not binary little-endian with a class per face"));
    }
    let count = |name: &str| -> Option<usize> {
        header.lines().find_map(|l| l.strip_prefix(&format!("element {name} "))?.trim().parse().ok())
    };
    let (n, m) = count("vertex").zip(count("face")).ok_or_else(|| bad("it does not say how many faces it has"))?;
    let body = &bytes[at + end.len()..];
    let need =
        n.checked_mul(12).and_then(|a| a.checked_add(m.checked_mul(14)?)).ok_or_else(|| bad("it is too large"))?;
    if body.len() < need {
        return Err(bad(&format!("it ends after {} of {need} bytes", body.len())));
    }
    let (points, faces) = body[..need].split_at(12 * n);
    let float = |b: &[u8]| f64::from(f32::from_le_bytes([b[0], b[1], b[2], b[3]]));
    let vertices = points.chunks_exact(12).map(|b| Vector3::new(float(b), float(&b[4..]), float(&b[8..]))).collect();
    let mut out = TruthMesh { mesh: Mesh { vertices, triangles: Vec::with_capacity(m) }, class: Vec::with_capacity(m) };
    for b in faces.chunks_exact(14) {
        let t: [u32; 3] =
            std::array::from_fn(|k| u32::from_le_bytes([b[1 + 4 * k], b[2 + 4 * k], b[3 + 4 * k], b[4 + 4 * k]]));
        if b[0] != 3 || t.iter().any(|&v| v as usize >= n) {
            return Err(bad("a face is not a triangle of existing vertices"));
        }
        out.mesh.triangles.push(t);
        out.class.push(b[13]);
    }
    Ok(out)
}

/// Metres per unit of the height map.
pub const DSM_SCALE: f64 = 0.002;

/// A height map as int16 NumPy file.
pub fn write_npy(heights: &Grid<f32>) -> Vec<u8> {
    let mut header =
        format!("{{'descr': '<i2', 'fortran_order': False, 'shape': ({}, {}), }}", heights.height, heights.width);
    while (10 + header.len() + 1) % 64 != 0 {
        header.push(' ');
    }
    header.push('\n');
    let mut out = b"\x93NUMPY\x01\x00".to_vec();
    out.extend((header.len() as u16).to_le_bytes());
    out.extend(header.bytes());
    for z in &heights.data {
        let units = (f64::from(*z) / DSM_SCALE).round().clamp(-32768.0, 32767.0) as i16;
        out.extend(units.to_le_bytes());
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ply_round_trip_and_damage() {
        let mesh = Mesh {
            vertices: vec![Vector3::new(0.0, 0.5, 1.0), Vector3::new(2.0, 0.0, 0.0), Vector3::new(0.0, 3.0, -1.0)],
            triangles: vec![[0, 1, 2], [2, 1, 0]],
        };
        let m = TruthMesh { mesh, class: vec![1, 5] };
        let bytes = write_ply(&m);
        assert_eq!(read_ply(&bytes).expect("reads"), m);
        for cut in [0, 10, bytes.len() - 1] {
            assert!(read_ply(&bytes[..cut]).is_err());
        }
    }

    #[test]
    fn poses_survive_their_rows() {
        let pose = Rigid3::from_rotation_and_centre(
            super::super::flight::rotation([200.0, -47.0, 3.0]),
            Vector3::new(1.0, 2.0, 80.0),
        );
        let back = pose_of(&rows_of(&pose));
        assert!((back.centre() - pose.centre()).norm() < 1e-9);
    }
}
