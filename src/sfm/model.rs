//! The reconstruction while it grows: poses that are known, tracks and their points.
//!
//! In: flight, features, tracks. Out: [`Reconstruction`]. World units are those of the frame at hand (arbitrary before
//! the fit to the priors, metres after it). Triangulation, completion and filtering of single tracks are here; they use
//! the methods of [`crate::geometry::triangulation`]. Cost: microseconds a track; all tracks in parallel, each with its
//! own random stream.

use super::SfmOptions;
use crate::base::{CameraId, Diagnostic, PhotoId, Preview, Rng};
use crate::camera::Camera;
use crate::geometry::triangulation::{View, triangulate_robust, triangulation_angle};
use crate::geometry::{Rigid3, Sim3};
use crate::scene::{
    Features, Flight, Georeference, Observation, PositionPrior, Reconstruction, RotationPrior, SparsePoint,
};
use nalgebra::{Vector2, Vector3};
use rayon::prelude::*;

/// Points of two photos stay only where one of these sees fewer longer tracks than this: nothing checks them.
const ENOUGH_LONG: usize = 300;

/// A photo's sight of a track.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sight {
    pub photo: u32,
    pub feature: u32,
    pub pixel: Vector2<f64>,
    /// Whether it agrees with the point.
    pub on: bool,
}

/// Features that may show one point, and the point once it is known.
#[derive(Clone, Debug)]
pub(super) struct Track {
    pub sights: Vec<Sight>,
    pub point: Option<Vector3<f64>>,
}

/// See the module.
#[derive(Clone)]
pub(super) struct Model {
    pub cameras: Vec<Camera>,
    /// The calibration before any adjustment.
    pub initial: Vec<Camera>,
    pub camera_of: Vec<usize>,
    pub poses: Vec<Option<Rigid3>>,
    pub tracks: Vec<Track>,
    /// Position priors in the world frame that the adjustment uses; empty before the fit to the priors.
    pub priors: Vec<Option<PositionPrior>>,
    /// The same priors with the accuracy that their source states.
    pub stated: Vec<Option<PositionPrior>>,
    /// The photos' attitudes in the world frame, where the positions do not contradict them; otherwise empty.
    pub stated_attitudes: Vec<Option<RotationPrior>>,
    /// The rotation priors that follow and that the adjustment uses.
    pub attitudes: Vec<Option<RotationPrior>>,
    /// Factor on thresholds in pixels.
    pub pixel_scale: f64,
}

/// Counts by which two reconstructions are compared.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Quality {
    pub registered: usize,
    pub observations: usize,
    pub points: usize,
    pub rms_px: f64,
}

impl Quality {
    /// Larger is better.
    pub fn score(&self) -> f64 {
        self.registered as f64 * (self.observations as f64).sqrt() / (0.3 + self.rms_px)
    }
}

impl Model {
    /// Points and camera centres for a person who watches.
    pub fn preview(&self) -> Preview {
        let single = |v: &Vector3<f64>| v.cast::<f32>().into();
        Preview::Points {
            points: self.tracks.iter().filter_map(|t| t.point.as_ref().map(single)).collect(),
            centres: self.poses.iter().flatten().map(|p| single(&p.centre())).collect(),
        }
    }

    pub fn new(flight: &Flight, features: &[Features], tracks: Vec<Vec<(u32, u32)>>, options: &SfmOptions) -> Self {
        let sight = |(photo, feature): (u32, u32)| {
            let k = &features[photo as usize].keypoints[feature as usize];
            Sight { photo, feature, pixel: Vector2::new(f64::from(k.x), f64::from(k.y)), on: false }
        };
        let tracks =
            tracks.into_iter().map(|t| Track { sights: t.into_iter().map(sight).collect(), point: None }).collect();
        Self {
            cameras: flight.cameras.clone(),
            initial: flight.cameras.clone(),
            camera_of: flight.photos.iter().map(|p| p.camera.index()).collect(),
            poses: vec![None; flight.photos.len()],
            tracks,
            priors: Vec::new(),
            stated: Vec::new(),
            stated_attitudes: Vec::new(),
            attitudes: Vec::new(),
            pixel_scale: super::scale_of(flight, options),
        }
    }

    pub fn camera(&self, photo: u32) -> &Camera {
        &self.cameras[self.camera_of[photo as usize]]
    }

    pub fn registered(&self) -> usize {
        self.poses.iter().flatten().count()
    }

    /// Ray (z = 1) of a pixel of a photo.
    pub fn ray(&self, photo: u32, pixel: &Vector2<f64>) -> Option<Vector3<f64>> {
        self.camera(photo).lens.unproject(pixel)
    }

    /// Reprojection error in pixels; infinite behind the camera or without a pose.
    pub fn error(&self, sight: &Sight, x: &Vector3<f64>) -> f64 {
        let Some(pose) = &self.poses[sight.photo as usize] else { return f64::INFINITY };
        let pixel = self.camera(sight.photo).lens.project(&pose.apply(x));
        pixel.map_or(f64::INFINITY, |p| (p - sight.pixel).norm())
    }

