//! The project that the window shows: what is on disk, read when it changed, and ready to be drawn.

use super::control::ControlState;
use super::edits::Edits;
use super::work::{Board, Work};
use crate::base::{Diagnostic, Fingerprint, PhotoId};
use crate::camera::FocalSource;
use crate::order::Order;
use crate::pipeline::{self, RunRequest, StageName};
use crate::project::{Project, ProjectError, Verdict};
use crate::scene::{ControlPoint, Flight, Georeference, Reconstruction};
use nalgebra::Vector3;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// One photo in tables and grids. What is not known yet is `None`.
#[derive(Clone, Debug, PartialEq)]
pub struct PhotoRow {
    /// The file.
    pub path: PathBuf,
    /// Name to show.
    pub name: String,
    /// Its id in the flight; `None` before ingest and for photos that take no part.
    pub id: Option<PhotoId>,
    /// EXIF orientation.
    pub orientation: u8,
    /// What the user thinks of it; `None` = accepted.
    pub verdict: Option<Verdict>,
    /// Why the program left it out.
    pub left_out: Option<String>,
    /// Seconds since 1970.
    pub time_s: Option<f64>,
    /// Camera and lens.
    pub camera: String,
    /// Height above the take-off in metres.
    pub height_m: Option<f64>,
    /// Size of a pixel on the ground at the take-off's height in metres.
    pub gsd_m: Option<f64>,
    /// Whether it has a pose.
    pub registered: Option<bool>,
    /// Sparse points that it sees.
    pub observations: usize,
    /// RMS reprojection error in pixels.
    pub rms_px: Option<f64>,
    /// Standard deviation of the camera centre in metres: the root of the three axes' squares.
    pub sigma_m: Option<f64>,
    /// Adjusted minus measured position in metres.
    pub gps_residual: Option<Vector3<f64>>,
}

/// An open project.
pub struct Session {
    /// The folder.
    pub root: PathBuf,
    /// The project while no run has it; `None` too when another process holds it.
    pub project: Option<Project>,
    /// Why nothing can be changed.
    pub read_only: Option<String>,
    /// The run at work.
    pub work: Option<Work>,
    /// States of the stages.
    pub board: Board,
    /// What the next run shall do.
    pub request: RunRequest,
    /// The flight, once there is one.
    pub flight: Option<Arc<Flight>>,
    /// The sparse model, once there is one.
    pub sparse: Option<Arc<Reconstruction>>,
    /// All photos of the project.
    pub rows: Vec<PhotoRow>,
    /// Control points, where they are, and how they fit.
    pub control: ControlState,
    /// The print order that the project holds.
    pub order: Option<Order>,
    /// The current artifact of each stage.
    pub current: BTreeMap<String, Fingerprint>,
    /// Edits of this session.
    pub edits: Edits,
    /// Grows when `flight`, `sparse` or `rows` change.
    pub generation: u64,
    /// `Board::results` when the results were last read.
    seen_results: u64,
}

impl Session {
    /// Opens a project, or makes a new one with these photos. A project that another process holds opens to be read.
    pub fn open(root: &Path, photos: Option<Vec<PathBuf>>) -> Result<Self, ProjectError> {
        let (project, read_only) = match Project::open_or_create(root) {
            Ok(mut project) => {
                if let Some(photos) = photos {
                    project.update(|m| m.photos = photos)?;
                }
                (Some(project), None)
            }
            Err(e @ ProjectError::Locked { .. }) => (None, Some(e.to_string())),
            Err(e) => return Err(e),
        };
        let manifest = Project::open_to_read(root)?.manifest().clone();
        let title = root.file_stem().map_or_else(|| "city".into(), |s| s.to_string_lossy().into_owned());
        let request = serde_json::from_value(manifest.request).unwrap_or_default();
        let mut session = Self {
            root: root.to_path_buf(),
            project,
            read_only,
            work: None,
            board: Board::default(),
            request: RunRequest { title, ..request },
            flight: None,
            sparse: None,
            rows: Vec::new(),
            control: ControlState::default(),
            order: None,
            current: BTreeMap::new(),
            edits: Edits::default(),
            generation: 0,
            seen_results: 0,
        };
        session.reload()?;
        Ok(session)
    }

