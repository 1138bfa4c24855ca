//! The 3D view: its layers, its options and its picture; `draw.rs` draws it.
//!
//! In: a device and a queue that somebody else owns; scene data, prepared here or on another thread. Out: a texture of
//! sRGB values. Failure modes: none of its own; a lost device shows as an error of whoever polls it.

use super::camera::ViewCamera;
use super::cameras::{self, Frustum, LineLayer, Polyline, PreparedPhotos, prepare_photos};
use super::draw::Plan;
use super::mesh::{PreparedMesh, prepare_city, prepare_part};
use super::mesh_layer::MeshLayer;
use super::options::Options;
use super::pace::Pace;
use super::pick::Target;
use super::pipelines::{FrameBinding, Pipelines};
use super::points::{CloudLayer, PreparedCloud, prepare_dense, prepare_sparse};
use super::targets::{Picture, Targets};
use crate::base::PhotoId;
use crate::mesh::bvh::Bvh;
use crate::scene::{City, Part, PointCloud, Reconstruction};
use nalgebra::{Vector2, Vector3};
use std::sync::Arc;

/// Layers in the order of their uniforms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Layer {
    Sparse,
    Dense,
    City,
    Part,
    Photos,
    Residuals,
    /// Polylines that faces hide.
    Lines,
    /// Polylines upon everything.
    Overlay,
}

const LAYERS: usize = 8;

/// What a picture is to show.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Wanted {
    pub camera: ViewCamera,
    pub options: Options,
    pub moving: bool,
}

/// The 3D view.
#[derive(Debug)]
pub struct Viewport {
    pub(super) device: wgpu::Device,
    pub(super) queue: wgpu::Queue,
    pub(super) pipelines: Pipelines,
    pub(super) targets: Targets,
    pub(super) bindings: [FrameBinding; LAYERS],
    /// Whether the adapter is a processor.
    pub(super) slow: bool,
    pub(super) sparse: Option<CloudLayer>,
    pub(super) dense: Option<CloudLayer>,
    pub(super) city: Option<MeshLayer>,
    pub(super) part: Option<MeshLayer>,
    pub(super) photos: PreparedPhotos,
    /// The pyramids' lines, and the photo that stands out in them.
    pub(super) photo_lines: Option<(LineLayer, Option<PhotoId>)>,
    residual_lines: Option<LineLayer>,
    polylines: [Option<LineLayer>; 2],
    /// Where the view looks from.
    pub camera: ViewCamera,
    /// What is shown.
    pub options: Options,
    /// What the picture shows; `None` after a change of anything else.
    pub(super) drawn: Option<Wanted>,
    /// What is left to draw of the whole picture.
    pub(super) plan: Option<Plan>,
    /// Whether the small picture is the one to show.
    pub(super) shows_small: bool,
    pub(super) pace_moving: Pace,
    pub(super) pace_whole: Pace,
}

impl Viewport {
    /// A view of nothing, one pixel large.
    pub fn new(device: &wgpu::Device, queue: &wgpu::Queue) -> Self {
        let pipelines = Pipelines::new(device);
        let bindings = std::array::from_fn(|_| pipelines.frame_binding(device));
        let slow = device.adapter_info().device_type == wgpu::DeviceType::Cpu;
        let pace = || Pace::new(if slow { 1500.0 } else { 300_000.0 });
        Self {
            device: device.clone(),
            queue: queue.clone(),
            targets: Targets::new(device, [1, 1], slow),
            pipelines,
            bindings,
            slow,
            sparse: None,
            dense: None,
            city: None,
            part: None,
            photos: PreparedPhotos::default(),
            photo_lines: None,
            residual_lines: None,
            polylines: [None, None],
            camera: ViewCamera::default(),
            options: Options::for_adapter(slow),
            drawn: None,
            plan: None,
            shows_small: false,
            pace_moving: pace(),
            pace_whole: pace(),
        }
    }

    /// Whether the adapter is a processor.
    pub fn is_slow(&self) -> bool {
        self.slow
    }

