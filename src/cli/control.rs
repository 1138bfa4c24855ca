//! Control point lists in and out of a project, for the commands and the window.
//!
//! Reading a list needs only the photos' heads: their size and orientation turn the list's pixels (of the photo as
//! stored) into ours (upright), and scale them where the photos at hand are smaller copies of those that were measured.

use super::CliError;
use super::args::ControlArgs;
use crate::formats::control::{ControlList, ListedMark, ListedPoint, read, write_rows, write_table};
use crate::formats::exif::read_exif;
use crate::georef::Crs;
use crate::image::decode::{dimensions, stored_pixel, upright_pixel};
use crate::project::{Project, read_photo};
use crate::scene::{ControlMark, ControlPoint, ControlRole};
use nalgebra::Vector2;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Standard deviation in metres of coordinates that state none, horizontally and vertically.
pub(crate) const DEFAULT_SIGMA_M: [f64; 2] = [0.02, 0.03];

/// What came of a list.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Imported {
    /// All points of the project: those of the list, and those that it does not name.
    pub points: Vec<ControlPoint>,
    /// What a person should know.
    pub notes: Vec<String>,
}

/// What a photo's head says.
#[derive(Clone, Copy)]
struct Head {
    /// Size as stored.
    size: (u32, u32),
    /// Size that EXIF states: that of the photo from which it may have been reduced.
    stated: Option<(u32, u32)>,
    orientation: u8,
}

fn head(path: &Path) -> Result<Head, CliError> {
    let bytes = read_photo(path).map_err(|e| CliError::io("read", path, &e))?;
    let size =
        dimensions(&bytes).map_err(|e| CliError::new(format!("cannot read {}: {e}", path.display()), e.hint()))?;
    let exif = read_exif(&bytes);
    Ok(Head { size, stated: exif.size.filter(|s| *s != size), orientation: exif.orientation.unwrap_or(1) })
}

/// Reads the list that the arguments name; `known` are the project's points so far.
pub(crate) fn import(photos: &[PathBuf], known: &[ControlPoint], args: &ControlArgs) -> Result<Imported, CliError> {
    let mut imported = Imported { points: known.to_vec(), notes: Vec::new() };
    if let Some(path) = &args.control {
        let bytes = std::fs::read(path).map_err(|e| CliError::io("read", path, &e))?;
        let text = String::from_utf8_lossy(&bytes);
        let list = read(&text).map_err(|e| CliError::new(format!("{}: {e}", path.display()), e.hint()))?;
        merge(&mut imported, path, &list, photos, args)?;
    }
    for name in &args.check {
        let Some(point) = imported.points.iter_mut().find(|p| p.name == *name) else {
            let names: Vec<&str> = imported.points.iter().map(|p| p.name.as_str()).collect();
            return Err(CliError::new(
                format!("--check names the point {name}, which the project does not have"),
                format!("its points are: {}", if names.is_empty() { "none".into() } else { names.join(", ") }),
            ));
        };
        point.role = ControlRole::Check;
    }
    Ok(imported)
}

fn merge(
    imported: &mut Imported,
    path: &Path,
    list: &ControlList,
    photos: &[PathBuf],
    args: &ControlArgs,
) -> Result<(), CliError> {
    let Some(named) = args.control_crs.as_deref().or(list.crs.as_deref()) else {
        return Err(CliError::new(
            format!("{} does not say in which reference system its coordinates are", path.display()),
            "name it, for example --control-crs EPSG:25832",
        ));
    };
    let crs = Crs::parse(named).map_err(|e| CliError::new(format!("{}: {e}", path.display()), e.hint()))?;
    let at = |line: usize| format!("{} line {line}", path.display());
    let mut heads: BTreeMap<PathBuf, Head> = BTreeMap::new();
    let mut found: Vec<Vec<(PathBuf, &ListedMark)>> = Vec::new();
    for point in &list.points {
        let mut marks = Vec::new();
        for mark in &point.marks {
            let photo = find_photo(photos, &mark.photo)
                .map_err(|(what, hint)| CliError::new(format!("{}: {what}", at(mark.line)), hint))?;
            if !heads.contains_key(&photo) {
                heads.insert(photo.clone(), head(&photo)?);
            }
            marks.push((photo, mark));
        }
        found.push(marks);
    }
    let scaled = found.iter().flatten().any(|(photo, mark)| is_of_larger(&heads[photo], &mark.pixel));
    if scaled {
        imported.notes.push("the marks were measured in larger photos than these; they were scaled".into());
    }
    for (point, marks) in list.points.iter().zip(found) {
        let mut ours = Vec::new();
        for (photo, mark) in marks {
            let pixel = upright(&heads[&photo], &mark.pixel, scaled)
                .ok_or_else(|| outside(&at(mark.line), point, mark, &heads[&photo]))?;
            ours.push(ControlMark { photo, pixel });
        }
        add(&mut imported.points, point, ours, &crs, args);
    }
    Ok(())
}

