//! Writes rasters as GeoTIFF: a surface model (32-bit heights) and an orthophoto (8-bit colours, alpha from a mask).
//!
//! In: a raster whose rows run from north to south, and its placement: an EPSG code and the affine transform from pixels
//! (outer corners at integers) to projected metres. A raster of the local frame is turned against the projection's grid
//! by the meridian convergence; the affine transform holds that exactly (see `georef::Raster`), so that no pixel is
//! resampled. Out: striped TIFF, deflate-compressed; BigTIFF above 3 GB of pixels.
//!
//! Source: OGC 19-008r4, "OGC GeoTIFF Standard" 1.1, 2019: sections 7.1.2 (keys), B.6 (ModelTransformationTag); the
//! no-data tag is GDAL's 42113. Cost: compression, about 50 MB/s, and one copy of the pixels. Failure modes: I/O errors; an empty raster.

use crate::image::{Grid, Mask, Rgb8};
use nalgebra::Matrix3;
use std::io::{Seek, Write};
use tiff::TiffError;
use tiff::encoder::compression::DeflateLevel;
use tiff::encoder::{Compression, ImageEncoder, TiffEncoder, TiffKind, TiffKindBig, TiffKindStandard, colortype};
use tiff::tags::{Predictor, Tag};

/// The height that stands for "nothing here" in a surface model.
pub const NO_DATA: f32 = -9999.0;
/// Pixel bytes above which the 64-bit variant is written.
const BIG: u64 = 3_000_000_000;
/// Rows of a strip hold about this many bytes.
const STRIP_BYTES: usize = 1 << 18;

/// Where a raster lies.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Placement {
    /// EPSG code of a projected system in metres; `None` for metres without a place on earth.
    pub epsg: Option<u32>,
    /// Affine transform from pixel coordinates (outer corners at integers, y down) to projected metres.
    pub crs_from_pixel: Matrix3<f64>,
}

/// Why a raster could not be written.
#[derive(Debug, thiserror::Error)]
pub enum GeoTiffError {
    /// A raster without pixels, or with more than a TIFF can hold.
    #[error("a raster of {width} x {height} pixels cannot be written")]
    Size {
        /// Columns.
        width: usize,
        /// Rows.
        height: usize,
    },
    /// The mask is not as large as the picture.
    #[error("the mask has {mask} pixels, the picture {picture}")]
    Mask {
        /// Pixels of the mask.
        mask: usize,
        /// Pixels of the picture.
        picture: usize,
    },
    /// The encoder or the disk failed.
    #[error("the GeoTIFF could not be written: {0}")]
    Write(#[from] TiffError),
}

impl GeoTiffError {
    /// What to do next.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Size { .. } => "Choose a larger area or a coarser resolution.",
            Self::Mask { .. } => "",
            Self::Write(_) => "Check that the disk has room and that the file is not open elsewhere.",
        }
    }
}

/// Writes heights in metres; values that are not finite become [`NO_DATA`].
pub fn write_surface<W: Write + Seek>(out: W, heights: &Grid<f32>, placement: &Placement) -> Result<(), GeoTiffError> {
    let row = |y: usize, buffer: &mut Vec<f32>| {
        buffer.extend(heights.row(y).iter().map(|h| if h.is_finite() { *h } else { NO_DATA }));
    };
    let job = Job { size: (heights.width, heights.height), samples: 1, no_data: true, placement, row: &row };
    job.write::<W, colortype::Gray32Float>(out, 4, Predictor::None)
}

/// Writes colours; with a mask, pixels outside it are transparent.
pub fn write_ortho<W: Write + Seek>(
    out: W,
    picture: &Rgb8,
    mask: Option<&Mask>,
    placement: &Placement,
) -> Result<(), GeoTiffError> {
    let size = (picture.width, picture.height);
    let Some(mask) = mask else {
        let row = |y: usize, buffer: &mut Vec<u8>| buffer.extend(picture.row(y).as_flattened());
        let job = Job { size, samples: 3, no_data: false, placement, row: &row };
        return job.write::<W, colortype::RGB8>(out, 1, Predictor::Horizontal);
    };
    if (mask.width, mask.height) != size {
        return Err(GeoTiffError::Mask { mask: mask.data.len(), picture: picture.data.len() });
    }
    let row = |y: usize, buffer: &mut Vec<u8>| {
        for (c, keep) in picture.row(y).iter().zip(mask.row(y)) {
            buffer.extend(if *keep { [c[0], c[1], c[2], 255] } else { [0; 4] });
        }
    };
    let job = Job { size, samples: 4, no_data: false, placement, row: &row };
    job.write::<W, colortype::RGBA8>(out, 1, Predictor::Horizontal)
}

