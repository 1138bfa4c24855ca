//! The flight seen from above, as SVG: sparse points, adjusted camera positions, what their GPS said.

use crate::project::Project;
use crate::scene::{Flight, Georeference, Reconstruction};
use nalgebra::Vector2;
use std::fmt::Write;

/// What the picture shows.
pub const CAPTION: &str = "From above, north up: sparse points in their colours, camera positions (blue) with the \
                           line to where their GPS put them (red), photos that could not be registered (grey).";
/// Most points drawn.
const MOST_POINTS: usize = 4000;
/// Width of the picture in its own units.
const WIDTH: f64 = 1000.0;

/// The map; `None` before the sparse stage.
pub fn flight_map(project: &Project) -> Option<String> {
    let flight: Flight = project.current("ingest").ok()?.get("output").ok()?;
    let sparse: Reconstruction = project.current("sparse").ok()?.get("output").ok()?;
    let centres: Vec<(usize, Vector2<f64>)> =
        sparse.poses.iter().enumerate().filter_map(|(i, p)| Some((i, p.as_ref()?.centre().xy()))).collect();
    let metric = matches!(sparse.georeference, Georeference::Local { .. });
    let lost: Vec<Vector2<f64>> = flight
        .photos
        .iter()
        .filter(|p| metric && sparse.poses[p.id.index()].is_none())
        .filter_map(|p| Some(p.position?.centre.xy()))
        .collect();
    let all = || centres.iter().map(|(_, c)| *c).chain(lost.iter().copied());
    let first = all().next()?;
    let (low, high) = all().fold((first, first), |(lo, hi), p| (lo.inf(&p), hi.sup(&p)));
    let margin = (high - low).max() * 0.12 + 1e-6;
    let (low, high) = (low.add_scalar(-margin), high.add_scalar(margin));
    let scale = WIDTH / (high.x - low.x);
    let height = (high.y - low.y) * scale;
    let at = |p: &Vector2<f64>| Vector2::new((p.x - low.x) * scale, (high.y - p.y) * scale);
    let mut svg = format!("<svg viewBox=\"0 0 {WIDTH:.0} {height:.0}\" role=\"img\" aria-label=\"flight map\">");
    let step = sparse.points.len().div_ceil(MOST_POINTS).max(1);
    for point in sparse.points.iter().step_by(step) {
        let p = at(&point.position.xy());
        if p.x < 0.0 || p.y < 0.0 || p.x > WIDTH || p.y > height {
            continue;
        }
        let [r, g, b] = point.colour;
        let _ = write!(svg, "<circle cx=\"{:.1}\" cy=\"{:.1}\" r=\"2.2\" fill=\"rgb({r},{g},{b})\"/>", p.x, p.y);
    }
    for p in &lost {
        let p = at(p);
        let _ = write!(svg, "<circle cx=\"{:.1}\" cy=\"{:.1}\" r=\"6\" fill=\"#999\"/>", p.x, p.y);
    }
    for (i, centre) in &centres {
        let p = at(centre);
        if let (true, Some(prior)) = (metric, &flight.photos[*i].position) {
            let q = at(&prior.centre.xy());
            let _ = write!(
                svg,
                "<line x1=\"{:.1}\" y1=\"{:.1}\" x2=\"{:.1}\" y2=\"{:.1}\" stroke=\"#d33\" stroke-width=\"2\"/>",
                p.x, p.y, q.x, q.y
            );
        }
        let _ = write!(
            svg,
            "<circle cx=\"{:.1}\" cy=\"{:.1}\" r=\"5\" fill=\"#26c\"><title>{}</title></circle>",
            p.x,
            p.y,
            crate::formats::html::escape(&flight.photos[*i].name)
        );
    }
    if metric {
        scale_bar(&mut svg, scale, height);
    }
    svg.push_str("</svg>");
    Some(svg)
}

/// A bar of a round length near a fifth of the width.
fn scale_bar(svg: &mut String, scale: f64, height: f64) {
    let wanted = WIDTH / scale / 5.0;
    let power = 10f64.powf(wanted.log10().floor());
    let length = [5.0, 2.0, 1.0].iter().map(|m| m * power).find(|l| *l <= wanted).unwrap_or(power);
    let y = height - 18.0;
    let _ = write!(
        svg,
        "<path d=\"M20 {y:.1}h{:.1}\" stroke=\"currentColor\" stroke-width=\"4\"/><text x=\"20\" y=\"{:.1}\" \
         font-size=\"22\" fill=\"currentColor\">{length} m</text>",
        length * scale,
        y - 10.0
    );
}
