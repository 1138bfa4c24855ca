//! Printable parts: the city cut to a rectangle, put on a base, scaled, closed, unfolded and coloured.
//!
//! In: a textured city in local metres. Out: a [`Part`]: one closed 2-manifold body with outward triangles in
//! millimetres, its bottom at z = 0 and its lower left corner at the origin, with one texture page; sides and base are
//! plain. Steps: simplify, take the largest piece, fill its holes, extend its border down, cut by the four sides and
//! the bottom (each cut closes the body again), unfold, bake.

pub mod area;
mod bake;
mod charts;
mod close;
mod cut;
pub mod judge;
pub mod printer;
pub mod thickness;

pub use area::{Rectangle, well_covered};
pub use bake::colour_at;

use crate::base::{Cancelled, Ctx, Diagnostic, stats};
use crate::mesh::{MeshError, SimplifyOptions, simplify};
use crate::scene::{City, Mesh, Part};
use cut::{Keep, cut_by_plane};
use nalgebra::{Rotation2, Vector2, Vector3};

/// What the part is to be.
#[derive(Clone, Debug, PartialEq)]
pub struct PartOptions {
    /// The piece of ground; `None` takes the largest well-covered rectangle.
    pub area: Option<Rectangle>,
    /// Size.
    pub size: PartSize,
    /// Whether one unit of the city is one metre.
    pub metric: bool,
    /// Millimetres of material below the lowest place of the surface; at least 2.
    pub base_mm: f64,
    /// Most triangles.
    pub max_triangles: usize,
    /// Side of the square texture page in texels.
    pub page: usize,
    /// Colour of sides and base (sRGB).
    pub plain: [u8; 3],
    /// Title.
    pub title: String,
}

/// How large the part is to be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum PartSize {
    /// 1:N.
    Scale(f64),
    /// Longest horizontal side in millimetres.
    LongestMm(f64),
}

impl Default for PartOptions {
    fn default() -> Self {
        Self {
            area: None,
            size: PartSize::LongestMm(150.0),
            metric: true,
            base_mm: 3.0,
            max_triangles: 1_000_000,
            page: 2048,
            plain: [206, 204, 198],
            title: "city".into(),
        }
    }
}

/// The part could not be made.
#[derive(Debug, thiserror::Error)]
pub enum PrintError {
    /// Stopped by the user.
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
    /// The surface could not be simplified.
    #[error(transparent)]
    Mesh(MeshError),
    /// The city has no surface that photos saw from above.
    #[error("no photo saw enough of the city's surface to cut a rectangle from it")]
    NothingCovered,
    /// 1:N needs metres.
    #[error("the scale 1:{denominator} cannot be kept: the city has no known scale (its photos have no GPS)")]
    ScaleUnknown {
        /// The N asked for.
        denominator: f64,
    },
    /// The rectangle holds no surface.
    #[error("the area of {width:.1} x {height:.1} m holds no part of the city")]
    EmptyArea {
        /// Width of the rectangle in metres.
        width: f64,
        /// Height of the rectangle in metres.
        height: f64,
    },
    /// A thin base breaks.
    #[error("a base of {base_mm} mm is thinner than the 2 mm that printers need")]
    ThinBase {
        /// The thickness asked for.
        base_mm: f64,
    },
    /// The body has open or doubled edges.
    #[error("the body is not closed: {open} edges have not exactly two triangles")]
    NotClosed {
        /// Number of such edges.
        open: usize,
    },
}

impl PrintError {
    /// What to do next.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Cancelled(_) => "the same command goes on where this run stopped",
            Self::Mesh(e) => e.hint(),
            Self::NothingCovered => "check in the report how many photos overlap, and add photos that look down",
            Self::ScaleUnknown { .. } => "give the size in millimetres instead: --size-mm 150",
            Self::EmptyArea { .. } => "choose an area inside the city's bounds, which `veduta info` shows",
            Self::ThinBase { .. } => "choose a base of at least 2 mm",
            Self::NotClosed { .. } => "please report this with the project; another --quality may avoid it",
        }
    }
}

