//! The 3D view: layers, options, and drawing into its own picture when something has changed.
//!
//! In: a device and a queue that somebody else owns; scene data, prepared here or on another thread. Out: a texture of
//! sRGB values. Failure modes: none of its own; a lost device shows as an error of whoever polls it.

use super::camera::ViewCamera;
use super::cameras::{self, Frustum, LineLayer, Polyline, PreparedPhotos, prepare_photos};
use super::mesh::{PreparedMesh, VIEW_CLASSES, prepare_city, prepare_part};
use super::mesh_layer::MeshLayer;
use super::pipelines::{Frame, FrameBinding, Pipelines, Targets};
use super::points::{CloudLayer, PreparedCloud, prepare_dense, prepare_sparse};
use crate::base::PhotoId;
use crate::scene::{City, Part, PointCloud, Reconstruction};
use nalgebra::{Vector2, Vector3};

/// How the faces of the city and of the part look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Shading {
    /// The texture as it is.
    #[default]
    Texture,
    /// One colour in the light.
    Clay,
    /// The direction of the faces as a colour.
    Normals,
    /// How many photos see each triangle, see [`super::VIEW_CLASSES`].
    Views,
}

/// What is shown, and how.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Options {
    /// Whether the sparse points are shown.
    pub sparse: bool,
    /// Whether the fused points are shown.
    pub dense: bool,
    /// Whether the city is shown.
    pub city: bool,
    /// Whether the part is shown; its millimetres are its own world, so show it alone.
    pub part: bool,
    /// Whether the photos' pyramids are shown.
    pub photos: bool,
    /// Whether lines from the measured to the adjusted camera centres are shown.
    pub residuals: bool,
    /// Whether the polylines are shown.
    pub polylines: bool,
    /// The photo whose pyramid stands out.
    pub highlight: Option<PhotoId>,
    /// Look of the faces.
    pub shading: Shading,
    /// Whether the edges of the triangles are drawn upon them.
    pub wireframe: bool,
    /// Size of points in pixels.
    pub point_px: f32,
    /// Most points of each cloud that are drawn.
    pub point_budget: usize,
    /// The same while the view moves.
    pub moving_budget: usize,
    /// Whether coarse copies of large meshes are drawn while the view moves.
    pub coarse_when_moving: bool,
    /// Colour behind everything (sRGB).
    pub background: [u8; 3],
}

impl Options {
    fn for_adapter(slow: bool) -> Self {
        Self {
            sparse: true,
            dense: true,
            city: true,
            part: false,
            photos: true,
            residuals: false,
            polylines: true,
            highlight: None,
            shading: Shading::Texture,
            wireframe: false,
            point_px: 2.0,
            point_budget: if slow { 500_000 } else { 20_000_000 },
            moving_budget: if slow { 150_000 } else { 5_000_000 },
            coarse_when_moving: slow,
            background: [38, 41, 46],
        }
    }
}

/// Layers in the order of their uniforms.
#[derive(Clone, Copy)]
enum Layer {
    Sparse,
    Dense,
    City,
    Part,
    Photos,
    Residuals,
    Polylines,
}

const LAYERS: usize = 7;

/// The 3D view.
#[derive(Debug)]
pub struct Viewport {
    device: wgpu::Device,
    queue: wgpu::Queue,
    pipelines: Pipelines,
    targets: Targets,
    bindings: [FrameBinding; LAYERS],
    pub(super) sparse: Option<CloudLayer>,
    pub(super) dense: Option<CloudLayer>,
    pub(super) city: Option<MeshLayer>,
    pub(super) part: Option<MeshLayer>,
    pub(super) photos: PreparedPhotos,
    /// The pyramids' lines, and the photo that stands out in them.
    photo_lines: Option<(LineLayer, Option<PhotoId>)>,
    residual_lines: Option<LineLayer>,
    polylines: Option<LineLayer>,
    /// Where the view looks from.
    pub camera: ViewCamera,
    /// What is shown.
    pub options: Options,
    /// What the picture shows: camera, options, whether coarse; `None` after a change of anything else.
    drawn: Option<(ViewCamera, Options, bool)>,
}

impl Viewport {
    /// A view of nothing, one pixel large.
    pub fn new(device: &wgpu::Device, queue: &wgpu::Queue) -> Self {
        let pipelines = Pipelines::new(device);
        let bindings = std::array::from_fn(|_| pipelines.frame_binding(device));
        let slow = device.adapter_info().device_type == wgpu::DeviceType::Cpu;
        Self {
            device: device.clone(),
            queue: queue.clone(),
            targets: Targets::new(device, [1, 1]),
            pipelines,
            bindings,
            sparse: None,
            dense: None,
            city: None,
            part: None,
            photos: PreparedPhotos::default(),
            photo_lines: None,
            residual_lines: None,
            polylines: None,
            camera: ViewCamera::default(),
            options: Options::for_adapter(slow),
            drawn: None,
        }
    }