    /// Name to show.
    pub fn title(&self) -> String {
        self.root.file_name().map_or_else(|| self.root.display().to_string(), |n| n.to_string_lossy().into_owned())
    }

    /// Reads the project again: states, flight, sparse model, rows.
    pub fn reload(&mut self) -> Result<(), ProjectError> {
        let mut reader = Project::open_to_read(&self.root)?;
        let log = std::mem::take(&mut self.board.log);
        let log = if log.is_empty() { said_before(&reader) } else { log };
        self.board = Board { log, ..Board::new(pipeline::states(&mut reader, &self.request)) };
        self.read_results(&reader);
        Ok(())
    }

    fn read_results(&mut self, reader: &Project) {
        let read_flight = reader.current("ingest").and_then(|a| a.get::<Flight>("output"));
        self.flight = read_flight.ok().map(Arc::new);
        let photos = self.flight.as_ref().map_or(0, |f| f.photos.len());
        let read_sparse = reader.current("sparse").and_then(|a| a.get::<Reconstruction>("output"));
        self.sparse = read_sparse.ok().filter(|s| s.poses.len() == photos).map(Arc::new);
        let manifest = reader.manifest();
        self.current = manifest.current.clone();
        self.order = serde_json::from_value(manifest.order.clone()).ok();
        let verdict = |path: &PathBuf| manifest.verdicts.get(path).cloned();
        self.rows = rows(&manifest.photos, self.flight.as_deref(), self.sparse.as_deref(), &verdict);
        self.generation += 1;
        self.control.follow(&manifest.control, self.flight.as_deref(), self.sparse.as_deref());
    }

    /// Replaces the control points, measures them against the present poses, and looks which stages went stale. The
    /// results themselves stay as they are.
    pub fn set_control(&mut self, points: Vec<ControlPoint>) -> Result<(), ProjectError> {
        let Some(project) = self.project.as_mut() else { return Ok(()) };
        self.edits.set_control(project, points)?;
        let points = project.manifest().control.clone();
        let log = std::mem::take(&mut self.board.log);
        self.board = Board { log, ..Board::new(pipeline::states(project, &self.request)) };
        self.control.follow(&points, self.flight.as_deref(), self.sparse.as_deref());
        Ok(())
    }

    /// Replaces the print order.
    pub fn set_order(&mut self, order: &Order) -> Result<(), ProjectError> {
        let Some(project) = self.project.as_mut() else { return Ok(()) };
        self.edits.set_order(project, order)?;
        self.order = Some(order.clone());
        Ok(())
    }

    /// Follows the run: takes in its board and its end. Returns a message for the user where the run ended badly.
    pub fn poll(&mut self) -> Option<(String, String)> {
        let work = self.work.as_mut()?;
        self.board = work.board();
        let ended = work.take_ended();
        if self.board.results != self.seen_results {
            self.seen_results = self.board.results;
            if let Ok(reader) = Project::open_to_read(&self.root) {
                self.read_results(&reader);
            }
        }
        let ended = ended?;
        self.work = None;
        self.seen_results = 0;
        match ended {
            Ok(ended) => {
                self.project = Some(ended.project);
                match ended.outcome {
                    Ok(_) => {}
                    Err(pipeline::StageError::Cancelled) => return None,
                    Err(e) => return Some((e.to_string(), e.hint())),
                }
                self.reload().err().map(|e| (e.to_string(), e.hint().to_string()))
            }
            Err(message) => Some((message, "open the project again; finished work is kept".into())),
        }
    }

    /// Gives photos a verdict and looks which stages went stale by it.
    pub fn judge(&mut self, photos: &[PathBuf], verdict: Option<&Verdict>) -> Result<(), ProjectError> {
        let Some(project) = self.project.as_mut() else { return Ok(()) };
        self.edits.judge(project, photos, verdict)?;
        self.reload()
    }

    /// Takes photos to be at their new places.
    pub fn relink(&mut self, moved: Vec<(PathBuf, PathBuf)>) -> Result<(), ProjectError> {
        let Some(project) = self.project.as_mut() else { return Ok(()) };
        self.edits.relink(project, moved)?;
        self.reload()
    }

