//! A deterministic software rasteriser: which triangle each pixel sees, and how far away.
//!
//! - In: vertices in the camera frame (x right, y down, z forward, any unit), triangles as vertex indices, a perspective
//!   or orthographic [`View`] in pixels. Out: [`FaceBuffer`] with the index of the nearest triangle and its z per pixel.
//!   Both sides of a triangle are drawn; where a front (counter-clockwise seen from the camera) and a back lie in the
//!   same place, the front wins. The centre of pixel (i, j) is (i + 0.5, j + 0.5).
//! - Method: edge functions on coordinates snapped to 1/256 pixel with the top-left fill rule, so that triangles with a
//!   common edge share no pixel and leave none out; 1/z (perspective) or z is linear on the screen; polygon clipping
//!   against the near plane and a guard band. Of equally near triangles the one with the lower index wins.
//!   Source: J. Pineda, "A parallel algorithm for polygon rasterization", SIGGRAPH 1988; perspective-correct
//!   barycentric coordinates after M. Olano and T. Greer, "Triangle scan conversion using 2D homogeneous coordinates",
//!   Graphics Hardware 1997.
//! - Cost: linear in triangles plus covered pixels; bands of rows in parallel; the same bits for any number of threads.
//! - Failure modes: a triangle that covers no pixel centre draws nothing.

use super::Grid;
use rayon::prelude::*;

/// The index of no face.
pub const NO_FACE: u32 = u32::MAX;

const SUBPIXEL: i64 = 256;
/// Screen coordinates beyond this many pixels are clipped, so that edge functions fit 64 bits.
const GUARD_PX: f64 = 1e6;
/// Backs count as this much farther (relative depth).
const BACK: f32 = 1e-5;
const BAND_ROWS: usize = 32;
const CHUNK: usize = 8192;

/// How camera coordinates become pixels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Projection {
    /// `u = f x/z + cx`, `v = f y/z + cy`.
    Perspective {
        /// Focal length in pixels.
        f: f64,
        /// Principal point, x in pixels.
        cx: f64,
        /// Principal point, y in pixels.
        cy: f64,
    },
    /// `u = scale x + cx`, `v = scale y + cy`.
    Orthographic {
        /// Pixels per unit.
        scale: f64,
        /// Pixel of x = 0.
        cx: f64,
        /// Pixel of y = 0.
        cy: f64,
    },
}

/// A picture to draw into.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct View {
    /// Columns.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// How points become pixels.
    pub projection: Projection,
    /// Nothing nearer than this z is drawn; must be positive for perspective, is not used otherwise.
    pub near: f64,
}

/// What each pixel sees.
#[derive(Clone, Debug, PartialEq)]
pub struct FaceBuffer {
    /// Index of the nearest triangle; [`NO_FACE`] where there is none.
    pub face: Grid<u32>,
    /// z of that triangle at the pixel's centre; infinity where there is none.
    pub depth: Grid<f32>,
}

impl View {
    /// The view of an ideal pinhole camera.
    pub fn of_pinhole(camera: &crate::camera::Pinhole, near: f64) -> Self {
        Self {
            width: camera.width as usize,
            height: camera.height as usize,
            projection: Projection::Perspective { f: camera.f, cx: camera.cx, cy: camera.cy },
            near,
        }
    }

    /// Pixel coordinate of a point; `None` in front of the near plane.
    pub fn project(&self, p: &[f32; 3]) -> Option<[f64; 2]> {
        let [x, y, z] = p.map(f64::from);
        match self.projection {
            Projection::Perspective { f, cx, cy } => (z >= self.near).then(|| [f * x / z + cx, f * y / z + cy]),
            Projection::Orthographic { scale, cx, cy } => Some([scale * x + cx, scale * y + cy]),
        }
    }

    /// Barycentric coordinates, in space (perspective-correct), of where the ray of pixel coordinate (x, y) meets the
    /// plane of a triangle given by its corners in the camera frame. Thirds where the triangle is seen edge-on.
    pub fn barycentric(&self, corners: &[[f32; 3]; 3], x: f64, y: f64) -> [f32; 3] {
        let [a, b, c] = corners.map(|p| p.map(f64::from));
        let w = match self.projection {
            Projection::Perspective { f, cx, cy } => {
                let d = [(x - cx) / f, (y - cy) / f, 1.0];
                [triple(&d, &b, &c), triple(&d, &c, &a), triple(&d, &a, &b)]
            }
            Projection::Orthographic { scale, cx, cy } => {
                let p = [(x - cx) / scale, (y - cy) / scale];
                let area = |q: &[f64; 3], r: &[f64; 3]| (q[0] - p[0]) * (r[1] - p[1]) - (q[1] - p[1]) * (r[0] - p[0]);
                [area(&b, &c), area(&c, &a), area(&a, &b)]
            }
        };
        let sum = w[0] + w[1] + w[2];
        if sum.abs() < 1e-30 { [1.0 / 3.0; 3] } else { w.map(|v| (v / sum) as f32) }
    }
}

