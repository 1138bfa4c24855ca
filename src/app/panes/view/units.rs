//! Lengths, areas and volumes as text, in the unit of what is shown.

/// The unit of what is shown.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::app::panes) enum Unit {
    /// Metres.
    Metre,
    /// No GPS, no scale.
    Unknown,
    /// Millimetres of a part, with the N of its scale 1:N.
    Millimetre(Option<f64>),
}

/// A number with as many digits as mean something.
fn number(v: f64) -> String {
    // Without the sign of a negative zero.
    let v = v + 0.0;
    match v.abs() {
        a if a >= 1000.0 => format!("{v:.0}"),
        a if a >= 100.0 => format!("{v:.1}"),
        _ => format!("{v:.2}"),
    }
}

impl Unit {
    /// A value of a power of the unit: 1 length, 2 area, 3 volume.
    pub(super) fn text(self, value: f64, power: i32) -> String {
        let raised = ["", "\u{b2}", "\u{b3}"][(power - 1).clamp(0, 2) as usize];
        match self {
            Self::Metre => format!("{} m{raised}", number(value)),
            Self::Unknown => format!("{} units{raised} (unknown scale)", number(value)),
            Self::Millimetre(None) => format!("{} mm{raised}", number(value)),
            Self::Millimetre(Some(n)) => {
                let real = value * (n / 1000.0).powi(power);
                format!("{} mm{raised} = {} m{raised}", number(value), number(real))
            }
        }
    }

    /// A length.
    pub(super) fn length(self, value: f64) -> String {
        self.text(value, 1)
    }

    /// The unit's own name.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Metre => "m",
            Self::Unknown => "units",
            Self::Millimetre(_) => "mm",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_say_both_sizes() {
        assert_eq!((Unit::Metre.length(12.345), Unit::Metre.length(-0.0)), ("12.35 m".into(), "0.00 m".into()));
        assert_eq!(Unit::Millimetre(Some(500.0)).length(20.0), "20.00 mm = 10.00 m");
        assert_eq!(Unit::Millimetre(Some(500.0)).text(8.0, 3), "8.00 mm\u{b3} = 1.00 m\u{b3}");
        assert_eq!(Unit::Unknown.text(2.0, 2), "2.00 units\u{b2} (unknown scale)");
    }
}
