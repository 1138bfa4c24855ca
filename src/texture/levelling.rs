//! Global levelling: a smooth correction of each chart, towards what all views agree on and so that both sides of its
//! seams agree.
//!
//! - In: charts, the mean colours of faces in their views, seams. Out: the images, corrected (sRGB values; additive).
//! - Method: an unknown g for each (place, chart); minimises `sum over faces of mu (g + f_own - f_agreed)^2 + sum over
//!   seams of w (f_a + g_a - f_b - g_b)^2 + 1/lambda sum over edges within charts of (g_i - g_j)^2 + epsilon g^2`. The
//!   difference f_a - f_b of the two photos at a seam is that of their mean colours of the two faces beside it, as far
//!   as both see them. w falls where photos differ much (a shadow that moved) and is 0 at creases. Conjugate gradients,
//!   three channels at once.
//! - Source: Waechter et al. 2014, section 4.2, equations 3-4, lambda 0.1. Differences: colours of whole faces instead
//!   of along the edge, because at an edge that is also an edge of colours (windows, kerbs) half a pixel decides; the
//!   first term, after the low band of M. Brown, D. Lowe's multi-band blending (IJCV 74(1), 2007).
//! - Cost: about 100 iterations, linear in the mesh. Failure modes: none known.

use super::TextureError;
use super::charts::{Chart, Charts, UNSEEN};
use super::consensus::{Choices, colour_of};
use super::sample::{ChartImage, RING, for_texels, neighbours};
use super::topology::Topology;
use super::visibility::Projector;
use crate::base::Ctx;
use crate::scene::Mesh;
use rayon::prelude::*;

const SMOOTH: f32 = 5.0;
/// Weight of what all views agree on, per face and corner.
const AGREE: f32 = 0.1;
const ANCHOR: f32 = 1e-3;
/// Difference of sRGB values (0..=255) at which a seam counts a quarter.
const DOUBT: f32 = 30.0;
const ITERATIONS: usize = 300;
const TOLERANCE: f64 = 1e-3;

/// An edge of the mesh between two charts.
pub(super) struct Seam {
    /// Faces on its sides.
    pub faces: [u32; 2],
    /// Charts on its sides.
    pub charts: [u32; 2],
    /// 1 where the surface goes on straight, 0 at right angles.
    pub smooth: f32,
    /// Its ends, as places.
    pub places: [u32; 2],
    /// For each side the texel coordinates of the ends.
    pub texels: [[[f32; 2]; 2]; 2],
}

impl Seam {
    /// Points along the seam, half a texel apart: position 0..=1, and the texel coordinate on both sides.
    pub fn points(&self) -> impl Iterator<Item = (f32, [[f32; 2]; 2])> + '_ {
        let length = |s: &[[f32; 2]; 2]| (s[0][0] - s[1][0]).hypot(s[0][1] - s[1][1]);
        let n = (2.0 * length(&self.texels[0]).max(length(&self.texels[1]))).ceil().clamp(2.0, 4096.0) as usize;
        (0..n).map(move |i| {
            let t = (i as f32 + 0.5) / n as f32;
            let at = |s: &[[f32; 2]; 2]| std::array::from_fn(|k| s[0][k] + t * (s[1][k] - s[0][k]));
            (t, [at(&self.texels[0]), at(&self.texels[1])])
        })
    }
}

/// All seams.
pub(super) fn seams(mesh: &Mesh, topology: &Topology, views: &[Projector], charts: &Charts) -> Vec<Seam> {
    topology
        .edges
        .par_iter()
        .with_min_len(1024)
        .filter_map(|e| {
            let sides = e.faces.map(|f| charts.of_face[f as usize]);
            if sides[0] == sides[1] || sides.contains(&UNSEEN) {
                return None;
            }
            let texels =
                sides.map(|c| e.ends.map(|v| charts.list[c as usize].texel(views, &mesh.vertices[v as usize])));
            let [m, n] = e.faces.map(|f| mesh.area_normal(f as usize).try_normalize(0.0).unwrap_or_default());
            let smooth = m.dot(&n).max(0.0).powi(2) as f32;
            Some(Seam {
                faces: e.faces,
                smooth,
                charts: sides,
                places: e.ends.map(|v| topology.place[v as usize]),
                texels,
            })
        })
        .collect()
}

