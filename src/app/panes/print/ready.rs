//! What the layout needs of a city, read and drawn once by a thread: the city itself, its picture from above, its heights
//! on a coarse grid, the well-covered rectangle, the printers.

use super::super::map::picture_of;
use super::estimate::Field;
use super::job::{Failure, Job};
use crate::app::session::Session;
use crate::base::Fingerprint;
use crate::mesh::bvh::Bvh;
use crate::order::{OrderError, Subject, printers};
use crate::print::printer::Printer;
use crate::print::{Rectangle, well_covered};
use crate::project::Project;
use crate::texture::render::{RenderOptions, dsm_and_ortho};
use eframe::egui::{self, ColorImage, TextureHandle, TextureOptions};
use nalgebra::Vector2;
use std::sync::Arc;

/// Pixels of the longer side of the picture.
const SIDE: f64 = 2048.0;

/// All of it but the picture's texture.
pub(super) struct Ready {
    pub(super) subject: Arc<Subject>,
    /// The city's surface, to find the photos behind a place.
    pub(super) surface: Arc<Bvh>,
    pub(super) field: Field,
    /// The largest well-covered rectangle, where there is one.
    pub(super) well: Option<Rectangle>,
    /// The printers, or why the list cannot be read.
    pub(super) printers: Result<Vec<Printer>, (String, String)>,
    /// The box around the city on the ground.
    pub(super) bounds: (Vector2<f64>, Vector2<f64>),
    /// North-west and south-east corner of the picture.
    corners: [Vector2<f64>; 2],
    image: Option<ColorImage>,
}

/// The city's picture.
pub(super) struct Picture {
    pub(super) texture: TextureHandle,
    pub(super) corners: [Vector2<f64>; 2],
}

/// Follows the project's city.
#[derive(Default)]
pub(super) struct Loads {
    asked: Option<Fingerprint>,
    job: Option<Job<Ready>>,
    pub(super) there: Option<Arc<Ready>>,
    pub(super) picture: Option<Picture>,
    pub(super) failed: Option<Failure>,
}

impl Loads {
    /// Asks for what belongs to the city that the project has now; true when it came in this frame.
    pub(super) fn follow(&mut self, session: &Session, ctx: &egui::Context) -> bool {
        let mut came = false;
        if let Some(outcome) = self.job.as_ref().and_then(Job::ended) {
            self.job = None;
            match outcome {
                Ok(mut ready) => {
                    let corners = ready.corners;
                    self.picture = ready.image.take().map(|image| Picture {
                        texture: ctx.load_texture("city from above", image, TextureOptions::LINEAR),
                        corners,
                    });
                    self.there = Some(Arc::new(ready));
                    came = true;
                }
                Err(why) => self.failed = Some(why),
            }
        }
        let Some(key) = session.current.get("city").filter(|_| session.work.is_none()) else { return came };
        if self.asked.as_ref() != Some(key) {
            self.asked = Some(key.clone());
            self.failed = None;
            let root = session.root.clone();
            self.job = Some(Job::start("Reading the city", ctx, move |_| {
                let project = Project::open_to_read(&root)?;
                load(Subject::of(&project)?)
            }));
        }
        came
    }

    /// Whether the city is being read.
    pub(super) fn is_busy(&self) -> bool {
        self.job.is_some()
    }
}

fn load(subject: Subject) -> Result<Ready, OrderError> {
    let city = &subject.city;
    let (low, high) = city.mesh.bounds().unwrap_or_default();
    let gsd = ((high - low).xy().max() / SIDE).max(city.texel_m).max(1e-9);
    let ortho = dsm_and_ortho(city, [low.x, low.y, high.x, high.y], gsd, &RenderOptions::default());
    let north_west = Vector2::from(ortho.origin);
    let size = Vector2::new(ortho.image.width as f64, -(ortho.image.height as f64)) * ortho.gsd;
    let well = well_covered(city).ok();
    Ok(Ready {
        surface: Arc::new(Bvh::new(&city.mesh)),
        field: Field::of(&ortho),
        well,
        printers: printers::all_printers().map_err(|e| (e.to_string(), e.hint())),
        bounds: (low.xy(), high.xy()),
        corners: [north_west, north_west + size],
        image: Some(picture_of(&ortho)),
        subject: Arc::new(subject),
    })
}
