//! Rule packs: what a printer or a service accepts, as data with a source and a date for each limit.
//!
//! In: the text of a TOML file. Out: a [`Printer`]; lengths in millimetres, file sizes in MB (1e6 bytes). A limit that no
//! source gives is absent, never a guess. [`intersection`] is the rule that satisfies every pack: it is the profile
//! `default`. Fails on text that is not TOML, on unknown keys, and on limits that are not positive and finite.

use serde::{Deserialize, Serialize};

/// The packs in the program, as text, in the order in which they are listed.
const BUILT_IN: &[(&str, &str)] = &[
    ("polyjet", include_str!("../../assets/printers/polyjet.toml")),
    ("mimaki", include_str!("../../assets/printers/mimaki.toml")),
    ("hp580", include_str!("../../assets/printers/hp580.toml")),
    ("cjp660", include_str!("../../assets/printers/cjp660.toml")),
    ("sandstone", include_str!("../../assets/printers/sandstone.toml")),
    ("bambu", include_str!("../../assets/printers/bambu.toml")),
    ("prusa", include_str!("../../assets/printers/prusa.toml")),
];

/// A limit with where it comes from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limit<T> {
    /// The limit.
    pub value: T,
    /// Who says so; "general knowledge, to be checked" where nobody was found.
    pub source: String,
    /// When it was entered in the pack, year-month-day.
    pub date: String,
}

/// What a printer cannot take.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Quirk {
    /// One body in a file.
    OneBody,
    /// No polygons with more than three corners.
    TrianglesOnly,
    /// No faces that lie on each other.
    NoCoincidentFaces,
    /// Colours only by triangle or corner; textures are ignored.
    NoTextures,
}

/// One rule pack.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Printer {
    /// What a person types.
    pub name: String,
    /// What a person reads.
    pub title: String,
    /// The process.
    #[serde(default)]
    pub process: String,
    /// Formats that carry colour, by file ending. Absent in the intersection where no single format serves all: then the
    /// format of a file is not judged.
    pub formats: Option<Limit<Vec<String>>>,
    /// Build volume.
    pub build_mm: Option<Limit<[f64; 3]>>,
    /// Most triangles.
    pub triangles: Option<Limit<f64>>,
    /// Largest file in MB.
    pub file_mb: Option<Limit<f64>>,
    /// Longest side of a texture in pixels.
    pub texture_px: Option<Limit<f64>>,
    /// Most textures.
    pub texture_pages: Option<Limit<f64>>,
    /// Most bits for each channel of a texture.
    pub bit_depth: Option<Limit<f64>>,
    /// Most colours (filaments).
    pub colours: Option<Limit<f64>>,
    /// Dots to the inch along x and y.
    pub dpi: Option<Limit<[f64; 2]>>,
    /// Height of a layer.
    pub layer_mm: Option<Limit<f64>>,
    /// Depth of the coloured shell over the core.
    pub shell_mm: Option<Limit<f64>>,
    /// Thinnest wall.
    pub wall_mm: Option<Limit<f64>>,
    /// Smallest detail.
    pub detail_mm: Option<Limit<f64>>,
    /// Smallest embossed text height.
    pub embossed_mm: Option<Limit<f64>>,
    /// Smallest engraved text height.
    pub engraved_mm: Option<Limit<f64>>,
    /// Smallest gap.
    pub gap_mm: Option<Limit<f64>>,
    /// Smallest drain hole.
    pub drain_mm: Option<Limit<f64>>,
    /// Smallest distance of parts on a tray.
    pub spacing_mm: Option<Limit<f64>>,
    /// Smallest distance of faces that do not touch.
    pub face_distance_mm: Option<Limit<f64>>,
    /// Density in g/cm3.
    pub density_g_cm3: Option<Limit<f64>>,
    /// Millimetres of height in an hour.
    pub height_mm_h: Option<Limit<f64>>,
    /// Price of a cm3.
    pub price_cm3: Option<Limit<f64>>,
    /// Price of a cm2 of surface.
    pub price_cm2: Option<Limit<f64>>,
    /// What it cannot take.
    #[serde(default)]
    pub quirks: Vec<Quirk>,
}

/// A rule pack that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum PrinterError {
    /// Not a rule pack.
    #[error("the rule pack {name} cannot be read: {reason}")]
    Syntax {
        /// Which pack.
        name: String,
        /// What the parser says.
        reason: String,
    },
    /// A limit without sense.
    #[error("the rule pack {name}: {limit} is {value}; it must be positive and finite")]
    Absurd {
        /// Which pack.
        name: String,
        /// Which limit.
        limit: &'static str,
        /// Its value.
        value: f64,
    },
    /// No such profile.
    #[error("there is no printer profile {name}; there are: {known}")]
    Unknown {
        /// What was asked for.
        name: String,
        /// What there is.
        known: String,
    },
}