    /// Shows these sparse points.
    pub fn set_sparse(&mut self, reconstruction: &Reconstruction) {
        self.upload_sparse(prepare_sparse(reconstruction));
    }

    /// Shows these sparse points.
    pub fn upload_sparse(&mut self, cloud: PreparedCloud) {
        self.sparse = Some(CloudLayer::new(&self.device, &self.queue, cloud));
        self.changed();
    }

    /// Shows these fused points.
    pub fn set_dense(&mut self, cloud: &PointCloud) {
        self.upload_dense(prepare_dense(cloud));
    }

    /// Shows these fused points.
    pub fn upload_dense(&mut self, cloud: PreparedCloud) {
        self.dense = Some(CloudLayer::new(&self.device, &self.queue, cloud));
        self.changed();
    }

    /// Shows this city.
    pub fn set_city(&mut self, city: &City) {
        self.upload_city(prepare_city(city));
    }

    /// Shows this city.
    pub fn upload_city(&mut self, city: PreparedMesh) {
        self.city = Some(MeshLayer::new(&self.device, &self.queue, &self.pipelines, city));
        self.changed();
    }

    /// Shows this part, in millimetres.
    pub fn set_part(&mut self, part: &Part) {
        self.upload_part(prepare_part(part));
    }

    /// Shows this part, in millimetres.
    pub fn upload_part(&mut self, part: PreparedMesh) {
        self.part = Some(MeshLayer::new(&self.device, &self.queue, &self.pipelines, part));
        self.changed();
    }

    /// Shows where these photos were taken from.
    pub fn set_photos(&mut self, reconstruction: &Reconstruction) {
        self.upload_photos(prepare_photos(reconstruction));
    }

    /// Shows where these photos were taken from.
    pub fn upload_photos(&mut self, photos: PreparedPhotos) {
        let lines = cameras::residual_lines(&photos.residuals);
        self.residual_lines = Some(LineLayer::new(&self.device, &self.queue, &lines));
        (self.photos, self.photo_lines) = (photos, None);
        self.changed();
    }

    /// Shows these lines.
    pub fn set_polylines(&mut self, polylines: &[Polyline]) {
        for (place, on_top) in [(0, false), (1, true)] {
            let lines = cameras::polyline_lines(polylines.iter().filter(|p| p.on_top == on_top));
            self.polylines[place] = Some(LineLayer::new(&self.device, &self.queue, &lines));
        }
        self.changed();
    }

    /// Forgets everything that is shown; camera and options stay.
    pub fn clear(&mut self) {
        (self.sparse, self.dense, self.city, self.part) = (None, None, None, None);
        self.photos = PreparedPhotos::default();
        (self.photo_lines, self.residual_lines, self.polylines) = (None, None, [None, None]);
        self.changed();
    }

    /// Whether the city's triangles have classes.
    pub fn has_classes(&self) -> bool {
        self.options.city && self.city.as_ref().is_some_and(|c| c.classified)
    }

    fn changed(&mut self) {
        (self.drawn, self.plan) = (None, None);
    }

    /// Changes the size of the picture in pixels; [`Self::colour_view`] is another one afterwards.
    pub fn resize(&mut self, width: u32, height: u32) {
        if [width, height].map(|s| s.max(1)) != self.targets.size {
            self.targets = Targets::new(&self.device, [width, height], self.slow);
            self.shows_small = false;
            self.changed();
        }
    }

    /// Width and height of the picture in pixels.
    pub fn size(&self) -> [u32; 2] {
        self.targets.size
    }

    /// The picture, `Rgba8Unorm` with sRGB values, as a window registers it; while the view moves it may be a smaller one
    /// of the same shape. Another one after [`Self::resize`] and after [`Self::render`].
    pub fn colour_view(&self) -> &wgpu::TextureView {
        &self.shown().view
    }

    pub(super) fn shown(&self) -> &Picture {
        self.targets.small.as_ref().filter(|_| self.shows_small).unwrap_or(&self.targets.whole)
    }