fn triple(d: &[f64; 3], p: &[f64; 3], q: &[f64; 3]) -> f64 {
    d[0] * (p[1] * q[2] - p[2] * q[1]) + d[1] * (p[2] * q[0] - p[0] * q[2]) + d[2] * (p[0] * q[1] - p[1] * q[0])
}

/// A vertex on the screen: fixed-point pixels, and a key that is linear on the screen and larger when nearer.
#[derive(Clone, Copy)]
struct Screen {
    x: i32,
    y: i32,
    key: f32,
}

/// A triangle on the screen with positive area.
struct Setup {
    corners: [Screen; 3],
    face: u32,
    /// First and last pixel, columns then rows, clamped to the image.
    bounds: [i32; 4],
}

/// Triangles of one chunk and, for each band of rows, which of them touch it.
struct Chunk {
    setups: Vec<Setup>,
    bands: Vec<Vec<u32>>,
}

/// Draws all triangles. `points` are in the camera frame.
pub fn rasterise(points: &[[f32; 3]], triangles: &[[u32; 3]], view: &View) -> FaceBuffer {
    let screen: Vec<Option<Screen>> = points.par_iter().with_min_len(4096).map(|p| on_screen(view, p)).collect();
    let bands = view.height.div_ceil(BAND_ROWS);
    let chunks: Vec<Chunk> = triangles
        .par_chunks(CHUNK)
        .enumerate()
        .map(|(c, faces)| {
            let mut chunk = Chunk { setups: Vec::new(), bands: vec![Vec::new(); bands] };
            for (i, t) in faces.iter().enumerate() {
                let face = (c * CHUNK + i) as u32;
                let corners = t.map(|v| screen[v as usize]);
                if let [Some(a), Some(b), Some(c)] = corners {
                    chunk.push(view, [a, b, c], face);
                } else {
                    chunk.push_clipped(view, t.map(|v| points[v as usize]), face);
                }
            }
            chunk
        })
        .collect();
    let mut face = Grid::filled(view.width, view.height, NO_FACE);
    let mut depth = Grid::filled(view.width, view.height, f32::NEG_INFINITY);
    let perspective = matches!(view.projection, Projection::Perspective { .. });
    let stride = (BAND_ROWS * view.width).max(1);
    face.data.par_chunks_mut(stride).zip(depth.data.par_chunks_mut(stride)).enumerate().for_each(|(band, (f, k))| {
        let rows = [(band * BAND_ROWS) as i32, (band * BAND_ROWS + f.len() / view.width.max(1)) as i32 - 1];
        let mut target = Band { face: f, key: k, width: view.width, rows };
        for chunk in &chunks {
            for &s in &chunk.bands[band] {
                target.draw(&chunk.setups[s as usize]);
            }
        }
        for v in target.key.iter_mut() {
            *v = if *v == f32::NEG_INFINITY {
                f32::INFINITY
            } else if perspective {
                1.0 / *v
            } else {
                -*v
            };
        }
    });
    FaceBuffer { face, depth }
}

fn on_screen(view: &View, p: &[f32; 3]) -> Option<Screen> {
    let [u, v] = view.project(p)?;
    if !(u.abs() < GUARD_PX && v.abs() < GUARD_PX) {
        return None;
    }
    let key = match view.projection {
        Projection::Perspective { .. } => 1.0 / p[2],
        Projection::Orthographic { .. } => -p[2],
    };
    let fix = |w: f64| (w * SUBPIXEL as f64).round() as i32;
    Some(Screen { x: fix(u), y: fix(v), key })
}