    /// Shows these sparse points.
    pub fn set_sparse(&mut self, reconstruction: &Reconstruction) {
        self.upload_sparse(prepare_sparse(reconstruction));
    }

    /// Shows these sparse points.
    pub fn upload_sparse(&mut self, cloud: PreparedCloud) {
        self.sparse = Some(CloudLayer::new(&self.device, &self.queue, cloud));
        self.drawn = None;
    }

    /// Shows these fused points.
    pub fn set_dense(&mut self, cloud: &PointCloud) {
        self.upload_dense(prepare_dense(cloud));
    }

    /// Shows these fused points.
    pub fn upload_dense(&mut self, cloud: PreparedCloud) {
        self.dense = Some(CloudLayer::new(&self.device, &self.queue, cloud));
        self.drawn = None;
    }

    /// Shows this city.
    pub fn set_city(&mut self, city: &City) {
        self.upload_city(prepare_city(city));
    }

    /// Shows this city.
    pub fn upload_city(&mut self, city: PreparedMesh) {
        self.city = Some(MeshLayer::new(&self.device, &self.queue, &self.pipelines, city));
        self.drawn = None;
    }

    /// Shows this part, in millimetres.
    pub fn set_part(&mut self, part: &Part) {
        self.upload_part(prepare_part(part));
    }

    /// Shows this part, in millimetres.
    pub fn upload_part(&mut self, part: PreparedMesh) {
        self.part = Some(MeshLayer::new(&self.device, &self.queue, &self.pipelines, part));
        self.drawn = None;
    }

    /// Shows where these photos were taken from.
    pub fn set_photos(&mut self, reconstruction: &Reconstruction) {
        self.upload_photos(prepare_photos(reconstruction));
    }

    /// Shows where these photos were taken from.
    pub fn upload_photos(&mut self, photos: PreparedPhotos) {
        let lines = cameras::residual_lines(&photos.residuals);
        self.residual_lines = Some(LineLayer::new(&self.device, &self.queue, &lines));
        (self.photos, self.photo_lines, self.drawn) = (photos, None, None);
    }

    /// Shows these lines upon everything else.
    pub fn set_polylines(&mut self, polylines: &[Polyline]) {
        let lines = cameras::polyline_lines(polylines);
        self.polylines = Some(LineLayer::new(&self.device, &self.queue, &lines));
        self.drawn = None;
    }

    /// Forgets everything that is shown; camera and options stay.
    pub fn clear(&mut self) {
        (self.sparse, self.dense, self.city, self.part) = (None, None, None, None);
        self.photos = PreparedPhotos::default();
        (self.photo_lines, self.residual_lines, self.polylines, self.drawn) = (None, None, None, None);
    }

    /// Changes the size of the picture in pixels; [`Self::colour_view`] is another one afterwards.
    pub fn resize(&mut self, width: u32, height: u32) {
        if [width, height].map(|s| s.max(1)) != self.targets.size {
            self.targets = Targets::new(&self.device, [width, height]);
            self.drawn = None;
        }
    }

    /// Width and height of the picture in pixels.
    pub fn size(&self) -> [u32; 2] {
        self.targets.size
    }

    /// The picture, `Rgba8Unorm` with sRGB values, as a window registers it.
    pub fn colour_view(&self) -> &wgpu::TextureView {
        &self.targets.colour_view
    }

    /// Whether the picture shows something else than it should, or only a coarse copy of it.
    pub fn is_dirty(&self) -> bool {
        self.drawn != Some((self.camera, self.options, false))
    }

