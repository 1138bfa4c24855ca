//! Which photos see a point, from how far and at which angle.
//!
//! In: a point in local metres, the reconstruction, and what is known: the photos of its track, or the surface that could
//! hide it. Out: photos by ascending distance. Failure modes: photos without a pose are left out.

use crate::base::PhotoId;
use crate::mesh::bvh::Bvh;
use crate::scene::Reconstruction;
use nalgebra::{Vector2, Vector3};

/// Share of the distance from the camera to the point, short of which a surface counts as in the way; the point itself
/// lies upon a surface.
const IN_FRONT: f64 = 0.998;

/// The photos of each point of a cloud, one list after another.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct ViewLists {
    ends: Vec<u32>,
    photos: Vec<PhotoId>,
}

impl ViewLists {
    pub fn new<I: Iterator<Item = PhotoId>>(lists: impl Iterator<Item = I>) -> Self {
        let mut all = Self::default();
        for list in lists {
            all.photos.extend(list);
            all.ends.push(all.photos.len() as u32);
        }
        all
    }

    pub fn of(&self, point: usize) -> &[PhotoId] {
        let start = point.checked_sub(1).map_or(Some(0), |p| self.ends.get(p).copied());
        match (start, self.ends.get(point)) {
            (Some(start), Some(&end)) => &self.photos[start as usize..end as usize],
            _ => &[],
        }
    }
}

/// One photo's sight of a point.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Seen {
    /// The photo.
    pub photo: PhotoId,
    /// Where its camera was.
    pub centre: Vector3<f64>,
    /// From there to the point, in local metres.
    pub distance: f64,
    /// Angle in radians between the line of sight and the surface's normal (the vertical where there is none).
    pub angle: f64,
    /// Where the photo shows the point, in pixels of the full-size photo.
    pub pixel: Vector2<f64>,
}

/// The photos that see a point. With `track` only these, as far as they have poses; otherwise every photo in whose frame
/// the point falls and from where `surface` does not hide it.
pub fn photos_that_see(
    point: &Vector3<f64>,
    normal: Option<Vector3<f64>>,
    reconstruction: &Reconstruction,
    track: Option<&[PhotoId]>,
    surface: Option<&Bvh>,
) -> Vec<Seen> {
    let up = normal.unwrap_or_else(Vector3::z);
    let one = |photo: PhotoId| {
        let pose = reconstruction.poses.get(photo.index())?.as_ref()?;
        let camera = reconstruction.camera(photo);
        let pixel = camera.lens.project(&pose.apply(point))?;
        let (centre, inside) = (pose.centre(), pixel.x >= 0.0 && pixel.y >= 0.0);
        let inside = inside && pixel.x <= f64::from(camera.width) && pixel.y <= f64::from(camera.height);
        let hidden = || surface.is_some_and(|s| s.occluded(&centre, &(point - centre), 0.0, IN_FRONT));
        if track.is_none() && (!inside || hidden()) {
            return None;
        }
        let back = centre - point;
        let distance = back.norm();
        let angle = (back.dot(&up) / (distance * up.norm()).max(1e-12)).clamp(-1.0, 1.0).acos();
        Some(Seen { photo, centre, distance, angle, pixel })
    };
    let all: Vec<PhotoId> = track.map_or_else(|| reconstruction.registered().collect(), <[PhotoId]>::to_vec);
    let mut seen: Vec<Seen> = all.into_iter().filter_map(one).collect();
    seen.sort_by(|a, b| a.distance.total_cmp(&b.distance).then(a.photo.cmp(&b.photo)));
    seen
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::CameraId;
    use crate::camera::{Camera, FocalSource, Lens};
    use crate::geometry::Rigid3;
    use crate::scene::{Georeference, Mesh};
    use nalgebra::UnitQuaternion;

    /// Cameras 50 m above the ground, looking down, at these places along x.
    fn flight(places: &[f64]) -> Reconstruction {
        let camera = Camera {
            id: CameraId::from(0),
            label: "test".into(),
            width: 400,
            height: 300,
            lens: Lens::ideal(400.0, 400, 300),
            focal_source: FocalSource::Guess,
        };
        let down = UnitQuaternion::from_euler_angles(std::f64::consts::PI, 0.0, 0.0);
        Reconstruction {
            centre_sigmas: Vec::new(),
            cameras: vec![camera],
            camera_of: vec![CameraId::from(0); places.len()],
            poses: places
                .iter()
                .map(|x| Some(Rigid3::from_rotation_and_centre(down, Vector3::new(*x, 0.0, 50.0))))
                .collect(),
            points: Vec::new(),
            georeference: Georeference::Unscaled,
            notes: Vec::new(),
        }
    }

    #[test]
    fn frame_and_walls_decide() {
        let flight = flight(&[0.0, 10.0, -10.0, 90.0]);
        let wall = Mesh {
            vertices: vec![
                Vector3::new(-2.0, -50.0, 0.0),
                Vector3::new(-2.0, 50.0, 0.0),
                Vector3::new(-2.0, 0.0, 200.0),
            ],
            triangles: vec![[0, 1, 2]],
        };
        let point = Vector3::new(0.0, 1.0, 0.0);
        let seen = photos_that_see(&point, None, &flight, None, Some(&Bvh::new(&wall)));
        let ids: Vec<usize> = seen.iter().map(|s| s.photo.index()).collect();
        assert_eq!(ids, [0, 1], "2 is behind the wall, 3 is too far away");
        assert!((seen[1].distance - (100.0f64 + 1.0 + 2500.0).sqrt()).abs() < 1e-9);
        assert!((seen[1].angle - (101.0f64.sqrt() / 50.0).atan()).abs() < 1e-9);
        assert!((seen[0].pixel - Vector2::new(200.0, 142.0)).norm() < 1e-9);
        assert_eq!(photos_that_see(&point, None, &flight, None, None).len(), 3);
        let track = [PhotoId::from(2), PhotoId::from(3)];
        assert_eq!(photos_that_see(&point, None, &flight, Some(&track), None).len(), 2);
    }
}
