//! What stands in the blocks between the streets: perimeter rows with courtyards, villas in gardens, slabs with car
//! parks, a park with a pond, a church square, a market hall.
//!
//! In: the plan and a block's plan rectangle. Out: houses, ground patches, trees, cars.

use super::ground::{KERB, patch};
use super::house::{self, RoofShape, Style};
use super::plants::{self, Species};
use super::vehicle;
use crate::base::Rng;
use crate::scene::SurfaceClass;
use crate::synthetic::builder::{Frame, Solid};
use crate::synthetic::plan::Plan;
use crate::synthetic::surface::{Material, Rgb, Surface, V3, Wall};

/// What a block holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BlockKind {
    /// Rows of houses along all four streets around courtyards.
    Perimeter,
    /// Detached houses in gardens.
    Villas,
    /// Modern slabs, lawns and a parking lot.
    Slabs,
    /// Lawns, paths, trees and a pond.
    Park,
    /// A church on a square.
    Church,
    /// A large hall with a parking lot.
    Hall,
}

/// A block: its kind and plan rectangle.
#[derive(Clone, Copy, Debug)]
pub struct Block {
    /// What it holds.
    pub kind: BlockKind,
    /// Range of u.
    pub u: [f32; 2],
    /// Range of v.
    pub v: [f32; 2],
    /// Size of leaf clusters in metres: coarser far from the middle.
    pub leaf: f32,
}

impl Block {
    /// Ground material of the interior.
    pub fn ground(&self, seed: u32) -> Surface {
        let (material, tint) = match self.kind {
            BlockKind::Perimeter => (Material::Paving, [0.27, 0.26, 0.24]),
            BlockKind::Villas | BlockKind::Slabs | BlockKind::Park => (Material::Lawn, LAWN),
            BlockKind::Church => (Material::Cobbles, [0.27, 0.25, 0.23]),
            BlockKind::Hall => (Material::Paving, [0.24, 0.24, 0.235]),
        };
        Surface { class: SurfaceClass::Ground, material, tint, seed }
    }
}

const LAWN: Rgb = [0.105, 0.16, 0.035];

/// Fills blocks.
pub struct Filler<'a> {
    /// Where the geometry goes.
    pub solid: &'a mut Solid,
    /// The plan.
    pub plan: &'a Plan,
    /// Random numbers of this block.
    pub rng: Rng,
    /// The block.
    pub block: Block,
}

