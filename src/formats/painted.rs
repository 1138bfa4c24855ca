//! 3MF painted in filament colours, as PrusaSlicer and Bambu Studio keep their own painting: a string for each triangle
//! and the colours of the filaments in a settings file.
//!
//! Facts from the programs' published sources: PrusaSlicer 2.5 to 2.9 reads `slic3rpe:mmu_segmentation` and, as lines
//! `; key = value` after a first line of its own, `Metadata/Slic3r_PE.config`; Bambu Studio and OrcaSlicer read
//! `paint_color` and the JSON file `Metadata/project_settings.config`, the latter only where the package names an application
//! whose name begins with `BambuStudio-`. Both strings are the same: hexadecimal digits read from the right; a digit's
//! lower two bits are the number of sides that are cut, its upper two bits the corner across from that side. A piece that is not
//! cut has filament n in the upper bits, or, for n of 3 and more, these set and n - 3 in the next digit. The pieces of
//! a cut follow in the order last to first.
//!
//! PrusaSlicer's attribute has a namespace, so that its file is a 3MF by the letter, in which other programs find a colour
//! group and each triangle's main colour; Bambu Studio's has none, which strict readers of 3MF refuse: its file is for it
//! alone.
//!
//! In: a part and its [`Painting`] of at most 16 colours. Lengths in millimetres.

use super::package::{APPLICATION, MATERIALS, Metadata, Model, Package, escape};
use crate::scene::{CUT, Painting, Part};
use std::fmt::Write as _;
use std::io::{self, Seek, Write};

/// Whose painting is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Slicer {
    /// PrusaSlicer.
    Prusa,
    /// Bambu Studio and OrcaSlicer.
    Bambu,
}

/// What Bambu Studio asks for in the place of the application's name before it takes filament colours from a file; an old
/// version, since it warns of files from newer versions than its own.
const BAMBU_COMPATIBLE: &str = "BambuStudio-01.09.00.00";

/// Writes a painted part; `thumbnail` is a PNG picture of it.
pub fn write<W: Write + Seek>(
    (part, painting): (&Part, &Painting),
    slicer: Slicer,
    metadata: &Metadata,
    thumbnail: Option<&[u8]>,
    out: W,
) -> io::Result<()> {
    if painting.colours.len() > 16 || painting.len() != part.mesh.triangles.len() {
        return Err(io::Error::other("a painting has at most 16 colours, and codes for every triangle of its part"));
    }
    let mut package = Package::new(out, &model(part, painting, slicer, metadata), thumbnail)?;
    match slicer {
        Slicer::Prusa => package.text("Metadata/Slic3r_PE.config", &prusa_settings(painting))?,
        Slicer::Bambu => {
            package.text("Metadata/project_settings.config", &bambu_settings(painting))?;
            package.text("Metadata/model_settings.config", &bambu_objects(part))?;
        }
    }
    package.finish()
}

/// The string of a triangle.
pub fn encode(codes: &[u8]) -> String {
    fn piece(codes: &mut &[u8], out: &mut String) {
        let Some((&code, rest)) = codes.split_first() else { return };
        *codes = rest;
        if code < CUT {
            let filament = u32::from(code) + 1;
            let _ = if filament < 3 { write!(out, "{:X}", filament << 2) } else { write!(out, "{:X}C", filament - 3) };
        } else {
            piece(codes, out);
            piece(codes, out);
            let _ = write!(out, "{:X}", (code - CUT) << 2 | 1);
        }
    }
    let mut out = String::new();
    piece(&mut { codes }, &mut out);
    out
}

/// The codes of a string; `None` where it is none, or cuts two or three sides at once, which this program does not write.
pub fn decode(text: &str) -> Option<Vec<u8>> {
    fn piece(digits: &mut impl Iterator<Item = u32>) -> Option<Vec<u8>> {
        let digit = digits.next()?;
        match digit & 3 {
            0 if digit < 12 => Some(vec![(digit >> 2).checked_sub(1)? as u8]),
            0 => Some(vec![(digits.next()? + 2) as u8]),
            1 if digit >> 2 < 3 => {
                let (second, first) = (piece(digits)?, piece(digits)?);
                Some([vec![CUT + (digit >> 2) as u8], first, second].concat())
            }
            _ => None,
        }
    }
    let digits: Option<Vec<u32>> = text.chars().rev().map(|c| c.to_digit(16)).collect();
    let mut digits = digits?.into_iter();
    let codes = piece(&mut digits)?;
    digits.next().is_none().then_some(codes)
}

