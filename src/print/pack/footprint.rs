//! What a part covers of the tray: its silhouette from above, on cells, turned by quarters.

use super::cells::Cells;
use crate::scene::Mesh;
use nalgebra::{Vector2, Vector3};
use rayon::prelude::*;

/// Part of a cell within which a corner counts as lying on a cell's border.
const ON_BORDER: f64 = 1e-6;

/// A part as the tray sees it.
#[derive(Clone, Debug)]
pub struct Footprint {
    /// Name of the part, for messages.
    pub name: String,
    /// Sides of its box in millimetres.
    pub size_mm: [f64; 3],
    /// Side of a cell in millimetres.
    pub cell_mm: f64,
    /// Not turned and turned by one, two and three quarters, counter-clockwise; each from the lower left corner of its own box.
    pub(super) turned: [Cells; 4],
}

impl Footprint {
    /// The footprint of a closed body that stands as it is printed, in millimetres. Every cell is covered that some of the
    /// body lies over.
    pub fn of(name: &str, mesh: &Mesh, cell_mm: f64) -> Self {
        let (low, high) = mesh.bounds().unwrap_or_default();
        let size = high - low;
        let turned = [0u8, 1, 2, 3].map(|quarters| {
            let flat = |p: &Vector3<f64>| turned(p.xy() - low.xy(), size.xy(), quarters) / cell_mm;
            let around = if quarters.is_multiple_of(2) { size.xy() } else { size.yx() };
            covered(mesh, flat, around / cell_mm)
        });
        Self { name: name.to_string(), size_mm: size.into(), cell_mm, turned }
    }

    /// Sides in millimetres after turning by quarters.
    pub fn sides(&self, quarters: u8) -> [f64; 2] {
        let [x, y, _] = self.size_mm;
        if quarters.is_multiple_of(2) { [x, y] } else { [y, x] }
    }

    /// Covered area in mm2.
    pub fn area_mm2(&self) -> f64 {
        self.turned[0].count() as f64 * self.cell_mm.powi(2)
    }

    /// The outline of the covered cells, not turned, in millimetres from the lower left corner of the part's box: rings whose
    /// sides run along x and y in turn, the body to the left.
    pub fn outline(&self) -> Vec<Vec<[f64; 2]>> {
        let [x, y, _] = self.size_mm;
        let mut rings = rings(&self.turned[0]);
        // The last cells may stand out.
        let place = |p: (usize, usize)| [(p.0 as f64 * self.cell_mm).min(x), (p.1 as f64 * self.cell_mm).min(y)];
        rings.iter_mut().map(|ring| ring.drain(..).map(place).collect()).collect()
    }
}

/// A point of a box from its lower left corner, after the box was turned by quarters, from its lower left corner then.
pub fn turned(p: Vector2<f64>, size: Vector2<f64>, quarters: u8) -> Vector2<f64> {
    match quarters % 4 {
        0 => p,
        1 => Vector2::new(size.y - p.y, p.x),
        2 => size - p,
        _ => Vector2::new(p.y, size.x - p.x),
    }
}

/// The cells that the upper side of a mesh lies over; `flat` gives places in cells.
fn covered(mesh: &Mesh, flat: impl Fn(&Vector3<f64>) -> Vector2<f64> + Sync, size: Vector2<f64>) -> Cells {
    let cells = |side: f64| ((side - ON_BORDER).ceil() as usize).max(1);
    let (width, height) = (cells(size.x), cells(size.y));
    let block = (mesh.triangles.len() / 16).max(4096);
    let parts: Vec<Cells> = mesh
        .triangles
        .par_chunks(block)
        .map(|triangles| {
            let mut own = Cells::new(width, height);
            for t in triangles {
                let corners = t.map(|v| mesh.vertices[v as usize]);
                // What faces up covers all that a closed body covers.
                if (corners[1] - corners[0]).cross(&(corners[2] - corners[0])).z > 0.0 {
                    cover(&mut own, corners.map(|c| flat(&c)));
                }
            }
            own
        })
        .collect();
    let mut all = Cells::new(width, height);
    parts.iter().for_each(|own| all.add(own, (0, 0)));
    all
}

/// Covers what a triangle touches.
fn cover(cells: &mut Cells, [a, b, c]: [Vector2<f64>; 3]) {
    let (low, high) = (a.inf(&b).inf(&c), a.sup(&b).sup(&c));
    // At least one cell; a border that is only touched is not covered.
    let span = |low: f64, high: f64, most: usize| {
        let from = ((low + ON_BORDER).floor().max(0.0) as usize).min(most - 1);
        (from, ((high - ON_BORDER).ceil().max(0.0) as usize).clamp(from + 1, most))
    };
    let rows = span(low.y, high.y, cells.height);
    for row in rows.0..rows.1 {
        let (below, above) = (row as f64, row as f64 + 1.0);
        let mut reach = [f64::INFINITY, f64::NEG_INFINITY];
        for (p, q) in [(a, b), (b, c), (c, a)] {
            let (p, q) = if p.y <= q.y { (p, q) } else { (q, p) };
            if q.y < below - ON_BORDER || p.y > above + ON_BORDER {
                continue;
            }
            let along = |y: f64| {
                let share = if q.y > p.y { ((y - p.y) / (q.y - p.y)).clamp(0.0, 1.0) } else { 0.0 };
                p.x + (q.x - p.x) * share
            };
            let ends = if q.y > p.y { [along(below), along(above)] } else { [p.x, q.x] };
            reach = [reach[0].min(ends[0]).min(ends[1]), reach[1].max(ends[0]).max(ends[1])];
        }
        if reach[0] <= reach[1] {
            let (from, to) = span(reach[0], reach[1], cells.width);
            cells.set_run(row, (from as i64, to as i64));
        }
    }
}