impl From<MeshError> for PrintError {
    fn from(e: MeshError) -> Self {
        match e {
            MeshError::Cancelled(c) => Self::Cancelled(c),
            e => Self::Mesh(e),
        }
    }
}

/// Distance in metres within which a vertex counts as lying on a cutting plane, relative to the rectangle's size.
const ON_PLANE: f64 = 1e-9;
/// Share of the surface's vertices that may lie below the lowest level; they are lifted to it.
const LOWEST_SHARE: f64 = 0.002;

/// Makes the part.
pub fn make_part(ctx: &Ctx, city: &City, options: &PartOptions) -> Result<Part, PrintError> {
    if options.base_mm < 2.0 {
        return Err(PrintError::ThinBase { base_mm: options.base_mm });
    }
    let rectangle = match options.area {
        Some(r) => r,
        None => well_covered(city)?,
    };
    let mm_per_unit = match options.size {
        PartSize::Scale(n) if options.metric => 1000.0 / n,
        PartSize::Scale(n) => return Err(PrintError::ScaleUnknown { denominator: n }),
        PartSize::LongestMm(mm) => mm / rectangle.size.max(),
    };
    let frame = PartFrame::new(city, &rectangle, mm_per_unit, options.base_mm)?;
    let mut budget = options.max_triangles * 9 / 10;
    let body = loop {
        let body = cut_body(ctx, city, &frame, budget)?;
        if body.triangles.len() <= options.max_triangles || budget < 16 {
            break body;
        }
        // Cutting adds triangles along the sides; leave more room for them.
        budget = budget * options.max_triangles / body.triangles.len() * 19 / 20;
    };
    let open = open_edges(&body);
    if open > 0 {
        return Err(PrintError::NotClosed { open });
    }
    let textured: Vec<bool> = (0..body.triangles.len()).map(|t| !frame.is_plain(&body, t)).collect();
    let unfolding = charts::unfold(&body, &textured, options.page);
    let texel_mm = 1.0 / unfolding.density;
    ctx.report(Diagnostic::info(
        "part-texture",
        "",
        format!("one texel of the part's page is {texel_mm:.3} mm, {:.3} m of the city", texel_mm / mm_per_unit),
    ));
    let texture = bake::bake(
        ctx,
        &bake::Surface { mesh: &body, textured: &textured, unfolding: &unfolding },
        &bake::Page { side: options.page, plain: options.plain },
        city,
        &|p| frame.city_from_part(p),
        rectangle.size.max() * 0.05,
    )?;
    let side = options.page as f64;
    let uvs = unfolding.texels.iter().map(|c| c.map(|p| [(p.x / side) as f32, (p.y / side) as f32])).collect();
    Ok(Part {
        mesh: body,
        uvs,
        texture,
        scale_denominator: options.metric.then_some(1000.0 / mm_per_unit),
        title: options.title.clone(),
    })
}

/// Where the part lies in the city.
struct PartFrame {
    rectangle: Rectangle,
    /// Level of the bottom, and the lowest level of the surface, in the city's units.
    bottom: f64,
    lowest: f64,
    mm_per_unit: f64,
}

impl PartFrame {
    fn new(city: &City, rectangle: &Rectangle, mm_per_unit: f64, base_mm: f64) -> Result<Self, PrintError> {
        let half = rectangle.size / 2.0;
        let levels: Vec<f64> = city
            .mesh
            .vertices
            .iter()
            .filter(|v| {
                let p = rectangle.to_own(&v.xy());
                p.x.abs() < half.x && p.y.abs() < half.y
            })
            .map(|v| v.z)
            .collect();
        let lowest = stats::quantile(&levels, LOWEST_SHARE)
            .ok_or(PrintError::EmptyArea { width: rectangle.size.x, height: rectangle.size.y })?;
        Ok(Self { rectangle: *rectangle, bottom: lowest - base_mm / mm_per_unit, lowest, mm_per_unit })
    }