/// Mean absolute difference of the colours on both sides of seams, weighted by how straight the surface goes on.
pub(super) fn mean_difference(seams: &[Seam], images: &[ChartImage]) -> f64 {
    let parts: Vec<(f64, f64)> = seams
        .par_chunks(1024)
        .map(|chunk| {
            let (mut sum, mut n) = (0.0, 0.0);
            for s in chunk {
                let weight = f64::from(s.smooth);
                for (_, uv) in s.points() {
                    let [a, b] = [0, 1].map(|k| images[s.charts[k] as usize].clean_sample(uv[k]));
                    if let (Some(a), Some(b)) = (a, b) {
                        sum += weight * (0..3).map(|c| f64::from((a[c] - b[c]).abs())).sum::<f64>() / 3.0;
                        n += weight;
                    }
                }
            }
            (sum, n)
        })
        .collect();
    let (sum, n) = parts.into_iter().fold((0.0, 0.0), |a, b| (a.0 + b.0, a.1 + b.1));
    if n > 0.0 { sum / n } else { 0.0 }
}

/// Corrects the images.
#[allow(clippy::too_many_arguments, reason = "one call; the parts have nothing else in common")]
pub(super) fn level(
    ctx: &Ctx,
    mesh: &Mesh,
    topology: &Topology,
    views: &[Projector],
    charts: &Charts,
    choices: &Choices,
    seams: &[Seam],
    images: &mut [ChartImage],
) -> Result<(), TextureError> {
    let unknowns = Unknowns::of(mesh, topology, charts);
    let system = System::build(mesh, topology, charts, choices, seams, &unknowns);
    let g = system.solve(ctx)?;
    images.par_iter_mut().zip(&charts.list).enumerate().for_each(|(c, (image, chart))| {
        let at = |v: u32| g[unknowns.index(c as u32, topology.place[v as usize])];
        apply(image, chart, mesh, views, at);
    });
    Ok(())
}

/// Numbering of (chart, place).
struct Unknowns {
    offsets: Vec<u32>,
    places: Vec<u32>,
}

impl Unknowns {
    fn of(mesh: &Mesh, topology: &Topology, charts: &Charts) -> Self {
        let lists: Vec<Vec<u32>> = charts
            .list
            .par_iter()
            .map(|chart| {
                let mut list: Vec<u32> = chart
                    .faces
                    .iter()
                    .flat_map(|&f| mesh.triangles[f as usize])
                    .map(|v| topology.place[v as usize])
                    .collect();
                list.sort_unstable();
                list.dedup();
                list
            })
            .collect();
        let mut offsets = vec![0u32];
        let mut places = Vec::new();
        for list in lists {
            places.extend(list);
            offsets.push(places.len() as u32);
        }
        Self { offsets, places }
    }

    fn index(&self, chart: u32, place: u32) -> usize {
        let (from, to) = (self.offsets[chart as usize] as usize, self.offsets[chart as usize + 1] as usize);
        from + self.places[from..to].partition_point(|&p| p < place)
    }
}

/// Rows of off-diagonal entries.
struct Rows {
    offsets: Vec<u32>,
    entries: Vec<(u32, f32)>,
}

/// Symmetric positive definite: the diagonal, the entries within charts and those across seams.
struct System {
    diagonal: Vec<f32>,
    within: Rows,
    across: Rows,
    rhs: Vec<[f32; 3]>,
}

impl System {
    fn build(
        mesh: &Mesh,
        topology: &Topology,
        charts: &Charts,
        choices: &Choices,
        seams: &[Seam],
        unknowns: &Unknowns,
    ) -> Self {
        let n = unknowns.places.len();
        let within = within_charts(mesh, topology, charts, unknowns);
        let row_sum = |i: usize| -> f32 {
            within.entries[within.offsets[i] as usize..within.offsets[i + 1] as usize].iter().map(|e| e.1).sum()
        };
        let mut diagonal: Vec<f32> = (0..n).into_par_iter().with_min_len(4096).map(|i| ANCHOR - row_sum(i)).collect();
        let mut rhs = vec![[0f32; 3]; n];
        let mut entries: Vec<(u32, u32, f32)> = Vec::new();
        for (c, chart) in charts.list.iter().enumerate() {
            for &f in &chart.faces {
                let own = choices.colour(f as usize, chart.view);
                if let (Some(own), Some(agreed)) = (own, choices.agreed[f as usize]) {
                    let agreed = colour_of(agreed);
                    for v in mesh.triangles[f as usize] {
                        let i = unknowns.index(c as u32, topology.place[v as usize]);
                        diagonal[i] += AGREE;
                        for k in 0..3 {
                            rhs[i][k] += AGREE * (agreed[k] - own[k]);
                        }
                    }
                }
            }
        }
        for s in seams {
            let Some(d) = difference(s, charts, choices) else { continue };
            let size = (d[0].abs() + d[1].abs() + d[2].abs()) / 3.0;
            let w = s.smooth / (1.0 + (size / DOUBT).powi(2)).powi(2);
            for place in s.places {
                let i = unknowns.index(s.charts[0], place);
                let j = unknowns.index(s.charts[1], place);
                diagonal[i] += w;
                diagonal[j] += w;
                entries.push((i as u32, j as u32, -w));
                entries.push((j as u32, i as u32, -w));
                for c in 0..3 {
                    rhs[i][c] -= w * d[c];
                    rhs[j][c] += w * d[c];
                }
            }
        }
        // A stable sort by row: equal input gives equal sums. Equal columns need not be joined.
        entries.par_sort_by_key(|e| e.0);
        let mut offsets = vec![0u32; n + 1];
        for e in &entries {
            offsets[e.0 as usize + 1] += 1;
        }
        for i in 1..=n {
            offsets[i] += offsets[i - 1];
        }
        let across = Rows { offsets, entries: entries.into_iter().map(|e| (e.1, e.2)).collect() };
        Self { diagonal, within, across, rhs }
    }

