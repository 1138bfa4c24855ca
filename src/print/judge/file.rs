//! What can be said of a file without its surface: format, size, triangles, textures, colours, unit, build volume.

use super::{FileFacts, Finding, Verdict};
use crate::print::printer::{Limit, Printer, Quirk};
use crate::scene::{ForeignMesh, NO_PAGE};

/// Extents outside of which a file is likely in another unit, in mm.
const USUAL_MM: (f64, f64) = (2.0, 3000.0);

fn source<T>(limit: &Limit<T>) -> String {
    format!("{} ({})", limit.source, limit.date)
}

/// Judges all of it.
pub fn judge(
    verdict: &Verdict,
    foreign: &ForeignMesh,
    facts: &FileFacts,
    printer: &Printer,
    findings: &mut Vec<Finding>,
) {
    limits(verdict, foreign, facts, printer, findings);
    volume(verdict, printer, findings);
    unit(verdict, findings);
    textures(foreign, printer, findings);
    colours(foreign, printer, findings);
    for note in &foreign.notes {
        findings.push(Finding::info("passed-over", note.clone(), ""));
    }
}

fn limits(verdict: &Verdict, foreign: &ForeignMesh, facts: &FileFacts, printer: &Printer, findings: &mut Vec<Finding>) {
    let ending = &facts.format;
    if let Some(l) = printer.formats.as_ref().filter(|l| !l.value.contains(ending)) {
        let text =
            format!("the profile {} takes no {ending} with colour; it takes {}", printer.name, l.value.join(", "));
        let mut finding = Finding::fault("format", text, "export it in one of those formats");
        finding.source = Some(source(l));
        findings.push(finding);
    }
    let mut most = |code: &str, what: &str, value: f64, limit: Option<&Limit<f64>>, hint: &str| {
        if let Some(l) = limit.filter(|l| value > l.value) {
            let text = format!("{value} {what}, the limit is {}", l.value);
            findings.push(Finding::fault(code, text, hint).against(value, l.value, &source(l)));
        }
    };
    let triangles = verdict.triangles as f64;
    most("triangles", "triangles", triangles, printer.triangles.as_ref(), "simplify the mesh, or split it");
    let mb = (facts.bytes as f64 / 1e5).round() / 10.0;
    most("file-size", "MB", mb, printer.file_mb.as_ref(), "simplify the mesh, or reduce its textures");
    let pages = foreign.pages.len() as f64;
    most("texture-pages", "textures", pages, printer.texture_pages.as_ref(), "bake them into one");
    if foreign.polygons > 0 && printer.quirks.contains(&Quirk::TrianglesOnly) {
        let text = format!(
            "{} faces have more than three corners; the profile {} takes triangles only",
            foreign.polygons, printer.name
        );
        findings
            .push(Finding::fault("polygons", text, "cut them into triangles").counted(foreign.polygons, Vec::new()));
    }
}

fn volume(verdict: &Verdict, printer: &Printer, findings: &mut Vec<Finding>) {
    let Some(l) = &printer.build_mm else { return };
    let sorted = |mut v: [f64; 3]| {
        v.sort_by(f64::total_cmp);
        v
    };
    let (size, room) = (sorted(verdict.size_mm), sorted(l.value));
    if let Some(k) = (0..3).rev().find(|&k| size[k] > room[k] + 1e-6) {
        let [x, y, z] = verdict.size_mm;
        let [a, b, c] = l.value;
        let text =
            format!("{x:.1} x {y:.1} x {z:.1} mm do not fit into {a} x {b} x {c} mm in any of the six axis orders");
        let hint = "make it smaller, or split it";
        findings.push(Finding::fault("size", text, hint).against(size[k], room[k], &source(l)));
    }
}