impl Chunk {
    fn push(&mut self, view: &View, [mut a, mut b, mut c]: [Screen; 3], face: u32) {
        let half = (SUBPIXEL / 2) as i32;
        // First and last pixel whose centre lies in the span.
        let first = |v: i32| (v - half + SUBPIXEL as i32 - 1).div_euclid(SUBPIXEL as i32);
        let last = |v: i32| (v - half).div_euclid(SUBPIXEL as i32);
        let x0 = first(a.x.min(b.x).min(c.x)).max(0);
        let x1 = last(a.x.max(b.x).max(c.x)).min(view.width as i32 - 1);
        let y0 = first(a.y.min(b.y).min(c.y)).max(0);
        let y1 = last(a.y.max(b.y).max(c.y)).min(view.height as i32 - 1);
        if x0 > x1 || y0 > y1 {
            return;
        }
        let area = cross(&a, &b, &c);
        if area == 0 {
            return;
        }
        if area < 0 {
            std::mem::swap(&mut b, &mut c);
        } else {
            for corner in [&mut a, &mut b, &mut c] {
                corner.key -= BACK * corner.key.abs();
            }
        }
        let index = self.setups.len() as u32;
        for band in y0 as usize / BAND_ROWS..=y1 as usize / BAND_ROWS {
            self.bands[band].push(index);
        }
        self.setups.push(Setup { corners: [a, b, c], face, bounds: [x0, x1, y0, y1] });
    }

    /// Clips against the near plane and the guard band, then pushes a fan.
    fn push_clipped(&mut self, view: &View, corners: [[f32; 3]; 3], face: u32) {
        let mut polygon: Vec<[f64; 3]> = corners.iter().map(|p| p.map(f64::from)).collect();
        let limit = 0.9 * GUARD_PX;
        let planes: Vec<[f64; 4]> = match view.projection {
            // u <= limit  <=>  f x + (cx - limit) z <= 0, and so on.
            Projection::Perspective { f, cx, cy } => vec![
                [0.0, 0.0, 1.0, -view.near * 1.000_001],
                [-f, 0.0, limit - cx, 0.0],
                [f, 0.0, limit + cx, 0.0],
                [0.0, -f, limit - cy, 0.0],
                [0.0, f, limit + cy, 0.0],
            ],
            Projection::Orthographic { scale, cx, cy } => vec![
                [-scale, 0.0, 0.0, limit - cx],
                [scale, 0.0, 0.0, limit + cx],
                [0.0, -scale, 0.0, limit - cy],
                [0.0, scale, 0.0, limit + cy],
            ],
        };
        for plane in planes {
            polygon = clip(&polygon, &plane);
            if polygon.len() < 3 {
                return;
            }
        }
        let screen: Vec<Screen> = polygon.iter().filter_map(|p| on_screen(view, &p.map(|v| v as f32))).collect();
        for i in 1..screen.len().saturating_sub(1) {
            self.push(view, [screen[0], screen[i], screen[i + 1]], face);
        }
    }
}

/// The part of a convex polygon where `plane . (x, y, z, 1) >= 0` (Sutherland-Hodgman).
fn clip(polygon: &[[f64; 3]], plane: &[f64; 4]) -> Vec<[f64; 3]> {
    let side = |p: &[f64; 3]| plane[0] * p[0] + plane[1] * p[1] + plane[2] * p[2] + plane[3];
    let mut out = Vec::with_capacity(polygon.len() + 1);
    for (i, p) in polygon.iter().enumerate() {
        let q = &polygon[(i + 1) % polygon.len()];
        let (sp, sq) = (side(p), side(q));
        if sp >= 0.0 {
            out.push(*p);
        }
        if (sp >= 0.0) != (sq >= 0.0) {
            let t = sp / (sp - sq);
            out.push(std::array::from_fn(|k| p[k] + t * (q[k] - p[k])));
        }
    }
    out
}

fn cross(a: &Screen, b: &Screen, c: &Screen) -> i64 {
    let d = |p: i32, q: i32| i64::from(p) - i64::from(q);
    d(b.x, a.x) * d(c.y, a.y) - d(b.y, a.y) * d(c.x, a.x)
}

/// A band of rows being drawn.
struct Band<'a> {
    face: &'a mut [u32],
    key: &'a mut [f32],
    width: usize,
    rows: [i32; 2],
}