/// One raster to write: `row` appends the samples of a row.
struct Job<'a, T> {
    size: (usize, usize),
    samples: usize,
    no_data: bool,
    placement: &'a Placement,
    row: &'a dyn Fn(usize, &mut Vec<T>),
}

impl<T> Job<'_, T> {
    fn write<W, C>(&self, out: W, bytes: usize, predictor: Predictor) -> Result<(), GeoTiffError>
    where
        W: Write + Seek,
        C: colortype::ColorType<Inner = T>,
        [T]: tiff::encoder::TiffValue,
    {
        let (width, height) = self.size;
        let total = (width * height * self.samples * bytes) as u64;
        let fits = |n: usize| n > 0 && u32::try_from(n).is_ok();
        if !fits(width) || !fits(height) {
            return Err(GeoTiffError::Size { width, height });
        }
        let rows = (STRIP_BYTES / (width * self.samples * bytes)).clamp(1, height);
        if total > BIG {
            self.strips::<W, C, TiffKindBig>(TiffEncoder::new_big(out)?, rows, predictor)
        } else {
            self.strips::<W, C, TiffKindStandard>(TiffEncoder::new(out)?, rows, predictor)
        }
    }

    fn strips<W, C, K>(&self, encoder: TiffEncoder<W, K>, rows: usize, predictor: Predictor) -> Result<(), GeoTiffError>
    where
        W: Write + Seek,
        C: colortype::ColorType<Inner = T>,
        K: TiffKind,
        [T]: tiff::encoder::TiffValue,
    {
        let (width, height) = self.size;
        let mut encoder =
            encoder.with_compression(Compression::Deflate(DeflateLevel::Balanced)).with_predictor(predictor);
        let mut image = encoder.new_image::<C>(width as u32, height as u32)?;
        image.rows_per_strip(rows as u32)?;
        self.tags(&mut image)?;
        // The encoder compresses only what it gets in one call, so the samples are gathered first.
        let mut samples = Vec::with_capacity(height * width * self.samples);
        for y in 0..height {
            (self.row)(y, &mut samples);
        }
        Ok(image.write_data(&samples)?)
    }

    fn tags<W, C, K>(&self, image: &mut ImageEncoder<W, C, K>) -> Result<(), GeoTiffError>
    where
        W: Write + Seek,
        C: colortype::ColorType,
        K: TiffKind,
    {
        let directory = image.encoder();
        let m = &self.placement.crs_from_pixel;
        #[rustfmt::skip]
        let matrix = [
            m[(0, 0)], m[(0, 1)], 0.0, m[(0, 2)],
            m[(1, 0)], m[(1, 1)], 0.0, m[(1, 2)],
            0.0, 0.0, 0.0, 0.0,
            0.0, 0.0, 0.0, 1.0,
        ];
        directory.write_tag(Tag::ModelTransformationTag, &matrix[..])?;
        directory.write_tag(Tag::GeoKeyDirectoryTag, &geo_keys(self.placement.epsg)[..])?;
        if self.no_data {
            directory.write_tag(Tag::GdalNodata, format!("{NO_DATA}").as_str())?;
        }
        if self.samples == 4 {
            // Unassociated alpha.
            directory.write_tag(Tag::ExtraSamples, &[2u16][..])?;
        }
        Ok(())
    }
}

