//! The printer's build volume around a part, in the part's millimetres.

use crate::print::printer::Printer;
use crate::render::Polyline;
use nalgebra::Vector3;

/// The build volume around a part that stands in its middle, on the bed. Where the part fits only another way round, the
/// sides change places.
pub(super) fn build_volume(
    (low, high): (Vector3<f64>, Vector3<f64>),
    printer: &Printer,
) -> (Vector3<f64>, Vector3<f64>) {
    let size = high - low;
    let Some(build) = printer.build_mm.as_ref().map(|b| b.value) else { return (low, high) };
    let orders = [[0, 1, 2], [1, 0, 2], [0, 2, 1], [2, 0, 1], [1, 2, 0], [2, 1, 0]].map(|o| o.map(|k| build[k]));
    let fits = |b: &&[f64; 3]| (0..3).all(|k| size[k] <= b[k]);
    let [x, y, z] = *orders.iter().find(fits).unwrap_or(&orders[0]);
    let corner = Vector3::new((low.x + high.x - x) / 2.0, (low.y + high.y - y) / 2.0, low.z);
    (corner, corner + Vector3::new(x, y, z))
}

/// The edges of a box as lines.
pub(super) fn edges((low, high): (Vector3<f64>, Vector3<f64>), dark: bool) -> Vec<Polyline> {
    let colour = if dark { [150, 170, 190] } else { [90, 105, 120] };
    let corner = |x: bool, y: bool, z: bool| {
        Vector3::new(if x { high.x } else { low.x }, if y { high.y } else { low.y }, if z { high.z } else { low.z })
    };
    let ring =
        |z: bool| vec![corner(false, false, z), corner(true, false, z), corner(true, true, z), corner(false, true, z)];
    let line = |points: Vec<Vector3<f64>>, closed| Polyline { points, closed, width_px: 1.4, colour, on_top: false };
    let mut lines = vec![line(ring(false), true), line(ring(true), true)];
    lines.extend(ring(false).into_iter().zip(ring(true)).map(|(a, b)| line(vec![a, b], false)));
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::print::printer::Limit;

    #[test]
    fn the_part_stands_in_the_middle_whichever_way_it_fits() {
        let limit = Limit { value: [200.0, 300.0, 100.0], source: "s".into(), date: "d".into() };
        let printer = Printer { build_mm: Some(limit), ..Printer::default() };
        for size in [[150.0, 100.0, 50.0], [250.0, 100.0, 50.0], [90.0, 90.0, 250.0]].map(Vector3::from) {
            let (low, high) = build_volume((Vector3::zeros(), size), &printer);
            assert!((0..3).all(|k| size[k] <= (high - low)[k]), "{size} in {}", high - low);
            assert!(low.z == 0.0 && (low.x + high.x - size.x).abs() < 1e-9);
            assert_eq!(edges((low, high), true).len(), 6);
        }
        let whole = (Vector3::zeros(), Vector3::repeat(7.0));
        assert_eq!(build_volume(whole, &Printer::default()), whole);
    }
}
