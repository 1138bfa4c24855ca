//! A procedural city photographed by a simulated drone, with exact truth: for tests, for measuring, for the demo.
//!
//! In: [`SynthOptions`]. Out: files by a callback (`images/*.jpg` with EXIF and XMP, `truth/truth.json`,
//! `truth/truth.ply`, and if asked `truth/ortho.png`, `truth/dsm.npy`, `extra_views/*.jpg`), and the truth as data.
//! Equal options give equal bytes on any number of threads. Cost: about 0.6 s for a photo of 0.6 megapixels on two cores.
//! Not simulated: rolling shutter, motion blur, wind in trees.

pub mod builder;
pub mod bvh;
pub mod city;
mod control;
pub mod flight;
mod light;
mod material;
pub mod metadata;
mod noise;
pub mod plan;
pub mod render;
pub mod sensor;
pub mod surface;
mod traverse;
pub mod truth;

use crate::base::{Cancelled, Ctx};
use crate::camera::Lens;
use crate::geometry::Rigid3;
use crate::scene::ControlPoint;
use flight::{Kind, Shot};
use metadata::PhotoMetadata;
use nalgebra::Vector3;
use render::{Moving, RayTable, Sampling, Scene};
use sensor::Exposure;
use serde::{Deserialize, Serialize};
use truth::{CLASSES, Truth, TruthCamera, TruthMesh, TruthOrigin, TruthPhoto, TruthRaster, TruthView};

/// What to generate.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct SynthOptions {
    /// Number of photos.
    pub photos: u32,
    /// Width of a photo in pixels (3:2).
    pub width: u32,
    /// Seed of the city and of the flight.
    pub seed: u64,
    /// Size of the area of interest in metres, east and north.
    pub area_m: [f64; 2],
    /// Flying height in metres; without it, the lowest that covers the area with the photos.
    pub height_m: Option<f64>,
    /// Overlap of neighbouring photos in a strip, 0..1.
    pub overlap_along: f64,
    /// Overlap of neighbouring strips, 0..1.
    pub overlap_across: f64,
    /// Share of oblique photos, 0..1.
    pub oblique_share: f64,
    /// Standard deviation of each horizontal axis of the receiver in metres.
    pub gps_sigma_horizontal_m: f64,
    /// Standard deviation of the receiver's altitude in metres.
    pub gps_sigma_vertical_m: f64,
    /// How much of the receiver's error changes slowly over the flight, as real ones do: 1 = about a third of the
    /// variance, which no averaging removes; 0 = none.
    pub gps_drift: f64,
    /// Error of all altitudes in metres, as a barometer has it.
    pub altitude_offset_m: f64,
    /// Standard deviation of the gimbal's angles in degrees.
    pub attitude_sigma_deg: f64,
    /// Strength of the lens distortion; 1 = that of a small drone camera.
    pub distortion: f64,
    /// Loss of light in the corners, 0..1.
    pub vignetting: f64,
    /// Strength of exposure and white balance drift; 1 = usual.
    pub exposure_drift: f64,
    /// Strength of sensor noise; 1 = usual.
    pub noise: f64,
    /// Moving cars.
    pub moving_cars: u32,
    /// Samples along each side of a pixel.
    pub samples: u32,
    /// JPEG quality.
    pub quality: u8,
    /// Writes ortho, height map and extra views as well.
    pub rasters: bool,
}

impl Default for SynthOptions {
    fn default() -> Self {
        Self {
            photos: 24,
            width: 960,
            seed: 7,
            area_m: [150.0, 120.0],
            height_m: None,
            overlap_along: 0.80,
            overlap_across: 0.65,
            oblique_share: 0.40,
            gps_sigma_horizontal_m: 2.0,
            gps_sigma_vertical_m: 3.0,
            gps_drift: 1.0,
            altitude_offset_m: 0.0,
            attitude_sigma_deg: 1.5,
            distortion: 1.0,
            vignetting: 0.30,
            exposure_drift: 1.0,
            noise: 1.0,
            moving_cars: 8,
            samples: 2,
            quality: 93,
            rasters: true,
        }
    }
}

impl SynthOptions {
    /// Height of a photo in pixels.
    pub fn height(&self) -> u32 {
        self.width * 2 / 3
    }

    /// The true lens.
    pub fn lens(&self) -> Lens {
        let (w, h) = (f64::from(self.width), f64::from(self.height()));
        let d = self.distortion;
        Lens {
            f: 0.7375 * w,
            cx: 0.5 * w + 0.004 * w * d,
            cy: 0.5 * h - 0.0027 * w * d,
            k: [-0.060 * d, 0.020 * d, 0.0],
            p: [0.0005 * d, -0.0004 * d],
        }
    }
}

