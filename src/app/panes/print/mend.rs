//! What a person can change in an order so that a kind of fault does not come again.

use crate::order::Order;
use crate::print::split::Split;

/// The button, what it does, and the changed order; nothing where the order cannot mend it.
pub(super) fn of(code: &str, order: &Order) -> Option<(&'static str, &'static str, Order)> {
    let order = order.clone();
    match code {
        "thin-walls" | "narrow-gaps" if !order.thicken => Some((
            "Thicken",
            "Thickens walls and fills gaps; make the part again then",
            Order { thicken: true, ..order },
        )),
        "closed-cavities" if order.hollow_mm.is_some() => Some((
            "Print it full",
            "Leaves nothing hollow; make the part again then",
            Order { hollow_mm: None, ..order },
        )),
        "size" if order.split == Split::None => Some((
            "Split it",
            "Into as few parts as fit the printer; make it again then",
            Order { split: Split::Auto, ..order },
        )),
        "textures-ignored" if !order.colour.vertices => {
            let mut order = order;
            order.colour.vertices = true;
            Some(("Colours at vertices", "Instead of a texture, which the printer does not read", order))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_order_can_mend_is_offered_once() {
        let plain = Order { thicken: false, ..Order::default() };
        let (_, _, mended) = of("thin-walls", &plain).expect("an offer");
        assert!(mended.thicken && of("thin-walls", &mended).is_none());
        assert!(of("open-edges", &plain).is_none() && of("closed-cavities", &plain).is_none());
    }
}
