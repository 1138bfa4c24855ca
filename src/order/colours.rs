//! The colours of an order: changed before printing, proofed, and put into the form that the printer takes.
//!
//! In: a made part, the order's [`ColourOrder`], the printer. Out: the part as it is to be printed, notes with figures, proof
//! pictures, and files with filament or vertex colours where textures are of no use.

use super::pictures::{Picture, part_from, part_picture};
use super::printed::surface_figures;
use super::{Encoded, FileError, Format, OrderError, describe};
use crate::base::{Ctx, Diagnostic};
use crate::formats::painted::{self, Slicer};
use crate::formats::textured::{jpeg, png};
use crate::formats::{coloured, threemf};
use crate::print::PrintError;
use crate::print::colour::adjust::{Adjustment, MOST_LIFT, MOST_SATURATION};
use crate::print::colour::corners::{self, CornerOptions};
use crate::print::colour::paint::{DETAIL_MM, MOST_FILAMENTS};
use crate::print::colour::profile::{self, ProfileError};
use crate::print::colour::proof::{Proof, proof};
use crate::print::colour::shown::shown;
use crate::print::colour::{PaintOptions, paint};
use crate::print::printer::{Printer, Quirk};
use crate::scene::Part;
use serde::{Deserialize, Serialize};
use std::io::Cursor;
use std::path::PathBuf;

/// Code of what is said of the proof.
pub(super) const PROOF_NOTE: &str = "part-proof";

/// Where the files are that only Bambu Studio reads, in the order's folder.
pub(super) const BAMBU_FOLDER: &str = "bambu-studio";

/// What an order says of colours.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ColourOrder {
    /// How many filaments, for printers that lay them side by side; `None` takes as many as the printer has.
    pub filaments: Option<u32>,
    /// Colours at vertices instead of a texture, in the formats that have them.
    pub vertices: bool,
    /// The printer's colour profile: a file, or the name of a generic one; `None` takes the generic one of its process.
    pub icc: Option<PathBuf>,
    /// Whether pictures show what the print will look like.
    pub proof: bool,
    /// Lift of shadows and factor for chroma.
    pub adjustment: Adjustment,
}

impl ColourOrder {
    /// What is wrong with it.
    pub fn check(&self) -> Option<OrderError> {
        let absurd = |what, value, limit| Some(PrintError::Absurd { what, value, limit }.into());
        let Adjustment { lift, saturation } = self.adjustment;
        if let Some(n) = self.filaments.filter(|n| !(1..=MOST_FILAMENTS as u32).contains(n)) {
            return absurd("the number of filaments", f64::from(n), "1 to 16");
        }
        if !(0.0..=MOST_LIFT).contains(&lift) {
            return absurd("the lift of shadows", lift, "0 to 30");
        }
        if !(0.0..=MOST_SATURATION).contains(&saturation) {
            return absurd("the factor for saturation", saturation, "0 to 3");
        }
        None
    }

    /// How many filaments a printer's files are painted with; `None` for printers of another kind.
    pub fn filaments_for(&self, printer: &Printer) -> Option<usize> {
        let limit = printer.colours.as_ref().map(|l| l.value as usize);
        let own = self.filaments.map(|n| n as usize);
        // The profile that every printer satisfies has no process, and keeps its texture.
        let lays_filaments = printer.process == "filament";
        let most = limit.unwrap_or(MOST_FILAMENTS);
        (lays_filaments || own.is_some()).then(|| own.unwrap_or(limit.unwrap_or(5)).min(most).clamp(1, MOST_FILAMENTS))
    }

    /// The part with the colours that are sent to the printer; says what a proof says.
    pub fn prepared(&self, ctx: &Ctx, mut part: Part, printer: &Printer) -> Result<Part, OrderError> {
        let adjusted = self.adjustment.page(&part.texture);
        if self.proof || self.icc.is_some() {
            let (name, bytes) = self.profile(printer)?;
            let profile = profile::read(&name, &bytes)?;
            let plain = surface_figures(&part, &proof(&part.texture, &part.texture, &profile)?);
            let mut text = format!(
                "printed with {name}, colours differ by {:.1} dE00 (median) and {:.1} (nine tenths), {:.0} % are out of gamut",
                plain.median_de,
                plain.p90_de,
                plain.out_of_gamut * 100.0
            );
            if !self.adjustment.is_none() {
                let after = surface_figures(&part, &proof(&adjusted, &part.texture, &profile)?);
                text += &format!(
                    "; adjusted, by {:.1} and {:.1}, and {:.0} %",
                    after.median_de,
                    after.p90_de,
                    after.out_of_gamut * 100.0
                );
            }
            ctx.report(Diagnostic::info(PROOF_NOTE, "", text));
        }
        part.texture = adjusted;
        Ok(part)
    }

