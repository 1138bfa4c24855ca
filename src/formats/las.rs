//! Writes a point cloud as LAS 1.4 or LAZ: position, colour, confidence as intensity, the number of views.
//!
//! In: points in the local frame and the map from there to projected metres with its EPSG code. Out: point format 7 in
//! whole millimetres; colours widened to 16 bit (times 257); intensity = 65535 times confidence; user data = number of
//! photos that see the point (at most 255); the system as WKT. Normals have no place in the format.
//!
//! Source: ASPRS, "LAS Specification 1.4 - R15", 2019; OGC 01-009 for the WKT. Cost: about a microsecond a point, LAZ two.
//! Failure modes: I/O errors; points further than 2147 km from the first.

use crate::scene::PointCloud;
use las::point::Format;
use las::{Builder, Color, Header, Point, Transform, Vector, Version, Writer};
use nalgebra::Vector3;
use std::io::{Seek, Write};

/// Resolution of stored coordinates in metres.
const RESOLUTION: f64 = 0.001;

/// Why a point cloud could not be written.
#[derive(Debug, thiserror::Error)]
pub enum LasError {
    /// No points.
    #[error("a point cloud without points cannot be written")]
    Empty,
    /// The EPSG code is not that of a UTM zone on WGS84.
    #[error("EPSG code {epsg} is not a UTM zone on WGS84 (32601 to 32660 and 32701 to 32760)")]
    Code {
        /// The code.
        epsg: u32,
    },
    /// The encoder or the disk failed.
    #[error("the point cloud could not be written: {0}")]
    Write(#[from] las::Error),
}

impl LasError {
    /// What to do next.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Empty => "Run the dense stage first.",
            Self::Code { .. } => "Write the points in local metres instead.",
            Self::Write(_) => "Check that the disk has room and that the file is not open elsewhere.",
        }
    }
}

/// Writes points; `compress` makes it LAZ. Without an EPSG code the coordinates are metres without a place on earth.
pub fn write_las<W: Write + Seek + Send + Sync + 'static>(
    out: W,
    cloud: &PointCloud,
    projected_from_local: &dyn Fn(&Vector3<f64>) -> Vector3<f64>,
    epsg: Option<u32>,
    compress: bool,
) -> Result<(), LasError> {
    let place = |p: &[f32; 3]| projected_from_local(&Vector3::from(p.map(f64::from)));
    let first = cloud.points.first().map(|p| place(&p.position)).ok_or(LasError::Empty)?;
    let header = header(&first, epsg, compress)?;
    let mut writer = Writer::new(out, header)?;
    for p in &cloud.points {
        let at = place(&p.position);
        let wide = p.colour.map(|c| u16::from(c) * 257);
        writer.write_point(Point {
            x: at.x,
            y: at.y,
            z: at.z,
            intensity: (p.confidence.clamp(0.0, 1.0) * 65535.0).round() as u16,
            return_number: 1,
            number_of_returns: 1,
            user_data: p.views.len().min(255) as u8,
            gps_time: Some(0.0),
            color: Some(Color::new(wide[0], wide[1], wide[2])),
            ..Point::default()
        })?;
    }
    Ok(writer.close()?)
}

fn header(first: &Vector3<f64>, epsg: Option<u32>, compress: bool) -> Result<Header, LasError> {
    let mut builder = Builder::from(Version::new(1, 4));
    builder.point_format = Format::new(7)?;
    builder.point_format.is_compressed = compress;
    builder.generating_software = "Veduta".into();
    builder.system_identifier = "aerial photographs".into();
    // No date: equal points give equal files.
    builder.date = None;
    let axis = |v: f64| Transform { scale: RESOLUTION, offset: (v / 1000.0).floor() * 1000.0 };
    builder.transforms = Vector { x: axis(first.x), y: axis(first.y), z: axis(first.z) };
    let mut header = builder.into_header()?;
    if let Some(epsg) = epsg {
        header.set_wkt_crs(utm_wkt(epsg).ok_or(LasError::Code { epsg })?.into_bytes())?;
    }
    Ok(header)
}

