//! One polygon of a GeoJSON file.
//!
//! In: the text of a Polygon, a Feature, or a collection that holds exactly one polygon. Out: its outer ring and the
//! reference system that it names; none means WGS84 longitude and latitude (RFC 7946), or whatever the reader knows the
//! numbers to be in. Failure modes are typed: no polygon, several, holes, positions that are no numbers.

use serde_json::Value;

/// A ring of positions as the file has them.
#[derive(Clone, Debug, PartialEq)]
pub struct Ring {
    /// Reference system, for example `EPSG:32631`, where the file names one.
    pub crs: Option<String>,
    /// Positions: x (or longitude), y (or latitude); the last is the first again.
    pub positions: Vec<[f64; 2]>,
}

/// A file that has no single polygon.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum GeoJsonError {
    /// Not JSON.
    #[error("it is not JSON: {reason}")]
    Syntax {
        /// What the parser says.
        reason: String,
    },
    /// None or several.
    #[error("it holds {count} polygons; one is needed")]
    Count {
        /// How many.
        count: usize,
    },
    /// A polygon with holes.
    #[error("its polygon has {holes} holes; an area has none")]
    Holes {
        /// How many.
        holes: usize,
    },
    /// A position that is none.
    #[error("position {number} of its polygon is not two numbers")]
    Position {
        /// Which, from 1.
        number: usize,
    },
}

impl GeoJsonError {
    /// What to do next.
    pub fn hint(&self) -> &'static str {
        "draw one polygon without holes, in longitude and latitude or in the project's reference system, and save it as GeoJSON"
    }
}

/// Reads the polygon.
pub fn read_polygon(text: &str) -> Result<Ring, GeoJsonError> {
    let root: Value = serde_json::from_str(text).map_err(|e| GeoJsonError::Syntax { reason: e.to_string() })?;
    let mut polygons = Vec::new();
    collect(&root, &mut polygons, 0);
    let [rings] = polygons[..] else { return Err(GeoJsonError::Count { count: polygons.len() }) };
    let [ring, holes @ ..] = &rings[..] else { return Err(GeoJsonError::Count { count: 0 }) };
    if !holes.is_empty() {
        return Err(GeoJsonError::Holes { holes: holes.len() });
    }
    let number = |v: &Value, i: usize| v.get(i).and_then(Value::as_f64).filter(|x| x.is_finite());
    let positions = ring.as_array().map_or(&[][..], Vec::as_slice).iter().enumerate().map(|(i, p)| {
        let pair = number(p, 0).zip(number(p, 1)).ok_or(GeoJsonError::Position { number: i + 1 })?;
        Ok([pair.0, pair.1])
    });
    let positions = positions.collect::<Result<_, GeoJsonError>>()?;
    let name = root.pointer("/crs/properties/name").and_then(Value::as_str);
    Ok(Ring { crs: name.and_then(plain_name), positions })
}

/// `EPSG:N` of the names that files use; none for WGS84 in this order of axes, which is the default.
fn plain_name(name: &str) -> Option<String> {
    if name.ends_with("CRS84") {
        return None;
    }
    let code = name.rsplit(':').next().unwrap_or(name);
    Some(if name.to_ascii_uppercase().contains("EPSG") { format!("EPSG:{code}") } else { name.to_string() })
}

/// Rings of every polygon below a value. Real files nest a few levels; deeper ones are somebody's joke.
fn collect<'a>(value: &'a Value, polygons: &mut Vec<&'a Vec<Value>>, depth: usize) {
    if depth > 16 {
        return;
    }
    let list = |key: &str| value.get(key).and_then(Value::as_array);
    match value.get("type").and_then(Value::as_str) {
        Some("Polygon") => polygons.extend(list("coordinates")),
        Some("MultiPolygon") => {
            polygons.extend(list("coordinates").into_iter().flatten().filter_map(Value::as_array));
        }
        Some("Feature") => {
            if let Some(geometry) = value.get("geometry") {
                collect(geometry, polygons, depth + 1);
            }
        }
        Some("FeatureCollection" | "GeometryCollection") => {
            for one in list("features").or_else(|| list("geometries")).into_iter().flatten() {
                collect(one, polygons, depth + 1);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    const RING: &str = "[[4.9, 52.3], [4.91, 52.3], [4.91, 52.31], [4.9, 52.3]]";

    #[test]
    fn polygons_are_found_wherever_they_are() {
        let polygon = format!(r#"{{"type": "Polygon", "coordinates": [{RING}]}}"#);
        let feature = format!(r#"{{"type": "Feature", "properties": {{}}, "geometry": {polygon}}}"#);
        let all = format!(
            r#"{{"type": "FeatureCollection", "features": [{feature}],
                "crs": {{"type": "name", "properties": {{"name": "urn:ogc:def:crs:EPSG::32631"}}}}}}"#
        );
        for (text, crs) in [(polygon, None), (feature, None), (all, Some("EPSG:32631"))] {
            let ring = read_polygon(&text).unwrap();
            assert_eq!((ring.positions.len(), ring.positions[1], ring.crs.as_deref()), (4, [4.91, 52.3], crs));
        }
    }

    #[test]
    fn what_is_no_single_polygon_is_refused() {
        let with = |rings: &str| read_polygon(&format!(r#"{{"type": "Polygon", "coordinates": [{rings}]}}"#));
        assert_eq!(with(&format!("{RING}, {RING}")), Err(GeoJsonError::Holes { holes: 1 }));
        assert_eq!(with("[[1, 2], [3, \"x\"], [4, 5]]"), Err(GeoJsonError::Position { number: 2 }));
        assert_eq!(with(""), Err(GeoJsonError::Count { count: 0 }));
        let many = format!(r#"{{"type": "MultiPolygon", "coordinates": [[{RING}], [{RING}]]}}"#);
        assert_eq!(read_polygon(&many), Err(GeoJsonError::Count { count: 2 }));
        assert_eq!(read_polygon("{}"), Err(GeoJsonError::Count { count: 0 }));
        assert!(matches!(read_polygon("{"), Err(GeoJsonError::Syntax { .. })));
    }
}
