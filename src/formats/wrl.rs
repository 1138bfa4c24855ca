//! VRML 2: a part as one textured IndexedFaceSet, its picture beside it as PNG.
//!
//! Source: ISO/IEC 14772-1:1997, section 6.23. Colour printers take the numbers of a VRML file as millimetres and z as up.
//! Texture v points up. Positions have six decimals, which is a nanometre.

use super::textured::{pages_of, part_as_city, png};
use crate::scene::Part;
use std::io::{self, Write};

/// Writes `NAME.wrl` and `NAME.png` through `file`, which opens a file of the given name.
pub fn write<W: Write>(part: &Part, name: &str, mut file: impl FnMut(&str) -> io::Result<W>) -> io::Result<()> {
    let picture = format!("{name}.png");
    file(&picture)?.write_all(&png(&part.texture)?)?;
    let mut out = file(&format!("{name}.wrl"))?;
    write!(
        out,
        "#VRML V2.0 utf8\n# Veduta part, millimetres, z up\nShape {{\n appearance Appearance {{\n  material Material {{ \
         diffuseColor 1 1 1 ambientIntensity 1 }}\n  texture ImageTexture {{ url \"{}\" repeatS FALSE repeatT FALSE }}\n }}\n \
         geometry IndexedFaceSet {{\n  solid TRUE\n  coord Coordinate {{ point [\n",
        picture.replace('\\', "\\\\").replace('"', "\\\"")
    )?;
    for v in &part.mesh.vertices {
        writeln!(out, "{} {} {}", v.x, v.y, v.z)?;
    }
    writeln!(out, "  ] }}\n  coordIndex [")?;
    for t in &part.mesh.triangles {
        writeln!(out, "{} {} {} -1", t[0], t[1], t[2])?;
    }
    writeln!(out, "  ]\n  texCoord TextureCoordinate {{ point [")?;
    // One page: its triangles are those of the part, in their order.
    let pages = pages_of(&part_as_city(part));
    for uv in pages.iter().flat_map(|p| &p.uvs) {
        writeln!(out, "{:.6} {:.6}", uv[0], 1.0 - uv[1])?;
    }
    writeln!(out, "  ] }}\n  texCoordIndex [")?;
    for t in pages.iter().flat_map(|p| &p.triangles) {
        writeln!(out, "{} {} {} -1", t[0], t[1], t[2])?;
    }
    writeln!(out, "  ]\n }}\n}}")
}
