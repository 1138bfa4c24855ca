//! Where a body may be: what settling moves or adds stays inside, so that a part keeps its size and its border.
//!
//! In: a body as it was before, and the outline that it was cut along, if it was. Out: places held inside, and beads cut off
//! at the border, or [`BEYOND`] it: there they still hide what crosses in the wall that the border is. Not so the bottom.

use crate::base::Ctx;
use crate::print::PrintError;
use crate::print::outline::{contains, prism, widened};
use crate::print::solid::{Solid, cut, intersect};
use crate::scene::Mesh;
use nalgebra::{Vector2, Vector3};

/// How far, in millimetres, a wall at the border may be moved outwards; nobody can measure it on a print.
const BEYOND: f64 = 0.02;
/// How far, in millimetres, a prism that cuts sideways only goes on above and below.
const ON: f64 = 1.0;

/// The box of a body, and the ring that it lies in.
pub struct Within {
    low: Vector3<f64>,
    high: Vector3<f64>,
    ring: Vec<Vector2<f64>>,
}

impl Within {
    /// The limits of a body that lies in a counter-clockwise `ring`; an empty one limits nothing.
    pub fn new(body: &Mesh, ring: &[Vector2<f64>]) -> Self {
        let (low, high) = body.bounds().unwrap_or_default();
        let more = Vector3::new(BEYOND, BEYOND, 0.0);
        Self { low: low - more, high: high + more, ring: widened(ring, BEYOND) }
    }

    /// Where a corner at `from` goes that is to move to `to`: no further out than it is.
    pub fn held(&self, from: &Vector3<f64>, to: Vector3<f64>) -> Vector3<f64> {
        let to = to.sup(&self.low).inf(&self.high);
        if self.ring.is_empty() || contains(&self.ring, &to.xy()) {
            return to;
        }
        let border = nearest(&self.ring, &to.xy());
        let off = |p: Vector2<f64>| if contains(&self.ring, &p) { 0.0 } else { (p - nearest(&self.ring, &p)).norm() };
        if off(to.xy()) <= off(from.xy()) { to } else { border.push(to.z) }
    }

    /// What of some bodies lies inside.
    pub fn cut(&self, ctx: &Ctx, bodies: Solid) -> Result<Solid, PrintError> {
        let outside = |p: &Vector3<f64>| (0..3).any(|k| p[k] < self.low[k] || p[k] > self.high[k]);
        let beside = |p: &Vector3<f64>| !self.ring.is_empty() && !contains(&self.ring, &p.xy());
        let mut inside = bodies;
        if inside.mesh.vertices.iter().any(outside) {
            let (a, b) = (self.low.xy(), self.high.xy());
            let rectangle = [a, Vector2::new(b.x, a.y), b, Vector2::new(a.x, b.y)];
            inside = trimmed(ctx, &inside, &prism(&rectangle, self.low.z, self.high.z))?;
        }
        if inside.mesh.vertices.iter().any(beside) {
            inside = trimmed(ctx, &inside, &prism(&self.ring, self.low.z - ON, self.high.z + ON))?;
        }
        Ok(inside)
    }
}

fn trimmed(ctx: &Ctx, body: &Solid, prism: &Solid) -> Result<Solid, PrintError> {
    match cut(ctx, body, prism) {
        // The fast way asks for more than a closed surface.
        Err(PrintError::Engine { .. }) => intersect(ctx, body, prism),
        result => result,
    }
}

/// The place of a ring that is nearest to a point.
fn nearest(ring: &[Vector2<f64>], p: &Vector2<f64>) -> Vector2<f64> {
    let on_side = |i: usize| {
        let (a, b) = (ring[i], ring[(i + 1) % ring.len()]);
        let along = b - a;
        let share = (p - a).dot(&along) / along.norm_squared().max(1e-300);
        a + along * share.clamp(0.0, 1.0)
    };
    let distance = |q: &Vector2<f64>| (q - p).norm_squared();
    (0..ring.len()).map(on_side).min_by(|a, b| distance(a).total_cmp(&distance(b))).unwrap_or(*p)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::print::level_set::{Ball, surface_of_balls};

    #[test]
    fn corners_and_beads_stay_inside() {
        let ctx = Ctx::silent();
        // A triangle of 10 mm, 4 mm high.
        let ring = [[0.0, 0.0], [10.0, 0.0], [0.0, 10.0]].map(Vector2::from);
        let body = prism(&ring, 0.0, 4.0);
        let within = Within::new(&body.mesh, &ring);
        let at = |x: f64, y: f64, z: f64| Vector3::new(x, y, z);
        assert_eq!(within.held(&at(1.0, 1.0, 1.0), at(1.5, 1.0, 2.0)), at(1.5, 1.0, 2.0));
        assert_eq!(within.held(&at(0.0, 1.0, 4.0), at(-0.1, 1.0, 4.1)), at(-BEYOND, 1.0, 4.0));
        let held = within.held(&at(5.0, 5.0, 0.0), at(5.1, 5.1, -0.1)) - at(5.0, 5.0, 0.0);
        assert!((held - at(1.0, 1.0, 0.0).normalize() * BEYOND).norm() < 1e-12, "{held}");
        // What is outside, as pegs are, may move there, but not further out.
        assert_eq!(within.held(&at(6.0, 6.0, 1.0), at(5.9, 5.9, 1.0)), at(5.9, 5.9, 1.0));
        let ball = |x, y, z| Ball { centre: at(x, y, z), radius: 0.5 };
        for (centre, share) in [(ball(2.0, 2.0, 2.0), 1.0), (ball(5.0, 5.0, 2.0), 0.5), (ball(0.0, 2.0, 4.0), 0.25)] {
            let mesh = surface_of_balls(&[centre], 0.1);
            let (origin, photo) =
                (vec![[at(0.0, 0.0, 0.0); 3]; mesh.triangles.len()], vec![true; mesh.triangles.len()]);
            let bead = Solid { mesh, origin, photo };
            let inside = within.cut(&ctx, bead.clone()).unwrap();
            let kept = inside.mesh.volume() / bead.mesh.volume();
            assert!((kept - share).abs() < 0.06, "{kept} {share}");
            let is_inside = |p: &Vector3<f64>| {
                p.x > -BEYOND - 1e-9 && p.z < 4.0 + 1e-9 && (p.x + p.y - 10.0) / 2f64.sqrt() < BEYOND + 1e-9
            };
            assert!(inside.mesh.vertices.iter().all(is_inside));
        }
    }
}
