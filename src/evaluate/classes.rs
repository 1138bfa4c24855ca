//! The classes of a city's surface against the truth: overall accuracy, and precision, recall and overlap of each class.
//!
//! In: a city with classes, the truth's surface with its own. Out: shares of area. The city is sampled evenly; a sample
//! that has the truth nearer than the limit should have the class of the nearest triangle of it. Surface that is farther
//! from the truth cannot be judged; its share is told. Definitions as in F. Rottensteiner et al., "Results of the ISPRS
//! benchmark on urban object detection and 3D building reconstruction", ISPRS Journal 93, 2014.

use super::surface::{inside, sample};
use crate::geometry::Sim3;
use crate::mesh::bvh::Bvh;
use crate::scene::{City, Mesh};
use crate::synthetic::truth::{CLASSES, Truth, TruthMesh, class_number};
use rayon::prelude::*;
use serde::Serialize;

/// Samples for each square metre.
const DENSITY: f64 = 8.0;

/// One class against the truth.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ClassAgreement {
    /// Its name.
    pub class: String,
    /// Its share in the true classes of the judged surface.
    pub share: f64,
    /// Share of what was given this class that has it in truth.
    pub precision: f64,
    /// Share of what has this class in truth that was given it.
    pub recall: f64,
    /// What both agree on, over what either says.
    pub iou: f64,
}

/// All classes against the truth.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ClassificationMetrics {
    /// Distance in metres up to which the truth judges the surface.
    pub limit_m: f64,
    /// Share of the surface that is judged.
    pub judged: f64,
    /// Share of the judged surface whose class is right.
    pub accuracy: f64,
    /// Each class that the truth or the city has.
    pub classes: Vec<ClassAgreement>,
    /// Share of the judged surface by true class (rows) and given class (columns), in the order of the classes' numbers.
    pub confusion: Vec<Vec<f64>>,
}

/// Compares a city's classes with the truth. `None` where the city has no classes or nothing can be judged.
pub fn classification_metrics(
    city: &City,
    truth_from_city: &Sim3,
    truth: &Truth,
    surface: &TruthMesh,
    limit_m: f64,
) -> Option<ClassificationMetrics> {
    if city.classes.len() != city.mesh.triangles.len() {
        return None;
    }
    let vertices = city.mesh.vertices.iter().map(|v| truth_from_city.apply(v)).collect();
    let mesh = Mesh { vertices, triangles: city.mesh.triangles.clone() };
    let bvh = Bvh::new(&surface.mesh);
    let samples: Vec<_> = sample(&mesh, DENSITY, 3).into_iter().filter(|s| inside(truth, &s.point)).collect();
    let judged: Vec<(usize, usize)> = samples
        .par_iter()
        .filter_map(|s| {
            let hit = bvh.closest(&s.point, limit_m)?;
            let given = class_number(city.classes[s.triangle]);
            Some((usize::from(surface.class[hit.triangle as usize]), usize::from(given)))
        })
        .collect();
    let all = judged.len() as f64;
    if judged.is_empty() {
        return None;
    }
    let n = CLASSES.len();
    let mut confusion = vec![vec![0f64; n]; n];
    for (is, given) in judged {
        confusion[is][given] += 1.0 / all;
    }
    let ratio = |a: f64, b: f64| if b > 0.0 { a / b } else { 0.0 };
    let agreement = |k: usize| {
        let (is, right): (f64, f64) = (confusion[k].iter().sum(), confusion[k][k]);
        let given: f64 = confusion.iter().map(|row| row[k]).sum();
        (is > 0.0 || given > 0.0).then(|| ClassAgreement {
            class: CLASSES[k].into(),
            share: is,
            precision: ratio(right, given),
            recall: ratio(right, is),
            iou: ratio(right, is + given - right),
        })
    };
    Some(ClassificationMetrics {
        limit_m,
        judged: all / samples.len() as f64,
        accuracy: (0..n).map(|k| confusion[k][k]).sum(),
        classes: (0..n).filter_map(agreement).collect(),
        confusion,
    })
}
