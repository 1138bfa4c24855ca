//! STL: binary triangles in millimetres, without colour.
//!
//! Source: 3D Systems, "Stereolithography Interface Specification", 1989.

use crate::scene::Mesh;
use std::io::{self, Write};

/// Writes a mesh; its vertices are taken as millimetres.
pub fn write(mesh: &Mesh, out: &mut impl Write) -> io::Result<()> {
    let mut header = [0u8; 80];
    let text = b"Veduta part, millimetres";
    header[..text.len()].copy_from_slice(text);
    out.write_all(&header)?;
    out.write_all(&(mesh.triangles.len() as u32).to_le_bytes())?;
    for t in 0..mesh.triangles.len() {
        let normal = mesh.area_normal(t);
        let normal = if normal.norm() > 0.0 { normal.normalize() } else { normal };
        for v in std::iter::once(normal).chain(mesh.corners(t)) {
            for x in v.iter() {
                out.write_all(&(*x as f32).to_le_bytes())?;
            }
        }
        out.write_all(&[0, 0])?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use nalgebra::Vector3;

    #[test]
    fn size_and_normal() {
        let mesh = Mesh { vertices: vec![Vector3::zeros(), Vector3::x(), Vector3::y()], triangles: vec![[0, 1, 2]] };
        let mut bytes = Vec::new();
        write(&mesh, &mut bytes).unwrap();
        assert_eq!(bytes.len(), 84 + 50);
        assert_eq!(f32::from_le_bytes(bytes[92..96].try_into().unwrap()), 1.0);
    }
}
