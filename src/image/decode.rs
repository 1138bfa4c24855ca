//! Decodes a photo's file into upright 8-bit sRGB pixels, and reads its size without decoding.
//!
//! In: bytes of a JPEG, PNG or TIFF file (8 or 16 bit, grey or colour, with or without alpha) and its EXIF orientation
//! 1..=8. Out: [`Rgb8`], turned upright; 16-bit values are rounded to 8 bit, grey is repeated, alpha is dropped.
//!
//! Source: ISO/IEC 10918-1 (JPEG), annex B, for the walk over markers that tells a truncated file from a whole one: the
//! decoder alone fills what is missing with grey. Cost: about 10 ns a pixel. Failure modes: everything that is not a
//! whole, known, reasonably sized picture is an error that says which.

use super::Rgb8;
use image::{DynamicImage, ImageDecoder, ImageFormat, ImageReader};
use nalgebra::Vector2;
use std::io::Cursor;

/// Largest number of pixels that is decoded: 400 million, above every single-frame aerial camera.
pub const MAX_PIXELS: u64 = 400_000_000;

/// Why a file could not be used as a photo.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum DecodeError {
    /// The bytes are of no format that is read.
    #[error("not a JPEG, PNG or TIFF picture: {bytes} bytes that begin with {begins}")]
    NotAPhoto {
        /// Length of the file.
        bytes: usize,
        /// Its first bytes, readable.
        begins: String,
    },
    /// The file ends before its picture does.
    #[error("the {format} file ends in the middle of the picture, after {bytes} bytes")]
    Truncated {
        /// Name of the format.
        format: &'static str,
        /// Length of the file.
        bytes: usize,
    },
    /// The decoder refused it.
    #[error("the {format} file cannot be decoded: {reason}")]
    Broken {
        /// Name of the format.
        format: &'static str,
        /// What the decoder says.
        reason: String,
    },
    /// Too many pixels.
    #[error("{width} x {height} pixels are {megapixels} megapixels, above the limit of {limit}")]
    TooLarge {
        /// Width in pixels.
        width: u32,
        /// Height in pixels.
        height: u32,
        /// Its size in millions of pixels.
        megapixels: u64,
        /// The limit in millions of pixels.
        limit: u64,
    },
}

impl DecodeError {
    /// What to do next.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::NotAPhoto { .. } => "Convert it to JPEG, or leave it out.",
            Self::Truncated { .. } => "Copy the photo again from the camera's card.",
            Self::Broken { .. } => "Copy the photo again from the camera's card, or save it anew as JPEG.",
            Self::TooLarge { .. } => "Use the single photos of the flight, not a finished panorama or orthophoto.",
        }
    }
}

/// Width and height in pixels as stored (before orientation), read from the file's head.
pub fn dimensions(bytes: &[u8]) -> Result<(u32, u32), DecodeError> {
    let format = format_of(bytes)?;
    let name = name_of(format);
    let (width, height) = ImageReader::with_format(Cursor::new(bytes), format)
        .into_dimensions()
        .map_err(|e| DecodeError::Broken { format: name, reason: e.to_string() })?;
    let pixels = u64::from(width) * u64::from(height);
    if pixels > MAX_PIXELS {
        let (megapixels, limit) = (pixels / 1_000_000, MAX_PIXELS / 1_000_000);
        return Err(DecodeError::TooLarge { width, height, megapixels, limit });
    }
    Ok((width, height))
}

/// Bits of each channel as stored, read from the file's head.
pub fn bit_depth(bytes: &[u8]) -> Result<u8, DecodeError> {
    let format = format_of(bytes)?;
    let broken = |e: image::ImageError| DecodeError::Broken { format: name_of(format), reason: e.to_string() };
    let decoder = ImageReader::with_format(Cursor::new(bytes), format).into_decoder().map_err(broken)?;
    let kind = decoder.original_color_type();
    let channels = u16::from(kind.channel_count()).max(1);
    Ok((kind.bits_per_pixel() / channels) as u8)
}