fn unit(verdict: &Verdict, findings: &mut Vec<Finding>) {
    let longest = verdict.size_mm.iter().copied().fold(0.0, f64::max);
    let unusual = longest < USUAL_MM.0 || longest > USUAL_MM.1;
    if verdict.unit_assumed {
        let text = format!("the file names no unit: millimetres are assumed, its longest side is {longest:.2} mm");
        let hint = "say which with --unit mm, cm, m or in";
        let make = if unusual { Finding::warning } else { Finding::info };
        findings.push(make("unit-unknown", text, hint));
    } else if unusual {
        let text = format!("the longest side is {longest:.2} mm by the file's unit ({})", verdict.unit);
        findings.push(Finding::warning("unusual-size", text, "check the unit and the scale of the export"));
    }
}

fn textures(foreign: &ForeignMesh, printer: &Printer, findings: &mut Vec<Finding>) {
    for page in &foreign.pages {
        let Some(image) = &page.image else {
            let text = format!("the texture {} cannot be used: {}", page.name, page.fault);
            findings.push(Finding::fault("texture-missing", text, "put it beside the mesh, or export it again"));
            continue;
        };
        let side = image.width.max(image.height) as f64;
        if let Some(l) = printer.texture_px.as_ref().filter(|l| side > l.value) {
            let text = format!(
                "the texture {} is {} x {} pixels, the limit is {}",
                page.name, image.width, image.height, l.value
            );
            findings.push(Finding::fault("texture-size", text, "reduce it").against(side, l.value, &source(l)));
        }
        let bits = f64::from(page.bits);
        if let Some(l) = printer.bit_depth.as_ref().filter(|l| bits > l.value) {
            let text = format!("the texture {} has {bits} bits a channel, the limit is {}", page.name, l.value);
            findings.push(Finding::fault("texture-depth", text, "save it with fewer").against(
                bits,
                l.value,
                &source(l),
            ));
        }
    }
    let outside = |uv: &[f32; 2]| uv.iter().any(|x| !(-1e-4..=1.0 + 1e-4).contains(x));
    let tiled = foreign.uvs.iter().filter(|t| t.iter().any(outside)).count();
    if tiled > 0 {
        let text = format!(
            "{tiled} triangles have texture coordinates outside their picture: it repeats there, or it is clamped"
        );
        let hint = "bake the textures, so that no picture repeats";
        findings.push(Finding::warning("texture-repeats", text, hint).counted(tiled, Vec::new()));
    }
}

fn colours(foreign: &ForeignMesh, printer: &Printer, findings: &mut Vec<Finding>) {
    let count = foreign.mesh.triangles.len();
    let textured = |t: usize| foreign.page.get(t).is_some_and(|&p| p != NO_PAGE);
    let coloured = |t: usize| foreign.colours.get(t).is_some_and(Option::is_some);
    let without = (0..count).filter(|&t| !textured(t) && !coloured(t)).count();
    if without == count {
        let text = "the file has neither textures nor colours";
        findings.push(Finding::warning(
            "no-colour",
            text,
            "export it with its textures, in a format that carries them",
        ));
        return;
    }
    if without > 0 {
        let text = format!("{without} of {count} triangles have no colour");
        let hint = "give them a colour: printers choose one for them";
        findings.push(Finding::warning("triangles-without-colour", text, hint).counted(without, Vec::new()));
    }
    let only_textured = (0..count).filter(|&t| textured(t) && !coloured(t)).count();
    if only_textured > 0 && printer.quirks.contains(&Quirk::NoTextures) {
        let text =
            format!("{only_textured} triangles are coloured by textures, which the profile {} ignores", printer.name);
        let hint = "turn the texture into colours of triangles or vertices";
        findings.push(Finding::warning("textures-ignored", text, hint).counted(only_textured, Vec::new()));
    }
    let Some(l) = &printer.colours else { return };
    let mut different: Vec<[u8; 3]> = foreign.colours.iter().flatten().flatten().copied().collect();
    different.sort_unstable();
    different.dedup();
    if different.len() as f64 > l.value {
        let text = format!("{} different colours, the profile {} takes {}", different.len(), printer.name, l.value);
        let hint = "reduce the colours to those of the filaments";
        let (value, limit) = (different.len() as f64, l.value);
        findings.push(Finding::warning("colours", text, hint).against(value, limit, &source(l)));
    }
}