    /// Name and bytes of the profile to proof with.
    pub fn profile(&self, printer: &Printer) -> Result<(String, Vec<u8>), OrderError> {
        match &self.icc {
            Some(name) if let Some((model, bytes)) = profile::named(name) => {
                Ok((format!("the generic profile for {}", model.process), bytes.to_vec()))
            }
            Some(path) => {
                let bytes = std::fs::read(path).map_err(|e| FileError::new("read", path, &e))?;
                Ok((path.display().to_string(), bytes))
            }
            None => {
                let bytes = profile::generic(&printer.process)?;
                Ok((format!("the generic profile for {}", printer.process), bytes.to_vec()))
            }
        }
    }

    /// Pictures of a prepared part as it will look: the print, and with a warning where colours are out of gamut.
    pub fn pictures(&self, part: &Part, printer: &Printer) -> Result<Vec<(&'static str, Picture)>, OrderError> {
        if !self.proof {
            return Ok(Vec::new());
        }
        let (name, bytes) = self.profile(printer)?;
        let proofed = proof(&part.texture, &part.texture, &profile::read(&name, &bytes)?)?;
        let draw = |texture, caption: &str| {
            let image = part_from(&Part { texture, ..part.clone() }, 0.0, 35f64.to_radians(), (960, 720));
            let jpeg = jpeg(&image, 88).map_err(|e| FileError::new("encode", &PathBuf::from("proof"), &e))?;
            Ok::<_, OrderError>(Picture { caption: caption.into(), jpeg })
        };
        let marked = Proof::marked(&proofed);
        Ok(vec![
            ("proof-south", draw(proofed.shown, "Soft proof: as it will look in print, from the south")?),
            ("gamut-south", draw(marked, "Soft proof: colours that cannot be printed are magenta")?),
        ])
    }

    /// The files of a part where textures are of no use; `None` where they are.
    pub fn encoded(
        &self,
        ctx: &Ctx,
        (part, stem): (&Part, &str),
        format: Format,
        printer: &Printer,
    ) -> Result<Option<Encoded>, OrderError> {
        let name = format!("{stem}.{}", format.ending());
        let failed = |e: std::io::Error| OrderError::from(FileError::new("encode", &PathBuf::from(&name), &e));
        let detail_mm = printer.detail_mm.as_ref().map(|l| l.value);
        let metadata = threemf::Metadata { title: part.title.clone(), description: describe(part) };
        let mut bytes = Cursor::new(Vec::new());
        match (format, self.filaments_for(printer)) {
            (Format::ThreeMf, Some(filaments)) => {
                let options =
                    PaintOptions { filaments, detail_mm: detail_mm.unwrap_or(DETAIL_MM), ..PaintOptions::default() };
                let (painting, report) = paint(ctx, part, &options)?;
                ctx.report(Diagnostic::info(
                    "part-painted",
                    "",
                    format!(
                        "painted with {} filaments in {} regions, the smallest {:.1} mm2; colours differ by {:.1} dE00 (median)",
                        painting.colours.len(),
                        report.regions,
                        report.smallest_mm2,
                        report.median_de
                    ),
                ));
                let shown = shown(part, &painting);
                let thumbnail = png(&part_picture(&shown, (512, 384))).map_err(failed)?;
                let write = |slicer| {
                    let mut bytes = Cursor::new(Vec::new());
                    painted::write((part, &painting), slicer, &metadata, Some(&thumbnail), &mut bytes)
                        .map(|()| bytes.into_inner())
                        .map_err(failed)
                };
                let mut files = vec![(name.clone(), write(Slicer::Prusa)?)];
                if printer.name.contains("bambu") {
                    files.push((format!("{BAMBU_FOLDER}/{name}"), write(Slicer::Bambu)?));
                    let text = format!("Bambu Studio takes the filaments' colours from {BAMBU_FOLDER}/{name}");
                    ctx.report(Diagnostic::info("part-bambu-studio", "", text));
                }
                return Ok(Some(Encoded { format, files, shown: Some(shown) }));
            }
            (Format::Obj | Format::Ply | Format::ThreeMf, filaments)
                if self.vertices || filaments.is_some() || ignores_textures(printer) =>
            {
                let fresh = CornerOptions::default();
                let most = printer.triangles.as_ref().map_or(fresh.max_triangles, |l| l.value as usize);
                let options =
                    CornerOptions { detail_mm: detail_mm.unwrap_or(fresh.detail_mm), max_triangles: most, ..fresh };
                let (vertices, report) = corners::colour(ctx, part, &options)?;
                ctx.report(Diagnostic::info(
                    "part-vertex-colours",
                    "",
                    format!(
                        "colours at {} vertices of {} triangles differ from the texture by {:.1} dE00 (median)",
                        vertices.vertices.len(),
                        report.triangles,
                        report.median_de
                    ),
                ));
                match format {
                    Format::Obj => coloured::write_obj(&vertices, &mut bytes).map_err(failed)?,
                    Format::Ply => coloured::write_ply(&vertices, &mut bytes).map_err(failed)?,
                    _ => {
                        let thumbnail = png(&part_picture(part, (512, 384))).map_err(failed)?;
                        coloured::write_3mf(&vertices, &metadata, Some(&thumbnail), &mut bytes).map_err(failed)?;
                    }
                }
            }
            _ => return Ok(None),
        }
        Ok(Some(Encoded { format, files: vec![(name, bytes.into_inner())], shown: None }))
    }
}