    fn apply(&self, x: &[[f32; 3]], y: &mut [[f32; 3]]) {
        y.par_iter_mut().with_min_len(4096).enumerate().for_each(|(i, y)| {
            let d = self.diagonal[i];
            let mut sum = x[i].map(|v| d * v);
            for rows in [&self.within, &self.across] {
                for (j, v) in &rows.entries[rows.offsets[i] as usize..rows.offsets[i + 1] as usize] {
                    let other = &x[*j as usize];
                    for c in 0..3 {
                        sum[c] += v * other[c];
                    }
                }
            }
            *y = sum;
        });
    }

    /// Conjugate gradients with a diagonal preconditioner.
    fn solve(&self, ctx: &Ctx) -> Result<Vec<[f32; 3]>, TextureError> {
        let n = self.rhs.len();
        let mut x = vec![[0f32; 3]; n];
        let mut r = self.rhs.clone();
        let precondition = |r: &[[f32; 3]]| -> Vec<[f32; 3]> {
            r.par_iter().zip(&self.diagonal).with_min_len(4096).map(|(r, d)| r.map(|v| v / d)).collect()
        };
        let mut z = precondition(&r);
        let mut p = z.clone();
        let mut q = vec![[0f32; 3]; n];
        let mut rz = dot(&r, &z);
        let goal = rz.map(|v| v * TOLERANCE * TOLERANCE);
        for _ in 0..ITERATIONS {
            ctx.check()?;
            if (0..3).all(|c| rz[c] <= goal[c]) {
                break;
            }
            self.apply(&p, &mut q);
            let pq = dot(&p, &q);
            let alpha: [f32; 3] = std::array::from_fn(|c| if pq[c] > 0.0 { (rz[c] / pq[c]) as f32 } else { 0.0 });
            axpy(&mut x, &alpha, &p);
            axpy(&mut r, &alpha.map(|a| -a), &q);
            z = precondition(&r);
            let next = dot(&r, &z);
            let beta: [f32; 3] = std::array::from_fn(|c| if rz[c] > 0.0 { (next[c] / rz[c]) as f32 } else { 0.0 });
            rz = next;
            p.par_iter_mut().zip(&z).with_min_len(4096).for_each(|(p, z)| {
                for c in 0..3 {
                    p[c] = z[c] + beta[c] * p[c];
                }
            });
        }
        Ok(x)
    }
}

/// Number of entries of each row of a chart, and the entries.
type ChartRows = (Vec<u32>, Vec<(u32, f32)>);