/// Well-known text of a UTM zone on WGS84.
fn utm_wkt(epsg: u32) -> Option<String> {
    let (zone, letter, northing) = match epsg {
        32601..=32660 => (epsg - 32600, 'N', 0),
        32701..=32760 => (epsg - 32700, 'S', 10_000_000),
        _ => return None,
    };
    let meridian = i64::from(zone) * 6 - 183;
    Some(format!(
        "PROJCS[\"WGS 84 / UTM zone {zone}{letter}\",GEOGCS[\"WGS 84\",DATUM[\"WGS_1984\",\
         SPHEROID[\"WGS 84\",6378137,298.257223563,AUTHORITY[\"EPSG\",\"7030\"]],AUTHORITY[\"EPSG\",\"6326\"]],\
         PRIMEM[\"Greenwich\",0,AUTHORITY[\"EPSG\",\"8901\"]],\
         UNIT[\"degree\",0.0174532925199433,AUTHORITY[\"EPSG\",\"9122\"]],AUTHORITY[\"EPSG\",\"4326\"]],\
         PROJECTION[\"Transverse_Mercator\"],PARAMETER[\"latitude_of_origin\",0],\
         PARAMETER[\"central_meridian\",{meridian}],PARAMETER[\"scale_factor\",0.9996],\
         PARAMETER[\"false_easting\",500000],PARAMETER[\"false_northing\",{northing}],\
         UNIT[\"metre\",1,AUTHORITY[\"EPSG\",\"9001\"]],AXIS[\"Easting\",EAST],AXIS[\"Northing\",NORTH],\
         AUTHORITY[\"EPSG\",\"{epsg}\"]]"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::PhotoId;
    use crate::scene::FusedPoint;
    use std::io::BufReader;

    fn cloud() -> PointCloud {
        let point = |i: u32| FusedPoint {
            position: [i as f32 * 0.37, i as f32 * -0.11, (i % 50) as f32 * 0.2],
            normal: [0.0, 0.0, 1.0],
            colour: [i as u8, 100, 255],
            confidence: 0.5,
            views: vec![PhotoId(0); 3],
        };
        PointCloud { points: (0..1000).map(point).collect(), gsd: 0.05 }
    }

    fn place(x: &Vector3<f64>) -> Vector3<f64> {
        x + Vector3::new(629_351.9, 5_803_890.8, 20.0)
    }

    #[test]
    fn las_and_laz_come_back() {
        let folder = tempfile::tempdir().expect("folder");
        for compress in [false, true] {
            let path = folder.path().join("points.las");
            let file = std::fs::File::create(&path).expect("file");
            write_las(file, &cloud(), &place, Some(32631), compress).expect("write");
            let file = BufReader::new(std::fs::File::open(&path).expect("file"));
            let mut reader = las::Reader::new(file).expect("las");
            assert_eq!((reader.header().number_of_points(), reader.header().has_wkt_crs()), (1000, true));
            assert_eq!(reader.header().version(), Version::new(1, 4));
            let points = reader.read_all().expect("points");
            assert_eq!(points.len(), 1000);
            for (read, wrote) in points.points().zip(&cloud().points) {
                let read = read.expect("point");
                let expected = place(&Vector3::from(wrote.position.map(f64::from)));
                assert!((Vector3::new(read.x, read.y, read.z) - expected).amax() < 0.00051);
                let colour = read.color.expect("colour");
                assert_eq!((colour.red >> 8, colour.blue), (u16::from(wrote.colour[0]), 65535));
                assert_eq!((read.intensity, read.user_data), (32768, 3));
            }
        }
    }

    #[test]
    fn what_cannot_be_written_says_so() {
        let sink = || std::io::Cursor::new(Vec::new());
        assert!(matches!(write_las(sink(), &PointCloud::default(), &place, None, false), Err(LasError::Empty)));
        let error = write_las(sink(), &cloud(), &place, Some(4326), false).expect_err("no UTM zone");
        assert!(matches!(error, LasError::Code { epsg: 4326 }) && !error.hint().is_empty());
        assert!(write_las(sink(), &cloud(), &place, None, true).is_ok());
    }
}
