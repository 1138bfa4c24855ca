//! Scale, millimetres and metres of an order, locked to each other: 1:N = longest side on the ground / on the part.

use super::shape;
use crate::order::Order;
use crate::print::{Area, PartSize};

/// The three numbers; the ground in the city's unit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Locked {
    /// The N of 1:N.
    pub(super) n: f64,
    /// Longest horizontal side of the part.
    pub(super) mm: f64,
    /// Longest side on the ground.
    pub(super) ground: f64,
}

impl Locked {
    /// The numbers of an order on an area.
    pub(super) fn of(order: &Order, area: &Area) -> Self {
        let ground = area.frame().size.max();
        match order.size {
            PartSize::Scale(n) => Self { n, mm: ground * 1000.0 / n, ground },
            PartSize::LongestMm(mm) => Self { n: ground * 1000.0 / mm, mm, ground },
        }
    }

    /// Millimetres for a unit of the city.
    pub(super) fn mm_per_unit(&self) -> f64 {
        1000.0 / self.n
    }
}

/// Sets the scale: the ground stays, the part grows or shrinks.
pub(super) fn set_scale(order: &mut Order, n: f64) {
    order.size = PartSize::Scale(n);
}

/// Sets the part's longest side: the ground stays, the scale follows.
pub(super) fn set_mm(order: &mut Order, mm: f64) {
    order.size = PartSize::LongestMm(mm);
}

/// Sets the longest side on the ground about the middle of the area. Which of the other two stays is what was set last.
pub(super) fn set_ground(order: &mut Order, area: &Area, ground: f64) {
    let now = area.frame().size.max();
    if now > 0.0 && ground > 0.0 {
        order.area = Some(shape::scaled(area, ground / now));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nalgebra::Vector2;

    #[test]
    fn each_number_moves_one_other() {
        let area = Area::Circle { centre: Vector2::new(3.0, 4.0), radius: 100.0 };
        let mut order = Order { area: Some(area.clone()), ..Order::default() };
        set_mm(&mut order, 100.0);
        assert_eq!(Locked::of(&order, &area), Locked { n: 2000.0, mm: 100.0, ground: 200.0 });
        set_scale(&mut order, 1000.0);
        assert_eq!(Locked::of(&order, &area).mm, 200.0);
        set_ground(&mut order, &area, 50.0);
        let smaller = order.area.clone().expect("an area");
        assert_eq!(Locked::of(&order, &smaller), Locked { n: 1000.0, mm: 50.0, ground: 50.0 });
        set_mm(&mut order, 100.0);
        set_ground(&mut order, &smaller, 200.0);
        let larger = order.area.clone().expect("an area");
        assert_eq!(Locked::of(&order, &larger), Locked { n: 2000.0, mm: 100.0, ground: 200.0 });
        assert_eq!(larger.frame().centre, Vector2::new(3.0, 4.0));
    }
}