/// The smoothness terms: for each edge of the mesh, as often as a face of the chart has it.
fn within_charts(mesh: &Mesh, topology: &Topology, charts: &Charts, unknowns: &Unknowns) -> Rows {
    let parts: Vec<ChartRows> = charts
        .list
        .par_iter()
        .enumerate()
        .map(|(c, chart)| {
            let mut pairs: Vec<(u32, u32)> = Vec::with_capacity(6 * chart.faces.len());
            for &f in &chart.faces {
                let i = mesh.triangles[f as usize].map(|v| unknowns.index(c as u32, topology.place[v as usize]) as u32);
                for k in 0..3 {
                    let (p, q) = (i[k], i[(k + 1) % 3]);
                    if p != q {
                        pairs.extend([(p, q), (q, p)]);
                    }
                }
            }
            pairs.sort_unstable();
            let first = unknowns.offsets[c];
            let mut counts = vec![0u32; (unknowns.offsets[c + 1] - first) as usize];
            let mut entries = Vec::with_capacity(pairs.len() / 2);
            for group in pairs.chunk_by(|a, b| a == b) {
                counts[(group[0].0 - first) as usize] += 1;
                entries.push((group[0].1, -SMOOTH * group.len() as f32));
            }
            (counts, entries)
        })
        .collect();
    let mut offsets = vec![0u32];
    let mut entries = Vec::new();
    for (counts, part) in parts {
        let mut at = entries.len() as u32;
        for n in counts {
            at += n;
            offsets.push(at);
        }
        entries.extend(part);
    }
    Rows { offsets, entries }
}

fn axpy(y: &mut [[f32; 3]], a: &[f32; 3], x: &[[f32; 3]]) {
    y.par_iter_mut().zip(x).with_min_len(4096).for_each(|(y, x)| {
        for c in 0..3 {
            y[c] += a[c] * x[c];
        }
    });
}

/// Scalar products of the three channels, summed over fixed blocks in a fixed order.
fn dot(a: &[[f32; 3]], b: &[[f32; 3]]) -> [f64; 3] {
    let parts: Vec<[f64; 3]> = a
        .par_chunks(8192)
        .zip(b.par_chunks(8192))
        .map(|(a, b)| {
            let mut sum = [0.0; 3];
            for (a, b) in a.iter().zip(b) {
                for c in 0..3 {
                    sum[c] += f64::from(a[c]) * f64::from(b[c]);
                }
            }
            sum
        })
        .collect();
    parts.into_iter().fold([0.0; 3], |s, p| [s[0] + p[0], s[1] + p[1], s[2] + p[2]])
}

/// Colour of the photo of side 0 less that of side 1, on the faces beside a seam that both see.
fn difference(seam: &Seam, charts: &Charts, choices: &Choices) -> Option<[f32; 3]> {
    let views = seam.charts.map(|c| charts.list[c as usize].view);
    let (mut sum, mut n) = ([0f32; 3], 0f32);
    for f in seam.faces {
        let [a, b] = views.map(|v| choices.colour(f as usize, v));
        if let (Some(a), Some(b)) = (a, b) {
            n += 1.0;
            for c in 0..3 {
                sum[c] += a[c] - b[c];
            }
        }
    }
    (n > 0.0).then(|| sum.map(|s| s / n))
}

/// Adds the correction, linear within faces, to a chart's texels.
fn apply(image: &mut ChartImage, chart: &Chart, mesh: &Mesh, views: &[Projector], g: impl Fn(u32) -> [f32; 3]) {
    let (w, h) = (image.width, image.height);
    let mut correction = vec![[0f32; 3]; w * h];
    let mut known = vec![false; w * h];
    for &f in &chart.faces {
        let at = mesh.triangles[f as usize].map(&g);
        let corners = chart.corners(views, mesh, f);
        for_texels(&corners, w, h, |i, b| {
            known[i] = true;
            correction[i] = std::array::from_fn(|c| b[0] * at[0][c] + b[1] * at[1][c] + b[2] * at[2][c]);
        });
        // Faces that hold no centre still give the texel under their corners a value.
        for (corner, g) in corners.iter().zip(&at) {
            let (x, y) = (corner[0] as usize, corner[1] as usize);
            if x < w && y < h && !known[y * w + x] {
                known[y * w + x] = true;
                correction[y * w + x] = *g;
            }
        }
    }
    // Three rounds carry it into the ring.
    for _ in 0..3 {
        let mut found = Vec::new();
        for y in 0..h {
            for x in 0..w {
                let i = y * w + x;
                if known[i] || image.flags[i] & RING == 0 {
                    continue;
                }
                let (mut sum, mut n) = ([0f32; 3], 0f32);
                for k in neighbours(x, y, w, h).filter(|&k| known[k]) {
                    n += 1.0;
                    for c in 0..3 {
                        sum[c] += correction[k][c];
                    }
                }
                if n > 0.0 {
                    found.push((i, sum.map(|s| s / n)));
                }
            }
        }
        for (i, c) in found {
            known[i] = true;
            correction[i] = c;
        }
    }
    for (c, d) in image.rgb.iter_mut().zip(&correction) {
        for k in 0..3 {
            c[k] = (f32::from(c[k]) + d[k] + 0.5).clamp(0.0, 255.0) as u8;
        }
    }
}