/// Why a flight could not be generated.
#[derive(Debug, thiserror::Error)]
pub enum SynthError {
    /// The user stopped it.
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
    /// An option is out of range.
    #[error("{option} is {value}, but must be {allowed}")]
    Option {
        /// The option.
        option: &'static str,
        /// Its value.
        value: f64,
        /// What would do.
        allowed: &'static str,
    },
    /// A picture could not be encoded.
    #[error("{name} could not be encoded: {source}")]
    Encode {
        /// The file.
        name: String,
        /// The encoder's error.
        source: image::ImageError,
    },
    /// The truth could not be written as JSON.
    #[error("truth.json could not be encoded: {source}")]
    Json {
        /// The encoder's error.
        #[from]
        source: serde_json::Error,
    },
    /// The receiver of the files failed.
    #[error("{name} could not be written: {source}")]
    Write {
        /// The file.
        name: String,
        /// Its error.
        source: std::io::Error,
    },
}

impl SynthError {
    /// What to do next.
    pub fn hint(&self) -> &'static str {
        match self {
            SynthError::Cancelled(_) => "Run it again; nothing is kept of a half-made flight.",
            SynthError::Option { .. } => "Change the option; `veduta synth --help` lists the ranges.",
            SynthError::Encode { .. } | SynthError::Json { .. } => {
                "This is a bug; please report it with the options used."
            }
            SynthError::Write { .. } => "Check that the folder can be written to and that the disk has room.",
        }
    }
}

/// What was generated, besides the files.
#[derive(Debug)]
pub struct SyntheticFlight {
    /// The truth, as in `truth.json`.
    pub truth: Truth,
    /// The true surface around the area of interest.
    pub surface: TruthMesh,
    /// Height above the ground in metres.
    pub height_m: f64,
    /// Size of a pixel on the ground of a nadir photo in metres.
    pub gsd_m: f64,
    /// Triangles of the whole city.
    pub triangles: usize,
    /// Control and check points with exact marks; photos by file name.
    pub control: Vec<ControlPoint>,
}

/// Origin of the local frame.
const ORIGIN: [f64; 3] = [52.37, 4.9, 20.0];

/// Receives the files: name with folder, bytes.
pub type Writer<'a> = dyn FnMut(&str, &[u8]) -> std::io::Result<()> + 'a;

/// Generates a city and a flight; every file goes to `write`.
pub fn generate(options: &SynthOptions, ctx: &Ctx, write: &mut Writer) -> Result<SyntheticFlight, SynthError> {
    check(options)?;
    let lens = options.lens();
    let (layout, shots) = flight::plan(options, &lens);
    let gsd = layout.height / lens.f;
    let total = shots.len() as u64 + 4 + if options.rasters { 4 } else { 0 };
    ctx.tick(0, total)?;
    let scene = build_scene(options, layout.height, gsd);
    ctx.tick(3, total)?;
    let (w, h) = (options.width as usize, options.height() as usize);
    let rays = RayTable::new(&lens, w, h).ok_or(SynthError::Option {
        option: "distortion",
        value: options.distortion,
        allowed: "small enough for the lens to image the whole frame",
    })?;
    let mut photos = Vec::new();
    for (k, shot) in shots.iter().enumerate() {
        ctx.tick(3 + k as u64, total)?;
        let (cars, solid) = city::traffic(&scene.city.plan, options.moving_cars, shot.time, options.seed);
        let moving = Moving::new(solid);
        let sampling = sampling(options, shot.time as f32, k as u32);
        let radiance = render::perspective(&scene, Some(&moving), &rays, &shot.pose, &sampling);
        let exposure = Exposure {
            gain: shot.gain,
            balance: shot.balance,
            vignetting: options.vignetting as f32,
            noise: options.noise as f32,
        };
        let image = sensor::develop(&radiance, &exposure, options.seed, k as u64);
        let file = file_name(k);
        let name = format!("images/{file}");
        let jpeg = sensor::jpeg(&image, options.quality)
            .map_err(|source| SynthError::Encode { name: name.clone(), source })?;
        put(write, &name, &metadata::embed(&jpeg, &photo_metadata(options, &lens, shot)))?;
        let mut photo = truth_photo(options, &lens, shot, file);
        photo.moving_cars_xyz_yaw = cars
            .iter()
            .map(|c| {
                let [x, y, z] = c.frame.map(f64::from);
                [x, y, z, f64::from(c.heading).to_degrees()]
            })
            .collect();
        photos.push(photo);
    }
    let [hw, hh] = options.area_m.map(|a| a / 2.0);
    let mut truth = Truth {
        world: "local ENU metres at origin; cam_from_world: x right, y down, z forward; pixel centres at 0.5".into(),
        origin: TruthOrigin { lat: ORIGIN[0], lon: ORIGIN[1], alt: ORIGIN[2] },
        camera: TruthCamera::new(&lens, options.width, options.height()),
        bounds: vec![[-hw, -hh], [hw, -hh], [hw, hh], [-hw, hh]],
        classes: CLASSES.iter().map(|c| (*c).to_string()).collect(),
        seed: options.seed,
        mesh: "truth.ply".into(),
        photos,
        ortho: None,
        dsm: None,
        extra_views: Vec::new(),
    };
    let surface = truth::clip(&scene.city.solid, [-hw - 30.0, -hh - 30.0], [hw + 30.0, hh + 30.0]);
    put(write, "truth/truth.ply", &truth::write_ply(&surface))?;
    if options.rasters {
        ctx.tick(total - 4, total)?;
        rasters(options, &scene, gsd, &mut truth, write)?;
        ctx.tick(total - 2, total)?;
        extra_views(options, &scene, layout.height, &mut truth, write)?;
    }
    put(write, "truth/truth.json", &serde_json::to_vec_pretty(&truth)?)?;
    ctx.tick(total, total)?;
    let triangles = scene.city.solid.triangles.len();
    let control = control::points(options, &scene, &lens, &shots, file_name);
    Ok(SyntheticFlight { truth, surface, height_m: layout.height, gsd_m: gsd, triangles, control })
}