/// Checks, without decoding, that the picture's data go on to their end.
pub fn check_complete(bytes: &[u8]) -> Result<(), DecodeError> {
    let format = format_of(bytes)?;
    let complete = match format {
        ImageFormat::Jpeg => jpeg_reaches_end(bytes),
        ImageFormat::Png => png_reaches_end(bytes),
        _ => true,
    };
    if complete { Ok(()) } else { Err(DecodeError::Truncated { format: name_of(format), bytes: bytes.len() }) }
}

/// The photo's pixels, upright after the EXIF `orientation` (values outside 2..=8 leave it as stored).
pub fn decode_photo(bytes: &[u8], orientation: u8) -> Result<Rgb8, DecodeError> {
    dimensions(bytes)?;
    check_complete(bytes)?;
    let format = format_of(bytes)?;
    let broken = |e: image::ImageError| DecodeError::Broken { format: name_of(format), reason: e.to_string() };
    let mut decoder = ImageReader::with_format(Cursor::new(bytes), format).into_decoder().map_err(broken)?;
    // The size was checked above; what the format needs on top is bounded by it.
    decoder.set_limits(image::Limits::no_limits()).map_err(broken)?;
    let decoded = DynamicImage::from_decoder(decoder).map_err(broken)?;
    let rgb = decoded.into_rgb8();
    let (width, height) = (rgb.width() as usize, rgb.height() as usize);
    let data: Vec<[u8; 3]> = bytemuck::allocation::try_cast_vec(rgb.into_raw())
        .unwrap_or_else(|(_, raw)| raw.chunks_exact(3).map(|c| [c[0], c[1], c[2]]).collect());
    Ok(upright(Rgb8 { width, height, data }, orientation))
}

/// Size after an EXIF orientation.
pub fn upright_size(width: u32, height: u32, orientation: u8) -> (u32, u32) {
    if (5..=8).contains(&orientation) { (height, width) } else { (width, height) }
}

/// The pixel of the upright photo that a pixel of the stored photo becomes; `width` and `height` are those of the stored
/// photo, pixel coordinates have the first pixel's centre at (0.5, 0.5).
pub fn upright_pixel(p: &Vector2<f64>, width: u32, height: u32, orientation: u8) -> Vector2<f64> {
    let (w, h) = (f64::from(width), f64::from(height));
    match orientation {
        2 => Vector2::new(w - p.x, p.y),
        3 => Vector2::new(w - p.x, h - p.y),
        4 => Vector2::new(p.x, h - p.y),
        5 => Vector2::new(p.y, p.x),
        6 => Vector2::new(h - p.y, p.x),
        7 => Vector2::new(h - p.y, w - p.x),
        8 => Vector2::new(p.y, w - p.x),
        _ => *p,
    }
}

/// Inverse of [`upright_pixel`]: the stored photo is the upright one turned back.
pub fn stored_pixel(p: &Vector2<f64>, width: u32, height: u32, orientation: u8) -> Vector2<f64> {
    let (upright_width, upright_height) = upright_size(width, height, orientation);
    let back = match orientation {
        6 => 8,
        8 => 6,
        own_inverse => own_inverse,
    };
    upright_pixel(p, upright_width, upright_height, back)
}

/// Turns and mirrors stored pixels by their EXIF orientation (Exif 2.32, table 4-6.A).
fn upright(image: Rgb8, orientation: u8) -> Rgb8 {
    if !(2..=8).contains(&orientation) {
        return image;
    }
    let (w, h) = (image.width, image.height);
    let (width, height) = if orientation >= 5 { (h, w) } else { (w, h) };
    let mut data = Vec::with_capacity(image.data.len());
    for y in 0..height {
        for x in 0..width {
            let (i, j) = match orientation {
                2 => (w - 1 - x, y),
                3 => (w - 1 - x, h - 1 - y),
                4 => (x, h - 1 - y),
                5 => (y, x),
                6 => (y, h - 1 - x),
                7 => (w - 1 - y, h - 1 - x),
                _ => (w - 1 - y, x),
            };
            data.push(image.at(i, j));
        }
    }
    Rgb8 { width, height, data }
}

fn format_of(bytes: &[u8]) -> Result<ImageFormat, DecodeError> {
    let known = [ImageFormat::Jpeg, ImageFormat::Png, ImageFormat::Tiff];
    image::guess_format(bytes).ok().filter(|f| known.contains(f)).ok_or_else(|| DecodeError::NotAPhoto {
        bytes: bytes.len(),
        begins: format!("\"{}\"", bytes[..bytes.len().min(12)].escape_ascii()),
    })
}