impl Band<'_> {
    fn draw(&mut self, s: &Setup) {
        let [x0, x1, y0, y1] = s.bounds;
        let (y0, y1) = (y0.max(self.rows[0]), y1.min(self.rows[1]));
        let [a, b, c] = &s.corners;
        let (px, py) = (i64::from(x0) * SUBPIXEL + SUBPIXEL / 2, i64::from(y0) * SUBPIXEL + SUBPIXEL / 2);
        // Values at the first pixel (less one on edges that the fill rule leaves out) and steps by a pixel.
        let edge = |p: &Screen, q: &Screen| {
            let (dx, dy) = (i64::from(q.x) - i64::from(p.x), i64::from(q.y) - i64::from(p.y));
            let inclusive = dy < 0 || (dy == 0 && dx > 0);
            let value = dx * (py - i64::from(p.y)) - dy * (px - i64::from(p.x));
            [value - i64::from(!inclusive), -dy * SUBPIXEL, dx * SUBPIXEL]
        };
        let mut edges = [edge(a, b), edge(b, c), edge(c, a)];
        // The key is a plane on the screen; kept between the corners' keys, so that slivers stay on their triangle.
        let area = cross(a, b, c) as f64;
        let (kb, kc) = (f64::from(b.key - a.key), f64::from(c.key - a.key));
        let (bx, by) = (f64::from(b.x) - f64::from(a.x), f64::from(b.y) - f64::from(a.y));
        let (cx, cy) = (f64::from(c.x) - f64::from(a.x), f64::from(c.y) - f64::from(a.y));
        let (gx, gy) = ((kb * cy - kc * by) / area, (kc * bx - kb * cx) / area);
        let low = a.key.min(b.key).min(c.key);
        let high = a.key.max(b.key).max(c.key);
        let step = (gx * SUBPIXEL as f64) as f32;
        for y in y0..=y1 {
            if let Some((from, to)) = span(&edges, x1 - x0) {
                let dy = (i64::from(y) * SUBPIXEL + SUBPIXEL / 2 - i64::from(a.y)) as f64;
                let key0 = (f64::from(a.key) + gx * (px - i64::from(a.x)) as f64 + gy * dy) as f32;
                let row = (y - self.rows[0]) as usize * self.width + x0 as usize;
                let range = row + from as usize..=row + to as usize;
                let keys = &mut self.key[range.clone()];
                for (i, (k, f)) in keys.iter_mut().zip(&mut self.face[range]).enumerate() {
                    let key = (key0 + step * (from + i as i32) as f32).clamp(low, high);
                    if key > *k {
                        *k = key;
                        *f = s.face;
                    }
                }
            }
            for e in &mut edges {
                e[0] += e[2];
            }
        }
    }
}