    /// Whether two of the rays of the sights that are on meet at an angle of at least `min_angle`.
    pub fn has_angle(&self, sights: &[Sight], x: &Vector3<f64>, min_angle: f64) -> bool {
        let centres: Vec<_> =
            sights.iter().filter(|s| s.on).filter_map(|s| self.poses[s.photo as usize].map(|p| p.centre())).collect();
        centres
            .iter()
            .enumerate()
            .any(|(i, a)| centres[i + 1..].iter().any(|b| triangulation_angle(a, b, x) >= min_angle))
    }

    /// Sights of registered photos and their views.
    fn views(&self, sights: &[Sight]) -> (Vec<usize>, Vec<View>) {
        let mut index = Vec::new();
        let mut views = Vec::new();
        for (i, s) in sights.iter().enumerate() {
            if let Some(pose) = self.poses[s.photo as usize]
                && let Some(ray) = self.ray(s.photo, &s.pixel)
            {
                index.push(i);
                views.push((pose, ray));
            }
        }
        (index, views)
    }

    /// A point for some sights, and which of them agree with it.
    fn solve_track(
        &self,
        sights: &[Sight],
        stream: u64,
        max_error_px: f64,
        options: &SfmOptions,
    ) -> Option<(Vector3<f64>, Vec<bool>)> {
        let (index, views) = self.views(sights);
        if views.len() < 2 {
            return None;
        }
        let f = index.iter().map(|&i| self.camera(sights[i].photo).lens.f).sum::<f64>() / index.len() as f64;
        let mut rng = Rng::new(options.seed ^ 0x7472_6163, stream);
        let (x, agree) = triangulate_robust(&views, max_error_px / f, options.min_angle, &mut rng)?;
        let mut on = vec![false; sights.len()];
        for (i, a) in index.iter().zip(agree) {
            on[*i] = a;
        }
        Some((x, on))
    }

    /// Triangulates tracks without a point, and lets tracks with a point gain sights that agree with it. Returns how
    /// many sights were gained.
    pub fn triangulate(&mut self, max_error_px: f64, options: &SfmOptions) -> usize {
        let limit = max_error_px * self.pixel_scale;
        let changes: Vec<Option<(Vector3<f64>, Vec<bool>)>> = (0..self.tracks.len())
            .into_par_iter()
            .with_min_len(256)
            .map(|t| {
                let track = &self.tracks[t];
                let Some(x) = track.point else { return self.solve_track(&track.sights, t as u64, limit, options) };
                let waiting = |s: &Sight| !s.on && self.poses[s.photo as usize].is_some();
                if !track.sights.iter().any(waiting) {
                    return None;
                }
                let on: Vec<bool> =
                    track.sights.iter().map(|s| s.on || (waiting(s) && self.error(s, &x) <= limit)).collect();
                Some((x, on))
            })
            .collect();
        let mut gained = 0;
        for (track, change) in self.tracks.iter_mut().zip(changes) {
            if let Some((x, on)) = change {
                track.point = Some(x);
                for (s, on) in track.sights.iter_mut().zip(on) {
                    gained += usize::from(on && !s.on);
                    s.on = on;
                }
            }
        }
        gained
    }

    /// Tries points that have lost sights again from scratch with all their sights, and gives the sights that a track's
    /// point does not explain a track of their own where they agree on another point. Returns sights gained.
    pub fn retriangulate(&mut self, max_error_px: f64, options: &SfmOptions) -> usize {
        let limit = max_error_px * self.pixel_scale;
        let found: Vec<Option<Track>> = (0..self.tracks.len())
            .into_par_iter()
            .with_min_len(256)
            .map(|t| {
                let track = &self.tracks[t];
                track.point?;
                let rest: Vec<Sight> = track.sights.iter().filter(|s| !s.on).copied().collect();
                if rest.len() < 2 {
                    return None;
                }
                let (x, on) = self.solve_track(&rest, t as u64, limit, options)?;
                let sights = rest.iter().zip(on).filter(|(_, on)| *on).map(|(s, _)| Sight { on: true, ..*s }).collect();
                Some(Track { sights, point: Some(x) })
            })
            .collect();
        let mut gained = 0;
        for (t, new) in found.into_iter().enumerate() {
            let Some(new) = new else { continue };
            gained += new.sights.len();
            let taken: Vec<u32> = new.sights.iter().map(|s| s.photo).collect();
            self.tracks[t].sights.retain(|s| s.on || !taken.contains(&s.photo));
            self.tracks.push(new);
        }
        gained
    }