/// Whether a printer of a known process takes no textures.
fn ignores_textures(printer: &Printer) -> bool {
    !printer.process.is_empty() && printer.quirks.contains(&Quirk::NoTextures)
}

impl From<ProfileError> for OrderError {
    fn from(e: ProfileError) -> Self {
        Self::Profile(e)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::print::judge::tests::boxed;
    use crate::print::printer::built_in;
    use std::io::Read;

    #[test]
    fn filament_printers_are_painted_and_others_only_when_asked() {
        let printers = built_in().unwrap();
        let of = |name: &str| printers.iter().find(|p| p.name == name).unwrap();
        let order = ColourOrder::default();
        assert_eq!(order.filaments_for(of("prusa")), Some(5));
        assert_eq!(order.filaments_for(of("bambu")), Some(16));
        assert_eq!(order.filaments_for(of("polyjet")), None);
        assert_eq!(order.filaments_for(of("default")), None);
        assert!(ignores_textures(of("bambu")) && !ignores_textures(of("default")) && !ignores_textures(of("hp580")));
        let four = ColourOrder { filaments: Some(4), ..order.clone() };
        assert_eq!(four.filaments_for(of("bambu")), Some(4));
        assert_eq!(ColourOrder { filaments: Some(9), ..order.clone() }.filaments_for(of("prusa")), Some(5));
        assert!(order.check().is_none() && four.check().is_none());
        for bad in [
            ColourOrder { filaments: Some(17), ..order.clone() },
            ColourOrder { adjustment: Adjustment { lift: 31.0, saturation: 1.0 }, ..order.clone() },
            ColourOrder { adjustment: Adjustment { lift: 0.0, saturation: f64::NAN }, ..order },
        ] {
            assert!(bad.check().is_some());
        }
    }

    #[test]
    fn bambu_studio_has_a_file_of_its_own_beside_one_that_all_read() {
        let printers = built_in().unwrap();
        let mesh = boxed([0.0; 3], [20.0, 20.0, 10.0]);
        let mut texture = crate::image::Rgb8::filled(64, 32, [200, 30, 30]);
        (0..32).for_each(|y| (32..64).for_each(|x| *texture.at_mut(x, y) = [30, 30, 200]));
        // One half of the triangles shows red, the other blue.
        let uvs = (0..mesh.triangles.len()).map(|t| {
            let u = if t < mesh.triangles.len() / 2 { 0.1 } else { 0.7 };
            [[u, 0.1], [u + 0.2, 0.1], [u, 0.9]]
        });
        let part = Part { uvs: uvs.collect(), mesh, texture, scale_denominator: None, title: "box".into() };
        let ctx = Ctx::silent();
        for (name, count) in [("prusa", 1), ("bambu", 2)] {
            let printer = printers.iter().find(|p| p.name == name).unwrap();
            let made =
                ColourOrder::default().encoded(&ctx, (&part, "part"), Format::ThreeMf, printer).unwrap().unwrap();
            assert_eq!(made.files.len(), count);
            for (path, bytes) in &made.files {
                let none = &mut |_: &str| Err(std::io::Error::other("nothing"));
                let back = crate::formats::read::read("part.3mf", bytes, none).unwrap();
                let colours: Vec<[u8; 3]> = back.colours.iter().map(|c| c.unwrap()[0]).collect();
                assert!(colours[0][0] > 150 && colours[11][2] > 150, "{path}: {colours:?}");
                let mut text = String::new();
                let mut zip = zip::ZipArchive::new(Cursor::new(bytes)).unwrap();
                zip.by_name("3D/3dmodel.model").unwrap().read_to_string(&mut text).unwrap();
                assert_eq!(text.contains(" paint_color="), path.starts_with(BAMBU_FOLDER), "{path}");
                assert_eq!(text.contains("m:colorgroup"), !path.starts_with(BAMBU_FOLDER), "{path}");
            }
        }
    }
}
