//! Writes a reconstruction as a COLMAP text model: `cameras.txt`, `images.txt`, `points3D.txt`.
//!
//! In: a [`Reconstruction`], the flight's names, the features (all of them are listed, so that feature numbers stay
//! valid; without features only the observed ones are). Out: three text files. World units and axes are those of the
//! reconstruction; pixels have the first pixel's centre at 0.5, as COLMAP's. Cameras are OPENCV, or FULL_OPENCV where k3
//! is not zero. Ids are those of the program plus one. Source: COLMAP's documentation, "Output Format" (text).
//! Cost: linear. Fails where the writer does.

use crate::camera::Camera;
use crate::scene::{Features, Flight, Reconstruction};
use std::io::{self, Write};

/// Writes the three files; `open` is called once for each name.
pub fn write_colmap_text<W: Write>(
    reconstruction: &Reconstruction,
    flight: &Flight,
    features: &[Features],
    mut open: impl FnMut(&str) -> io::Result<W>,
) -> io::Result<()> {
    let mut out = open("cameras.txt")?;
    for camera in &reconstruction.cameras {
        write_camera(&mut out, camera)?;
    }
    out.flush()?;
    let sights = Sights::of(reconstruction, features);
    let mut out = open("images.txt")?;
    for photo in reconstruction.registered() {
        let i = photo.index();
        let Some(pose) = &reconstruction.poses[i] else { continue };
        let (q, t) = (pose.rotation, pose.translation);
        writeln!(
            out,
            "{} {} {} {} {} {} {} {} {} {}",
            i + 1,
            q.w,
            q.i,
            q.j,
            q.k,
            t.x,
            t.y,
            t.z,
            reconstruction.camera_of[i].index() + 1,
            flight.photos.get(i).map_or("", |p| p.name.as_str()),
        )?;
        let line: Vec<String> = sights.lists[i]
            .iter()
            .map(|(x, y, point)| match point {
                Some(p) => format!("{x} {y} {}", p + 1),
                None => format!("{x} {y} -1"),
            })
            .collect();
        writeln!(out, "{}", line.join(" "))?;
    }
    out.flush()?;
    let mut out = open("points3D.txt")?;
    for (p, point) in reconstruction.points.iter().enumerate() {
        let errors: Vec<f64> = point.track.iter().filter_map(|o| reconstruction.reprojection_error(point, o)).collect();
        let mean = errors.iter().sum::<f64>() / errors.len().max(1) as f64;
        let (x, c) = (point.position, point.colour);
        write!(out, "{} {} {} {} {} {} {} {mean}", p + 1, x.x, x.y, x.z, c[0], c[1], c[2])?;
        for (k, o) in point.track.iter().enumerate() {
            write!(out, " {} {}", o.photo.index() + 1, sights.index[p][k])?;
        }
        writeln!(out)?;
    }
    out.flush()
}

fn write_camera(out: &mut impl Write, camera: &Camera) -> io::Result<()> {
    let l = &camera.lens;
    let model = if l.k[2] == 0.0 { "OPENCV" } else { "FULL_OPENCV" };
    write!(out, "{} {model} {} {} ", camera.id.index() + 1, camera.width, camera.height)?;
    write!(out, "{0} {0} {1} {2} {3} {4} {5} {6}", l.f, l.cx, l.cy, l.k[0], l.k[1], l.p[0], l.p[1])?;
    if l.k[2] != 0.0 {
        write!(out, " {} 0 0 0", l.k[2])?;
    }
    writeln!(out)
}

/// The points2D of each photo, and where each observation is among them.
struct Sights {
    lists: Vec<Vec<(f64, f64, Option<usize>)>>,
    index: Vec<Vec<usize>>,
}

impl Sights {
    fn of(reconstruction: &Reconstruction, features: &[Features]) -> Self {
        let mut lists: Vec<Vec<(f64, f64, Option<usize>)>> = (0..reconstruction.poses.len())
            .map(|i| {
                let keypoints = features.get(i).map_or(&[][..], |f| &f.keypoints);
                keypoints.iter().map(|k| (f64::from(k.x), f64::from(k.y), None)).collect()
            })
            .collect();
        let mut index = Vec::with_capacity(reconstruction.points.len());
        for (p, point) in reconstruction.points.iter().enumerate() {
            let mut at = Vec::with_capacity(point.track.len());
            for o in &point.track {
                let list = &mut lists[o.photo.index()];
                let listed = features.get(o.photo.index()).is_some_and(|f| (o.feature as usize) < f.len());
                let i = if listed { o.feature as usize } else { list.len() };
                if listed {
                    list[i].2 = Some(p);
                } else {
                    list.push((o.pixel.x, o.pixel.y, Some(p)));
                }
                at.push(i);
            }
            index.push(at);
        }
        Self { lists, index }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{CameraId, PhotoId};
    use crate::camera::{FocalSource, Lens};
    use crate::geometry::Rigid3;
    use crate::scene::{Georeference, Observation, SparsePoint};
    use nalgebra::{Vector2, Vector3};
    use std::collections::BTreeMap;
    use std::rc::Rc;

    #[derive(Clone, Default)]
    struct Buffer(Rc<std::cell::RefCell<Vec<u8>>>);

    impl Write for Buffer {
        fn write(&mut self, data: &[u8]) -> io::Result<usize> {
            self.0.borrow_mut().write(data)
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn the_three_files_refer_to_each_other() {
        let lens = Lens { k: [-0.1, 0.02, 0.001], p: [0.01, 0.02], ..Lens::ideal(800.0, 1000, 800) };
        let camera = Camera {
            id: CameraId(0),
            label: String::new(),
            width: 1000,
            height: 800,
            lens,
            focal_source: FocalSource::Exif,
        };
        let pose = Rigid3 { translation: Vector3::new(0.0, 0.0, 5.0), ..Rigid3::identity() };
        let pixel = Vector2::new(500.0, 400.0);
        let see = |photo| Observation { photo: PhotoId(photo), feature: 7, pixel };
        let reconstruction = Reconstruction {
            centre_sigmas: Vec::new(),
            cameras: vec![camera],
            camera_of: vec![CameraId(0); 3],
            poses: vec![Some(pose), None, Some(pose)],
            points: vec![SparsePoint { position: Vector3::zeros(), colour: [1, 2, 3], track: vec![see(0), see(2)] }],
            georeference: Georeference::Unscaled,
            notes: vec![],
        };
        let mut files: BTreeMap<String, Buffer> = BTreeMap::new();
        write_colmap_text(&reconstruction, &Flight::default(), &[], |name| {
            Ok(files.entry(name.to_string()).or_default().clone())
        })
        .expect("written");
        let text = |name: &str| String::from_utf8(files[name].0.borrow().clone()).expect("text");
        assert_eq!(
            text("cameras.txt").trim(),
            "1 FULL_OPENCV 1000 800 800 800 500 400 -0.1 0.02 0.01 0.02 0.001 0 0 0"
        );
        assert_eq!(text("points3D.txt").trim(), "1 0 0 0 1 2 3 0 1 0 3 0");
        assert_eq!(
            text("images.txt").lines().collect::<Vec<_>>(),
            ["1 1 0 0 0 0 0 5 1 ", "500 400 1", "3 1 0 0 0 0 0 5 1 ", "500 400 1"]
        );
    }
}