    /// Adds photos; says how many were new.
    pub fn add_photos(&mut self, photos: &[PathBuf]) -> Result<usize, ProjectError> {
        let Some(project) = self.project.as_mut() else { return Ok(0) };
        let new = self.edits.add_photos(project, photos)?;
        self.reload().map(|()| new)
    }

    /// Takes the last edit back.
    pub fn undo(&mut self) -> Result<(), ProjectError> {
        let Some(project) = self.project.as_mut() else { return Ok(()) };
        self.edits.undo(project)?;
        self.reload()
    }

    /// Makes the last edit that was taken back again.
    pub fn redo(&mut self) -> Result<(), ProjectError> {
        let Some(project) = self.project.as_mut() else { return Ok(()) };
        self.edits.redo(project)?;
        self.reload()
    }

    /// Whether something can be changed now.
    pub fn is_editable(&self) -> bool {
        self.project.is_some()
    }
}

/// What the stages had to say when their current results were made.
fn said_before(reader: &Project) -> Vec<(String, Diagnostic)> {
    let of_stage = |stage: StageName| {
        let done = reader.current(stage.word()).and_then(|a| a.done());
        let notes = done.map(|d| d.diagnostics).unwrap_or_default();
        notes.into_iter().map(move |d| (stage.word().to_string(), d))
    };
    StageName::ALL.into_iter().flat_map(of_stage).collect()
}

/// The rows of all photos, in the order of the files.
fn rows(
    photos: &[PathBuf],
    flight: Option<&Flight>,
    sparse: Option<&Reconstruction>,
    verdict: &dyn Fn(&PathBuf) -> Option<Verdict>,
) -> Vec<PhotoRow> {
    let name_of = |p: &PathBuf| p.file_name().map_or_else(String::new, |n| n.to_string_lossy().into_owned());
    let mut rows: Vec<PhotoRow> = photos
        .iter()
        .map(|path| PhotoRow {
            path: path.clone(),
            name: name_of(path),
            id: None,
            orientation: 1,
            verdict: verdict(path),
            left_out: None,
            time_s: None,
            camera: String::new(),
            height_m: None,
            gsd_m: None,
            registered: None,
            observations: 0,
            rms_px: None,
            sigma_m: None,
            gps_residual: None,
        })
        .collect();
    let Some(flight) = flight else { return rows };
    let place: BTreeMap<PathBuf, usize> = rows.iter().enumerate().map(|(i, r)| (r.path.clone(), i)).collect();
    for skipped in &flight.skipped {
        if let Some(&i) = place.get(&skipped.path) {
            rows[i].left_out = Some(skipped.reason.message.clone());
        }
    }
    let mut row_of = vec![usize::MAX; flight.photos.len()];
    for photo in &flight.photos {
        let Some(&i) = place.get(&photo.path) else { continue };
        row_of[photo.id.index()] = i;
        let camera = &flight.cameras[photo.camera.index()];
        let guessed = if camera.focal_source == FocalSource::Guess { ", focal length guessed" } else { "" };
        let row = &mut rows[i];
        row.id = Some(photo.id);
        row.name = photo.name.clone();
        row.orientation = photo.orientation;
        row.time_s = photo.time_s;
        row.camera = format!("{} {} x {}{guessed}", camera.label, camera.width, camera.height);
        row.height_m = photo.relative_altitude_m.or_else(|| photo.position.map(|p| p.centre.z));
        row.gsd_m = row.height_m.map(|h| h / camera.lens.f);
        row.registered = sparse.map(|s| s.poses[photo.id.index()].is_some());
    }
    let Some(sparse) = sparse else { return rows };
    for (&i, errors) in row_of.iter().zip(sparse.photo_errors()) {
        if let Some(row) = rows.get_mut(i) {
            (row.observations, row.rms_px) = errors;
        }
    }
    for (&i, sigma) in row_of.iter().zip(&sparse.centre_sigmas) {
        if let Some(row) = rows.get_mut(i) {
            row.sigma_m = sigma.map(|s| s.norm());
        }
    }
    if let Georeference::Local { residuals, .. } = &sparse.georeference {
        for r in residuals {
            if let Some(row) = rows.get_mut(row_of[r.photo.index()]) {
                row.gps_residual = Some(r.residual);
            }
        }
    }
    rows
}
