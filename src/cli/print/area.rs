//! The piece of ground that a person asks for, in the local frame.

use super::PrintArgs;
use crate::cli::CliError;
use crate::formats::geojson::{Ring, read_polygon};
use crate::georef::{Crs, Enu, UtmFromLocal};
use crate::print::{Area, Rectangle};
use crate::scene::LocalFrame;
use nalgebra::{Vector2, Vector3};

/// The area of the arguments; `None` leaves the choice to the program.
pub fn of(args: &PrintArgs, frame: Option<&LocalFrame>) -> Result<Option<Area>, CliError> {
    if let Some([e, n, width, depth, azimuth]) = args.rect {
        // A heading runs clockwise from north, a rotation counter-clockwise.
        let azimuth = -azimuth.to_radians();
        let (centre, size) = (Vector2::new(e, n), Vector2::new(width, depth));
        return Ok(Some(Area::Rectangle(Rectangle { centre, size, azimuth })));
    }
    if let Some([e, n, radius]) = args.circle {
        return Ok(Some(Area::Circle { centre: Vector2::new(e, n), radius }));
    }
    if let Some(polygon) = &args.polygon {
        return Ok(Some(Area::Polygon(polygon.0.clone())));
    }
    let Some(path) = &args.area else { return Ok(None) };
    let text = std::fs::read_to_string(path).map_err(|e| CliError::io("read", path, &e))?;
    let ring = read_polygon(&text).map_err(|e| CliError::new(format!("{}: {e}", path.display()), e.hint()))?;
    let Some(frame) = frame else {
        return Err(CliError::new(
            "a polygon on earth needs a project that knows where it is: this one's photos have no GPS",
            "give a rectangle or a circle in the project's own units: --rect, --circle",
        ));
    };
    Ok(Some(Area::Polygon(local(&ring, frame)?)))
}

/// The ring in local metres. Numbers that are no degrees are in the project's reference system.
fn local(ring: &Ring, frame: &LocalFrame) -> Result<Vec<Vector2<f64>>, CliError> {
    let degrees = ring.positions.iter().all(|[x, y]| x.abs() <= 180.0 && y.abs() <= 90.0);
    let name = match &ring.crs {
        Some(name) => name.clone(),
        None if degrees => "EPSG:4326".into(),
        None => format!("EPSG:{}", UtmFromLocal::new(frame).utm().epsg()),
    };
    let crs = Crs::parse(&name).map_err(|e| CliError::new(e.to_string(), e.hint()))?;
    let enu = Enu::new(frame);
    let place = |&[x, y]: &[f64; 2]| {
        let [latitude, longitude, _] = crs.geodetic_from_given(&Vector3::new(x, y, frame.altitude_m));
        enu.local_from_geodetic(latitude, longitude, frame.altitude_m).xy()
    };
    Ok(ring.positions.iter().map(place).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::georef::local_frame;

    #[test]
    fn rings_in_degrees_and_in_the_grid_are_one() {
        let frame = local_frame(52.37, 4.9, 20.0);
        let enu = Enu::new(&frame);
        let square = [[-50.0, -40.0], [60.0, -40.0], [60.0, 30.0]];
        let degrees = square.map(|[x, y]| {
            let (latitude, longitude, _) = enu.geodetic_from_local(&Vector3::new(x, y, 0.0));
            [longitude, latitude]
        });
        let utm = UtmFromLocal::new(&frame);
        let grid = degrees.map(|[longitude, latitude]| {
            let (e, n) = utm.utm().project(latitude, longitude);
            [e, n]
        });
        for (positions, crs) in [(degrees, None), (grid, None), (grid, Some("EPSG:32631".to_string()))] {
            let ring = Ring { crs, positions: positions.to_vec() };
            for (p, expected) in local(&ring, &frame).expect("a ring").iter().zip(square) {
                assert!((p - Vector2::from(expected)).norm() < 0.002, "{p} {expected:?}");
            }
        }
        let wrong = Ring { crs: Some("EPSG:1".into()), positions: degrees.to_vec() };
        assert!(local(&wrong, &frame).is_err());
    }
}