/// Header (version 1.1.0, number of keys) and keys (id, 0 = value inside, count, value).
fn geo_keys(epsg: Option<u32>) -> Vec<u16> {
    const MODEL_TYPE: u16 = 1024;
    const RASTER_TYPE: u16 = 1025;
    const PROJECTED_CRS: u16 = 3072;
    const LINEAR_UNITS: u16 = 3076;
    const PIXEL_IS_AREA: u16 = 1;
    const METRE: u16 = 9001;
    const USER_DEFINED: u16 = 32767;
    let code = epsg.and_then(|e| u16::try_from(e).ok()).unwrap_or(USER_DEFINED);
    let keys = [(MODEL_TYPE, 1), (RASTER_TYPE, PIXEL_IS_AREA), (PROJECTED_CRS, code), (LINEAR_UNITS, METRE)];
    let mut out = vec![1, 1, 0, keys.len() as u16];
    for (key, value) in keys {
        out.extend([key, 0, 1, value]);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Cursor;
    use tiff::decoder::{Decoder, DecodingResult};

    fn placement() -> Placement {
        Placement {
            epsg: Some(32631),
            crs_from_pixel: Matrix3::new(0.5, -0.01, 629_000.0, -0.01, -0.5, 5_803_900.0, 0.0, 0.0, 1.0),
        }
    }

    #[test]
    fn surfaces_come_back() {
        let heights = Grid::from_data(300, 700, (0..210_000).map(|i| i as f32 * 0.25).collect()).expect("size");
        let mut holed = heights.clone();
        holed.data[17] = f32::NAN;
        let mut out = Cursor::new(Vec::new());
        write_surface(&mut out, &holed, &placement()).expect("write");
        out.set_position(0);
        let mut decoder = Decoder::new(out).expect("tiff");
        assert_eq!(decoder.dimensions().expect("size"), (300, 700));
        let matrix = decoder.get_tag_f64_vec(Tag::ModelTransformationTag).expect("tag");
        assert_eq!((matrix[3], matrix[5], matrix[7]), (629_000.0, -0.5, 5_803_900.0));
        let keys = decoder.get_tag_u16_vec(Tag::GeoKeyDirectoryTag).expect("tag");
        assert_eq!((keys.len(), keys[15]), (20, 32631));
        assert_eq!(decoder.get_tag_ascii_string(Tag::GdalNodata).expect("tag"), "-9999");
        let DecodingResult::F32(data) = decoder.read_image().expect("pixels") else { panic!("not f32") };
        assert_eq!((data[17], data[18]), (NO_DATA, 4.5));
        assert_eq!(data[20..], heights.data[20..]);
    }

    #[test]
    fn orthophotos_come_back() {
        let colours: Vec<[u8; 3]> = (0..90 * 40).map(|i| [i as u8, (i / 90) as u8, 200]).collect();
        let picture = Rgb8::from_data(90, 40, colours.clone()).expect("size");
        let mut mask = Mask::filled(90, 40, true);
        mask.data[5] = false;
        for with_mask in [false, true] {
            let mut out = Cursor::new(Vec::new());
            write_ortho(&mut out, &picture, with_mask.then_some(&mask), &placement()).expect("write");
            out.set_position(0);
            let mut decoder = Decoder::new(out).expect("tiff");
            let DecodingResult::U8(data) = decoder.read_image().expect("pixels") else { panic!("not u8") };
            let n = if with_mask { 4 } else { 3 };
            assert_eq!(data.len(), 90 * 40 * n);
            assert_eq!(data[7 * n..7 * n + 3], colours[7]);
            if with_mask {
                assert_eq!((data[5 * 4 + 3], data[6 * 4 + 3]), (0, 255));
            }
        }
    }

    #[test]
    fn impossible_rasters_are_refused() {
        let out = Cursor::new(Vec::new());
        let error = write_surface(out, &Grid::filled(0, 5, 0.0), &placement()).expect_err("empty");
        assert!(matches!(error, GeoTiffError::Size { width: 0, height: 5 }));
        let picture = Rgb8::filled(4, 4, [0; 3]);
        let mask = Mask::filled(3, 4, true);
        let error = write_ortho(Cursor::new(Vec::new()), &picture, Some(&mask), &placement()).expect_err("mask");
        assert!(matches!(error, GeoTiffError::Mask { mask: 12, picture: 16 }));
    }
}