fn file_name(photo: usize) -> String {
    format!("VDT_{:04}.jpg", photo + 1)
}

fn check(o: &SynthOptions) -> Result<(), SynthError> {
    let ranges: [(&'static str, f64, f64, f64, &'static str); 9] = [
        ("photos", f64::from(o.photos), 1.0, 5000.0, "between 1 and 5000"),
        ("width", f64::from(o.width), 96.0, 12000.0, "between 96 and 12000 pixels"),
        ("area (east)", o.area_m[0], 20.0, 1000.0, "between 20 and 1000 m"),
        ("area (north)", o.area_m[1], 20.0, 1000.0, "between 20 and 1000 m"),
        ("overlap along", o.overlap_along, 0.0, 0.97, "between 0 and 0.97"),
        ("overlap across", o.overlap_across, 0.0, 0.97, "between 0 and 0.97"),
        ("oblique share", o.oblique_share, 0.0, 0.95, "between 0 and 0.95"),
        ("GPS drift", o.gps_drift, 0.0, 1.0, "between 0 and 1"),
        ("samples", f64::from(o.samples), 1.0, 8.0, "between 1 and 8"),
    ];
    for (option, value, low, high, allowed) in ranges {
        if !(low..=high).contains(&value) {
            return Err(SynthError::Option { option, value, allowed });
        }
    }
    Ok(())
}

fn put(write: &mut Writer, name: &str, bytes: &[u8]) -> Result<(), SynthError> {
    write(name, bytes).map_err(|source| SynthError::Write { name: name.to_string(), source })
}

fn sampling(options: &SynthOptions, time: f32, stream: u32) -> Sampling {
    Sampling { per_side: options.samples as usize, time, seed: (options.seed as u32).wrapping_mul(31) ^ stream << 8 }
}

/// The city, large enough that even oblique photos see no edge of it near by.
pub fn build_scene(options: &SynthOptions, height: f64, gsd: f64) -> Scene {
    let half = options.area_m.map(|a| (a / 2.0 + (1.55 * height).min(400.0) + 25.0) as f32);
    let core = (0.5 * options.area_m[0].hypot(options.area_m[1]) + 15.0) as f32;
    let leaf = (3.5 * gsd).clamp(0.28, 0.9) as f32;
    let city = city::build(half, core, leaf, options.seed);
    Scene::new(city, render::sun_direction(214.0, 47.0))
}

/// Date, time and milliseconds of a moment of the flight.
fn clock(time: f64) -> (String, String, u32) {
    let ms = (time * 1000.0).round() as u64 + ((13 * 60 + 2) * 60 + 11) * 1000;
    let (s, ms) = (ms / 1000 % 86_400, (ms % 1000) as u32);
    let (h, m, s) = (s / 3600, s / 60 % 60, s % 60);
    (format!("2024:05:18 {h:02}:{m:02}:{s:02}"), format!("2024-05-18T{h:02}:{m:02}:{s:02}.{ms:03}"), ms)
}