/// Whether a mark lies outside of the photo but inside of the one that EXIF says it was.
fn is_of_larger(head: &Head, pixel: &Vector2<f64>) -> bool {
    !inside(pixel, head.size) && head.stated.is_some_and(|s| inside(pixel, s))
}

fn inside(p: &Vector2<f64>, (width, height): (u32, u32)) -> bool {
    (0.0..=f64::from(width)).contains(&p.x) && (0.0..=f64::from(height)).contains(&p.y)
}

/// A listed pixel in the upright photo; `None` where it is not in the photo.
fn upright(head: &Head, pixel: &Vector2<f64>, scaled: bool) -> Option<Vector2<f64>> {
    let (w, h) = head.size;
    let of = |(sw, sh): (u32, u32)| {
        Vector2::new(pixel.x * f64::from(w) / f64::from(sw), pixel.y * f64::from(h) / f64::from(sh))
    };
    let pixel = head.stated.filter(|_| scaled).map_or(*pixel, of);
    inside(&pixel, head.size).then(|| upright_pixel(&pixel, w, h, head.orientation))
}

fn outside(at: &str, point: &ListedPoint, mark: &ListedMark, head: &Head) -> CliError {
    let (w, h) = head.size;
    CliError::new(
        format!(
            "{at}: the mark of {} at ({:.1}, {:.1}) is outside of {}, which has {w} x {h} pixels",
            point.name,
            mark.pixel.x - 0.5,
            mark.pixel.y - 0.5,
            mark.photo
        ),
        "marks are pixels of the photo as it is stored; if they were measured in larger photos, give those, or copies \
         that kept their EXIF",
    )
}

/// The project's photo of a name: with its folders, without regard to case, or without its ending.
fn find_photo(photos: &[PathBuf], name: &str) -> Result<PathBuf, (String, String)> {
    let lower = |p: &Path| p.to_string_lossy().replace('\\', "/").to_lowercase();
    let wanted = name.replace('\\', "/").to_lowercase();
    let stem = wanted.rsplit_once('.').map_or(wanted.as_str(), |(s, _)| s);
    let exact: Vec<&PathBuf> = photos.iter().filter(|p| p.ends_with(name)).collect();
    let ending = |p: &&PathBuf| {
        let p = lower(p);
        p == wanted || p.ends_with(&format!("/{wanted}"))
    };
    let without = |p: &&PathBuf| {
        let p = lower(&p.with_extension(""));
        p == stem || p.ends_with(&format!("/{stem}"))
    };
    let candidates = [exact, photos.iter().filter(ending).collect(), photos.iter().filter(without).collect()];
    match candidates.into_iter().find(|c| !c.is_empty()).as_deref() {
        Some([one]) => Ok((*one).clone()),
        Some(several) => Err((
            format!("{} photos are called {name}", several.len()),
            "write it with its folder, for example flight2/DJI_0001.JPG".into(),
        )),
        None => Err((
            format!("the project has no photo {name}"),
            "correct the name, add the photo to the project, or remove the line".into(),
        )),
    }
}

fn add(points: &mut Vec<ControlPoint>, listed: &ListedPoint, marks: Vec<ControlMark>, crs: &Crs, args: &ControlArgs) {
    let default = args.control_sigma.map_or(DEFAULT_SIGMA_M, |s| [s, s]);
    let [e, n, u] = listed.sigma_m.unwrap_or([default[0], default[0], default[1]]);
    let sigma_up_m = Some(u).filter(|_| listed.has_height && !args.control_ignore_height);
    let place = points.iter().position(|p| p.name == listed.name);
    let before = place.map(|i| points[i].clone());
    let mut all = marks;
    for old in before.iter().flat_map(|p| &p.marks) {
        if all.iter().all(|m| m.photo != old.photo) {
            all.push(old.clone());
        }
    }
    all.sort_by(|a, b| a.photo.cmp(&b.photo));
    let point = ControlPoint {
        name: listed.name.clone(),
        crs: crs.name().to_string(),
        given: listed.given,
        sigma_m: [e.max(1e-4), n.max(1e-4)],
        sigma_up_m: sigma_up_m.map(|s| s.max(1e-4)),
        role: before.map_or(ControlRole::Control, |p| p.role),
        marks: all,
    };
    match place {
        Some(i) => points[i] = point,
        None => points.push(point),
    }
}