/// First and last step in `0..=last` at which all three edge functions are not negative.
fn span(edges: &[[i64; 3]; 3], last: i32) -> Option<(i32, i32)> {
    let (mut from, mut to) = (0i64, i64::from(last));
    for &[value, step, _] in edges {
        if step == 0 {
            if value < 0 {
                return None;
            }
        } else if step > 0 {
            if value < 0 {
                from = from.max((-value + step - 1) / step);
            }
        } else if value < 0 {
            return None;
        } else if value + step * to < 0 {
            to = to.min(value / -step);
        }
    }
    (from <= to).then_some((from as i32, to as i32))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Rng;

    fn view(projection: Projection) -> View {
        View { width: 97, height: 61, projection, near: 0.1 }
    }

    fn perspective() -> View {
        view(Projection::Perspective { f: 60.0, cx: 47.0, cy: 31.0 })
    }

    /// Which triangle the ray of a pixel meets first, in f64, and its depth.
    fn ray_cast(points: &[[f32; 3]], triangles: &[[u32; 3]], view: &View, x: f64, y: f64) -> Option<(u32, f64, f64)> {
        let mut best: Option<(u32, f64, f64)> = None;
        for (i, t) in triangles.iter().enumerate() {
            let corners = t.map(|v| points[v as usize]);
            let w = view.barycentric(&corners, x, y);
            let margin = f64::from(w[0].min(w[1]).min(w[2]));
            let z: f64 = (0..3).map(|k| f64::from(w[k]) * f64::from(corners[k][2])).sum();
            if margin >= 0.0 && z > view.near && best.is_none_or(|b| z < b.1) {
                best = Some((i as u32, z, margin));
            }
        }
        best
    }

    #[test]
    fn agrees_with_ray_casting() {
        let mut rng = Rng::new(3, 1);
        let points: Vec<[f32; 3]> = (0..120)
            .map(|_| [rng.uniform(-8.0, 8.0) as f32, rng.uniform(-6.0, 6.0) as f32, rng.uniform(-2.0, 12.0) as f32])
            .collect();
        let triangles: Vec<[u32; 3]> = (0..60).map(|_| rng.sample::<3>(120).map(|v| v as u32)).collect();
        for view in [perspective(), view(Projection::Orthographic { scale: 7.0, cx: 48.5, cy: 30.5 })] {
            let points: Vec<[f32; 3]> = match view.projection {
                Projection::Perspective { .. } => points.clone(),
                Projection::Orthographic { .. } => points.iter().map(|p| [p[0], p[1], p[2] + 3.0]).collect(),
            };
            let buffer = rasterise(&points, &triangles, &view);
            let (mut wrong, mut covered) = (0, 0);
            for y in 0..view.height {
                for x in 0..view.width {
                    let want = ray_cast(&points, &triangles, &view, x as f64 + 0.5, y as f64 + 0.5);
                    let got = buffer.face.at(x, y);
                    covered += usize::from(got != NO_FACE);
                    let same = match want {
                        None => got == NO_FACE,
                        Some((f, z, _)) => got == f && (f64::from(buffer.depth.at(x, y)) / z - 1.0).abs() < 0.02,
                    };
                    wrong += usize::from(!same);
                }
            }
            // Snapping to 1/256 pixel moves a few centres across an edge.
            assert!(covered > 2000 && wrong * 300 < covered, "{wrong} of {covered}");
        }
    }

    #[test]
    fn a_grid_of_triangles_has_no_cracks_and_no_overlaps() {
        let n = 23;
        let points: Vec<[f32; 3]> = (0..=n)
            .flat_map(|j| (0..=n).map(move |i| [(i as f32 * 4.171) + 0.37, (j as f32 * 2.593) + 0.21, 5.0]))
            .collect();
        let mut triangles = Vec::new();
        for j in 0..n as u32 {
            for i in 0..n as u32 {
                let a = j * (n as u32 + 1) + i;
                let (b, c, d) = (a + 1, a + n as u32 + 1, a + n as u32 + 2);
                triangles.extend([[a, b, c], [b, c, d]]);
            }
        }
        let view = view(Projection::Orthographic { scale: 1.0, cx: 0.0, cy: 0.0 });
        let all = rasterise(&points, &triangles, &view);
        let inside = all.face.data.iter().filter(|&&f| f != NO_FACE).count();
        let alone: usize = triangles
            .iter()
            .map(|t| rasterise(&points, &[*t], &view).face.data.iter().filter(|&&f| f != NO_FACE).count())
            .sum();
        assert_eq!(inside, alone);
        for y in 1..58 {
            assert!((1..95).all(|x| all.face.at(x, y) != NO_FACE), "crack in row {y}");
        }
    }

    #[test]
    fn the_near_plane_cuts_a_road_under_the_camera() {
        // A strip 1 below the camera from behind it to far ahead: rows below the horizon see it.
        let points = vec![[-500.0, 1.0, -50.0], [500.0, 1.0, -50.0], [500.0, 1.0, 4000.0], [-500.0, 1.0, 4000.0]];
        let view = perspective();
        let buffer = rasterise(&points, &[[0, 1, 2], [0, 2, 3]], &view);
        for y in 0..view.height {
            let dy = y as f64 + 0.5 - 31.0;
            let got = f64::from(buffer.depth.at(40, y));
            if dy < 0.0 {
                assert_eq!(buffer.face.at(40, y), NO_FACE);
            } else if dy > 1.0 {
                assert!((got * dy / 60.0 - 1.0).abs() < 0.01, "row {y}: {got}");
            }
        }
    }

    #[test]
    fn the_front_of_a_sheet_hides_its_back() {
        // Counter-clockwise seen from the camera, where y points down: right, then up (negative y).
        let points = vec![[-3.0, 3.0, 5.0], [3.0, 3.0, 5.0], [0.0, -3.0, 5.0]];
        for triangles in [[[0, 1, 2], [0, 2, 1]], [[0, 2, 1], [0, 1, 2]]] {
            let buffer = rasterise(&points, &triangles, &perspective());
            let front = u32::from(triangles[0] == [0, 2, 1]);
            assert!(buffer.face.data.iter().all(|&f| f == NO_FACE || f == front));
            assert!(buffer.face.data.contains(&front));
        }
    }

    #[test]
    fn the_same_bits_for_any_number_of_threads() {
        let mut rng = Rng::new(5, 1);
        let points: Vec<[f32; 3]> = (0..3000)
            .map(|_| [rng.uniform(-8.0, 8.0) as f32, rng.uniform(-6.0, 6.0) as f32, rng.uniform(2.0, 3.0) as f32])
            .collect();
        let triangles: Vec<[u32; 3]> = (0..20000).map(|_| rng.sample::<3>(3000).map(|v| v as u32)).collect();
        let run = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("pool");
            pool.install(|| rasterise(&points, &triangles, &perspective()))
        };
        assert_eq!(run(1), run(3));
    }
}
