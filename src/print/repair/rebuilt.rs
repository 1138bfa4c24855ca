//! The last resort of repair: the body made anew on a grid, where its crossings cannot be dissolved.
//!
//! In: the outside of a tangle, closed but crossing itself. Out: the surface of what it winds around, without crossings;
//! edges are rounded by about half the grid's spacing, and what is finer is lost. Distances are to the surface, signs by its
//! winding number along a ray. Cost: grows with the square of [`CELLS`], two looks at the hierarchy for each node.

use crate::base::Ctx;
use crate::mesh::bvh::Bvh;
use crate::print::level_set::{LevelSet, Node, SIDE, block_of, place};
use crate::print::solid::{Solid, unite};
use crate::print::thicken::coloured;
use crate::print::thickness::RAY;
use crate::print::{PrintError, settle};
use nalgebra::Vector3;
use std::collections::BTreeSet;

/// Cells along the diagonal of the body's box.
const CELLS: f64 = 250.0;

/// The body on its grid, and the grid's spacing in millimetres.
pub fn rebuilt(ctx: &Ctx, body: &Solid) -> Result<(Solid, f64), PrintError> {
    let Some((low, high)) = body.mesh.bounds() else {
        return Err(PrintError::NoSurface { fault: "it has no triangles".into() });
    };
    let spacing = (high - low).norm() / CELLS;
    let bvh = Bvh::new(&body.mesh);
    let normals: Vec<Vector3<f64>> = (0..body.mesh.triangles.len()).map(|t| body.mesh.area_normal(t)).collect();
    let winds_around = |p: &Vector3<f64>| {
        let hits = bvh.cast_all(p, &RAY, 0.0, f64::INFINITY);
        hits.iter().map(|(t, _)| normals[*t as usize].dot(&RAY).signum()).sum::<f64>() > 0.5
    };
    let value = |node: Node| {
        let p = place(node, spacing);
        let distance = bvh.closest(&p, f64::INFINITY).map_or(0.0, |hit| (hit.point - p).norm());
        if winds_around(&p) { -distance } else { distance }
    };
    let net = LevelSet::of_function(blocks_along(&body.mesh, &bvh, spacing), spacing, value).surface();
    ctx.check()?;
    // Where the grid does not part two sheets the net touches itself.
    let whole = unite(ctx, &[&coloured(net, body)])?;
    Ok((settle(ctx, whole)?, spacing))
}

/// The blocks of nodes that the surface passes through, with two nodes beyond it.
fn blocks_along(mesh: &crate::scene::Mesh, bvh: &Bvh, spacing: f64) -> Vec<Node> {
    let (beyond, side) = (Vector3::from_element(2.0 * spacing), f64::from(SIDE) * spacing);
    let mut blocks = BTreeSet::new();
    for t in 0..mesh.triangles.len() {
        let [a, b, c] = mesh.corners(t);
        let low = block_of(&(a.inf(&b).inf(&c) - beyond), spacing);
        let high = block_of(&(a.sup(&b).sup(&c) + beyond), spacing);
        for x in low[0]..=high[0] {
            for y in low[1]..=high[1] {
                blocks.extend((low[2]..=high[2]).map(|z| [x, y, z]));
            }
        }
    }
    // A large slanted triangle has a large box.
    let reach = side * 0.5 * 3f64.sqrt() + beyond.norm();
    let is_near = |block: &Node| {
        let middle = Vector3::from(block.map(|x| (f64::from(x) + 0.5) * side));
        bvh.closest(&middle, reach).is_some()
    };
    blocks.into_iter().filter(is_near).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mesh::inspect;
    use crate::print::outline::prism;
    use nalgebra::Vector2;

    #[test]
    fn crossing_bodies_become_one_on_the_grid() {
        let ctx = Ctx::silent();
        let block = |x: f64| {
            let ring = [[x, 0.0], [x + 20.0, 0.0], [x + 20.0, 20.0], [x, 20.0]].map(Vector2::from);
            prism(&ring, 0.0, 10.0)
        };
        let mut tangle = block(0.0);
        tangle.append(&block(10.3));
        let (body, spacing) = rebuilt(&ctx, &tangle).expect("made anew");
        let report = inspect(&body.mesh);
        assert!(report.is_solid() && report.self_intersections == 0 && report.components == 1, "{report:?}");
        let volume = 30.3 * 20.0 * 10.0;
        assert!((report.volume - volume).abs() < 0.01 * volume, "{}", report.volume);
        let (low, high) = body.mesh.bounds().expect("a body");
        assert!(
            low.amin() > -spacing && low.amax() < spacing && (high - Vector3::new(30.3, 20.0, 10.0)).amax() < spacing
        );
    }
}
