//! Drawing the view: what is in sight, as much of it as there is time for.
//!
//! While the view moves, one picture is drawn in a single pass, with as much detail as fits a frame: all triangles or
//! the coarse copy, the points that matter most. When it rests, the whole picture is drawn once, in passes that each
//! take about a frame; it appears when it is finished, and is given up when the view moves again. Slow adapters draw the
//! moving picture at half the size. Which points and triangles a moving picture has depends on the speed of the device;
//! the resting picture does not.

use super::cameras::LineLayer;
use super::mesh::{SURFACE_COLOURS, VIEW_CLASSES};
use super::pace::{DOT, LINE, POINT};
use super::pipelines::{Frame, PipelineSet};
use super::targets::Picture;
use super::viewing::Sight;
use super::viewport::{Layer, Viewport, Wanted};
use super::{COLOUR_MAP, Shading, cameras};
use nalgebra::Vector3;

/// Time for a moving picture in milliseconds: on slow adapters and on others.
const FRAME_MS: [f64; 2] = [45.0, 10.0];
/// Time for one pass of a resting picture in milliseconds.
const PASS_MS: [f64; 2] = [30.0, 10.0];
/// Points closer than this on the screen need no finer ones.
const FINE_PX: f64 = 1.0;
/// The largest size to which points grow to fill gaps, in pixels.
const LARGEST_POINT_PX: f32 = 6.0;
/// Points drawn by one piece of a plan.
const RUN: u32 = 1 << 14;
/// Size in pixels from which points are round.
const ROUND_PX: f32 = 3.5;

/// What a call of [`Viewport::render`] did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Drawing {
    /// The picture shows what it should already.
    Nothing,
    /// The picture was drawn.
    Drawn,
    /// Part of the picture was drawn, and it does not show yet: call again soon.
    Unfinished,
}

/// One piece of a picture.
#[derive(Clone, Copy, Debug)]
enum Item {
    Faces { layer: Layer, piece: usize, coarse: bool },
    Edges { layer: Layer, piece: usize, coarse: bool },
    Points { layer: Layer, run: (u32, u32), dots: bool },
    Lines { layer: Layer },
}

/// What is to be drawn, with the work of each piece.
#[derive(Debug)]
pub(super) struct Plan {
    items: Vec<(Item, f64)>,
    next: usize,
    wanted: Wanted,
    point_px: f32,
}

impl Plan {
    pub(super) fn is_for(&self, wanted: &Wanted) -> bool {
        self.wanted == *wanted
    }
}

impl Viewport {
    /// Draws the picture if it is not what it should be; `moving` allows less detail.
    pub fn render(&mut self, moving: bool) -> Drawing {
        // Lets the device report what it has finished.
        let _ = self.device.poll(wgpu::PollType::Poll);
        let wanted = Wanted { camera: self.camera, options: self.options, moving: moving && self.is_lessened() };
        let busy = self.pace_moving.is_busy() | self.pace_whole.is_busy();
        if self.drawn == Some(wanted) && self.plan.is_none() {
            return Drawing::Nothing;
        }
        self.update_lines();
        if wanted.moving {
            self.plan = None;
            if self.drawn == Some(wanted) {
                return Drawing::Nothing;
            }
            let budget = self.pace_moving.budget(FRAME_MS[usize::from(!self.slow)]);
            let plan = self.planned(wanted, Some(budget));
            let units = plan.items.iter().map(|i| i.1).sum();
            self.submit(&plan, 0..plan.items.len());
            self.pace_moving.submitted(&self.queue, units);
            self.drawn = Some(wanted);
            return Drawing::Drawn;
        }
        if self.plan.as_ref().is_none_or(|p| !p.is_for(&wanted)) {
            self.plan = Some(self.planned(wanted, None));
        }
        if busy && self.slow {
            return Drawing::Unfinished;
        }
        let budget = self.pace_whole.budget(PASS_MS[usize::from(!self.slow)]);
        self.advance(budget)
    }

    /// Draws the whole picture now, however long it takes.
    pub fn render_whole(&mut self) {
        let wanted = Wanted { camera: self.camera, options: self.options, moving: false };
        if self.drawn != Some(wanted) {
            self.update_lines();
            self.plan = Some(self.planned(wanted, None));
            self.advance(f64::INFINITY);
        }
    }

    /// Draws pieces of the plan for so many units.
    fn advance(&mut self, budget: f64) -> Drawing {
        let Some(mut plan) = self.plan.take() else { return Drawing::Nothing };
        let start = plan.next;
        let mut units = 0.0;
        while plan.next < plan.items.len() && (units < budget || plan.next == start) {
            units += plan.items[plan.next].1;
            plan.next += 1;
        }
        self.submit(&plan, start..plan.next);
        self.pace_whole.submitted(&self.queue, units);
        if plan.next < plan.items.len() {
            self.plan = Some(plan);
            return Drawing::Unfinished;
        }
        self.drawn = Some(plan.wanted);
        Drawing::Drawn
    }