fn photo_metadata(options: &SynthOptions, lens: &Lens, shot: &Shot) -> PhotoMetadata {
    let (date_time, _, milliseconds) = clock(shot.time);
    // A one-inch sensor, 13.2 mm wide.
    PhotoMetadata {
        make: "Veduta".into(),
        model: format!("Synthetic {}", options.width),
        date_time,
        milliseconds,
        exposure_s: 1.0 / (900.0 / f64::from(shot.gain)).round(),
        focal_mm: 13.2 * lens.f / f64::from(options.width),
        focal_35mm: (36.0 * lens.f / f64::from(options.width)).round() as u16,
        size: [options.width, options.height()],
        position: flight::geodetic(ORIGIN, &shot.measured),
        relative_altitude_m: shot.measured.z - 0.6,
        gimbal: shot.measured_angles,
    }
}

fn truth_photo(options: &SynthOptions, lens: &Lens, shot: &Shot, file: String) -> TruthPhoto {
    let centre = shot.pose.centre();
    let [lat, lon, alt] = flight::geodetic(ORIGIN, &centre);
    TruthPhoto {
        file,
        kind: if shot.kind == Kind::Nadir { "nadir" } else { "oblique" }.into(),
        camera: TruthCamera::new(lens, options.width, options.height()),
        cam_from_world: truth::rows_of(&shot.pose),
        centre: centre.into(),
        yaw_pitch_roll: shot.angles,
        lat,
        lon,
        alt,
        time: clock(shot.time).1,
        exposure: f64::from(shot.gain),
        moving_cars_xyz_yaw: Vec::new(),
    }
}

/// True colours from above and true heights.
fn rasters(o: &SynthOptions, scene: &Scene, gsd: f64, truth: &mut Truth, write: &mut Writer) -> Result<(), SynthError> {
    let [hw, hh] = o.area_m.map(|a| a / 2.0);
    let raster = |file: &str, gsd: f64| TruthRaster {
        file: file.into(),
        gsd,
        x0: -hw,
        y1: hh,
        width: Some((2.0 * hw / gsd).round() as usize),
        height: Some((2.0 * hh / gsd).round() as usize),
        scale: None,
    };
    let size = |r: &TruthRaster| [r.width.unwrap_or(1), r.height.unwrap_or(1)];
    // Rounded to whole centimetres, at most about three megapixels.
    let fine = (100.0 * gsd).ceil() / 100.0;
    let ortho = raster("ortho.png", fine.max((4.0 * hw * hh / 3e6).sqrt()));
    let radiance = render::straight_down(scene, ortho.x0, ortho.y1, ortho.gsd, size(&ortho), &sampling(o, 0.0, 900));
    let image = sensor::develop(&radiance, &Exposure::plain(), o.seed, 900);
    let png = sensor::png(&image).map_err(|source| SynthError::Encode { name: "truth/ortho.png".into(), source })?;
    put(write, "truth/ortho.png", &png)?;
    let mut dsm = raster("dsm.npy", fine.max(0.1));
    dsm.scale = Some(truth::DSM_SCALE);
    let heights = render::heights(scene, dsm.x0, dsm.y1, dsm.gsd, size(&dsm));
    put(write, "truth/dsm.npy", &truth::write_npy(&heights))?;
    (truth.ortho, truth.dsm) = (Some(ortho), Some(dsm));
    Ok(())
}

