//! Textures of foreign meshes: bytes or a name in, a page out, whose fault says why there are no pixels.
//!
//! A picture that claims far more pixels than its bytes can hold is not decoded.

use super::Beside;
use crate::image::decode::{bit_depth, decode_photo, dimensions};
use crate::scene::ForeignPage;

/// Most pixels for each byte of a file, above what any compression of a real texture reaches.
const PIXELS_PER_BYTE: u64 = 20_000;

/// A page from the bytes of a picture.
pub fn page(name: &str, bytes: &[u8]) -> ForeignPage {
    let picture = dimensions(bytes).map_err(|e| e.to_string()).and_then(|(width, height)| {
        let pixels = u64::from(width) * u64::from(height);
        if pixels > PIXELS_PER_BYTE * bytes.len() as u64 {
            return Err(format!("{} bytes cannot hold the {width} x {height} pixels that they claim", bytes.len()));
        }
        decode_photo(bytes, 1).map_err(|e| e.to_string())
    });
    let bits = bit_depth(bytes).unwrap_or(0);
    match picture {
        Ok(image) => ForeignPage { name: name.to_string(), image: Some(image), bits, fault: String::new() },
        Err(fault) => ForeignPage { name: name.to_string(), image: None, bits, fault },
    }
}

/// A page from a file beside the mesh.
pub fn page_beside(name: &str, beside: Beside<'_>) -> ForeignPage {
    match beside(name) {
        Ok(bytes) => page(name, &bytes),
        Err(e) => ForeignPage { name: name.to_string(), image: None, bits: 0, fault: e.to_string() },
    }
}