    /// Whether moving pictures differ from resting ones.
    fn is_lessened(&self) -> bool {
        let o = &self.options;
        let mesh = [(&self.city, o.city), (&self.part, o.part)];
        let clouds = [(&self.sparse, o.sparse), (&self.dense, o.dense)];
        self.slow
            || mesh.iter().any(|(l, on)| *on && l.as_ref().is_some_and(|l| l.has_coarse()))
            || clouds.iter().any(|(l, on)| *on && l.as_ref().is_some_and(|l| l.cloud.len() > 200_000))
    }

    fn update_lines(&mut self) {
        if self.photo_lines.as_ref().is_none_or(|(_, lit)| *lit != self.options.highlight) {
            let lines = cameras::frustum_lines(&self.photos.frusta, self.options.highlight);
            self.photo_lines = Some((LineLayer::new(&self.device, &self.queue, &lines), self.options.highlight));
        }
    }

    /// What is to be drawn; with a budget, less than everything.
    fn planned(&self, wanted: Wanted, budget: Option<f64>) -> Plan {
        let (o, size) = (&self.options, self.targets.size);
        let sight = Sight::new(&self.camera, size);
        let mut plan = Plan { items: Vec::new(), next: 0, wanted, point_px: o.point_px };
        let mut left = budget.unwrap_or(f64::INFINITY);
        for (layer, on) in [(Layer::City, o.city), (Layer::Part, o.part)] {
            let Some(mesh) = self.mesh(layer).filter(|_| on) else { continue };
            let weight = if o.wireframe { 2.5 } else { 1.0 };
            let fine = mesh.in_sight(&sight, false);
            let work: f64 = fine.iter().map(|p| f64::from(p.1) * weight).sum();
            let coarse = work > left && mesh.has_coarse();
            let pieces = if coarse { mesh.in_sight(&sight, true) } else { fine };
            plan.items.extend(pieces.iter().map(|&(piece, n)| (Item::Faces { layer, piece, coarse }, f64::from(n))));
            if o.wireframe {
                let edges = pieces.iter().map(|&(piece, n)| (Item::Edges { layer, piece, coarse }, f64::from(n) * 1.5));
                plan.items.extend(edges);
            }
            left -= pieces.iter().map(|p| f64::from(p.1) * weight).sum::<f64>();
        }
        let dots = wanted.moving && self.slow;
        for (layer, on) in [(Layer::Sparse, o.sparse), (Layer::Dense, o.dense)] {
            let Some(cloud) = self.cloud(layer).filter(|_| on) else { continue };
            let each = if dots { DOT } else { POINT };
            let affordable = (left.max(0.0) / each).min(1e9) as usize;
            let selection = cloud.select(&self.camera, size, o.point_budget.min(affordable.max(20_000)), FINE_PX);
            plan.point_px = plan.point_px.max((selection.gap_px as f32).min(LARGEST_POINT_PX));
            for (start, count) in selection.runs {
                for at in (0..count).step_by(RUN as usize) {
                    let run = (start + at, RUN.min(count - at));
                    plan.items.push((Item::Points { layer, run, dots }, f64::from(run.1) * each));
                }
            }
            left -= selection.points as f64 * each;
        }
        for (layer, on) in [
            (Layer::Photos, o.photos),
            (Layer::Residuals, o.residuals),
            (Layer::Lines, o.polylines),
            (Layer::Overlay, o.polylines),
        ] {
            if let Some(lines) = self.lines(layer).filter(|l| on && l.count > 0) {
                plan.items.push((Item::Lines { layer }, f64::from(lines.count) * LINE));
            }
        }
        plan
    }

    /// Draws some pieces of a plan into its picture; the last ones make it appear.
    fn submit(&mut self, plan: &Plan, range: std::ops::Range<usize>) {
        let (first, last) = (range.start == 0, range.end == plan.items.len());
        let small = plan.wanted.moving && self.targets.small.is_some();
        let picture = self.targets.small.as_ref().filter(|_| small).unwrap_or(&self.targets.whole);
        if first {
            self.write_frames(plan, picture);
        }
        let o = &plan.wanted.options;
        let opaque = o.background.map(|v| f64::from(v) / 255.0);
        let background = if o.transparent { [0.0; 4] } else { [opaque[0], opaque[1], opaque[2], 1.0] };
        let mut encoder = self.device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
        {
            let mut pass = picture.pass(&mut encoder, first.then_some(background), last);
            let set = self.pipelines.set(picture.samples(), o.clip.is_some());
            let mut bound = None;
            for (item, _) in &plan.items[range] {
                let round = plan.point_px > ROUND_PX;
                self.draw_item(&mut pass, set, item, round, &mut bound);
            }
        }
        self.queue.submit([encoder.finish()]);
        if last {
            self.shows_small = small;
        }
    }