    /// The box around what is shown (strays of the clouds aside); the photos count only where nothing else is shown.
    pub fn bounds(&self) -> Option<(Vector3<f64>, Vector3<f64>)> {
        let o = &self.options;
        let scene = [
            self.city.as_ref().filter(|_| o.city).and_then(|l| l.bounds),
            self.part.as_ref().filter(|_| o.part).and_then(|l| l.bounds),
            self.sparse.as_ref().filter(|_| o.sparse).and_then(|l| l.bounds),
            self.dense.as_ref().filter(|_| o.dense).and_then(|l| l.bounds),
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

    fn frame(&self, origin: &Vector3<f64>, coarse: bool, edge: f64) -> Frame {
        let camera = &self.camera;
        let edge = (edge / camera.pixel_size_at_depth_one(self.targets.size)) as f32;
        let [right, up, forward] = camera.axes();
        let eye = if camera.orthographic { -forward } else { camera.eye() - origin };
        // From over the left shoulder, and always a little from above.
        let light = (up * 0.4 - right * 0.9 - forward * 0.5 + Vector3::z() * 0.6).normalize();
        let wide = |v: Vector3<f64>, w: f32| [v.x as f32, v.y as f32, v.z as f32, w];
        let shading = match self.options.shading {
            Shading::Texture if coarse => 4,
            shading => shading as u32,
        };
        Frame {
            clip_from_local: camera.clip_from_local(origin, self.targets.size),
            eye: wide(eye, if camera.orthographic { 0.0 } else { 1.0 }),
            light: wide(light, 0.0),
            palette: VIEW_CLASSES
                .map(|(_, [r, g, b])| [r, g, b].map(|v| f32::from(v) / 255.0))
                .map(|[r, g, b]| [r, g, b, 1.0]),
            size: self.targets.size.map(|s| s as f32),
            point_px: self.options.point_px.clamp(1.0, 64.0),
            near: camera.near() as f32,
            shading,
            edge,
            pad1: 0,
            pad2: 0,
        }
    }

    /// Draws the picture if it is not what it should be; `moving` allows coarse copies. Returns whether it drew.
    pub fn render(&mut self, moving: bool) -> bool {
        let meshes = [(&self.city, self.options.city), (&self.part, self.options.part)];
        let has_coarse = meshes.iter().any(|(l, on)| *on && l.as_ref().is_some_and(MeshLayer::has_coarse));
        let clouds = [(&self.sparse, self.options.sparse), (&self.dense, self.options.dense)];
        let many =
            clouds.iter().any(|(l, on)| *on && l.as_ref().is_some_and(|c| c.points.len() > self.options.moving_budget));
        let coarse = moving && (has_coarse && self.options.coarse_when_moving || many);
        let wanted = (self.camera, self.options, coarse);
        if self.drawn == Some(wanted) {
            return false;
        }
        if self.photo_lines.as_ref().is_none_or(|(_, lit)| *lit != self.options.highlight) {
            let lines = cameras::frustum_lines(&self.photos.frusta, self.options.highlight);
            self.photo_lines = Some((LineLayer::new(&self.device, &self.queue, &lines), self.options.highlight));
        }
        let mut encoder = self.device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
        self.draw(&mut encoder, moving);
        self.queue.submit([encoder.finish()]);
        self.drawn = Some(wanted);
        true
    }

    fn draw(&self, encoder: &mut wgpu::CommandEncoder, moving: bool) {
        let o = &self.options;
        let bind = |pass: &mut wgpu::RenderPass<'_>, layer: Layer, origin: &Vector3<f64>, coarse, edge| {
            let binding = &self.bindings[layer as usize];
            self.queue.write_buffer(&binding.buffer, 0, bytemuck::bytes_of(&self.frame(origin, coarse, edge)));
            pass.set_bind_group(0, &binding.group, &[]);
        };
        let mut pass = self.targets.pass(encoder, o.background);
        for (layer, mesh, on) in [(Layer::City, &self.city, o.city), (Layer::Part, &self.part, o.part)] {
            if let Some(mesh) = mesh.as_ref().filter(|_| on) {
                let coarse = moving && o.coarse_when_moving && mesh.has_coarse();
                bind(&mut pass, layer, &mesh.origin, coarse, mesh.edge(coarse));
                mesh.draw(&mut pass, &self.pipelines, coarse, o.wireframe);
            }
        }
        pass.set_pipeline(&self.pipelines.points);
        let budget = if moving { o.moving_budget.min(o.point_budget) } else { o.point_budget };
        for (layer, cloud, on) in [(Layer::Sparse, &self.sparse, o.sparse), (Layer::Dense, &self.dense, o.dense)] {
            if let Some(cloud) = cloud.as_ref().filter(|_| on) {
                bind(&mut pass, layer, &cloud.origin, false, 0.0);
                cloud.draw(&mut pass, budget);
            }
        }
        let photos = self.photo_lines.as_ref().map(|(lines, _)| lines);
        for (layer, lines, on, pipeline) in [
            (Layer::Photos, photos, o.photos, &self.pipelines.lines),
            (Layer::Residuals, self.residual_lines.as_ref(), o.residuals, &self.pipelines.lines),
            (Layer::Polylines, self.polylines.as_ref(), o.polylines, &self.pipelines.overlay),
        ] {
            if let Some(lines) = lines.filter(|_| on) {
                pass.set_pipeline(pipeline);
                bind(&mut pass, layer, &lines.origin, false, 0.0);
                lines.draw(&mut pass);
            }
        }
    }

    pub(super) fn parts(&self) -> (&wgpu::Device, &wgpu::Queue, &wgpu::Texture) {
        (&self.device, &self.queue, &self.targets.colour)
    }
}