impl Filler<'_> {
    /// Fills the block according to its kind.
    pub fn fill(&mut self) {
        match self.block.kind {
            BlockKind::Perimeter => self.perimeter(),
            BlockKind::Villas => self.villas(),
            BlockKind::Slabs => self.slabs(),
            BlockKind::Park => self.park(),
            BlockKind::Church => self.church(),
            BlockKind::Hall => self.hall(),
        }
    }

    fn uniform(&mut self, low: f32, high: f32) -> f32 {
        self.rng.uniform(f64::from(low), f64::from(high)) as f32
    }

    fn ground(&mut self, material: Material, tint: Rgb) -> u32 {
        let tint = house::vary(&mut self.rng, tint, 0.12);
        let seed = self.rng.next_u32();
        self.solid.surface(Surface { class: SurfaceClass::Ground, material, tint, seed })
    }

    fn patch(&mut self, u: [f32; 2], v: [f32; 2], lift: f32, material: Material, tint: Rgb) {
        if u[1] - u[0] > 0.3 && v[1] - v[0] > 0.3 {
            let s = self.ground(material, tint);
            patch(self.solid, self.plan, u, v, lift, s);
        }
    }

    /// Ground corners over a plan rectangle at one height, the edge `front` (0 = low v, 1 = high u, 2 = high v,
    /// 3 = low u) first.
    fn corners(&self, u: [f32; 2], v: [f32; 2], front: usize) -> [V3; 4] {
        let q = [[u[0], v[0]], [u[1], v[0]], [u[1], v[1]], [u[0], v[1]]].map(|[u, v]| self.plan.point(u, v, KERB));
        let z = q.iter().map(|p| p.z).sum::<f32>() / 4.0;
        std::array::from_fn(|k| {
            let p = q[(k + front) % 4];
            V3::new(p.x, p.y, z)
        })
    }

    fn house(&mut self, u: [f32; 2], v: [f32; 2], front: usize, style: &Style) -> f32 {
        let corners = self.corners(u, v, front);
        house::build(self.solid, &corners, style, &mut self.rng)
    }

    fn tree(&mut self, u: f32, v: f32, species: Species, scale: f32) {
        let height = scale
            * match species {
                Species::Broad => self.uniform(5.5, 11.0),
                Species::Column => self.uniform(7.0, 12.0),
                Species::Conifer => self.uniform(7.0, 13.0),
                Species::Bush => self.uniform(1.0, 2.2),
            };
        let radius = match species {
            Species::Broad => 0.40 * height,
            Species::Column => 0.16 * height,
            Species::Conifer => 0.23 * height,
            Species::Bush => 0.7 * height,
        };
        let base = self.plan.point(u, v, KERB - self.plan.bowl(u, v));
        plants::tree(self.solid, base, species, height, radius, self.block.leaf, &mut self.rng);
    }

    fn any_tree(&mut self, u: f32, v: f32, scale: f32) {
        let species = match self.rng.below(10) {
            0..=5 => Species::Broad,
            6 => Species::Column,
            7 => Species::Conifer,
            _ => Species::Bush,
        };
        self.tree(u, v, species, scale);
    }

    fn hedge(&mut self, from: [f32; 2], to: [f32; 2], height: f32) {
        let (a, b) = (self.plan.point(from[0], from[1], KERB), self.plan.point(to[0], to[1], KERB));
        let flat = V3::new(b.x - a.x, b.y - a.y, 0.0);
        let length = flat.norm();
        let x = flat / length.max(0.1);
        let n = (length / 6.0).ceil().max(1.0) as usize;
        for k in 0..n {
            let t = k as f32 / n as f32;
            let origin = a + (b - a) * t;
            let frame = Frame { origin, x, y: V3::new(-x.y, x.x, 0.0) };
            plants::hedge(self.solid, &frame, length / n as f32, 0.8, height, self.block.leaf * 0.6, &mut self.rng);
        }
    }

    fn box_on(
        &mut self,
        u: f32,
        v: f32,
        size: [f32; 3],
        side: (Material, Rgb),
        top: (Material, Rgb),
        class: SurfaceClass,
    ) {
        let seed = self.rng.next_u32();
        let s = self.solid.surface(Surface { class, material: side.0, tint: side.1, seed });
        let t = self.solid.surface(Surface { class, material: top.0, tint: top.1, seed });
        let frame = self.plan.frame(u, v, KERB);
        let (x, y) = (size[0] / 2.0, size[1] / 2.0);
        self.solid.cuboid(&frame, [-x, x], [-y, y], [-0.3, size[2]], s, t);
    }

    fn shed(&mut self, u: f32, v: f32) {
        let (w, d) = (self.uniform(2.0, 3.2), self.uniform(1.8, 2.6));
        let wood = [0.20, 0.13, 0.075];
        let roof = if self.rng.next_f64() < 0.5 {
            (Material::Bitumen, [0.12; 3])
        } else {
            (Material::Wood, [0.25, 0.19, 0.13])
        };
        self.box_on(u, v, [w, d, 2.3], (Material::Wood, wood), (Material::Wood, wood), SurfaceClass::Facade);
        let seed = self.rng.next_u32();
        let s = self.solid.surface(Surface { class: SurfaceClass::Roof, material: roof.0, tint: roof.1, seed });
        let f = self.plan.frame(u, v, KERB);
        let (x, y) = (w / 2.0 + 0.2, d / 2.0 + 0.2);
        self.solid.slab([f.at(-x, -y, 2.4), f.at(x, -y, 2.4), f.at(x, y, 2.75), f.at(-x, y, 2.75)], 0.1, s, s);
    }

    fn car(&mut self, u: f32, v: f32, quarter_turns: usize) {
        let angle = quarter_turns as f32 * std::f32::consts::FRAC_PI_2 + self.uniform(-0.04, 0.04);
        let frame = self.plan.frame(u, v, KERB + 0.02).turned(angle);
        vehicle::car(self.solid, &frame, &mut self.rng);
    }

    fn perimeter(&mut self) {
        let Block { u, v, .. } = self.block;
        let depth = self.uniform(10.0, 12.0);
        // Two sides run through, the other two fit between them.
        for (front, from, to) in
            [(0, u[0], u[1]), (2, u[0], u[1]), (1, v[0] + depth, v[1] - depth), (3, v[0] + depth, v[1] - depth)]
        {
            self.row(front, from, to, depth);
        }
        self.courtyard([u[0] + depth, u[1] - depth], [v[0] + depth, v[1] - depth]);
    }

    /// A row of houses on one side of the block.
    fn row(&mut self, front: usize, from: f32, to: f32, depth: f32) {
        let Block { u, v, .. } = self.block;
        let mut at = from;
        let mut first = true;
        while at < to - 1.0 {
            let mut next = at + self.uniform(8.0, 15.0);
            if to - next < 7.0 {
                next = to;
            }
            let mut style = Style::town(&mut self.rng);
            let (start, end) = (first, next >= to);
            // Ends of the through-going sides face a street.
            let corner = front.is_multiple_of(2) && (start || end);
            let low_end = corner && start;
            let high_end = corner && end;
            // Seen from the street in front, low coordinates lie left on sides 0 and 1, right on sides 2 and 3.
            let (left, right) = if front < 2 { (low_end, high_end) } else { (high_end, low_end) };
            style.free = [true, right, true, left];
            if corner && self.rng.next_f64() < 0.5 {
                style.shape = if self.rng.next_f64() < 0.5 { RoofShape::Mansard } else { RoofShape::Hip };
                style.roof = Material::Tiles;
                style.storeys = style.storeys.max(3);
            } else if style.shape == RoofShape::Hip {
                style.shape = RoofShape::Gable;
            }
            let gap = !corner && self.rng.next_f64() < 0.07;
            let back = depth + self.uniform(-1.0, 0.8);
            let (hu, hv) = match front {
                0 => ([at, next], [v[0], v[0] + back]),
                2 => ([at, next], [v[1] - back, v[1]]),
                1 => ([u[1] - back, u[1]], [at, next]),
                _ => ([u[0], u[0] + back], [at, next]),
            };
            if gap {
                self.shed(0.5 * (hu[0] + hu[1]), 0.5 * (hv[0] + hv[1]));
                self.any_tree(hu[0] + 2.0, hv[0] + 2.5, 0.6);
            } else {
                self.house(hu, hv, front, &style);
            }
            first = false;
            at = next;
        }
    }

    fn courtyard(&mut self, u: [f32; 2], v: [f32; 2]) {
        let (nu, nv) =
            (((u[1] - u[0]) / 13.0).round().max(1.0) as usize, ((v[1] - v[0]) / 12.0).round().max(1.0) as usize);
        let (du, dv) = ((u[1] - u[0]) / nu as f32, (v[1] - v[0]) / nv as f32);
        for j in 0..nv {
            for i in 0..nu {
                let (a, b) = (u[0] + i as f32 * du, v[0] + j as f32 * dv);
                let (pu, pv) = ([a + 0.8, a + du - 0.5], [b + 0.8, b + dv - 0.5]);
                match self.rng.below(7) {
                    0..=2 => {
                        self.patch(pu, pv, 0.03, Material::Lawn, LAWN);
                        let m = 0.5 * (pv[0] + pv[1]);
                        self.patch(pu, [m - 0.5, m + 0.5], 0.05, Material::Paving, [0.36, 0.34, 0.30]);
                        let n = 1 + self.rng.below(3);
                        for _ in 0..n {
                            let (x, y) =
                                (self.uniform(pu[0] + 1.0, pu[1] - 1.0), self.uniform(pv[0] + 1.0, pv[1] - 1.0));
                            self.any_tree(x, y, 0.75);
                        }
                        if self.rng.next_f64() < 0.6 {
                            self.hedge([pu[0], pv[0]], [pu[1], pv[0]], 1.3);
                        }
                    }
                    3 => {
                        self.patch(pu, pv, 0.03, Material::Gravel, [0.36, 0.32, 0.26]);
                        let n = 2 + self.rng.below(3);
                        for k in 0..n {
                            let y = pv[0] + 2.0 + k as f32 * 2.7;
                            if y < pv[1] - 1.0 {
                                self.car(pu[0] + 3.0, y, 2 * (k % 2));
                            }
                        }
                    }
                    4 => {
                        self.patch(pu, pv, 0.03, Material::Meadow, [0.13, 0.15, 0.05]);
                        self.patch(
                            [pu[0] + 1.0, pu[0] + 4.0],
                            [pv[0] + 1.0, pv[1] - 1.0],
                            0.06,
                            Material::Soil,
                            [0.13, 0.085, 0.05],
                        );
                        self.shed(pu[1] - 2.2, pv[1] - 2.0);
                        self.any_tree(pu[1] - 3.0, pv[0] + 2.5, 0.6);
                    }
                    5 => {
                        self.patch(pu, pv, 0.03, Material::Cobbles, [0.30, 0.25, 0.21]);
                        self.shed(pu[0] + 2.2, pv[0] + 2.0);
                        self.car(0.5 * (pu[0] + pu[1]), pv[1] - 2.0, 0);
                        self.any_tree(pu[1] - 2.0, pv[0] + 2.0, 0.7);
                    }
                    _ => {
                        // A low workshop.
                        let mut style = Style::modern(&mut self.rng, 1);
                        style.balconies = false;
                        style.shop = false;
                        self.house([pu[0] + 1.0, pu[1] - 2.0], [pv[0] + 1.0, pv[1] - 2.0], 0, &style);
                    }
                }
            }
        }
    }

    fn villas(&mut self) {
        let Block { u, v, .. } = self.block;
        let n = ((u[1] - u[0]) / 19.0).round().max(1.0) as usize;
        let (lot, middle) = ((u[1] - u[0]) / n as f32, 0.5 * (v[0] + v[1]));
        for i in 0..n {
            for back in [false, true] {
                let (a, b) = (u[0] + i as f32 * lot, u[0] + (i + 1) as f32 * lot);
                let (front, vr, sign) = if back { (2, [middle, v[1]], -1.0) } else { (0, [v[0], middle], 1.0) };
                let street = if back { vr[1] } else { vr[0] };
                let y = |d: f32| street + sign * d;
                let range = |d0: f32, d1: f32| if back { [y(d1), y(d0)] } else { [y(d0), y(d1)] };
                if self.rng.next_f64() < 0.4 {
                    self.patch(
                        [a + 0.4, b - 0.4],
                        [vr[0] + 0.4, vr[1] - 0.4],
                        0.02,
                        Material::Meadow,
                        [0.13, 0.16, 0.05],
                    );
                }
                let style = Style::villa(&mut self.rng);
                let (w, d) = (self.uniform(8.5, 11.0), self.uniform(8.0, 10.0));
                let left = a + self.uniform(1.5, 2.5);
                self.house([left, left + w], range(6.0, 6.0 + d), front, &style);
                if self.rng.next_f64() < 0.5 {
                    // A wing at the back.
                    let mut wing = style.clone();
                    wing.storeys = 1;
                    wing.shape = if style.shape == RoofShape::Flat { RoofShape::Flat } else { RoofShape::Hip };
                    self.house([left + 0.5, left + 0.55 * w], range(5.0 + d, 9.5 + d), front, &wing);
                }
                // Drive, path, terrace.
                self.patch([b - 5.2, b - 2.2], range(0.0, 13.0), 0.05, Material::Paving, [0.33, 0.27, 0.23]);
                self.patch(
                    [left + 0.4 * w, left + 0.4 * w + 1.3],
                    range(0.0, 6.0),
                    0.05,
                    Material::Paving,
                    [0.36, 0.34, 0.31],
                );
                self.patch([left + 1.0, left + w], range(6.0 + d, 9.0 + d), 0.04, Material::Wood, [0.26, 0.18, 0.11]);
                if self.rng.next_f64() < 0.75 {
                    let deep = self.uniform(3.5, 8.5);
                    self.car(b - 3.7, y(deep), if back { 3 } else { 1 });
                }
                if self.rng.next_f64() < 0.6 {
                    self.hedge([a + 0.2, y(0.6)], [a + 0.2, y((vr[1] - vr[0]) - 0.6)], 1.5);
                }
                self.hedge([a + 0.6, y(0.5)], [left + 0.35 * w, y(0.5)], 1.1);
                for _ in 0..2 + self.rng.below(4) {
                    let (x, t) =
                        (self.uniform(a + 1.5, b - 1.5), self.uniform(11.0 + d, (vr[1] - vr[0]).max(13.0 + d) - 1.0));
                    self.any_tree(x, y(t), 0.8);
                }
                for _ in 0..self.rng.below(3) {
                    let x = self.uniform(a + 1.0, left + w - 1.0);
                    self.any_tree(x, y(2.8), 0.5);
                }
                match self.rng.below(4) {
                    0 => self.shed(b - 2.5, y(vr[1] - vr[0] - 2.5)),
                    1 => self.patch(
                        [a + 2.0, a + 6.0],
                        range(12.0 + d, 14.5 + d),
                        0.05,
                        Material::Soil,
                        [0.14, 0.09, 0.055],
                    ),
                    _ => {}
                }
            }
        }
    }

    fn slabs(&mut self) {
        let Block { u, v, .. } = self.block;
        let (w, h) = (u[1] - u[0], v[1] - v[0]);
        let storeys = 4 + self.rng.below(4) as i32;
        let style = Style::modern(&mut self.rng, storeys);
        self.house([u[0] + 4.0, u[0] + 0.62 * w], [v[1] - 16.5, v[1] - 4.5], 2, &style);
        let mut tower = Style::modern(&mut self.rng, 6 + (storeys % 3));
        tower.ribbon = true;
        tower.balconies = false;
        self.house([u[1] - 17.0, u[1] - 3.5], [v[1] - 19.0, v[1] - 4.5], 2, &tower);
        // A low shop in front of the tower.
        let low = Style { shop: true, ..Style::modern(&mut self.rng, 1) };
        self.house([u[1] - 14.0, u[1] - 3.5], [v[0] + 3.0, v[0] + 14.0], 0, &low);
        let (lu, lv) = ([u[0] + 5.0, u[1] - 17.0], [v[0] + 3.0, v[0] + 20.0]);
        self.patch(lu, lv, 0.03, Material::ParkingLot(17.0), [0.13, 0.13, 0.135]);
        let n = ((lu[1] - lu[0]) / 2.5) as usize;
        for k in 0..n {
            for (side, y) in [(0, lv[0] + 2.6), (1, lv[1] - 2.6)] {
                if self.rng.next_f64() < 0.62 {
                    let turns = if self.rng.next_f64() < 0.7 { 1 + 2 * side } else { 3 - 2 * side };
                    let shift = self.uniform(-0.25, 0.25);
                    self.car(lu[0] + (k as f32 + 0.5) * 2.5 + shift * 0.3, y + shift, turns);
                }
            }
        }
        self.patch([u[0] + 1.0, u[1] - 1.0], [v[0] + 21.0, v[0] + 22.8], 0.04, Material::Paving, [0.34, 0.33, 0.31]);
        let x = u[0] + 0.35 * w;
        self.patch([x, x + 1.6], [v[0] + 22.8, v[1] - 16.5], 0.04, Material::Paving, [0.34, 0.33, 0.31]);
        for _ in 0..7 + (h / 9.0) as usize {
            let (a, b) =
                (self.uniform(u[0] + 1.5, u[1] - 19.0), self.uniform(v[0] + 24.0, (v[1] - 18.5).max(v[0] + 25.0)));
            self.any_tree(a, b, 0.9);
        }
        for k in 0..5 {
            self.tree(u[0] + 2.2, v[0] + 5.0 + k as f32 * 8.0, Species::Broad, 0.7);
        }
    }

    fn park(&mut self) {
        let Block { u, v, .. } = self.block;
        let (mu, mv) = (0.5 * (u[0] + u[1]), 0.5 * (v[0] + v[1]));
        let path = [0.40, 0.35, 0.27];
        self.patch([u[0] + 0.5, u[1] - 0.5], [v[0] + 5.0, v[0] + 7.2], 0.05, Material::Gravel, path);
        self.patch([u[0] + 5.0, u[0] + 7.0], [v[0] + 7.2, v[1] - 0.5], 0.05, Material::Gravel, path);
        self.patch([u[1] - 8.0, u[1] - 6.0], [v[0] + 7.2, v[1] - 5.0], 0.05, Material::Gravel, path);
        self.patch([u[0] + 7.0, u[1] - 0.5], [v[1] - 6.0, v[1] - 4.2], 0.05, Material::Gravel, path);
        self.patch([mu - 12.0, mu - 5.0], [v[0] + 8.0, v[0] + 9.6], 0.05, Material::Soil, [0.16, 0.07, 0.06]);
        if let Some([cu, cv, ru, rv]) = self.plan.pond {
            // The water lies in the bowl that the ground has there.
            let seed = self.rng.next_u32();
            let water = self.solid.surface(Surface {
                class: SurfaceClass::Water,
                material: Material::Water,
                tint: [0.03, 0.05, 0.03],
                seed,
            });
            let level = self.plan.point(cu, cv, 0.0).z - 0.45;
            let ring: Vec<V3> = (0..40)
                .map(|k| {
                    let a = k as f32 * std::f32::consts::TAU / 40.0;
                    let [x, y] = self.plan.world(cu + 1.25 * ru * a.cos(), cv + 1.25 * rv * a.sin());
                    V3::new(x, y, level)
                })
                .collect();
            self.solid.polygon(&ring, water);
        }
        let mut placed = 0;
        while placed < 46 {
            let (a, b) = (self.uniform(u[0] + 1.5, u[1] - 1.5), self.uniform(v[0] + 1.5, v[1] - 1.5));
            placed += 1;
            let on_path = (b - v[0] - 6.0).abs() < 2.5 || (a - u[0] - 6.0).abs() < 2.5 || (a - u[1] + 7.0).abs() < 2.5;
            if self.plan.bowl(a, b) < 0.05 && !on_path && !((a - mu).abs() < 9.0 && b < mv) {
                self.any_tree(a, b, 1.0);
            }
        }
        let kiosk = Style { shape: RoofShape::Hip, pitch: 0.7, ..Style::villa(&mut self.rng) };
        self.house([u[1] - 16.0, u[1] - 10.0], [v[0] + 9.0, v[0] + 14.0], 0, &Style { storeys: 1, ..kiosk });
        for k in 0..6 {
            let x = u[0] + 10.0 + k as f32 * 6.0;
            self.box_on(
                x,
                v[0] + 8.0,
                [1.8, 0.5, 0.45],
                (Material::Wood, [0.22, 0.14, 0.08]),
                (Material::Wood, [0.26, 0.17, 0.1]),
                SurfaceClass::Other,
            );
        }
    }

    fn church(&mut self) {
        let Block { u, v, .. } = self.block;
        let mv = 0.5 * (v[0] + v[1]);
        let mut nave = Style::town(&mut self.rng);
        (nave.wall, nave.wall_tint) = (Wall::Stone, [0.44, 0.38, 0.29]);
        (nave.shape, nave.roof, nave.roof_tint) = (RoofShape::Gable, Material::Slate, [0.13, 0.135, 0.14]);
        (nave.storeys, nave.storey, nave.pitch, nave.spacing) = (1, 9.0, 1.15, 4.2);
        (nave.window, nave.shop, nave.balconies, nave.free) = ([1.5, 5.5], false, false, [true; 4]);
        let nu = [u[0] + 16.0, u[0] + 16.0 + (u[1] - u[0]) * 0.5];
        self.house(nu, [mv - 7.0, mv + 7.0], 0, &nave);
        let aisle = Style { shape: RoofShape::Hip, storey: 5.0, window: [1.1, 3.0], pitch: 0.5, ..nave.clone() };
        self.house(
            [nu[0] + 8.0, nu[0] + 16.0],
            [mv - 14.0, mv + 14.0],
            0,
            &Style { storey: 7.5, pitch: 1.1, ..aisle.clone() },
        );
        let tower = Style {
            storeys: 4,
            storey: 5.2,
            window: [0.8, 2.4],
            spacing: 3.0,
            shape: RoofShape::Hip,
            pitch: 3.0,
            ..nave
        };
        self.house([nu[0] - 7.5, nu[0] + 0.5], [mv - 4.0, mv + 4.0], 3, &tower);
        let cloths: [Rgb; 5] =
            [[0.5, 0.06, 0.05], [0.55, 0.5, 0.42], [0.07, 0.2, 0.32], [0.10, 0.28, 0.12], [0.6, 0.45, 0.08]];
        for k in 0..14 {
            let (x, y) = (u[0] + 4.0 + (k % 7) as f32 * 4.2, v[0] + 4.0 + (k / 7) as f32 * 4.5);
            let cloth = cloths[self.rng.below(cloths.len())];
            let seed = self.rng.next_u32();
            let class = SurfaceClass::Other;
            let s = self.solid.surface(Surface { class, material: Material::Stripes, tint: cloth, seed });
            let wood = self.solid.surface(Surface { class, material: Material::Wood, tint: [0.25, 0.17, 0.1], seed });
            let f = self.plan.frame(x, y, KERB);
            self.solid.cuboid(&f, [-1.3, 1.3], [-0.7, 0.7], [0.0, 0.9], wood, wood);
            self.solid.slab(
                [f.at(-1.6, -1.3, 2.2), f.at(1.6, -1.3, 2.2), f.at(1.6, 0.0, 2.75), f.at(-1.6, 0.0, 2.75)],
                0.05,
                s,
                s,
            );
            self.solid.slab(
                [f.at(-1.6, 0.0, 2.75), f.at(1.6, 0.0, 2.75), f.at(1.6, 1.3, 2.2), f.at(-1.6, 1.3, 2.2)],
                0.05,
                s,
                s,
            );
        }
        let n = ((u[1] - u[0]) / 8.0) as usize;
        for k in 0..n {
            let x = u[0] + 3.0 + k as f32 * 8.0;
            self.tree(x, v[1] - 3.0, Species::Broad, 0.85);
            if k > 4 {
                self.tree(x, v[0] + 3.0, Species::Broad, 0.8);
            }
        }
        self.patch([u[1] - 13.0, u[1] - 2.0], [mv - 9.0, mv + 9.0], 0.03, Material::Lawn, LAWN);
        for _ in 0..5 {
            let (a, b) = (self.uniform(u[1] - 11.0, u[1] - 3.0), self.uniform(mv - 8.0, mv + 8.0));
            self.any_tree(a, b, 0.8);
        }
    }

    fn hall(&mut self) {
        let Block { u, v, .. } = self.block;
        let mut hall = Style::modern(&mut self.rng, 1);
        (hall.storey, hall.balconies, hall.shop, hall.wall) = (7.0, false, false, Wall::Panel);
        (hall.roof, hall.roof_tint) = (Material::SeamMetal, [0.34, 0.37, 0.38]);
        (hall.window, hall.spacing) = ([2.4, 1.2], 4.5);
        let top = v[1] - 4.0;
        self.house([u[0] + 4.0, u[1] - 22.0], [top - 22.0, top], 0, &hall);
        let office = Style::modern(&mut self.rng, 3);
        self.house([u[1] - 19.0, u[1] - 5.0], [top - 20.0, top - 3.0], 0, &office);
        let (lu, lv) = ([u[0] + 4.0, u[1] - 5.0], [v[0] + 3.0, v[0] + 20.0]);
        self.patch(lu, lv, 0.03, Material::ParkingLot(17.0), [0.12, 0.12, 0.125]);
        let n = ((lu[1] - lu[0]) / 2.5) as usize;
        for k in 0..n {
            for (side, y) in [(0, lv[0] + 2.6), (1, lv[1] - 2.6)] {
                if self.rng.next_f64() < 0.5 {
                    self.car(lu[0] + (k as f32 + 0.5) * 2.5, y, 1 + 2 * side);
                }
            }
        }
        for k in 0..((u[1] - u[0]) / 9.0) as usize {
            self.tree(u[0] + 3.0 + k as f32 * 9.0, v[1] - 1.6, Species::Broad, 0.6);
        }
        for _ in 0..6 {
            let (a, b) = (self.uniform(u[0] + 6.0, u[1] - 24.0), self.uniform(v[0] + 21.0, v[0] + 23.0));
            let colours: [Rgb; 3] = [[0.35, 0.06, 0.04], [0.05, 0.14, 0.3], [0.3, 0.28, 0.24]];
            let c = colours[self.rng.below(3)];
            self.box_on(a, b, [6.0, 2.4, 2.5], (Material::SeamMetal, c), (Material::SeamMetal, c), SurfaceClass::Other);
        }
    }
}
