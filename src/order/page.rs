//! The report of an order, for a person: pictures from all sides, sizes, what was done, what the judge found.

use super::pictures::{FROM_ABOVE, Picture};
use super::{Ticket, TicketFile, TicketPart, Written, change_map, tray_map};
use crate::base::Severity;
use crate::formats::html::{STYLE, escape};
use crate::print::judge::Finding;
use crate::print::outline;
use base64::Engine;
use nalgebra::Vector2;
use std::fmt::Write;

/// The page.
pub fn report(ticket: &Ticket, written: &Written, pictures: &[Picture]) -> String {
    let mut page = String::new();
    let title = escape(&ticket.title);
    let _ = write!(
        page,
        "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content=\"width=device-width\">\
         <title>{title}: print files</title><style>{STYLE}</style><h1>{title}</h1><p class=lead>{} for {}</p>",
        ticket.scale_denominator.map_or_else(|| "Part".into(), |n| format!("Part at 1:{n:.0}")),
        escape(&ticket.printer[1]),
    );
    if ticket.parts.len() > 1 {
        page.push_str(&assembly_map(&ticket.parts));
    }
    if let Some(trays) = written.trays.as_ref().filter(|t| t.hold_several()) {
        let names: Vec<&str> = ticket.parts.iter().map(|p| p.name.as_str()).collect();
        page.push_str(&tray_map::draw(trays, &names));
    }
    for part in &ticket.parts {
        if ticket.parts.len() > 1 {
            let _ = write!(page, "<h2>{}</h2>", escape(&part.name));
        }
        let [x, y, z] = part.size_mm;
        let _ = write!(page, "<div class=tiles>");
        let mut tile = |value: String, what: &str| {
            let _ = write!(page, "<div class=tile><b>{value}</b>{what}</div>");
        };
        tile(format!("{x:.1} x {y:.1} x {z:.1} mm"), "size");
        tile(format!("{:.1} cm3", part.volume_cm3), "volume");
        tile(format!("{:.0} cm2", part.area_cm2), "surface");
        tile(format!("{}", part.triangles), "triangles");
        if let Some(mass) = part.mass_g {
            tile(format!("{mass:.0} g"), "mass");
        }
        if let Some(price) = part.price {
            let source = ticket.price_source.as_deref().map_or_else(String::new, |s| format!(": {}", escape(s)));
            tile(format!("{price:.2}"), &format!("price, in the profile's currency{source}"));
        }
        tile(format!("{:.2}", part.likeness.median_de), "dE00 to the city from above, median");
        tile(if part.passes { "passes".into() } else { "faults".into() }, "judgement");
        let _ = write!(page, "</div>");
        page.push_str(&table("Files", &part.files));
    }
    if !ticket.plates.is_empty() {
        page.push_str(&table("Plates", &ticket.plates));
    }
    let _ = write!(page, "<h2>What the judge found</h2><table><tr><th>file<th>severity<th>finding<th>what to do</tr>");
    for (file, finding) in findings(written) {
        let waiver = ticket.waived.iter().find(|w| w.code == finding.code && finding.severity == Severity::Error);
        let severity = match waiver {
            Some(w) => format!("waived: {}", escape(&w.reason)),
            None => format!("{:?}", finding.severity).to_lowercase(),
        };
        let _ = write!(
            page,
            "<tr><td>{}<td>{severity}<td>{}<td>{}</tr>",
            escape(file),
            escape(&finding.message),
            escape(&finding.hint)
        );
    }
    page.push_str("</table>");
    let above = pictures.iter().find(|p| p.caption == FROM_ABOVE);
    page.push_str(&change_map::draw(ticket, above));
    let _ = write!(page, "<h2>Pictures</h2><div class=grid>");
    for picture in pictures {
        let data = base64::engine::general_purpose::STANDARD.encode(&picture.jpeg);
        let caption = escape(&picture.caption);
        let _ = write!(
            page,
            "<figure><img alt=\"{caption}\" src=\"data:image/jpeg;base64,{data}\"><figcaption>{caption}</figcaption></figure>"
        );
    }
    let _ = write!(page, "</div><h2>The command that repeats it</h2><p><code>{}</code></p>", escape(&ticket.command));
    if !ticket.notes.is_empty() {
        let _ = write!(page, "<h2>Notes</h2><ul>");
        for note in &ticket.notes {
            let _ = write!(page, "<li>{}", escape(note));
        }
        let _ = write!(page, "</ul>");
    }
    page
}

fn table(title: &str, files: &[TicketFile]) -> String {
    let mut table = format!("<h2>{title}</h2><table><tr><th>name<th class=n>MB<th>BLAKE3</tr>");
    for file in files {
        let (name, sum) = (escape(&file.name), escape(&file.blake3));
        let _ = write!(table, "<tr><td>{name}<td class=n>{:.2}<td><code>{sum}</code></tr>", file.bytes as f64 / 1e6);
    }
    table + "</table>"
}

fn findings(written: &Written) -> impl Iterator<Item = (&String, &Finding)> {
    written.files.iter().flat_map(|(j, _)| j.verdict.findings.iter().map(move |f| (&j.verdict.file, f)))
}

/// Where the parts go, from above with north of the area's own frame up; the numbers are also in their undersides.
fn assembly_map(parts: &[TicketPart]) -> String {
    let rings: Vec<Vec<[f64; 2]>> = parts.iter().map(ring).collect();
    let all = || rings.iter().flatten();
    let low = |k: usize| all().map(|p| p[k]).fold(f64::INFINITY, f64::min);
    let high = |k: usize| all().map(|p| p[k]).fold(f64::NEG_INFINITY, f64::max);
    let (x, y, width, depth) = (low(0), low(1), high(0) - low(0), high(1) - low(1));
    let mut map = format!(
        "<h2>Assembly map</h2><p>Seen from above. Pegs stand out to the right and to the back: push the parts of each row \
         together, then the rows.</p>\
         <svg role=img aria-label=\"assembly map\" viewBox=\"-2 -2 {:.1} {:.1}\" width=480>",
        width + 4.0,
        depth + 4.0
    );
    for (part, ring) in parts.iter().zip(&rings) {
        // Down is the front.
        let corners: Vec<Vector2<f64>> = ring.iter().map(|p| Vector2::new(p[0] - x, depth - (p[1] - y))).collect();
        let words: Vec<String> = corners.iter().map(|p| format!("{:.2},{:.2}", p.x, p.y)).collect();
        let [w, d, _] = part.size_mm;
        let (name, middle) = (escape(part.name.trim_start_matches("part-")), outline::middle(&corners));
        let _ = write!(
            map,
            "<polygon points=\"{}\" fill=none stroke=currentColor stroke-width=0.6 />\
             <text x={:.1} y={:.1} font-size={:.1} text-anchor=middle fill=currentColor>{name}</text>",
            words.join(" "),
            middle.x,
            middle.y,
            w.min(d) / 5.0
        );
    }
    map.push_str("</svg>");
    map
}

/// The outline of a part in the whole; the box of one that has no level underside.
fn ring(part: &TicketPart) -> Vec<[f64; 2]> {
    let ([x, y, _], [w, d, _]) = (part.at_mm, part.size_mm);
    if part.outline_mm.len() > 2 {
        part.outline_mm.clone()
    } else {
        vec![[x, y], [x + w, y], [x + w, y + d], [x, y + d]]
    }
}
