//! Lists of control points: OpenDroneMap's `gcp_list.txt` and plain tables of coordinates.
//!
//! `gcp_list.txt`: a first line with the reference system, then rows of `x y z pixel-x pixel-y photo [name]`, separated
//! by tabs or spaces; rows with equal coordinates are one point. Pixels are those of the photo as stored (before its
//! EXIF orientation) and count from 0 at the centre of the first pixel, as OpenSfM reads them; here they become ours,
//! with that centre at (0.5, 0.5). Table: `name,x,y,z[,sx,sy,sz]` with commas or semicolons, an optional heading, z empty
//! where it is unknown, sigmas in metres. Lines that begin with `#` are remarks, also before the first.
//!
//! In/out: text. Source: OpenDroneMap's documentation of ground control points. Cost: a millisecond. Failure modes: the
//! first bad line is named.

use nalgebra::{Vector2, Vector3};
use std::fmt::Write;

/// A point of a list.
#[derive(Clone, Debug, PartialEq)]
pub struct ListedPoint {
    /// Its name; made up where the list has none.
    pub name: String,
    /// Coordinates as given; z is 0 where the list has none.
    pub given: Vector3<f64>,
    /// Whether the list gives a z.
    pub has_height: bool,
    /// Standard deviations in metres, where the list has them.
    pub sigma_m: Option<[f64; 3]>,
    /// Photo by name, pixel of the photo as stored with the first pixel's centre at (0.5, 0.5), line.
    pub marks: Vec<ListedMark>,
    /// The first line that names it, from 1.
    pub line: usize,
}

/// A mark of a list.
#[derive(Clone, Debug, PartialEq)]
pub struct ListedMark {
    /// Name of the photo.
    pub photo: String,
    /// Pixel of the photo as stored, the first pixel's centre at (0.5, 0.5).
    pub pixel: Vector2<f64>,
    /// Line, from 1.
    pub line: usize,
}

/// A list of points.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ControlList {
    /// The reference system, where the list names it.
    pub crs: Option<String>,
    /// The points, in the order of the list.
    pub points: Vec<ListedPoint>,
}

/// A list could not be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ControlListError {
    /// A row lacks fields.
    #[error("line {line} has {found} fields, at least {needed} are needed")]
    TooFewFields {
        /// Line, from 1.
        line: usize,
        /// Fields found.
        found: usize,
        /// Fields needed.
        needed: usize,
    },
    /// A field is no number.
    #[error("line {line}: \"{text}\" is not a number ({field})")]
    NotANumber {
        /// Line, from 1.
        line: usize,
        /// Which field.
        field: &'static str,
        /// What stands there.
        text: String,
    },
    /// One name for two places.
    #[error("line {line}: the point {name} was at other coordinates in line {first}")]
    TwoPlaces {
        /// Line, from 1.
        line: usize,
        /// The point.
        name: String,
        /// Where it stood first.
        first: usize,
    },
    /// A photo shows a point twice.
    #[error("line {line}: the point {name} is marked twice in {photo}")]
    MarkedTwice {
        /// Line, from 1.
        line: usize,
        /// The point.
        name: String,
        /// The photo.
        photo: String,
    },
    /// There is nothing in it.
    #[error("the list holds no points")]
    Empty,
}

impl ControlListError {
    /// What to do next.
    pub fn hint(&self) -> &'static str {
        "a list is a line with the reference system and rows of \"x y z pixel-x pixel-y photo [name]\", or a table with \
         rows of \"name,x,y,z[,sx,sy,sz]\""
    }
}

/// Reads either kind of list.
pub fn read(text: &str) -> Result<ControlList, ControlListError> {
    let lines: Vec<(usize, &str)> = text
        .trim_start_matches('\u{feff}')
        .lines()
        .enumerate()
        .map(|(i, l)| (i + 1, l.trim()))
        .filter(|(_, l)| !l.is_empty() && !l.starts_with('#'))
        .collect();
    let Some(&(_, first)) = lines.first() else { return Err(ControlListError::Empty) };
    let is_row = |l: &str| l.split_whitespace().take(5).filter(|f| f.parse::<f64>().is_ok()).count() == 5;
    let is_table = !first.contains("+proj") && first.contains([',', ';']);
    let list = if is_table {
        read_table(&lines)?
    } else if is_row(first) {
        read_rows(None, &lines)?
    } else {
        read_rows(Some(first.to_string()), &lines[1..])?
    };
    if list.points.is_empty() { Err(ControlListError::Empty) } else { Ok(list) }
}