    /// Switches off sights with an error above the limit, and drops points with fewer than two sights or too small an
    /// angle. Returns how many sights were lost.
    pub fn filter(&mut self, limit_px: f64, min_angle: f64) -> usize {
        let kept: Vec<Option<Vec<bool>>> = (0..self.tracks.len())
            .into_par_iter()
            .with_min_len(256)
            .map(|t| {
                let track = &self.tracks[t];
                let x = track.point?;
                let mut sights = track.sights.clone();
                for s in &mut sights {
                    s.on = s.on && self.error(s, &x) <= limit_px;
                }
                let count = sights.iter().filter(|s| s.on).count();
                (count >= 2 && self.has_angle(&sights, &x, min_angle)).then(|| sights.iter().map(|s| s.on).collect())
            })
            .collect();
        let mut lost = 0;
        for (track, kept) in self.tracks.iter_mut().zip(kept) {
            let before = track.sights.iter().filter(|s| s.on).count();
            match kept {
                Some(on) => track.sights.iter_mut().zip(on).for_each(|(s, on)| s.on = on),
                None => {
                    track.point = None;
                    track.sights.iter_mut().for_each(|s| s.on = false);
                }
            }
            lost += before - track.sights.iter().filter(|s| s.on).count();
        }
        lost
    }

    /// Errors in pixels of all sights that are on, in a fixed order.
    pub fn errors(&self) -> Vec<f64> {
        self.tracks
            .par_iter()
            .with_min_len(256)
            .filter_map(|t| t.point.map(|x| (t, x)))
            .flat_map_iter(|(t, x)| t.sights.iter().filter(|s| s.on).map(move |s| self.error(s, &x)))
            .collect()
    }

    pub fn quality(&self) -> Quality {
        let errors = self.errors();
        Quality {
            registered: self.registered(),
            observations: errors.len(),
            points: self.tracks.iter().filter(|t| t.point.is_some()).count(),
            rms_px: crate::base::stats::rms(&errors).unwrap_or(f64::INFINITY),
        }
    }

    /// For each photo the number of sights that are on, of points that at least `views` photos see.
    pub fn observations_by_photo(&self, views: usize) -> Vec<usize> {
        let mut count = vec![0; self.poses.len()];
        for track in self.tracks.iter().filter(|t| t.point.is_some()) {
            let on = || track.sights.iter().filter(|s| s.on);
            if on().count() >= views {
                on().for_each(|s| count[s.photo as usize] += 1);
            }
        }
        count
    }

    /// Drops the points that only two photos see where both have enough others. Together they help the adjustment, but
    /// each of them may be a wrong match along the epipolar line.
    pub fn drop_unchecked(&mut self) {
        let long = self.observations_by_photo(3);
        for track in &mut self.tracks {
            let on = || track.sights.iter().filter(|s| s.on);
            if on().count() == 2 && on().all(|s| long[s.photo as usize] >= ENOUGH_LONG) {
                track.point = None;
                track.sights.iter_mut().for_each(|s| s.on = false);
            }
        }
    }

    /// Forgets a photo's pose and its sights.
    pub fn remove_photo(&mut self, photo: usize) {
        self.poses[photo] = None;
        for track in &mut self.tracks {
            let mut touched = false;
            for s in track.sights.iter_mut().filter(|s| s.photo as usize == photo && s.on) {
                s.on = false;
                touched = true;
            }
            if touched && track.sights.iter().filter(|s| s.on).count() < 2 {
                track.point = None;
                track.sights.iter_mut().for_each(|s| s.on = false);
            }
        }
    }

    /// Moves everything into another frame.
    pub fn transform(&mut self, world_from_model: &Sim3) {
        for pose in self.poses.iter_mut().flatten() {
            *pose = world_from_model.transform_pose(pose);
        }
        for point in self.tracks.iter_mut().filter_map(|t| t.point.as_mut()) {
            *point = world_from_model.apply(point);
        }
    }

    pub fn into_reconstruction(
        self,
        features: &[Features],
        georeference: Georeference,
        centre_sigmas: Vec<Option<Vector3<f64>>>,
        notes: Vec<Diagnostic>,
    ) -> Reconstruction {
        let mut points = Vec::new();
        for track in &self.tracks {
            let Some(position) = track.point else { continue };
            let mut colour = [0u32; 3];
            let seen: Vec<Observation> = track
                .sights
                .iter()
                .filter(|s| s.on)
                .map(|s| {
                    let c = features[s.photo as usize].keypoints[s.feature as usize].colour;
                    for (sum, v) in colour.iter_mut().zip(c) {
                        *sum += u32::from(v);
                    }
                    Observation { photo: PhotoId(s.photo), feature: s.feature, pixel: s.pixel }
                })
                .collect();
            let n = seen.len().max(1) as u32;
            points.push(SparsePoint { position, colour: colour.map(|v| ((v + n / 2) / n) as u8), track: seen });
        }
        Reconstruction {
            cameras: self.cameras,
            camera_of: self.camera_of.iter().map(|&c| CameraId::from(c)).collect(),
            poses: self.poses,
            points,
            georeference,
            centre_sigmas,
            notes,
        }
    }
}