/// Four views between and below the flight's, for comparing textures.
fn extra_views(
    o: &SynthOptions,
    scene: &Scene,
    height: f64,
    truth: &mut Truth,
    write: &mut Writer,
) -> Result<(), SynthError> {
    let (w, h) = (o.width, o.height());
    let lens = Lens::ideal(0.7375 * f64::from(w), w, h);
    let Some(rays) = RayTable::new(&lens, w as usize, h as usize) else { return Ok(()) };
    let [aw, ah] = o.area_m;
    let views = [
        ([0.08 * aw, -0.10 * ah, 0.75 * height], [37.0, -90.0, 0.0]),
        ([-0.20 * aw, 0.12 * ah, 0.80 * height], [118.0, -84.0, 0.0]),
        ([-0.10 * aw, -0.55 * ah, 0.70 * height], [20.0, -52.0, 0.0]),
        ([0.45 * aw, 0.25 * ah, 0.70 * height], [235.0, -55.0, 0.0]),
    ];
    for (k, (centre, angles)) in views.into_iter().enumerate() {
        let centre = Vector3::from(centre);
        let pose = Rigid3::from_rotation_and_centre(flight::rotation(angles), centre);
        let radiance = render::perspective(scene, None, &rays, &pose, &sampling(o, 0.0, 950 + k as u32));
        let image = sensor::develop(&radiance, &Exposure::plain(), o.seed, 950);
        let name = format!("extra_views/view_{k}.jpg");
        let jpeg = sensor::jpeg(&image, 96).map_err(|source| SynthError::Encode { name: name.clone(), source })?;
        put(write, &name, &jpeg)?;
        truth.extra_views.push(TruthView {
            file: format!("../{name}"),
            camera: TruthCamera::new(&lens, w, h),
            cam_from_world: truth::rows_of(&pose),
            centre: centre.into(),
            exposure: 1.0,
        });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use nalgebra::Vector2;

    fn small() -> SynthOptions {
        SynthOptions {
            photos: 3,
            width: 160,
            area_m: [60.0, 50.0],
            samples: 1,
            rasters: false,
            ..SynthOptions::default()
        }
    }

    /// Writes a flight to the folder that `VEDUTA_SYNTH_OUT` names, with options from `VEDUTA_SYNTH_OPTIONS` (JSON).
    #[test]
    fn writes_a_flight_where_asked() {
        let Ok(out) = std::env::var("VEDUTA_SYNTH_OUT") else { return };
        let options = std::env::var("VEDUTA_SYNTH_OPTIONS").unwrap_or_else(|_| "{}".into());
        let options: SynthOptions = serde_json::from_str(&options).expect("options");
        let start = std::time::Instant::now();
        let out = std::path::PathBuf::from(out);
        let flight = generate(&options, &Ctx::silent(), &mut |name, bytes| {
            let path = out.join(name);
            std::fs::create_dir_all(path.parent().expect("folder"))?;
            std::fs::write(path, bytes)
        })
        .expect("generates");
        let s = start.elapsed().as_secs_f64();
        eprintln!(
            "{s:.2} s, {} triangles, height {:.1} m, gsd {:.3} m",
            flight.triangles, flight.height_m, flight.gsd_m
        );
    }

    #[test]
    fn equal_options_give_equal_bytes_whatever_the_threads() {
        let run = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("pool");
            pool.install(|| {
                let mut hashes = Vec::new();
                let f = generate(&small(), &Ctx::silent(), &mut |name, bytes| {
                    hashes.push((name.to_string(), crate::base::Fingerprint::of_bytes(bytes)));
                    Ok(())
                });
                assert_eq!(f.expect("generates").truth.photos.len(), 3);
                hashes
            })
        };
        let (a, b) = (run(1), run(3));
        assert_eq!(a, b);
        assert!(a.iter().any(|(n, _)| n == "truth/truth.json") && a.iter().any(|(n, _)| n.ends_with("0003.jpg")));
    }

    #[test]
    fn photo_rays_meet_what_the_lens_projects() {
        // A ray through a pixel, cast at the city, projects back to that pixel.
        let o = small();
        let lens = o.lens();
        let (layout, shots) = flight::plan(&o, &lens);
        let scene = build_scene(&o, layout.height, 0.3);
        let pose = shots[0].pose;
        for (x, y) in [(3.5, 2.5), (80.0, 50.0), (158.5, 104.5)] {
            let ray = lens.unproject(&Vector2::new(x, y)).expect("in view");
            let d = (pose.rotation.inverse() * ray).normalize();
            let (t, _) = scene.bvh.cast(&pose.centre().cast(), &d.cast(), 1e4).expect("hits the city");
            let p = pose.centre() + d * f64::from(t);
            let back = lens.project(&pose.apply(&p)).expect("in view");
            assert!((back - Vector2::new(x, y)).norm() < 1e-3);
        }
    }

    #[test]
    fn options_out_of_range_are_named() {
        let e = generate(&SynthOptions { photos: 0, ..small() }, &Ctx::silent(), &mut |_, _| Ok(()));
        let e = e.expect_err("no photos");
        assert!(e.to_string().contains("photos is 0") && !e.hint().is_empty());
        let ctx = Ctx::silent();
        ctx.cancel_token().cancel();
        assert!(matches!(generate(&small(), &ctx, &mut |_, _| Ok(())), Err(SynthError::Cancelled(_))));
    }
}