fn number(line: usize, field: &'static str, text: &str) -> Result<f64, ControlListError> {
    let value = text.trim().parse::<f64>().ok().filter(|v| v.is_finite());
    value.ok_or_else(|| ControlListError::NotANumber { line, field, text: text.trim().to_string() })
}

fn read_rows(crs: Option<String>, lines: &[(usize, &str)]) -> Result<ControlList, ControlListError> {
    let mut list = ControlList { crs, points: Vec::new() };
    let mut named = Vec::new();
    for &(line, text) in lines {
        let fields: Vec<&str> = if text.contains('\t') {
            text.split('\t').map(str::trim).filter(|f| !f.is_empty()).collect()
        } else {
            text.split_whitespace().collect()
        };
        if fields.len() < 6 {
            return Err(ControlListError::TooFewFields { line, found: fields.len(), needed: 6 });
        }
        // Some programs write NaN for a height that they do not know.
        let has_height = !fields[2].eq_ignore_ascii_case("nan");
        let z = if has_height { number(line, "z", fields[2])? } else { 0.0 };
        let given = Vector3::new(number(line, "x", fields[0])?, number(line, "y", fields[1])?, z);
        let pixel = Vector2::new(number(line, "pixel x", fields[3])?, number(line, "pixel y", fields[4])?);
        let mark = ListedMark { photo: fields[5].to_string(), pixel: pixel.add_scalar(0.5), line };
        let name = fields.get(6).map(|n| (*n).to_string());
        let at = list.points.iter().position(|p| p.given == given && p.has_height == has_height);
        if let Some(name) = &name
            && let Some(other) = list.points.iter().position(|p| p.name == *name)
            && at != Some(other)
        {
            return Err(ControlListError::TwoPlaces { line, name: name.clone(), first: list.points[other].line });
        }
        let i = at.unwrap_or_else(|| {
            named.push(name.is_some());
            let name = name.clone().unwrap_or_default();
            list.points.push(ListedPoint { name, given, has_height, sigma_m: None, marks: Vec::new(), line });
            list.points.len() - 1
        });
        if let (false, Some(name)) = (named[i], name) {
            list.points[i].name = name;
            named[i] = true;
        }
        let point = &mut list.points[i];
        if point.marks.iter().any(|m| m.photo == mark.photo) {
            return Err(ControlListError::MarkedTwice { line, name: point.name.clone(), photo: mark.photo });
        }
        point.marks.push(mark);
    }
    let mut next = 0;
    for i in (0..list.points.len()).filter(|&i| !named[i]) {
        list.points[i].name = loop {
            next += 1;
            let name = format!("P{next}");
            if list.points.iter().all(|p| p.name != name) {
                break name;
            }
        };
    }
    Ok(list)
}

fn read_table(lines: &[(usize, &str)]) -> Result<ControlList, ControlListError> {
    let mut list = ControlList::default();
    for (k, &(line, text)) in lines.iter().enumerate() {
        let separator = if text.contains(';') { ';' } else { ',' };
        let fields: Vec<&str> = text.split(separator).map(str::trim).collect();
        if fields.len() < 3 {
            return Err(ControlListError::TooFewFields { line, found: fields.len(), needed: 4 });
        }
        if k == 0 && fields[1].parse::<f64>().is_err() && fields[2].parse::<f64>().is_err() {
            continue;
        }
        let z = fields.get(3).copied().unwrap_or("");
        let given = Vector3::new(
            number(line, "x", fields[1])?,
            number(line, "y", fields[2])?,
            if z.is_empty() { 0.0 } else { number(line, "z", z)? },
        );
        let sigma_m = match fields.get(4..7) {
            Some([sx, sy, sz]) if !sx.is_empty() && !sy.is_empty() => {
                let sz = if sz.is_empty() { sx } else { sz };
                Some([number(line, "sx", sx)?, number(line, "sy", sy)?, number(line, "sz", sz)?])
            }
            _ => None,
        };
        let name = fields[0].to_string();
        if let Some(other) = list.points.iter().find(|p| p.name == name) {
            return Err(ControlListError::TwoPlaces { line, name, first: other.line });
        }
        let has_height = !z.is_empty();
        list.points.push(ListedPoint { name, given, has_height, sigma_m, marks: Vec::new(), line });
    }
    Ok(list)
}