/// The colours at the corners of a triangle.
pub fn at_corners(codes: &[u8]) -> Option<[u8; 3]> {
    fn piece(codes: &mut &[u8]) -> Option<[u8; 3]> {
        let (&code, rest) = codes.split_first()?;
        *codes = rest;
        if code < CUT {
            return Some([code; 3]);
        }
        let s = usize::from(code - CUT);
        let ([a, b, _], [_, c, _]) = (piece(codes)?, piece(codes)?);
        let mut own = [0; 3];
        (own[s], own[(s + 1) % 3], own[(s + 2) % 3]) = (a, b, c);
        Some(own)
    }
    piece(&mut { codes })
}

/// The filaments' colours in a settings file of either program.
pub fn filament_colours(settings: &[u8]) -> Option<Vec<[u8; 3]>> {
    let text = std::str::from_utf8(settings).ok()?;
    let words: Vec<String> = match serde_json::from_str::<serde_json::Value>(text) {
        Ok(json) => json.get("filament_colour")?.as_array()?.iter().filter_map(|c| Some(c.as_str()?.into())).collect(),
        Err(_) => {
            let of =
                |key: &str| text.lines().find_map(|l| l.strip_prefix("; ")?.strip_prefix(key)?.strip_prefix(" = "));
            let list = of("extruder_colour").filter(|l| l.contains('#')).or_else(|| of("filament_colour"))?;
            list.split(';').map(|c| c.trim_matches('"').into()).collect()
        }
    };
    words
        .iter()
        .map(|word| {
            let value = u32::from_str_radix(word.trim().strip_prefix('#')?.get(..6)?, 16).ok()?;
            Some([(value >> 16) as u8, (value >> 8) as u8, value as u8])
        })
        .collect()
}

fn hex(painting: &Painting) -> Vec<String> {
    painting.colours.iter().map(|[r, g, b]| format!("#{r:02X}{g:02X}{b:02X}")).collect()
}

/// Filaments and their colours; whatever is not named keeps the program's default.
fn prusa_settings(painting: &Painting) -> String {
    let n = painting.colours.len();
    let each = |value: &str, between: &str| vec![value; n].join(between);
    let colours = hex(painting).join(";");
    let mut text = format!("; {APPLICATION}\n");
    for (key, value) in [
        ("extruder_colour", colours.clone()),
        ("filament_colour", colours),
        ("filament_diameter", each("1.75", ",")),
        ("filament_type", each("PLA", ";")),
        ("nozzle_diameter", each("0.4", ",")),
        ("printer_technology", "FFF".into()),
        ("single_extruder_multi_material", "1".into()),
    ] {
        let _ = writeln!(text, "; {key} = {value}");
    }
    text
}

fn bambu_settings(painting: &Painting) -> String {
    let n = painting.colours.len();
    let list = |values: Vec<String>| serde_json::Value::from(values);
    let settings = serde_json::json!({
        "filament_colour": list(hex(painting)),
        "filament_type": list(vec!["PLA".into(); n]),
        "filament_diameter": list(vec!["1.75".into(); n]),
        "from": "project",
        "name": "project_settings",
        "version": "01.09.00.00",
    });
    format!("{settings:#}\n")
}

fn bambu_objects(part: &Part) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<config>\n <object id=\"1\">\n  <metadata key=\"name\" value=\"{}\"/>\n  \
         <metadata key=\"extruder\" value=\"1\"/>\n </object>\n</config>\n",
        escape(&part.title)
    )
}

fn model(part: &Part, painting: &Painting, slicer: Slicer, metadata: &Metadata) -> String {
    match slicer {
        Slicer::Prusa => prusa_model(part, painting, metadata),
        Slicer::Bambu => bambu_model(part, painting, metadata),
    }
}

