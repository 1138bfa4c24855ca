//! STL, ascii and binary: bytes in, triangles out, three corners each in the unit of the file (which STL does not name).
//!
//! Binary is told from ascii by its length, which follows from the count of triangles, because some binary files begin
//! with "solid" as well. Stored normals are ignored: the order of the corners is what counts. Fails on files that end too
//! early, on words out of place, and on coordinates that are not finite.

use super::ReadError;
use super::assemble::{Assembly, Look};
use crate::scene::ForeignMesh;
use nalgebra::Vector3;

const FORMAT: &str = "STL";
const HEADER: u64 = 84;
const RECORD: u64 = 50;

/// Reads a mesh of loose triangles: three vertices each.
pub fn read(bytes: &[u8]) -> Result<ForeignMesh, ReadError> {
    let mut assembly = Assembly::new(FORMAT);
    for corners in read_stl(bytes)? {
        let vertices = corners.map(|p| assembly.vertex(Vector3::from(p.map(f64::from))));
        assembly.triangle(vertices, Look::default())?;
    }
    assembly.finish()
}

/// Reads all triangles.
pub fn read_stl(bytes: &[u8]) -> Result<Vec<[[f32; 3]; 3]>, ReadError> {
    let length = bytes.len() as u64;
    let count = bytes.get(80..84).and_then(|b| b.try_into().ok()).map(u32::from_le_bytes);
    let needed = count.map(|c| HEADER + RECORD * u64::from(c));
    let is_text = bytes.trim_ascii_start().starts_with(b"solid");
    let triangles = match needed {
        Some(needed) if length == needed || (!is_text && length > needed) => binary(bytes),
        _ if is_text => ascii(bytes)?,
        Some(needed) => {
            let what = format!("{} triangles", count.unwrap_or(0));
            return Err(ReadError::Truncated { format: FORMAT, what, needed, found: length });
        }
        None => {
            let what = "header".to_string();
            return Err(ReadError::Truncated { format: FORMAT, what, needed: HEADER, found: length });
        }
    };
    match triangles.iter().position(|t| t.iter().flatten().any(|v| !v.is_finite())) {
        Some(triangle) => Err(ReadError::NotFinite { format: FORMAT, triangle }),
        None => Ok(triangles),
    }
}

fn binary(bytes: &[u8]) -> Vec<[[f32; 3]; 3]> {
    let count = bytes[80..84].iter().rev().fold(0usize, |n, b| (n << 8) | usize::from(*b));
    let number = |b: &[u8]| f32::from_le_bytes([b[0], b[1], b[2], b[3]]);
    let corner = |r: &[u8], k: usize| std::array::from_fn(|a| number(&r[12 + 12 * k + 4 * a..]));
    bytes[84..].chunks_exact(50).take(count).map(|r| std::array::from_fn(|k| corner(r, k))).collect()
}

fn ascii(bytes: &[u8]) -> Result<Vec<[[f32; 3]; 3]>, ReadError> {
    let text = String::from_utf8_lossy(bytes);
    let (mut triangles, mut corners, mut open) = (Vec::new(), Vec::new(), true);
    for (index, line) in text.lines().enumerate() {
        let wrong = |expected| ReadError::Unexpected {
            format: FORMAT,
            line: index + 1,
            expected,
            found: format!("\"{}\"", line.trim().chars().take(40).collect::<String>()),
        };
        let mut words = line.split_ascii_whitespace();
        match words.next().map(str::to_ascii_lowercase).as_deref() {
            Some("vertex") => {
                let numbers: Vec<f32> = words.map_while(|w| w.parse().ok()).collect();
                corners.push(<[f32; 3]>::try_from(numbers).map_err(|_| wrong("a vertex of three numbers"))?);
            }
            Some("endfacet") => {
                let three = std::mem::take(&mut corners);
                triangles.push(<[[f32; 3]; 3]>::try_from(three).map_err(|_| wrong("a facet of three vertices"))?);
            }
            Some("endsolid") => open = false,
            Some("solid") => open = true,
            Some("facet" | "outer" | "endloop") | None => {}
            Some(_) => return Err(wrong("a word of STL")),
        }
    }
    if open || !corners.is_empty() {
        let (what, found) = ("last \"endsolid\"".to_string(), bytes.len() as u64);
        return Err(ReadError::Truncated { format: FORMAT, what, needed: found + 1, found });
    }
    Ok(triangles)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    const TEXT: &str = "solid a\nfacet normal 0 0 1\nouter loop\nvertex 0 0 0\nvertex 1 0 0\nvertex 0 2.5 0\nendloop\nendfacet\nendsolid a\n";

    fn coded(header: &[u8]) -> Vec<u8> {
        let mut bytes = header.to_vec();
        bytes.resize(80, b' ');
        bytes.extend(1u32.to_le_bytes());
        for v in [0.0f32, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 2.5, 0.0] {
            bytes.extend(v.to_le_bytes());
        }
        bytes.extend([0, 0]);
        bytes
    }

    #[test]
    fn both_kinds_give_the_same_triangle() {
        let expected = vec![[[0.0, 0.0, 0.0], [1.0, 0.0, 0.0], [0.0, 2.5, 0.0]]];
        assert_eq!(read_stl(TEXT.as_bytes()).unwrap(), expected);
        assert_eq!(read_stl(&coded(b"made by hand")).unwrap(), expected);
        assert_eq!(read_stl(&coded(b"solid but binary")).unwrap(), expected);
    }

    #[test]
    fn no_truncated_file_is_taken() {
        let whole = coded(b"made by hand");
        for end in 0..whole.len() {
            assert!(matches!(read_stl(&whole[..end]), Err(ReadError::Truncated { .. })), "{end}");
        }
        let end_of_last_word = TEXT.find("endsolid").unwrap() + "endsolid".len();
        for end in 0..end_of_last_word {
            assert!(read_stl(&TEXT.as_bytes()[..end]).is_err(), "{end}");
        }
    }
}
