//! The surface that separates the space that cameras saw through from the space behind the points they saw.
//!
//! In: fused points with the photos that see them, and those photos' camera centres, all in the local frame in metres.
//! Out: a triangle mesh, outward oriented, open below and at the edge of the place, not yet cleaned.
//!
//! Source: P. Labatut, J.-P. Pons, R. Keriven, "Robust and efficient surface reconstruction from range data", CGF
//! 28(8), 2009 (soft visibility, surface quality); H.-H. Vu et al., "High accuracy and visibility-consistent dense
//! multiview stereo", PAMI 34(5), 2012; M. Jancosek, T. Pajdla, "Multi-view reconstruction preserving weakly-supported
//! surfaces", CVPR 2011, and "Exploiting visibility information in surface reconstruction to preserve weakly supported
//! surfaces", ISRN 2014 (free-space support). Differences: cameras are not vertices; a ray that leaves the hull makes
//! the infinite cell it enters a source.
//!
//! Cost: about 12 s and 700 bytes for a thousand thousand points on two cores. Failure: points without photos give
//! [`MeshError::NoVisibility`], points in one plane [`MeshError::Flat`].

mod extract;
mod rays;
mod sites;
mod weights;

use super::MeshError;
use super::delaunay::Delaunay;
use super::maxflow::CutGraph;
use crate::base::{Ctx, PhotoId};
use crate::scene::{Mesh, PointCloud};
use nalgebra::Vector3;
use serde::{Deserialize, Serialize};

/// Parameters of [`surface`]; lengths in multiples of the cloud's ground sampling distance.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct SurfaceOptions {
    /// Points nearer than this to each other are averaged into one vertex.
    pub min_spacing_gsd: f64,
    /// Standard deviation of the points along a line of sight.
    pub sigma_gsd: f64,
    /// How far behind a point space is taken to be solid, in sigmas.
    pub behind_sigmas: f64,
    /// Weight of well-shaped surface triangles against one line of sight.
    pub quality: f64,
    /// Strengthens points with much free space before and little behind them, so that walls seen by few rays survive.
    pub free_space_support: bool,
}

impl Default for SurfaceOptions {
    fn default() -> Self {
        Self { min_spacing_gsd: 1.0, sigma_gsd: 1.0, behind_sigmas: 3.0, quality: 1.0, free_space_support: true }
    }
}

/// The surface of a fused point cloud. `camera_centres` must have the photos that the points name; views of other
/// photos are passed over.
pub fn surface(
    ctx: &Ctx,
    cloud: &PointCloud,
    camera_centres: &[(PhotoId, Vector3<f64>)],
    options: &SurfaceOptions,
) -> Result<Mesh, MeshError> {
    const STEPS: u64 = 6;
    ctx.tick(0, STEPS)?;
    let sites = sites::merge(cloud, camera_centres, options.min_spacing_gsd * cloud.gsd)?;
    ctx.tick(1, STEPS)?;
    let delaunay = Delaunay::new(ctx, sites.positions.clone())?;
    if delaunay.cells.is_empty() {
        return Err(MeshError::Flat { points: sites.positions.len() });
    }
    ctx.tick(2, STEPS)?;
    let weights = weights::collect(ctx, &delaunay, &sites, options, options.sigma_gsd * cloud.gsd)?;
    ctx.tick(3, STEPS)?;
    let mut graph = CutGraph::new(delaunay.cells.iter().map(|c| c.neighbours));
    weights.fill(&delaunay, &mut graph, options.quality);
    drop(weights);
    ctx.tick(4, STEPS)?;
    graph.solve(ctx)?;
    ctx.tick(5, STEPS)?;
    let mesh = extract::boundary(&delaunay, |cell| graph.on_source_side(cell));
    if mesh.triangles.is_empty() {
        return Err(MeshError::EmptySurface { points: sites.positions.len() });
    }
    ctx.tick(STEPS, STEPS)?;
    Ok(mesh)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Rng;
    use crate::scene::FusedPoint;

    fn point(p: Vector3<f64>, n: Vector3<f64>, views: Vec<PhotoId>) -> FusedPoint {
        let f = |v: Vector3<f64>| [v.x as f32, v.y as f32, v.z as f32];
        FusedPoint { position: f(p), normal: f(n), colour: [0; 3], confidence: 1.0, views }
    }

    /// A ball seen from all around.
    fn ball() -> (PointCloud, Vec<(PhotoId, Vector3<f64>)>) {
        let centres: Vec<(PhotoId, Vector3<f64>)> = (0..6)
            .map(|i| {
                let mut c = Vector3::zeros();
                c[i / 2] = if i % 2 == 0 { 20.0 } else { -20.0 };
                (PhotoId::from(i), c)
            })
            .collect();
        let mut rng = Rng::new(1, 2);
        let points = (0..3000)
            .map(|_| {
                let n = Vector3::new(rng.normal(), rng.normal(), rng.normal()).normalize();
                let views = centres.iter().filter(|(_, c)| (c - n * 5.0).dot(&n) > 5.0).map(|(i, _)| *i).collect();
                point(n * (5.0 + 0.02 * rng.normal()), n, views)
            })
            .collect();
        (PointCloud { points, gsd: 0.1 }, centres)
    }

    #[test]
    fn a_ball_is_closed_and_has_its_volume() {
        let (cloud, centres) = ball();
        let mesh = surface(&Ctx::silent(), &cloud, &centres, &SurfaceOptions::default()).expect("surface");
        let truth = 4.0 / 3.0 * std::f64::consts::PI * 125.0;
        assert!((mesh.volume() / truth - 1.0).abs() < 0.03, "{} of {truth}", mesh.volume());
        for v in &mesh.vertices {
            assert!((v.norm() - 5.0).abs() < 0.3);
        }
    }

    #[test]
    fn the_same_on_any_number_of_threads() {
        let (cloud, centres) = ball();
        let run = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("pool");
            pool.install(|| surface(&Ctx::silent(), &cloud, &centres, &SurfaceOptions::default()).expect("surface"))
        };
        assert_eq!(run(1), run(4));
    }

    #[test]
    fn bad_input_is_told() {
        let (mut cloud, centres) = ball();
        let options = SurfaceOptions::default();
        let ctx = Ctx::silent();
        assert!(matches!(surface(&ctx, &cloud, &[], &options), Err(MeshError::NoVisibility { .. })));
        for p in &mut cloud.points {
            p.position[2] = 0.0;
        }
        assert!(matches!(surface(&ctx, &cloud, &centres, &options), Err(MeshError::Flat { .. })));
        cloud.points.truncate(3);
        assert!(matches!(surface(&ctx, &cloud, &centres, &options), Err(MeshError::TooFewPoints { .. })));
    }
}
