//! Orders as data: what is wrong with them is said with the field, and they survive being saved.

use super::*;
use crate::print::Rectangle;
use nalgebra::Vector2;

#[test]
fn what_is_wrong_is_said_with_its_field() {
    assert!(Order::default().check().is_empty());
    let order = Order {
        area: Some(Area::Circle { centre: Vector2::zeros(), radius: 0.0 }),
        size: PartSize::Scale(f64::NAN),
        z_scale: -1.0,
        base_mm: 1.9,
        copies: 0,
        waived: vec![Waiver { code: "thin-walls".into(), reason: " ".into() }],
        ..Order::default()
    };
    let fields: Vec<Field> = order.check().iter().map(|(f, _)| *f).collect();
    assert_eq!(fields, [Field::Area, Field::Size, Field::ZScale, Field::Base, Field::Copies, Field::Waived]);
    assert!(order.check().iter().all(|(_, e)| !e.hint().is_empty() && !e.to_string().is_empty()));
}

#[test]
fn orders_are_saved_and_old_ones_are_read() {
    let rectangle = Rectangle { centre: Vector2::new(1.0, 2.0), size: Vector2::new(30.0, 20.0), azimuth: 0.2 };
    let order = Order {
        area: Some(rectangle.into()),
        size: PartSize::Scale(750.0),
        formats: vec![Format::ThreeMf, Format::Glb],
        title: Some("Old town".into()),
        ..Order::default()
    };
    let text = serde_json::to_string(&order).expect("written");
    assert!(text.contains("\"3mf\"") && text.contains("\"glb\""), "{text}");
    assert_eq!(serde_json::from_str::<Order>(&text).expect("read"), order);
    // An order of a version that knew fewer fields.
    let old: Order = serde_json::from_str(r#"{"printer":"polyjet","base_mm":5.0}"#).expect("read");
    assert_eq!(old, Order { printer: "polyjet".into(), base_mm: 5.0, ..Order::default() });
}