    /// Local coordinates along the rectangle's sides, in the city's units, with holes below the lowest level filled.
    fn own_from_city(&self, v: &Vector3<f64>) -> Vector3<f64> {
        let p = self.rectangle.to_own(&v.xy());
        Vector3::new(p.x, p.y, v.z.max(self.lowest))
    }

    fn part_from_own(&self, v: &Vector3<f64>) -> Vector3<f64> {
        let half = self.rectangle.size / 2.0;
        Vector3::new(v.x + half.x, v.y + half.y, v.z - self.bottom) * self.mm_per_unit
    }

    fn city_from_part(&self, p: &Vector3<f64>) -> Vector3<f64> {
        let half = self.rectangle.size / 2.0;
        let own = p / self.mm_per_unit;
        let flat = Rotation2::new(self.rectangle.azimuth) * (own.xy() - half) + self.rectangle.centre;
        Vector3::new(flat.x, flat.y, own.z + self.bottom)
    }

    /// Whether a triangle of the part lies in a side or in the bottom.
    fn is_plain(&self, body: &Mesh, t: usize) -> bool {
        let size: Vector2<f64> = self.rectangle.size * self.mm_per_unit;
        let near = size.max() * ON_PLANE * 100.0;
        let c = body.corners(t);
        [(0, 0.0), (0, size.x), (1, 0.0), (1, size.y), (2, 0.0)]
            .iter()
            .any(|&(axis, at)| c.iter().all(|p| (p[axis] - at).abs() <= near))
    }
}

/// The closed body in millimetres, from a surface of at most about `budget` triangles.
fn cut_body(ctx: &Ctx, city: &City, frame: &PartFrame, budget: usize) -> Result<Mesh, PrintError> {
    let size = frame.rectangle.size;
    let half = size / 2.0;
    let tolerance = size.max() * ON_PLANE;
    let own = Mesh {
        vertices: city.mesh.vertices.iter().map(|v| frame.own_from_city(v)).collect(),
        triangles: city.mesh.triangles.clone(),
    };
    // Only what lies near the rectangle needs to be simplified and closed.
    let near = half * 1.05;
    let triangles = own
        .triangles
        .iter()
        .filter(|t| {
            t.iter().any(|&v| own.vertices[v as usize].x.abs() < near.x && own.vertices[v as usize].y.abs() < near.y)
        })
        .copied()
        .collect();
    let surface = close::largest_piece(&close::split_pinched(&Mesh { vertices: own.vertices, triangles }));
    let options = SimplifyOptions { target_triangles: budget, ..SimplifyOptions::default() };
    let surface = if surface.triangles.len() > budget { simplify(ctx, &surface, &options)? } else { surface };
    let depth = size.max();
    let mut body = close::close_downwards(&surface, frame.bottom - depth);
    for (axis, at, keep) in [
        (2, frame.bottom, Keep::Above),
        (0, -half.x, Keep::Above),
        (0, half.x, Keep::Below),
        (1, -half.y, Keep::Above),
        (1, half.y, Keep::Below),
    ] {
        body = cut_by_plane(&body, axis, at, keep, tolerance);
        ctx.check()?;
    }
    let mut body = close::bulkiest_piece(&body);
    if body.triangles.is_empty() {
        return Err(PrintError::EmptyArea { width: size.x, height: size.y });
    }
    for v in &mut body.vertices {
        *v = frame.part_from_own(v);
    }
    Ok(body)
}

/// Number of edges that have not exactly one triangle on each side.
pub fn open_edges(mesh: &Mesh) -> usize {
    let mut edges: Vec<(u32, u32, bool)> = mesh
        .triangles
        .iter()
        .flat_map(|t| (0..3).map(|k| (t[k], t[(k + 1) % 3])))
        .map(|(a, b)| (a.min(b), a.max(b), a < b))
        .collect();
    edges.sort_unstable();
    edges.chunk_by(|x, y| (x.0, x.1) == (y.0, y.1)).filter(|g| !(g.len() == 2 && g[0].2 != g[1].2)).count()
}

#[cfg(test)]
mod tests;