    fn draw_item(
        &self,
        pass: &mut wgpu::RenderPass<'_>,
        set: &PipelineSet,
        item: &Item,
        round: bool,
        bound: &mut Option<(std::mem::Discriminant<Item>, Layer)>,
    ) {
        let layer = match *item {
            Item::Faces { layer, .. } | Item::Edges { layer, .. } | Item::Points { layer, .. } => layer,
            Item::Lines { layer } => layer,
        };
        if bound.replace((std::mem::discriminant(item), layer)) != Some((std::mem::discriminant(item), layer)) {
            pass.set_pipeline(match item {
                Item::Faces { .. } => &set.mesh,
                Item::Edges { .. } => &set.wire,
                Item::Points { dots: true, .. } => &set.dots,
                Item::Points { .. } if round => &set.discs,
                Item::Points { .. } => &set.points,
                Item::Lines { layer: Layer::Overlay } => &set.overlay,
                Item::Lines { .. } => &set.lines,
            });
            pass.set_bind_group(0, &self.bindings[layer as usize].group, &[]);
        }
        match *item {
            Item::Faces { piece, coarse, .. } | Item::Edges { piece, coarse, .. } => {
                if let Some(mesh) = self.mesh(layer) {
                    mesh.draw(pass, piece, coarse, matches!(item, Item::Edges { .. }));
                }
            }
            Item::Points { run, dots, .. } => {
                if let Some(cloud) = self.cloud(layer) {
                    cloud.draw(pass, run, dots);
                }
            }
            Item::Lines { .. } => {
                if let Some(lines) = self.lines(layer) {
                    lines.draw(pass);
                }
            }
        }
    }

    /// Fills the uniforms of all layers that the plan draws.
    fn write_frames(&self, plan: &Plan, picture: &Picture) {
        let write = |layer: Layer, origin: &Vector3<f64>, coarse: bool, edge: f64| {
            let frame = self.frame(plan, picture, origin, coarse, edge);
            self.queue.write_buffer(&self.bindings[layer as usize].buffer, 0, bytemuck::bytes_of(&frame));
        };
        for layer in [Layer::City, Layer::Part] {
            if let Some(mesh) = self.mesh(layer) {
                let is_coarse =
                    |i: &(Item, f64)| matches!(i.0, Item::Faces { layer: l, coarse: true, .. } if l == layer);
                let coarse = plan.items.iter().any(is_coarse);
                write(layer, &mesh.origin, coarse, mesh.edge(coarse));
            }
        }
        for layer in [Layer::Sparse, Layer::Dense] {
            if let Some(cloud) = self.cloud(layer) {
                write(layer, &cloud.cloud.origin, false, 0.0);
            }
        }
        for layer in [Layer::Photos, Layer::Residuals, Layer::Lines, Layer::Overlay] {
            if let Some(lines) = self.lines(layer) {
                write(layer, &lines.origin, false, 0.0);
            }
        }
    }

    fn frame(&self, plan: &Plan, picture: &Picture, origin: &Vector3<f64>, coarse: bool, edge: f64) -> Frame {
        let (camera, options) = (&plan.wanted.camera, &plan.wanted.options);
        let edge = (edge / camera.pixel_size_at_depth_one(picture.size)) as f32;
        let [right, up, forward] = camera.axes();
        let eye = if camera.orthographic { -forward } else { camera.eye() - origin };
        // From over the left shoulder, and always a little from above.
        let light = (up * 0.4 - right * 0.9 - forward * 0.5 + Vector3::z() * 0.6).normalize();
        let wide = |v: Vector3<f64>, w: f32| [v.x as f32, v.y as f32, v.z as f32, w];
        let scale = picture.size[1] as f32 / self.targets.size[1] as f32;
        let opaque = |[r, g, b]: [u8; 3]| [r, g, b, 255].map(|v| f32::from(v) / 255.0);
        let (low, high) = self.heights().unwrap_or((0.0, 1.0));
        Frame {
            clip_from_local: camera.clip_from_local(origin, self.targets.size),
            eye: wide(eye, if camera.orthographic { 0.0 } else { 1.0 }),
            light: wide(light, 0.0),
            palette: VIEW_CLASSES.map(|(_, colour)| opaque(colour)),
            surfaces: SURFACE_COLOURS.map(|(_, colour)| opaque(colour)),
            map: COLOUR_MAP.map(opaque),
            planes: options.clip.map_or([[0.0, 0.0, 0.0, 1.0]; 6], |c| c.planes(origin)),
            size: picture.size.map(|s| s as f32),
            point_px: (plan.point_px.clamp(1.0, 64.0) * scale).max(1.0),
            near: camera.near() as f32,
            shading: match options.shading {
                Shading::Classes if self.has_classes() => 7,
                Shading::Texture | Shading::Confidence | Shading::Classes if coarse => 4,
                Shading::Texture | Shading::Classes => 0,
                Shading::Clay => 1,
                Shading::Normals => 2,
                Shading::Views => 3,
                Shading::Height => 5,
                Shading::Confidence => 6,
            },
            edge,
            range: [(low - origin.z) as f32, (high - origin.z) as f32],
            scale,
            pad1: 0.0,
            pad2: 0.0,
            pad3: 0.0,
        }
    }
}