impl PrinterError {
    /// What to do next.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Syntax { .. } | Self::Absurd { .. } => "correct the file; `veduta printers --json` shows a valid one",
            Self::Unknown { .. } => "see `veduta printers`, or give the path of a rule pack of your own",
        }
    }
}

impl Printer {
    /// Where its price comes from; `None` where it states none.
    pub fn price_source(&self) -> Option<String> {
        let of = [&self.price_cm3, &self.price_cm2].into_iter().flatten().map(|l| format!("{} ({})", l.source, l.date));
        let all: Vec<String> = of.collect();
        (!all.is_empty()).then(|| all.join("; "))
    }

    /// Reads a pack; `name` is for messages.
    pub fn parse(name: &str, text: &str) -> Result<Self, PrinterError> {
        let printer: Self = toml::from_str(text)
            .map_err(|e| PrinterError::Syntax { name: name.to_string(), reason: e.to_string().trim().to_string() })?;
        let sides = printer.build_mm.iter().flat_map(|l| l.value).map(|v| ("build_mm", v));
        let sides = sides.chain(printer.dpi.iter().flat_map(|l| l.value).map(|v| ("dpi", v)));
        for (limit, value) in printer.numbers().iter().filter_map(|(n, l)| Some((*n, (*l)?.value))).chain(sides) {
            if !(value > 0.0 && value.is_finite()) {
                return Err(PrinterError::Absurd { name: name.to_string(), limit, value });
            }
        }
        Ok(printer)
    }

    /// The largest texel of which a printed colour loses nothing: two dots, since one dot has no mixed colour, or half of the
    /// smallest detail. `None` where the process is not known: whoever prints the file may resolve more.
    pub fn texel_mm(&self) -> Option<f64> {
        if self.process.is_empty() {
            return None;
        }
        let dots = self.dpi.as_ref().map(|l| 2.0 * 25.4 / l.value[0].min(l.value[1]));
        dots.or_else(|| self.detail_mm.as_ref().map(|l| l.value / 2.0))
    }

