//! Orders to start from: a few in the program, and those that a person saved in the settings.
//!
//! A template is an order without area, title and waivers: those belong to one city.

use crate::order::{Format, Order};
use crate::print::PartSize;

/// Templates of the program.
pub(super) fn built_in() -> Vec<(&'static str, Order)> {
    let of = |printer: &str, size, base_mm| Order { printer: printer.into(), size, base_mm, ..Order::default() };
    vec![
        ("20 cm, sandstone", of("sandstone", PartSize::LongestMm(200.0), 4.0)),
        ("15 cm, PolyJet", of("polyjet", PartSize::LongestMm(150.0), 3.0)),
        ("25 cm, Mimaki", of("mimaki", PartSize::LongestMm(250.0), 4.0)),
        ("1:1000, every printer", of("default", PartSize::Scale(1000.0), 3.0)),
        (
            "15 cm, every format",
            Order { formats: Format::ALL.into(), ..of("default", PartSize::LongestMm(150.0), 3.0) },
        ),
    ]
}

/// An order with a template's values; what belongs to the city stays.
pub(super) fn applied(template: &Order, order: &Order) -> Order {
    Order { area: order.area.clone(), title: order.title.clone(), waived: order.waived.clone(), ..template.clone() }
}

/// The template that an order makes.
pub(super) fn of(order: &Order) -> Order {
    Order { area: None, title: None, waived: Vec::new(), ..order.clone() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates_are_sound_and_keep_what_is_the_citys() {
        let printers = crate::print::printer::built_in().expect("packs");
        for (name, order) in built_in() {
            assert!(order.check().is_empty(), "{name}");
            let printer = printers.iter().find(|p| p.name == order.printer).expect("its printer");
            assert!(order.formats_for(printer).is_ok());
            let own = Order { title: Some("Old town".into()), ..Order::default() };
            let made = applied(&order, &own);
            assert_eq!((made.title, of(&applied(&order, &own))), (own.title, order));
        }
    }
}