    pub(super) fn mesh(&self, layer: Layer) -> Option<&MeshLayer> {
        match layer {
            Layer::City => self.city.as_ref(),
            Layer::Part => self.part.as_ref(),
            _ => None,
        }
    }

    pub(super) fn cloud(&self, layer: Layer) -> Option<&CloudLayer> {
        match layer {
            Layer::Sparse => self.sparse.as_ref(),
            Layer::Dense => self.dense.as_ref(),
            _ => None,
        }
    }

    pub(super) fn lines(&self, layer: Layer) -> Option<&LineLayer> {
        match layer {
            Layer::Photos => self.photo_lines.as_ref().map(|(lines, _)| lines),
            Layer::Residuals => self.residual_lines.as_ref(),
            Layer::Lines => self.polylines[0].as_ref(),
            Layer::Overlay => self.polylines[1].as_ref(),
            _ => None,
        }
    }

    /// The surface that is shown, to measure on it: the city, or else the part.
    pub fn surface(&self) -> Option<Arc<Bvh>> {
        let o = &self.options;
        let shown = [(&self.city, o.city), (&self.part, o.part)];
        shown.into_iter().find_map(|(mesh, on)| mesh.as_ref().filter(|_| on).map(|m| m.bvh.clone()))
    }

    /// Lowest and highest z of what is shown: the ends of the colour map of heights.
    pub fn heights(&self) -> Option<(f64, f64)> {
        self.bounds().map(|(low, high)| (low.z, high.z))
    }

    /// The photos that a point of a cloud was made from; `None` where the target is not of a cloud.
    pub fn photos_of(&self, target: &Target) -> Option<&[PhotoId]> {
        match target {
            Target::Dense(i) => Some(self.dense.as_ref()?.cloud.views.of(*i as usize)),
            Target::Sparse(i) => Some(self.sparse.as_ref()?.cloud.views.of(*i as usize)),
            Target::City(_) | Target::Part(_) => None,
        }
    }

    /// Whether the picture shows something else than it should, or only a coarse copy of it.
    pub fn is_dirty(&self) -> bool {
        self.drawn != Some(Wanted { camera: self.camera, options: self.options, moving: false })
    }

    /// The box around what is shown (strays of the clouds aside); the photos count only where nothing else is shown.
    pub fn bounds(&self) -> Option<(Vector3<f64>, Vector3<f64>)> {
        let o = &self.options;
        let scene = [
            self.city.as_ref().filter(|_| o.city).and_then(|l| l.bounds),
            self.part.as_ref().filter(|_| o.part).and_then(|l| l.bounds),
            self.sparse.as_ref().filter(|_| o.sparse).and_then(|l| l.cloud.bounds),
            self.dense.as_ref().filter(|_| o.dense).and_then(|l| l.cloud.bounds),
        ];
        let union = |a: (Vector3<f64>, Vector3<f64>), b: (Vector3<f64>, Vector3<f64>)| (a.0.inf(&b.0), a.1.sup(&b.1));
        let photos = self.photos.frusta.iter().filter(|_| o.photos).map(|f| (f.centre, f.centre));
        scene.into_iter().flatten().reduce(union).or_else(|| photos.reduce(union))
    }

    /// Moves the camera so that everything that is shown fits the picture.
    pub fn frame_all(&mut self) {
        if let Some(bounds) = self.bounds() {
            self.camera.frame(bounds, self.targets.size);
        }
    }

    /// The pyramids of the photos.
    pub fn frusta(&self) -> &[Frustum] {
        &self.photos.frusta
    }

    /// The photo whose camera centre is shown nearest to a pixel, within `radius_px`.
    pub fn photo_at(&self, pixel: &Vector2<f64>, radius_px: f64) -> Option<PhotoId> {
        let distance = |f: &Frustum| {
            let away = (self.camera.project(&f.centre, self.size())?.0 - pixel).norm();
            (away <= radius_px).then_some((away, f.photo))
        };
        let found = self.photos.frusta.iter().filter(|_| self.options.photos).filter_map(distance);
        found.min_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, photo)| photo)
    }
}