/// The project's points as a list in the system of the first, as text: with marks (`gcp_list.txt`), or a table.
pub(crate) fn list_text(project: &Project, table: bool) -> Result<String, CliError> {
    let points = &project.manifest().control;
    let Some(first) = points.first() else {
        return Err(CliError::new(
            "the project has no control points",
            "import a list with `veduta run --control FILE`, or mark points in the window",
        ));
    };
    let parse = |name: &str| Crs::parse(name).map_err(|e| CliError::new(e.to_string(), e.hint()));
    let crs = parse(&first.crs)?;
    let photos = &project.manifest().photos;
    let mut list = ControlList { crs: Some(crs.name().to_string()), points: Vec::new() };
    for point in points {
        let given = if point.crs == first.crs {
            point.given
        } else {
            crs.given_from_geodetic(parse(&point.crs)?.geodetic_from_given(&point.given))
        };
        let mut marks = Vec::new();
        for mark in if table { &[] } else { point.marks.as_slice() } {
            let head = head(&mark.photo)?;
            let pixel = stored_pixel(&mark.pixel, head.size.0, head.size.1, head.orientation);
            marks.push(ListedMark { photo: name_in(photos, &mark.photo), pixel, line: 0 });
        }
        let [e, n] = point.sigma_m;
        list.points.push(ListedPoint {
            name: point.name.clone(),
            given,
            has_height: point.sigma_up_m.is_some(),
            sigma_m: Some([e, n, point.sigma_up_m.unwrap_or(e)]),
            marks,
            line: 0,
        });
    }
    let digits = if crs.is_geographic() { 9 } else { 4 };
    Ok(if table { write_table(&list, digits) } else { write_rows(&list, digits) })
}

/// Writes the project's points to a file of any name: `.csv` as a table, otherwise with marks.
pub(crate) fn write_list(project: &Project, path: &Path) -> Result<(), CliError> {
    let table = path.extension().is_some_and(|e| e.eq_ignore_ascii_case("csv"));
    std::fs::write(path, list_text(project, table)?).map_err(|e| CliError::io("write", path, &e))
}

/// File name of a photo, with its folder where another has the same.
fn name_in(photos: &[PathBuf], photo: &Path) -> String {
    let name = photo.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    let same = photos.iter().filter(|p| p.file_name() == photo.file_name()).count();
    match photo.parent().and_then(Path::file_name) {
        Some(folder) if same > 1 => format!("{}/{name}", folder.to_string_lossy()),
        _ => name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn photos_are_found_by_what_lists_call_them() {
        let photos: Vec<PathBuf> = ["/f/a/IMG_1.JPG", "/f/b/IMG_1.JPG", "/f/b/img_2.jpeg"].map(PathBuf::from).to_vec();
        let found = |name: &str| find_photo(&photos, name).map(|p| p.display().to_string());
        assert_eq!(found("img_2.jpeg").as_deref(), Ok("/f/b/img_2.jpeg"));
        assert_eq!(found("IMG_2.JPG").as_deref(), Ok("/f/b/img_2.jpeg"), "other case and ending");
        assert_eq!(found("b/img_1.jpg").as_deref(), Ok("/f/b/IMG_1.JPG"));
        assert!(found("IMG_1.JPG").is_err_and(|e| e.0.contains("2 photos")));
        assert!(found("MG_1.JPG").is_err_and(|e| e.0.contains("no photo")));
        assert_eq!(name_in(&photos, &photos[1]), "b/IMG_1.JPG");
        assert_eq!(name_in(&photos, &photos[2]), "img_2.jpeg");
    }

    #[test]
    fn marks_are_scaled_to_smaller_copies_and_turned_upright() {
        let head = Head { size: (800, 600), stated: Some((4000, 3000)), orientation: 6 };
        let mark = Vector2::new(1000.0, 2500.0);
        assert!(is_of_larger(&head, &mark));
        assert_eq!(upright(&head, &mark, true), Some(Vector2::new(100.0, 200.0)));
        assert_eq!(upright(&head, &mark, false), None);
        let whole = Head { stated: None, orientation: 1, ..head };
        assert!(!is_of_larger(&whole, &mark));
    }
}
