//! The command line that repeats an order.

use super::Order;
use crate::print::split::Split;
use crate::print::{Area, PartSize};
use clap::ValueEnum;
use nalgebra::Vector2;
use std::path::Path;

/// `veduta print` with the arguments that make the same again, quoted for a shell.
pub fn command(order: &Order, project: &Path, out: &Path) -> String {
    let fresh = Order::default();
    let mut words = vec!["veduta".to_string(), "print".into(), quoted(&project.display().to_string())];
    let mut option = |name: &str, value: Option<String>| {
        if let Some(value) = value {
            words.extend([name.to_string(), quoted(&value)]);
        }
    };
    option("-o", Some(out.display().to_string()));
    option("--printer", Some(order.printer.clone()));
    match &order.area {
        None => {}
        Some(Area::Rectangle(r)) => {
            let heading = degrees(-r.azimuth);
            option("--rect", Some(numbers(&[r.centre.x, r.centre.y, r.size.x, r.size.y, heading])));
        }
        Some(Area::Circle { centre, radius }) => option("--circle", Some(numbers(&[centre.x, centre.y, *radius]))),
        Some(Area::Polygon(ring)) => {
            let flat: Vec<f64> = ring.iter().flat_map(|p: &Vector2<f64>| [p.x, p.y]).collect();
            option("--polygon", Some(numbers(&flat)));
        }
    }
    match order.size {
        PartSize::Scale(n) => option("--scale", Some(format!("1:{n}"))),
        PartSize::LongestMm(mm) => option("--size-mm", Some(mm.to_string())),
    }
    option("--z-scale", (order.z_scale != fresh.z_scale).then(|| order.z_scale.to_string()));
    option("--base-mm", Some(order.base_mm.to_string()));
    option("--hollow-mm", order.hollow_mm.map(|mm| mm.to_string()));
    option("--drain-mm", order.drain_mm.map(|mm| mm.to_string()));
    option(
        "--split",
        match order.split {
            Split::None => None,
            Split::Auto => Some("auto".into()),
            Split::Grid(columns, rows) => Some(format!("{columns}x{rows}")),
        },
    );
    option("--text", order.plinth.text.clone());
    option("--text-mm", order.plinth.text_mm.map(|mm| mm.to_string()));
    let words_of = |f: &super::Format| f.to_possible_value().map_or_else(String::new, |v| v.get_name().to_string());
    let formats: Vec<String> = order.formats.iter().map(words_of).collect();
    option("--formats", (!formats.is_empty()).then(|| formats.join(",")));
    let colour = &order.colour;
    option("--filaments", colour.filaments.map(|n| n.to_string()));
    option("--icc", colour.icc.as_ref().map(|p| p.display().to_string()));
    let (change, none) = (colour.adjustment, fresh.colour.adjustment);
    option("--lift", (change.lift != none.lift).then(|| change.lift.to_string()));
    option("--saturation", (change.saturation != none.saturation).then(|| change.saturation.to_string()));
    option("--title", order.title.clone());
    option("--copies", (order.copies != fresh.copies).then(|| order.copies.to_string()));
    for waiver in &order.waived {
        option("--waive", Some(format!("{}={}", waiver.code, waiver.reason)));
    }
    let switches = [
        (!order.thicken, "--no-thicken"),
        (order.split_straight && order.split != Split::None, "--split-straight"),
        (order.plinth.engraved, "--engraved"),
        (order.plinth.north_arrow, "--north-arrow"),
        (colour.vertices, "--vertex-colours"),
        (colour.proof, "--proof"),
        (order.plates, "--plates"),
    ];
    words.extend(switches.into_iter().filter(|s| s.0).map(|s| s.1.to_string()));
    words.join(" ")
}

fn quoted(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./,:\\".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        text.to_string()
    } else {
        format!("'{}'", text.replace('\'', "'\\''"))
    }
}

fn numbers(n: &[f64]) -> String {
    n.iter().map(f64::to_string).collect::<Vec<_>>().join(",")
}

/// The shortest number of degrees that becomes exactly this angle again, as far as there is one.
fn degrees(radians: f64) -> f64 {
    let full = radians.to_degrees();
    let rounded = |digits: i32| (full * 10f64.powi(digits)).round() / 10f64.powi(digits);
    let same = |d: &f64| d.to_radians() == radians;
    // Where rounding errors leave no such number, the nearest one of those beside it may be.
    let beside = [full, full.next_up(), full.next_down()];
    let degrees = (0..15).map(rounded).find(same).or_else(|| beside.into_iter().find(same)).unwrap_or(full);
    // A negative zero looks odd.
    if degrees == 0.0 { 0.0 } else { degrees }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn angles_come_back_exactly() {
        for given in [0.0, 17.0, 33.3, -120.25, 359.999] {
            let given: f64 = given;
            assert_eq!(degrees(given.to_radians()), given);
        }
        for i in 0..2000 {
            let angle = f64::from(i) * 0.0031415 - 3.0;
            assert!((degrees(angle).to_radians() - angle).abs() < 1e-15, "{angle}");
        }
        assert_eq!(quoted("it's 1"), "'it'\\''s 1'");
    }
}
