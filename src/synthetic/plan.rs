//! The street plan: a grid of streets in plan coordinates, bent and turned into the local frame, on rolling terrain.
//!
//! Plan coordinates (u, v) are metres along two street directions; `world` bends them gently so that no street is
//! straight and no corner is exactly square. Heights come from a smooth function of the local position.

use super::builder::Frame;
use super::surface::V3;
use crate::base::Rng;

/// One street: a strip of the plan.
#[derive(Clone, Copy, Debug)]
pub struct Street {
    /// Plan coordinate of its centre line.
    pub centre: f32,
    /// Half width of the carriageway.
    pub half: f32,
    /// Width of the pavement on each side.
    pub pavement: f32,
    /// Half width of the canal in its middle; 0 = none.
    pub canal: f32,
}

impl Street {
    /// Half of the whole width.
    pub fn outer(&self) -> f32 {
        self.half + self.pavement
    }
}

/// The street plan and the shape of the ground.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Streets of constant u, ascending.
    pub along_v: Vec<Street>,
    /// Streets of constant v, ascending.
    pub along_u: Vec<Street>,
    /// Half sizes of the built area in plan coordinates.
    pub half: [f32; 2],
    turn: (f32, f32),
    phase: [f32; 4],
    /// A pond: plan centre and radii.
    pub pond: Option<[f32; 4]>,
}

/// Depth of the water's surface in the canal below the street.
pub const CANAL_DEPTH: f32 = 1.5;

impl Plan {
    /// Streets over `half` metres to each side of the centre.
    pub fn new(half: [f32; 2], rng: &mut Rng) -> Self {
        let mut streets = |half: f32, block: [f64; 2], canal_near: Option<f32>| {
            let mut out = Vec::new();
            // The crossing nearest the middle is off centre, so that the middle holds blocks and streets.
            let mut at = 9.0 + rng.uniform(-4.0, 4.0) as f32;
            while at > -half {
                at -= rng.uniform(block[0], block[1]) as f32;
            }
            while at < half + 60.0 {
                let wide = rng.next_f64() < 0.3;
                let half_width = if wide { 5.2 } else { rng.uniform(3.4, 4.2) as f32 };
                let pavement = rng.uniform(2.2, 3.4) as f32;
                out.push(Street { centre: at, half: half_width, pavement, canal: 0.0 });
                at += rng.uniform(block[0], block[1]) as f32;
            }
            if let Some(near) = canal_near {
                let distance = |s: &Street| (s.centre - near).abs();
                if let Some(s) = out.iter_mut().min_by(|a, b| distance(a).total_cmp(&distance(b))) {
                    (s.half, s.canal, s.pavement) = (10.5, 4.6, 2.4);
                }
            }
            out
        };
        let along_v = streets(half[0], [58.0, 76.0], None);
        let along_u = streets(half[1], [50.0, 66.0], Some(52.0));
        let turn = rng.uniform(0.15, 0.32).sin_cos();
        let phase = std::array::from_fn(|_| rng.uniform(0.0, std::f64::consts::TAU) as f32);
        Self { along_v, along_u, half, turn: (turn.0 as f32, turn.1 as f32), phase, pond: None }
    }

    /// Local east and north of a plan point.
    pub fn world(&self, u: f32, v: f32) -> [f32; 2] {
        let p = self.phase;
        let x = u + 4.0 * ((v / 62.0 + p[0]).sin() - p[0].sin()) + 1.5 * (v / 23.0 + p[1]).sin();
        let y = v + 3.5 * ((u / 70.0 + p[2]).sin() - p[2].sin()) + 1.2 * (u / 27.0 + p[3]).sin();
        let (s, c) = self.turn;
        [c * x - s * y, s * x + c * y]
    }

    /// Height of the terrain at a local position.
    pub fn height(&self, x: f32, y: f32) -> f32 {
        let p = self.phase;
        1.5 * (x / 75.0 + p[1]).sin() + 1.1 * (y / 58.0 + p[0]).cos() + 0.5 * ((x + y) / 31.0 + p[3]).sin()
    }

    /// The local point over a plan point, `lift` metres above the terrain.
    pub fn point(&self, u: f32, v: f32, lift: f32) -> V3 {
        let [x, y] = self.world(u, v);
        V3::new(x, y, self.height(x, y) + lift)
    }

    /// A level frame at a plan point, x along +u.
    pub fn frame(&self, u: f32, v: f32, lift: f32) -> Frame {
        let origin = self.point(u, v, lift);
        let [x, y] = self.world(u + 0.5, v);
        let along = V3::new(x - origin.x, y - origin.y, 0.0).normalize();
        Frame { origin, x: along, y: V3::new(-along.y, along.x, 0.0) }
    }

    /// Signed distance to the middle of the nearest street of `streets`, and the street's index.
    pub fn nearest(streets: &[Street], at: f32) -> (usize, f32) {
        let k = streets.partition_point(|s| s.centre < at);
        let candidates = k.saturating_sub(1)..(k + 1).min(streets.len());
        let mut best = (0, f32::MAX);
        for i in candidates {
            let d = at - streets[i].centre;
            if d.abs() < best.1.abs() {
                best = (i, d);
            }
        }
        best
    }

    /// How far the pond's bowl lowers the ground at a plan point.
    pub fn bowl(&self, u: f32, v: f32) -> f32 {
        let Some([cu, cv, ru, rv]) = self.pond else { return 0.0 };
        let d = (((u - cu) / ru).powi(2) + ((v - cv) / rv).powi(2)).sqrt();
        let angle = (v - cv).atan2(u - cu);
        let edge = 1.0 + 0.13 * (2.0 * angle + 1.0).sin() + 0.07 * (3.0 * angle).cos();
        1.3 * (1.0 - super::noise::step(d / edge, 0.72, 1.12))
    }
}
