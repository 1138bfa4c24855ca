//! What the map draws, worked out once for each state of the project: positions, footprints, overlap, coverage.

use super::super::super::session::Session;
use crate::camera::Camera;
use crate::geometry::Rigid3;
use crate::scene::{Georeference, LocalFrame};
use nalgebra::{Vector2, Vector3};
use std::collections::BTreeMap;

/// Cells across the longer side of the overlap picture.
const CELLS: usize = 160;

/// One photo on the map.
#[derive(Clone, Debug)]
pub(super) struct Spot {
    pub row: usize,
    pub at: Vector2<f64>,
    pub gps: Option<Vector2<f64>>,
    /// Heading of the image's top, unit vector.
    pub heading: Vector2<f64>,
    pub footprint: Option<[Vector2<f64>; 4]>,
    pub rejected: bool,
    /// Time of exposure, height, speed to the next photo, reprojection error; what is unknown is `None`.
    pub values: [Option<f64>; 4],
}

/// What is drawn, made when the session changed.
#[derive(Clone, Debug)]
pub(super) struct Ready {
    pub spots: Vec<Spot>,
    pub low: Vector2<f64>,
    pub high: Vector2<f64>,
    pub overlap: Overlap,
    pub frame: Option<LocalFrame>,
    /// Spots in the order of their exposure, cut where the camera paused.
    pub track: Vec<Vec<usize>>,
}

/// How many photos see each cell of the ground.
#[derive(Clone, Debug)]
pub(super) struct Overlap {
    pub low: Vector2<f64>,
    pub cell: f64,
    pub width: usize,
    pub height: usize,
    pub count: Vec<u16>,
}

/// Where the corners of a photo lie on the ground at height `ground`; `None` where it looks at or above the horizon.
fn footprint(camera: &Camera, pose: &Rigid3, ground: f64) -> Option<[Vector2<f64>; 4]> {
    let (w, h) = (f64::from(camera.width), f64::from(camera.height));
    let centre = pose.centre();
    let back = pose.inverse();
    let mut corners = [Vector2::zeros(); 4];
    for (corner, pixel) in corners.iter_mut().zip([(0.0, 0.0), (w, 0.0), (w, h), (0.0, h)]) {
        let ray = back.rotation * camera.lens.unproject(&Vector2::new(pixel.0, pixel.1))?;
        let reach = (ground - centre.z) / ray.z;
        // Beyond eight heights a footprint says nothing.
        if !(reach > 0.0) || (ray.xy() * reach).norm() > 8.0 * (centre.z - ground) {
            return None;
        }
        *corner = centre.xy() + ray.xy() * reach;
    }
    Some(corners)
}

/// Works out what the map draws; `None` where nothing has a position.
pub(super) fn prepare(session: &Session) -> Option<Ready> {
    let flight = session.flight.as_ref()?;
    let sparse = session.sparse.as_deref();
    let ground = sparse
        .and_then(|s| crate::base::stats::median(&s.points.iter().map(|p| p.position.z).collect::<Vec<_>>()))
        .unwrap_or(0.0);
    let metric = sparse.is_none_or(|s| matches!(s.georeference, Georeference::Local { .. }));
    let frame = match sparse.map(|s| &s.georeference) {
        Some(Georeference::Local { frame, .. }) => Some(*frame),
        Some(Georeference::Unscaled) => None,
        None => flight.frame,
    };
    let mut spots = Vec::new();
    for (row, photo) in session.rows.iter().enumerate().filter_map(|(i, r)| Some((i, &flight.photos[r.id?.index()]))) {
        let posed = sparse.and_then(|s| Some((s.camera(photo.id), s.poses[photo.id.index()]?)));
        let prior = photo.position.filter(|_| metric).map(|p| p.centre);
        let rough = || {
            let (centre, rotation) = (prior?, photo.rotation?.cam_from_local);
            Some((flight.camera_of(photo.id), Rigid3::from_rotation_and_centre(rotation, centre)))
        };
        let known = posed.or_else(rough);
        let Some(at) = known.as_ref().map(|(_, p)| p.centre()).or(prior) else { continue };
        let up = known.as_ref().map(|(_, p)| (p.rotation.inverse() * -Vector3::y()).xy());
        spots.push(Spot {
            row,
            at: at.xy(),
            gps: prior.map(|p| p.xy()).filter(|_| posed.is_some()),
            heading: up.and_then(|u| u.try_normalize(1e-3)).unwrap_or_else(Vector2::zeros),
            footprint: known.and_then(|(c, p)| footprint(c, &p, ground)),
            rejected: matches!(session.rows[row].verdict, Some(crate::project::Verdict::Reject(_))),
            values: [session.rows[row].time_s, session.rows[row].height_m, None, session.rows[row].rms_px],
        });
    }
    let track = track_of(&mut spots);
    let all = || spots.iter().flat_map(|s| s.footprint.iter().flatten().chain(std::iter::once(&s.at)));
    let first = *all().next()?;
    let (low, high) = all().fold((first, first), |(lo, hi), p| (lo.inf(p), hi.sup(p)));
    let overlap = Overlap::of(&spots, low, high);
    Some(Ready { spots, low, high, overlap, frame, track })
}

