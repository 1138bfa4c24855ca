//! The report of an order, for a person: pictures from all sides, sizes, what was done, what the judge found.

use super::pictures::Picture;
use super::{Ticket, Written};
use crate::base::Severity;
use crate::formats::html::{STYLE, escape};
use crate::print::judge::Finding;
use base64::Engine;
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
            tile(format!("{price:.2}"), "price, in the profile's currency");
        }
        tile(if part.passes { "passes".into() } else { "faults".into() }, "judgement");
        let _ = write!(page, "</div>");
        let _ = write!(page, "<h2>Files</h2><table><tr><th>name<th class=n>MB<th>BLAKE3</tr>");
        for file in &part.files {
            let (name, sum) = (escape(&file.name), escape(&file.blake3));
            let _ = write!(page, "<tr><td>{name}<td class=n>{:.2}<td><code>{sum}</code></tr>", file.bytes as f64 / 1e6);
        }
        let _ = write!(page, "</table>");
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
    let _ = write!(page, "</table><h2>Pictures</h2><div class=grid>");
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

fn findings(written: &Written) -> impl Iterator<Item = (&String, &Finding)> {
    written.files.iter().flat_map(|(j, _)| j.verdict.findings.iter().map(move |f| (&j.verdict.file, f)))
}