/// The rings around the covered cells, by the corners where they turn. Where two cells meet at a corner only, each has its own ring.
fn rings(cells: &Cells) -> Vec<Vec<(usize, usize)>> {
    let (width, height) = (cells.width as i64, cells.height as i64);
    let set =
        |x: i64, y: i64| (0..width).contains(&x) && (0..height).contains(&y) && cells.is_set(x as usize, y as usize);
    // The way from corner (x, y) in direction d (0 = +x, 1 = +y, 2 = -x, 3 = -y) has a covered cell on its left only.
    let is_border = |x: i64, y: i64, d: usize| {
        let [left, right] = [[(0, 0), (0, -1)], [(-1, 0), (0, 0)], [(-1, -1), (-1, 0)], [(0, -1), (-1, -1)]][d];
        set(x + left.0, y + left.1) && !set(x + right.0, y + right.1)
    };
    let step = [(1, 0), (0, 1), (-1, 0), (0, -1)];
    let mut seen = Cells::new(cells.width + 1, cells.height + 1);
    let mut found = Vec::new();
    for y in 0..height {
        for x in 0..width {
            // Each ring has a way along +x; it is walked once, from its first one.
            if !is_border(x, y, 0) || seen.is_set(x as usize, y as usize) {
                continue;
            }
            let (mut at, mut d, mut ring) = ((x, y), 0, Vec::new());
            loop {
                if d == 0 {
                    seen.set_run(at.1 as usize, (at.0, at.0 + 1));
                }
                at = (at.0 + step[d].0, at.1 + step[d].1);
                // Left turns first, so that cells that meet at a corner stay apart.
                let next = [(d + 1) % 4, d, (d + 3) % 4].into_iter().find(|&n| is_border(at.0, at.1, n));
                let Some(next) = next else { break };
                if next != d {
                    ring.push((at.0 as usize, at.1 as usize));
                }
                d = next;
                if (at, d) == ((x, y), 0) {
                    break;
                }
            }
            found.push(ring);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::print::outline::{circle, prism};

    fn mesh(ring: &[[f64; 2]]) -> Mesh {
        prism(&ring.iter().map(|p| Vector2::from(*p)).collect::<Vec<_>>(), 0.0, 5.0).mesh
    }

    #[test]
    fn boxes_are_covered_exactly_and_rounded_up() {
        let of = |x: f64, y: f64| {
            let f = Footprint::of("a", &mesh(&[[3.0, 4.0], [3.0 + x, 4.0], [3.0 + x, 4.0 + y], [3.0, 4.0 + y]]), 0.5);
            (f.area_mm2(), f.turned.map(|c| (c.width, c.height)))
        };
        assert_eq!(of(10.0, 7.0), (70.0, [(20, 14), (14, 20), (20, 14), (14, 20)]));
        assert_eq!(of(10.2, 7.0).0, 10.5 * 7.0);
    }

    #[test]
    fn quarters_turn_counter_clockwise() {
        // An L: its foot points to the right.
        let f =
            Footprint::of("l", &mesh(&[[0.0, 0.0], [3.0, 0.0], [3.0, 1.0], [1.0, 1.0], [1.0, 2.0], [0.0, 2.0]]), 1.0);
        let free = |k: usize| {
            let c = &f.turned[k];
            let all = (0..c.width * c.height).map(|i| (i % c.width, i / c.width));
            all.filter(|&(x, y)| !c.is_set(x, y)).collect::<Vec<_>>()
        };
        assert_eq!(free(0), [(1, 1), (2, 1)]);
        assert_eq!(free(1), [(0, 1), (0, 2)]);
        assert_eq!(free(2), [(0, 0), (1, 0)]);
        assert_eq!(free(3), [(1, 0), (1, 1)]);
        for quarters in 0..4 {
            // A point of the foot stays on the turned shape.
            let p = turned(Vector2::new(2.5, 0.5), Vector2::new(3.0, 2.0), quarters);
            assert!(f.turned[usize::from(quarters)].is_set(p.x as usize, p.y as usize), "{quarters}");
        }
        let outline = f.outline();
        assert_eq!(outline.len(), 1);
        assert_eq!(outline[0].len(), 6, "{outline:?}");
        let ring: Vec<Vector2<f64>> = outline[0].iter().map(|p| Vector2::from(*p)).collect();
        assert_eq!(crate::print::outline::area(&ring), 4.0);
    }

    #[test]
    fn round_parts_are_covered_from_outside() {
        let ring: Vec<[f64; 2]> = circle(20.0, 0.001).iter().map(|p| [p.x, p.y]).collect();
        let f = Footprint::of("disc", &mesh(&ring), 0.5);
        let area = std::f64::consts::PI * 400.0;
        assert!(f.area_mm2() > area && f.area_mm2() < area * 1.06, "{}", f.area_mm2());
        let outline = f.outline();
        assert_eq!(outline.len(), 1);
        let ring: Vec<Vector2<f64>> = outline[0].iter().map(|p| Vector2::from(*p)).collect();
        assert!((crate::print::outline::area(&ring) - f.area_mm2()).abs() < 1.0);
    }
}