/// Pauses of this many usual intervals cut the track.
const PAUSE: f64 = 8.0;

/// The order of exposure, cut at pauses; fills in the speeds. Without times the order of the files.
fn track_of(spots: &mut [Spot]) -> Vec<Vec<usize>> {
    let mut order: Vec<usize> = (0..spots.len()).filter(|&i| spots[i].values[0].is_some()).collect();
    if order.is_empty() {
        return vec![(0..spots.len()).collect()];
    }
    let time = |spots: &[Spot], i: usize| spots[i].values[0].unwrap_or(0.0);
    order.sort_by(|&a, &b| time(spots, a).total_cmp(&time(spots, b)));
    let steps: Vec<f64> = order.windows(2).map(|w| time(spots, w[1]) - time(spots, w[0])).collect();
    let usual = crate::base::stats::median(&steps).unwrap_or(0.0);
    let mut track = vec![vec![order[0]]];
    for (w, step) in order.windows(2).zip(steps) {
        if step > PAUSE * usual.max(0.5) {
            track.push(Vec::new());
        } else if step > 0.0 {
            spots[w[0]].values[2] = Some((spots[w[1]].at - spots[w[0]].at).norm() / step);
        }
        if let Some(line) = track.last_mut() {
            line.push(w[1]);
        }
    }
    track
}

impl Overlap {
    /// Outlines of the places that at least `threshold` photos see: closed lines, the covered side on their left.
    pub fn outlines(&self, threshold: u16) -> Vec<Vec<Vector2<f64>>> {
        let (w, h) = (self.width as i64, self.height as i64);
        let inside = |x: i64, y: i64| {
            (0..w).contains(&x) && (0..h).contains(&y) && self.count[(y * w + x) as usize] >= threshold
        };
        // Edges between a cell that counts and one that does not, by their starts; a start has two where cells touch
        // only at a corner.
        let mut edges: BTreeMap<(i64, i64), Vec<(i64, i64)>> = BTreeMap::new();
        for y in 0..h {
            for x in (0..w).filter(|&x| inside(x, y)) {
                let sides = [
                    (inside(x, y - 1), (x, y), (x + 1, y)),
                    (inside(x + 1, y), (x + 1, y), (x + 1, y + 1)),
                    (inside(x, y + 1), (x + 1, y + 1), (x, y + 1)),
                    (inside(x - 1, y), (x, y + 1), (x, y)),
                ];
                for (_, from, to) in sides.into_iter().filter(|s| !s.0) {
                    edges.entry(from).or_default().push(to);
                }
            }
        }
        let mut lines = Vec::new();
        while let Some((&start, _)) = edges.first_key_value() {
            let mut line = vec![start];
            let mut at = start;
            while let Some(next) = edges.get_mut(&at).and_then(Vec::pop) {
                if edges.get(&at).is_some_and(Vec::is_empty) {
                    edges.remove(&at);
                }
                at = next;
                if at == start {
                    break;
                }
                line.push(at);
            }
            // Points in the middle of a straight run say nothing.
            let n = line.len();
            let turns = |&i: &usize| {
                let (a, b, c) = (line[(i + n - 1) % n], line[i], line[(i + 1) % n]);
                (b.0 - a.0) * (c.1 - b.1) != (b.1 - a.1) * (c.0 - b.0)
            };
            let place = |i: usize| self.low + Vector2::new(line[i].0 as f64, line[i].1 as f64) * self.cell;
            lines.push((0..n).filter(turns).map(place).collect());
        }
        lines
    }

    /// Area that at least `threshold` photos see, in square metres (or units).
    pub fn area(&self, threshold: u16) -> f64 {
        self.count.iter().filter(|c| **c >= threshold).count() as f64 * self.cell * self.cell
    }