fn name_of(format: ImageFormat) -> &'static str {
    match format {
        ImageFormat::Jpeg => "JPEG",
        ImageFormat::Png => "PNG",
        _ => "TIFF",
    }
}

/// Whether the walk over a JPEG's segments and scans arrives at its end marker.
fn jpeg_reaches_end(bytes: &[u8]) -> bool {
    let mut at = 2;
    while at + 1 < bytes.len() {
        if bytes[at] != 0xFF {
            // Bytes between segments are against the standard, but decoders skip them.
            at += 1;
            continue;
        }
        match bytes[at + 1] {
            0xD9 => return true,
            0xFF => at += 1,
            0x00 | 0x01 | 0xD0..=0xD8 => at += 2,
            _ => {
                let Some(length) = bytes.get(at + 2..at + 4) else { return false };
                at += 2 + usize::from(u16::from_be_bytes([length[0], length[1]])).max(2);
            }
        }
    }
    false
}

/// Whether a PNG's chunks go on to `IEND`.
fn png_reaches_end(bytes: &[u8]) -> bool {
    let mut at = 8;
    while let Some(head) = bytes.get(at..at + 8) {
        let length = u32::from_be_bytes([head[0], head[1], head[2], head[3]]) as usize;
        if &head[4..8] == b"IEND" {
            return true;
        }
        at += 12 + length;
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::{GrayImage, ImageBuffer, Luma, Rgb, RgbImage, Rgba};
    use proptest::prelude::*;

    fn encoded(image: &DynamicImage, format: ImageFormat) -> Vec<u8> {
        let mut out = Cursor::new(Vec::new());
        image.write_to(&mut out, format).expect("encode");
        out.into_inner()
    }

    fn ramp(width: u32, height: u32) -> RgbImage {
        RgbImage::from_fn(width, height, |x, y| Rgb([(x * 5) as u8, (y * 5) as u8, 77]))
    }

    #[test]
    fn reads_the_formats_that_cameras_and_scanners_write() {
        let colour = DynamicImage::ImageRgb8(ramp(40, 30));
        let png = decode_photo(&encoded(&colour, ImageFormat::Png), 1).expect("png");
        assert_eq!((png.width, png.height, png.at(7, 3)), (40, 30, [35, 15, 77]));
        let tiff = decode_photo(&encoded(&colour, ImageFormat::Tiff), 1).expect("tiff");
        assert_eq!(tiff, png);
        let jpeg = decode_photo(&encoded(&colour, ImageFormat::Jpeg), 1).expect("jpeg");
        assert!(jpeg.at(20, 15).iter().zip([100u8, 75, 77]).all(|(a, b)| a.abs_diff(b) < 12));

        let deep = ImageBuffer::<Rgb<u16>, _>::from_fn(9, 8, |x, _| Rgb([x as u16 * 257 * 20, 0, 65535]));
        let deep = encoded(&DynamicImage::ImageRgb16(deep), ImageFormat::Tiff);
        assert_eq!(decode_photo(&deep, 1).expect("16 bit").at(3, 0), [60, 0, 255]);
        let grey = DynamicImage::ImageLuma8(GrayImage::from_fn(9, 8, |x, _| Luma([x as u8 * 9])));
        assert_eq!(decode_photo(&encoded(&grey, ImageFormat::Jpeg), 1).expect("grey").width, 9);
        assert_eq!(decode_photo(&encoded(&grey, ImageFormat::Png), 1).expect("grey").at(4, 4), [36; 3]);
        let alpha = DynamicImage::ImageRgba8(ImageBuffer::from_pixel(5, 5, Rgba([10, 20, 30, 0])));
        assert_eq!(decode_photo(&encoded(&alpha, ImageFormat::Png), 1).expect("alpha").at(2, 2), [10, 20, 30]);
    }

    #[test]
    fn pixels_follow_the_orientation_of_their_photo() {
        // One bright pixel in a dark photo, found again where the function says.
        let image = RgbImage::from_fn(7, 5, |x, y| Rgb(if (x, y) == (2, 1) { [255; 3] } else { [0; 3] }));
        let png = encoded(&DynamicImage::ImageRgb8(image), ImageFormat::Png);
        for orientation in 1..=8 {
            let photo = decode_photo(&png, orientation).expect("png");
            let p = upright_pixel(&Vector2::new(2.5, 1.5), 7, 5, orientation);
            assert_eq!(photo.at(p.x as usize, p.y as usize), [255; 3], "orientation {orientation}");
            assert_eq!(stored_pixel(&p, 7, 5, orientation), Vector2::new(2.5, 1.5), "orientation {orientation}");
        }
    }

    #[test]
    fn orientations_put_the_marked_corner_where_it_belongs() {
        // The mark at the stored top left ends up where Exif says row 0 and column 0 are seen.
        let mut image = RgbImage::from_pixel(4, 3, Rgb([0, 0, 0]));
        image.put_pixel(0, 0, Rgb([255, 255, 255]));
        image.put_pixel(1, 0, Rgb([9, 9, 9]));
        let png = encoded(&DynamicImage::ImageRgb8(image), ImageFormat::Png);
        let expected = [
            (1, (0, 0), (1, 0)),
            (2, (3, 0), (2, 0)),
            (3, (3, 2), (2, 2)),
            (4, (0, 2), (1, 2)),
            (5, (0, 0), (0, 1)),
            (6, (2, 0), (2, 1)),
            (7, (2, 3), (2, 2)),
            (8, (0, 3), (0, 2)),
        ];
        for (orientation, white, grey) in expected {
            let photo = decode_photo(&png, orientation).expect("png");
            let (w, h) = upright_size(4, 3, orientation);
            assert_eq!((photo.width, photo.height), (w as usize, h as usize));
            assert_eq!(photo.at(white.0, white.1), [255; 3], "orientation {orientation}");
            assert_eq!(photo.at(grey.0, grey.1), [9; 3], "orientation {orientation}");
        }
    }

    #[test]
    fn what_is_no_whole_photo_is_told_apart() {
        let jpeg = encoded(&DynamicImage::ImageRgb8(ramp(64, 64)), ImageFormat::Jpeg);
        for cut in [jpeg.len() / 2, jpeg.len() - 2] {
            let error = decode_photo(&jpeg[..cut], 1).expect_err("truncated");
            assert!(matches!(error, DecodeError::Truncated { format: "JPEG", .. }), "{error}");
        }
        let mut zeros = jpeg[..jpeg.len() / 2].to_vec();
        zeros.resize(jpeg.len(), 0);
        assert!(matches!(decode_photo(&zeros, 1), Err(DecodeError::Truncated { .. })));
        let mut padded = jpeg.clone();
        padded.extend([0; 100]);
        assert!(decode_photo(&padded, 1).is_ok(), "padding after the end is harmless");

        let png = encoded(&DynamicImage::ImageRgb8(ramp(64, 64)), ImageFormat::Png);
        assert!(matches!(decode_photo(&png[..png.len() - 20], 1), Err(DecodeError::Truncated { .. })));
        let text = decode_photo(b"this is a text file", 1).expect_err("text");
        assert!(text.to_string().contains("this is a te"), "{text}");
        assert!(matches!(decode_photo(&[], 1), Err(DecodeError::NotAPhoto { bytes: 0, .. })));

        // A head that claims 60000 x 60000 pixels is refused before memory is asked for.
        let mut huge = png.clone();
        huge[16..20].copy_from_slice(&60_000u32.to_be_bytes());
        huge[20..24].copy_from_slice(&60_000u32.to_be_bytes());
        let error = decode_photo(&huge, 1).expect_err("huge");
        assert!(
            matches!(error, DecodeError::TooLarge { megapixels: 3600, .. } | DecodeError::Broken { .. }),
            "{error}"
        );
        assert!(!error.hint().is_empty());
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(mut bytes in proptest::collection::vec(any::<u8>(), 0..300), kind in 0..4) {
            let head: &[u8] = match kind {
                0 => b"\xFF\xD8\xFF",
                1 => b"\x89PNG\r\n\x1a\n",
                2 => b"II*\0",
                _ => b"",
            };
            bytes.splice(0..0, head.iter().copied());
            let _ = decode_photo(&bytes, 1);
            let _ = dimensions(&bytes);
        }
    }
}
