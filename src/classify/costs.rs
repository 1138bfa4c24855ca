//! What each class costs each triangle: how far its looks are from the class's.
//!
//! - In: features, and what the raster from above says. Out: costs 0.. of each class, in the order of [`CLASSES`], for
//!   each unit of area.
//! - Method: each looks (height, direction, scatter, colour) as a soft yes or no, combined by hand with what is known of
//!   towns: ground is low and flat, roofs are high and not steep, walls are steep, leaves are green and scattered.
//! - Source: the same kind of terms as Y. Verdie, F. Lafarge, P. Alliez, "LOD generation for urban scenes", TOG 34(3),
//!   2015, section 4, with colour.
//! - Failure modes: leafless and red-leaved trees are told by their scatter alone; green roofs of grass are roofs, those
//!   of bushes are trees.

use super::features::Feature;
use super::smooth::LABELS;
use crate::scene::SurfaceClass;

/// The classes that are told apart, in the order of the costs.
pub const CLASSES: [SurfaceClass; LABELS] = [
    SurfaceClass::Ground,
    SurfaceClass::Roof,
    SurfaceClass::Facade,
    SurfaceClass::Vegetation,
    SurfaceClass::Car,
    SurfaceClass::Water,
];

/// 0 below `from`, 1 above `to`, smooth between; falling where `from` is the larger.
pub fn ramp(v: f64, from: f64, to: f64) -> f64 {
    let t = ((v - from) / (to - from)).clamp(0.0, 1.0);
    t * t * (3.0 - 2.0 * t)
}

/// How green a colour is (CIE L*a*b*): the hue between yellow-green and blue-green, where there is enough of it.
pub fn greenness(lab: [f64; 3]) -> f64 {
    let [l, a, b] = lab;
    let chroma = a.hypot(b);
    let hue = b.atan2(a).to_degrees();
    // Dark colours have less chroma for the same tint.
    let enough = ramp(chroma, 2.0 + 0.06 * l, 5.0 + 0.12 * l);
    enough * ramp(hue, 92.0, 103.0) * ramp(hue, 172.0, 160.0)
}

/// The costs of a triangle that lies `below` metres under the highest surface around it.
pub fn costs(f: &Feature, below: f64, car: bool, water: bool) -> [f32; LABELS] {
    let h = f.height;
    // The triangle's own direction is noisy, that of its surroundings is blurred at edges.
    let up = 0.6 * f.up + 0.4 * f.up_around * f.agreement;
    let low = ramp(h, 1.6, 0.5);
    // Reconstruction rounds the edges of roofs.
    let edge = 0.2 * ramp(below, 0.6, 0.3) * ramp(h, 1.4, 2.6);
    let flat = ramp(up, 0.2 - edge, 0.55 - edge);
    let steep = ramp(up.abs(), 0.55 - edge, 0.25 - edge);
    let scattered = ramp(f.agreement, 0.9, 0.65) * ramp(f.roughness, 0.06, 0.2);
    // The crowns of broad trees are almost smooth; only what is really plane is no crown.
    let uneven = ramp(f.agreement, 0.985, 0.94).max(ramp(f.roughness, 0.03, 0.09));
    let green = 0.6 * greenness(f.lab) + 0.4 * greenness(f.own_lab);
    let raised = ramp(h, 0.35 - 0.25 * scattered, 0.9 - 0.4 * scattered);
    let under = ramp(up, -0.1, -0.5);

    // Leaves: green and either scattered or hanging over; without green only much scatter tells.
    let leaf = (raised * (green * (0.4 + 0.6 * uneven.max(under)) + 0.25 * scattered * (1.0 - green))).min(1.0);
    let ground = low * (0.35 + 0.65 * flat.max(ramp(h, 0.35, 0.15))) * (1.0 - 0.6 * green * scattered.max(raised));
    let high = ramp(h, 1.4, 2.6);
    let roof = high * flat * (1.0 - 0.75 * leaf);
    let facade = steep * (0.25 + 0.75 * ramp(h, 0.15, 0.6)) * (1.0 - 0.75 * leaf) * (1.0 - 0.3 * scattered);
    let car_yes = if car { ramp(h, 0.05, 0.2) * (1.0 - green) } else { 0.0 };
    let water_yes = if water { ramp(h, 1.2, 0.6) } else { 0.0 };
    let taken = 1.0 - car_yes.max(water_yes);
    let yes = [ground * taken, roof * taken, facade * taken, leaf * taken, car_yes, water_yes];
    yes.map(|y| (1.0 - y) as f32)
}