    fn of(spots: &[Spot], low: Vector2<f64>, high: Vector2<f64>) -> Self {
        let size = high - low;
        let cell = (size.max() / CELLS as f64).max(1e-6);
        let (width, height) = ((size.x / cell).ceil() as usize + 1, (size.y / cell).ceil() as usize + 1);
        let mut count = vec![0u16; width * height];
        for quad in spots.iter().filter(|s| !s.rejected).filter_map(|s| s.footprint) {
            let q = quad.map(|p| (p - low) / cell);
            let (lo, hi) = q.iter().fold((q[0], q[0]), |(lo, hi), p| (lo.inf(p), hi.sup(p)));
            for y in lo.y.max(0.0) as usize..=(hi.y as usize).min(height - 1) {
                for x in lo.x.max(0.0) as usize..=(hi.x as usize).min(width - 1) {
                    let p = Vector2::new(x as f64 + 0.5, y as f64 + 0.5);
                    let side = |k: usize| (q[(k + 1) % 4] - q[k]).perp(&(p - q[k])) > 0.0;
                    if (0..4).all(|k| side(k) == side(0)) {
                        count[y * width + x] += 1;
                    }
                }
            }
        }
        Self { low, cell, width, height, count }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nalgebra::UnitQuaternion;

    #[test]
    fn a_nadir_footprint_has_the_size_of_the_view() {
        let camera = Camera {
            id: crate::base::CameraId(0),
            label: String::new(),
            width: 400,
            height: 300,
            lens: crate::camera::Lens::ideal(400.0, 400, 300),
            focal_source: crate::camera::FocalSource::Exif,
        };
        let down = UnitQuaternion::from_euler_angles(std::f64::consts::PI, 0.0, 0.0);
        let pose = Rigid3::from_rotation_and_centre(down, Vector3::new(10.0, 20.0, 100.0));
        let quad = footprint(&camera, &pose, 0.0).expect("looks down");
        assert!((quad[0] - quad[1]).norm() - 100.0 < 1e-9 && ((quad[1] - quad[2]).norm() - 75.0).abs() < 1e-9);
        let level = UnitQuaternion::from_euler_angles(-std::f64::consts::FRAC_PI_2, 0.0, 0.0);
        assert!(footprint(&camera, &Rigid3::from_rotation_and_centre(level, Vector3::z() * 100.0), 0.0).is_none());
        let spot = Spot {
            row: 0,
            at: Vector2::zeros(),
            gps: None,
            heading: Vector2::zeros(),
            footprint: Some(quad),
            rejected: false,
            values: [None; 4],
        };
        let rejected = Spot { rejected: true, ..spot.clone() };
        let low = Vector2::new(-60.0, -60.0);
        let overlap = Overlap::of(&[spot.clone(), spot, rejected], low, Vector2::new(80.0, 80.0));
        let count = |x: f64, y: f64| {
            let c = (Vector2::new(x, y) - overlap.low) / overlap.cell;
            overlap.count[c.y as usize * overlap.width + c.x as usize]
        };
        assert_eq!((count(10.0, 20.0), count(-55.0, 20.0)), (2, 0));
        // One rectangle of the photo's footprint, to a cell.
        let outlines = overlap.outlines(2);
        assert_eq!(outlines.iter().map(Vec::len).collect::<Vec<_>>(), [4]);
        assert!((overlap.area(2) - 7500.0).abs() < 2.0 * 350.0 * overlap.cell, "{}", overlap.area(2));
        let q = &outlines[0];
        let area: f64 = (0..4).map(|i| q[i].perp(&q[(i + 1) % 4]) / 2.0).sum();
        assert!((area - overlap.area(2)).abs() < 1e-6, "counter-clockwise, of the same area");
        assert!(overlap.outlines(3).is_empty());
    }

    #[test]
    fn a_track_follows_time_and_ends_at_a_pause() {
        let spot = |x: f64, time: f64| Spot {
            row: 0,
            at: Vector2::new(x, 0.0),
            gps: None,
            heading: Vector2::zeros(),
            footprint: None,
            rejected: false,
            values: [Some(time), None, None, None],
        };
        let mut spots = vec![spot(20.0, 4.0), spot(0.0, 0.0), spot(10.0, 2.0), spot(90.0, 300.0), spot(100.0, 302.0)];
        assert_eq!(track_of(&mut spots), [vec![1, 2, 0], vec![3, 4]]);
        assert_eq!((spots[1].values[2], spots[0].values[2], spots[3].values[2]), (Some(5.0), None, Some(5.0)));
        spots.iter_mut().for_each(|s| s.values[0] = None);
        assert_eq!(track_of(&mut spots), [vec![0, 1, 2, 3, 4]]);
    }
}