/// Writes a list with marks as `gcp_list.txt`; `digits` are those of x and y (more for degrees). Points without marks
/// have no row in this format.
pub fn write_rows(list: &ControlList, digits: usize) -> String {
    let mut out = format!("{}\n", list.crs.as_deref().unwrap_or("EPSG:4326"));
    for point in &list.points {
        for mark in &point.marks {
            let z = if point.has_height { format!("{:.4}", point.given.z) } else { "NaN".into() };
            let (x, y) = (point.given.x, point.given.y);
            let pixel = mark.pixel.add_scalar(-0.5);
            let _ = writeln!(
                out,
                "{x:.digits$}\t{y:.digits$}\t{z}\t{:.3}\t{:.3}\t{}\t{}",
                pixel.x, pixel.y, mark.photo, point.name
            );
        }
    }
    out
}

/// Writes the coordinates as a table.
pub fn write_table(list: &ControlList, digits: usize) -> String {
    let mut out = format!("# {}\nname,x,y,z,sx,sy,sz\n", list.crs.as_deref().unwrap_or("EPSG:4326"));
    for point in &list.points {
        let z = if point.has_height { format!("{:.4}", point.given.z) } else { String::new() };
        let sigma = point.sigma_m.map_or_else(String::new, |[x, y, z]| format!(",{x},{y},{z}"));
        let _ = writeln!(out, "{},{:.digits$},{:.digits$},{z}{sigma}", point.name, point.given.x, point.given.y);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROWS: &str = "EPSG:32617\n# a remark\n10.5\t20.25\t3\t99.5\t49.5\tA b.JPG\tgate\n10.5\t20.25\t3\t12\t13\tB.JPG\n\
                        11 21 nan 1 2 A.JPG\n";

    #[test]
    fn rows_with_equal_coordinates_are_one_point_and_pixels_become_ours() {
        let list = read(ROWS).expect("read");
        assert_eq!(list.crs.as_deref(), Some("EPSG:32617"));
        let [gate, other] = &list.points[..] else { panic!("{list:?}") };
        assert_eq!((gate.name.as_str(), gate.marks.len(), gate.line), ("gate", 2, 3));
        assert_eq!((gate.marks[0].photo.as_str(), gate.marks[0].pixel), ("A b.JPG", Vector2::new(100.0, 50.0)));
        assert_eq!((other.name.as_str(), other.has_height), ("P1", false));
        assert_eq!(read(&write_rows(&list, 4)).expect("read").points.len(), 2);
        let again = read(&write_rows(&list, 4)).expect("read");
        assert_eq!(again.points[0].marks[1].pixel, gate.marks[1].pixel);
    }

    #[test]
    fn tables_have_headings_missing_heights_and_sigmas() {
        let list = read("name;x;y;z;sx;sy;sz\na;1;2;3;0.1;0.1;0.2\nb;4;5;\n").expect("read");
        assert_eq!(list.points[0].sigma_m, Some([0.1, 0.1, 0.2]));
        assert!(!list.points[1].has_height && list.points[1].sigma_m.is_none());
        assert_eq!(read(&write_table(&list, 3)).expect("read").points[0].given, Vector3::new(1.0, 2.0, 3.0));
    }

    #[test]
    fn bad_lines_are_named() {
        let error = |text: &str| read(text).expect_err("refused").to_string();
        assert_eq!(error(""), "the list holds no points");
        assert_eq!(error("EPSG:4326\n1 2 3 4 5\n"), "line 2 has 5 fields, at least 6 are needed");
        assert!(error("EPSG:4326\n1 2 3 4 x a.jpg\n").starts_with("line 2: \"x\" is not a number (pixel y)"));
        assert!(error("EPSG:4326\n1 2 3 4 5 a.jpg p\n\n1 2 4 4 5 b.jpg p\n").starts_with("line 4: the point p was"));
        assert!(error("EPSG:4326\n1 2 3 4 5 a.jpg p\n1 2 3 9 5 a.jpg\n").contains("marked twice in a.jpg"));
        assert!(error("a,1,2,3\na,1,2,4\n").contains("line 2"));
        assert!(error("a,1,inf,3\n").contains("(y)"));
    }
}
