//! Wavefront OBJ with its MTL and its textures.
//!
//! Source: Wavefront, "Appendix B1. Object Files", Advanced Visualizer manual. Texture v points up in OBJ.

use super::textured::{Encoding, pages_of, part_as_city};
use crate::scene::{City, Part};
use std::io::{self, Write};

/// Writes `NAME.obj`, `NAME.mtl` and `NAME_0.jpg`, ... through `file`, which opens a file of the given name.
pub fn write<W: Write>(city: &City, name: &str, file: impl FnMut(&str) -> io::Result<W>) -> io::Result<()> {
    write_as(city, name, ("local east-north-up metres", Some(4)), Encoding::Jpeg(92), file)
}

/// Writes `NAME.obj`, `NAME.mtl` and `NAME.png`, in millimetres, through `file`, which opens a file of the given name.
pub fn write_part<W: Write>(part: &Part, name: &str, file: impl FnMut(&str) -> io::Result<W>) -> io::Result<()> {
    write_as(&part_as_city(part), name, ("part, millimetres, z up", None), Encoding::Png, file)
}

fn write_as<W: Write>(
    city: &City,
    name: &str,
    (frame, decimals): (&str, Option<usize>),
    encoding: Encoding,
    mut file: impl FnMut(&str) -> io::Result<W>,
) -> io::Result<()> {
    let mut mtl = file(&format!("{name}.mtl"))?;
    for (i, page) in city.pages.iter().enumerate() {
        // A part has one page, whose picture other formats beside it share.
        let number = if encoding == Encoding::Png { String::new() } else { format!("_{i}") };
        let texture = format!("{name}{number}.{}", encoding.ending());
        writeln!(mtl, "newmtl page{i}\nKa 1 1 1\nKd 1 1 1\nKs 0 0 0\nillum 1\nmap_Kd {texture}")?;
        file(&texture)?.write_all(&encoding.encode(&page.image)?)?;
    }
    let mut obj = file(&format!("{name}.obj"))?;
    writeln!(obj, "# Veduta, {frame}\nmtllib {name}.mtl")?;
    for v in &city.mesh.vertices {
        match decimals {
            Some(n) => writeln!(obj, "v {:.n$} {:.n$} {:.n$}", v.x, v.y, v.z)?,
            // All digits: rounded vertices of a part may cross.
            None => writeln!(obj, "v {} {} {}", v.x, v.y, v.z)?,
        }
    }
    // Positions stay shared, so that a reader finds the surface connected; only texture coordinates are split.
    let mut base = 1;
    for (i, page) in pages_of(city).iter().enumerate() {
        for uv in &page.uvs {
            writeln!(obj, "vt {:.6} {:.6}", uv[0], 1.0 - uv[1])?;
        }
        writeln!(obj, "usemtl page{i}")?;
        let on_page = (0..city.mesh.triangles.len()).filter(|&t| usize::from(city.page[t]) == i);
        for (corner, t) in page.triangles.iter().zip(on_page) {
            let v = city.mesh.triangles[t].map(|v| v + 1);
            let c = corner.map(|c| c + base);
            writeln!(obj, "f {}/{} {}/{} {}/{}", v[0], c[0], v[1], c[1], v[2], c[2])?;
        }
        base += page.uvs.len() as u32;
    }
    Ok(())
}