    /// The limits that are one number, by name.
    pub fn numbers(&self) -> [(&'static str, Option<&Limit<f64>>); 20] {
        [
            ("triangles", self.triangles.as_ref()),
            ("file_mb", self.file_mb.as_ref()),
            ("texture_px", self.texture_px.as_ref()),
            ("texture_pages", self.texture_pages.as_ref()),
            ("bit_depth", self.bit_depth.as_ref()),
            ("colours", self.colours.as_ref()),
            ("layer_mm", self.layer_mm.as_ref()),
            ("shell_mm", self.shell_mm.as_ref()),
            ("wall_mm", self.wall_mm.as_ref()),
            ("detail_mm", self.detail_mm.as_ref()),
            ("embossed_mm", self.embossed_mm.as_ref()),
            ("engraved_mm", self.engraved_mm.as_ref()),
            ("gap_mm", self.gap_mm.as_ref()),
            ("drain_mm", self.drain_mm.as_ref()),
            ("spacing_mm", self.spacing_mm.as_ref()),
            ("face_distance_mm", self.face_distance_mm.as_ref()),
            ("density_g_cm3", self.density_g_cm3.as_ref()),
            ("height_mm_h", self.height_mm_h.as_ref()),
            ("price_cm3", self.price_cm3.as_ref()),
            ("price_cm2", self.price_cm2.as_ref()),
        ]
    }
}

/// The packs in the program and, first, the profile `default`.
pub fn built_in() -> Result<Vec<Printer>, PrinterError> {
    let packs: Result<Vec<_>, _> = BUILT_IN.iter().map(|(name, text)| Printer::parse(name, text)).collect();
    let mut packs = packs?;
    packs.insert(0, intersection(&packs));
    Ok(packs)
}

/// The profile `default`: what all the packs in the program take.
pub fn common() -> Result<Printer, PrinterError> {
    Ok(built_in()?.swap_remove(0))
}

/// The stricter of two limits; `stricter(a, b)` says whether `a` is.
fn tighten<T: Clone>(
    all: &[Printer],
    get: fn(&Printer) -> &Option<Limit<T>>,
    stricter: fn(&T, &T) -> bool,
) -> Option<Limit<T>> {
    let mut best: Option<&Limit<T>> = None;
    for limit in all.iter().filter_map(|p| get(p).as_ref()) {
        if best.is_none_or(|b| stricter(&limit.value, &b.value)) {
            best = Some(limit);
        }
    }
    best.cloned()
}

/// The rule that satisfies every pack. Density and price are not limits, so it has none.
pub fn intersection(all: &[Printer]) -> Printer {
    let least: fn(&f64, &f64) -> bool = |a, b| a < b;
    let most: fn(&f64, &f64) -> bool = |a, b| a > b;
    let mut quirks: Vec<Quirk> = all.iter().flat_map(|p| p.quirks.iter().copied()).collect();
    quirks.sort();
    quirks.dedup();
    Printer {
        name: "default".to_string(),
        title: "what every printer takes".to_string(),
        process: String::new(),
        formats: common_formats(all),
        build_mm: common_volume(all),
        triangles: tighten(all, |p| &p.triangles, least),
        file_mb: tighten(all, |p| &p.file_mb, least),
        texture_px: tighten(all, |p| &p.texture_px, least),
        texture_pages: tighten(all, |p| &p.texture_pages, least),
        bit_depth: tighten(all, |p| &p.bit_depth, least),
        colours: tighten(all, |p| &p.colours, least),
        wall_mm: tighten(all, |p| &p.wall_mm, most),
        detail_mm: tighten(all, |p| &p.detail_mm, most),
        embossed_mm: tighten(all, |p| &p.embossed_mm, most),
        engraved_mm: tighten(all, |p| &p.engraved_mm, most),
        gap_mm: tighten(all, |p| &p.gap_mm, most),
        drain_mm: tighten(all, |p| &p.drain_mm, most),
        spacing_mm: tighten(all, |p| &p.spacing_mm, most),
        face_distance_mm: tighten(all, |p| &p.face_distance_mm, most),
        quirks,
        ..Printer::default()
    }
}

fn common_formats(all: &[Printer]) -> Option<Limit<Vec<String>>> {
    let mut lists = all.iter().filter_map(|p| p.formats.as_ref());
    let first = lists.next()?;
    let others: Vec<_> = lists.collect();
    let value: Vec<String> =
        first.value.iter().filter(|f| others.iter().all(|o| o.value.contains(f))).cloned().collect();
    (!value.is_empty()).then(|| Limit { value, source: "common to all packs".to_string(), date: first.date.clone() })
}

/// Longest side first; a box fits in every build volume in some axis order when its sorted sides fit in this.
fn common_volume(all: &[Printer]) -> Option<Limit<[f64; 3]>> {
    let mut result: Option<Limit<[f64; 3]>> = None;
    for limit in all.iter().filter_map(|p| p.build_mm.as_ref()) {
        let mut sides = limit.value;
        sides.sort_by(|a, b| b.total_cmp(a));
        match &mut result {
            None => result = Some(Limit { value: sides, ..limit.clone() }),
            Some(r) => (0..3).for_each(|k| r.value[k] = r.value[k].min(sides[k])),
        }
    }
    result
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    #[test]
    fn the_default_is_as_strict_as_every_pack() {
        let all = built_in().unwrap();
        assert_eq!(all.len(), BUILT_IN.len() + 1);
        assert!(all[1..].iter().zip(BUILT_IN).all(|(p, (name, _))| p.name == *name));
        assert_eq!(all[0].wall_mm.as_ref().unwrap().value, 2.0);
        assert!(all[0].formats.is_none(), "no format serves both filament and binder jetting");
        assert_eq!(all[0].texture_px.as_ref().unwrap().value, 2048.0);
        assert_eq!(all[0].quirks.len(), 4);
        for pack in &all[1..] {
            for ((name, strict), (_, limit)) in all[0].numbers().iter().zip(pack.numbers()) {
                if let (Some(strict), Some(limit)) = (strict, limit) {
                    let smallest = ["wall_mm", "detail_mm", "gap_mm", "spacing_mm", "face_distance_mm"].contains(name);
                    assert!(if smallest { strict.value >= limit.value } else { strict.value <= limit.value }, "{name}");
                }
            }
        }
    }

    #[test]
    fn bad_packs_are_refused_with_the_reason() {
        let text = |wall: &str| format!("name='a'\ntitle='A'\nwall_mm={{value={wall},source='s',date='d'}}");
        assert!(Printer::parse("a", &text("1.5")).is_ok());
        assert!(matches!(Printer::parse("a", &text("-1.0")), Err(PrinterError::Absurd { limit: "wall_mm", .. })));
        assert!(matches!(Printer::parse("a", &text("nan")), Err(PrinterError::Absurd { .. })));
        assert!(matches!(Printer::parse("a", "name='a'\ntitle='A'\nwal_mm=1"), Err(PrinterError::Syntax { .. })));
    }
}
