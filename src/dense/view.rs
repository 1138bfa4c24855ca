//! What the dense methods need of one photo: its undistorted image, camera and pose.

use super::DenseError;
use super::undistort::{undistort, undistorted_camera};
use crate::base::PhotoId;
use crate::camera::Pinhole;
use crate::geometry::Rigid3;
use crate::gpu::Gpu;
use crate::image::{Mask, Rgb8};
use crate::scene::Reconstruction;
use serde::{Deserialize, Serialize};

/// An undistorted photo at the resolution of its depth map.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct View {
    /// The photo.
    pub photo: PhotoId,
    /// Its pinhole camera.
    pub camera: Pinhole,
    /// Pose `cam_from_world`.
    pub pose: Rigid3,
    /// The image.
    pub colour: Rgb8,
    /// Pixels that the photo covers.
    pub mask: Mask,
}

impl View {
    /// Undistorts `image` (the upright photo as decoded) for depth maps of at most `max_size` pixels on the longer side.
    pub fn new(
        reconstruction: &Reconstruction,
        photo: PhotoId,
        image: &Rgb8,
        max_size: u32,
        gpu: Option<&Gpu>,
    ) -> Result<Self, DenseError> {
        let pose = reconstruction.poses.get(photo.index()).copied().flatten();
        let pose = pose.ok_or(DenseError::NotRegistered { photo })?;
        let camera = reconstruction.camera(photo);
        let (found_width, found_height) = (image.width, image.height);
        if (found_width, found_height) != (camera.width as usize, camera.height as usize) {
            let (width, height) = (camera.width, camera.height);
            return Err(DenseError::WrongSize { photo, found_width, found_height, width, height });
        }
        let target = undistorted_camera(&camera.lens, camera.width, camera.height, max_size);
        let (colour, mask) = undistort(image, &camera.lens, &target, gpu);
        Ok(Self { photo, camera: target, pose, colour, mask })
    }
}