fn prusa_model(part: &Part, painting: &Painting, metadata: &Metadata) -> String {
    let spaces = format!(r#"xmlns:slic3rpe="http://schemas.slic3r.org/3mf/2017/06" {MATERIALS}"#);
    let mut model = Model::new(&spaces, metadata, APPLICATION);
    model.xml.push_str(
        " <metadata name=\"slic3rpe:Version3mf\">1</metadata>\n <metadata name=\"slic3rpe:MmPaintingVersion\">1</metadata>\n \
         <resources>\n  <m:colorgroup id=\"2\">\n",
    );
    for colour in hex(painting) {
        let _ = writeln!(model.xml, r#"   <m:color color="{colour}"/>"#);
    }
    model.xml.push_str("  </m:colorgroup>\n");
    model.object(1, &part.title, r#" pid="2" pindex="0""#, &part.mesh);
    for (t, corners) in part.mesh.triangles.iter().enumerate() {
        let (main, paint) = (painting.main(t), encode(painting.of(t)));
        model.triangle(*corners, &format!(r#"pid="2" p1="{main}" slic3rpe:mmu_segmentation="{paint}""#));
    }
    model.finish()
}

fn bambu_model(part: &Part, painting: &Painting, metadata: &Metadata) -> String {
    let mut metadata = metadata.clone();
    metadata.description = format!("{} (made by {APPLICATION})", metadata.description).trim().to_string();
    let space = r#"xmlns:BambuStudio="http://schemas.bambulab.com/package/2021""#;
    let mut model = Model::new(space, &metadata, BAMBU_COMPATIBLE);
    model.xml.push_str(" <metadata name=\"BambuStudio:3mfVersion\">1</metadata>\n <resources>\n");
    model.object(1, &part.title, "", &part.mesh);
    for (t, corners) in part.mesh.triangles.iter().enumerate() {
        model.triangle(*corners, &format!(r#"paint_color="{}""#, encode(painting.of(t))));
    }
    model.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::Rgb8;
    use crate::scene::Mesh;
    use nalgebra::Vector3;
    use std::io::{Cursor, Read};

    #[test]
    fn strings_are_those_that_the_slicers_write() {
        // Whole triangles: what Bambu Studio writes for its filaments 1, 2, 3, 4 and 16.
        for (filament, text) in [(0, "4"), (1, "8"), (2, "0C"), (3, "1C"), (15, "DC")] {
            assert_eq!(encode(&[filament]), text);
            assert_eq!(decode(text), Some(vec![filament]));
        }
        // Cut from corner 2: first piece filament 2, second cut again from corner 0 into 1 and 3.
        let codes = [CUT + 2, 1, CUT, 0, 2];
        assert_eq!(encode(&codes), "840C19");
        assert_eq!(decode("840C19"), Some(codes.to_vec()));
        for bad in ["", "C", "x", "44", "1", "0"] {
            assert_eq!(decode(bad), None, "{bad}");
        }
    }

    #[test]
    fn corners_of_cut_triangles_have_the_colours_of_their_pieces() {
        assert_eq!(at_corners(&[7]), Some([7; 3]));
        // From corner 2 to the middle of 0 and 1: corner 0 lies in the first piece, 1 in the second, 2 in both.
        assert_eq!(at_corners(&[CUT + 2, 4, 5]), Some([4, 5, 4]));
        assert_eq!(at_corners(&[CUT, CUT + 1, 1, 2, 3]), Some([2, 1, 3]));
        assert_eq!(at_corners(&[CUT, 1]), None);
        assert_eq!(
            filament_colours(b"; x\n; filament_colour = #FF0000;#00FF09\n"),
            Some(vec![[255, 0, 0], [0, 255, 9]])
        );
        assert_eq!(filament_colours(br##"{"filament_colour": ["#0102FF80"]}"##), Some(vec![[1, 2, 255]]));
        assert_eq!(filament_colours(b"; filament_colour = red\n"), None);
    }

    fn painted() -> (Part, Painting) {
        let part = Part {
            mesh: Mesh {
                vertices: vec![Vector3::zeros(), Vector3::x() * 9.0, Vector3::y() * 9.0, Vector3::z() * 9.0],
                triangles: vec![[0, 2, 1], [0, 1, 3], [0, 3, 2], [1, 2, 3]],
            },
            uvs: vec![[[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]]; 4],
            texture: Rgb8::filled(4, 4, [9, 8, 7]),
            scale_denominator: None,
            title: "A & B".into(),
        };
        let painting = Painting {
            colours: vec![[255, 0, 0], [0, 128, 9]],
            codes: vec![0, 1, CUT, 0, 1, 1],
            start: vec![0, 1, 2, 5, 6],
        };
        (part, painting)
    }

    #[test]
    fn each_slicer_finds_its_words() {
        let (part, painting) = painted();
        let cases = [
            (Slicer::Prusa, "mmu_segmentation", "Metadata/Slic3r_PE.config", "; extruder_colour = #FF0000;#008009\n"),
            (Slicer::Bambu, "paint_color", "Metadata/project_settings.config", "\"#008009\""),
        ];
        for (slicer, attribute, settings, colours) in cases {
            let mut bytes = Cursor::new(Vec::new());
            write((&part, &painting), slicer, &Metadata::default(), None, &mut bytes).unwrap();
            let mut zip = zip::ZipArchive::new(bytes).unwrap();
            let mut read = |name: &str| {
                let mut text = String::new();
                zip.by_name(name).unwrap().read_to_string(&mut text).unwrap();
                text
            };
            let xml = read("3D/3dmodel.model");
            let document = roxmltree::Document::parse(&xml).unwrap();
            let paint: Vec<&str> = document
                .descendants()
                .filter(|n| n.tag_name().name() == "triangle")
                .filter_map(|n| n.attributes().find(|a| a.name() == attribute).map(|a| a.value()))
                .collect();
            assert_eq!(paint, ["4", "8", "481", "8"]);
            assert!(read(settings).contains(colours));
        }
        let mut long = painting;
        long.colours = vec![[0; 3]; 17];
        assert!(write((&part, &long), Slicer::Prusa, &Metadata::default(), None, Cursor::new(Vec::new())).is_err());
    }
}
