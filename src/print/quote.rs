//! What a part will weigh and cost before it is made, and what can be had for a budget.
//!
//! In: the heights over the area ([`Relief`], from the sparse points or from the city), size, base, hollowing, a
//! printer's rule pack. Out: a [`Quote`]: size, volume, mass, price, build time where the pack or the caller says what a
//! cm3, a g or an hour is, each with a standard deviation, and how many pieces the build volume asks for. [`plan`] is the
//! inverse: the largest part within a budget and a length. The volume under a height field differs from the part's by what
//! hangs over and by what the cells do not resolve; its deviation is that of the source ([`Relief::doubt`]).
//! Cost: one raster of at most [`relief::CELLS`] cells across; milliseconds for each quote.

pub mod relief;

use super::PrintError;
use super::printer::Printer;
use relief::Relief;
use serde::Serialize;

/// Thinnest wall of a hollow part where the printer names none, in millimetres.
const WALL: f64 = 2.0;
/// Shortest part that a budget is searched for, in millimetres.
const SHORTEST: f64 = 20.0;
/// Steps of the search for a size.
const STEPS: usize = 40;

/// How the part is made.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Making {
    /// Longest horizontal side in millimetres.
    pub longest_mm: f64,
    /// How much heights are exaggerated.
    pub z_scale: f64,
    /// Material below the lowest place.
    pub base_mm: f64,
    /// Thickness of the walls of a hollow part.
    pub hollow_mm: Option<f64>,
}

/// What things cost, where the rule pack does not say it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Rates {
    /// Price of a cm3.
    pub price_cm3: Option<f64>,
    /// Density in g/cm3.
    pub density_g_cm3: Option<f64>,
    /// Millimetres of height in an hour.
    pub height_mm_h: Option<f64>,
}

/// A value with its standard deviation.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Measured {
    /// The value.
    pub value: f64,
    /// Its standard deviation.
    pub sigma: f64,
}

/// What a part will be.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Quote {
    /// The printer's name.
    pub printer: String,
    /// How it is made.
    pub making: Making,
    /// 1:N, where the unit of the city is known.
    pub scale: Option<f64>,
    /// Extent in millimetres.
    pub size_mm: [f64; 3],
    /// Volume of material.
    pub volume_cm3: Measured,
    /// Surface.
    pub area_cm2: Measured,
    /// Mass, where the density is known.
    pub mass_g: Option<Measured>,
    /// Price, where one is known.
    pub price: Option<Measured>,
    /// Hours, where the printer's speed is known.
    pub hours: Option<Measured>,
    /// Pieces along each side that the build volume asks for; `None` where it is too high for the printer.
    pub split: Option<[usize; 2]>,
    /// What could not be said, and why.
    pub notes: Vec<String>,
}

/// Quotes one part for one printer.
pub fn quote(relief: &Relief, making: &Making, printer: &Printer, rates: &Rates) -> Result<Quote, PrintError> {
    checked(making)?;
    let mm = making.longest_mm / relief.size.max();
    let bulk = relief.bulk(mm, making);
    let doubt = relief.doubt();
    // Only what stands on the base is in doubt.
    let volume =
        Measured { value: bulk.volume / 1000.0, sigma: doubt * (bulk.volume - bulk.certain).max(0.0) / 1000.0 };
    let area = Measured { value: bulk.area / 100.0, sigma: 2.0 * doubt * bulk.area / 100.0 };
    let size = [relief.size.x * mm, relief.size.y * mm, making.base_mm + relief.highest * mm * making.z_scale];
    let mut notes = relief.notes.clone();
    let of_pack = |l: &Option<super::printer::Limit<f64>>| l.as_ref().map(|l| l.value);
    let times = |m: Measured, factor: f64| Measured { value: m.value * factor, sigma: m.sigma * factor };
    let density = rates.density_g_cm3.or(of_pack(&printer.density_g_cm3));
    if density.is_none() {
        notes.push("the profile has no density: --density-g-cm3 gives one".into());
    }
    let by_volume = rates.price_cm3.or(of_pack(&printer.price_cm3));
    let by_area = of_pack(&printer.price_cm2).filter(|_| rates.price_cm3.is_none());
    let price = match (by_volume, by_area) {
        (None, None) => {
            notes.push("the profile has no price: --price-cm3 gives one".into());
            None
        }
        (v, a) => {
            let (v, a) = (v.map(|p| times(volume, p)), a.map(|p| times(area, p)));
            let sum = |get: fn(Measured) -> f64| v.map_or(0.0, get) + a.map_or(0.0, get);
            if let Some(source) = printer.price_source().filter(|_| rates.price_cm3.is_none()) {
                notes.push(format!("price by the profile: {source}"));
            }
            // Volume and area err together.
            Some(Measured { value: sum(|m| m.value), sigma: sum(|m| m.sigma) })
        }
    };
    let speed = rates.height_mm_h.or(of_pack(&printer.height_mm_h));
    if speed.is_none() {
        notes.push("the profile does not say how fast it builds: --height-mm-h gives it".into());
    }
    let hours = speed.map(|s| Measured { value: size[2] / s, sigma: doubt * (size[2] - making.base_mm) / s });
    let split = match &printer.build_mm {
        None => Some([1, 1]),
        Some(build) => pieces(&size, &build.value),
    };
    Ok(Quote {
        printer: printer.name.clone(),
        making: *making,
        scale: relief.metric.then_some(1000.0 / mm),
        size_mm: size,
        volume_cm3: volume,
        area_cm2: area,
        mass_g: density.map(|d| times(volume, d)),
        price,
        hours,
        split,
        notes,
    })
}

fn checked(making: &Making) -> Result<(), PrintError> {
    let positive =
        [("the longest side in millimetres", making.longest_mm), ("the exaggeration of heights", making.z_scale)];
    for (what, value) in positive.into_iter().chain(making.hollow_mm.map(|h| ("the thickness of walls", h))) {
        if !(value > 0.0 && value.is_finite()) {
            return Err(PrintError::Absurd { what, value, limit: "positive and finite" });
        }
    }
    if making.base_mm >= 2.0 { Ok(()) } else { Err(PrintError::ThinBase { base_mm: making.base_mm }) }
}

/// Fewest pieces that fit into the build volume, upright, along each side; `None` where the height fits in no way.
pub fn pieces(size: &[f64; 3], build: &[f64; 3]) -> Option<[usize; 2]> {
    let mut best: Option<[usize; 2]> = None;
    for up in 0..3 {
        if size[2] > build[up] {
            continue;
        }
        let (a, b) = (build[(up + 1) % 3], build[(up + 2) % 3]);
        for (x, y) in [(a, b), (b, a)] {
            let n = [(size[0] / x).ceil().max(1.0) as usize, (size[1] / y).ceil().max(1.0) as usize];
            if best.is_none_or(|b| n[0] * n[1] < b[0] * b[1]) {
                best = Some(n);
            }
        }
    }
    best
}

/// What a budget is to buy.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Budget {
    /// Most money, in the profile's currency.
    pub price: f64,
    /// Longest side allowed.
    pub longest_mm: f64,
    /// Whether the part may be hollow.
    pub hollow: bool,
    /// Most pieces along each side; 1 forbids a split.
    pub pieces: usize,
}

/// The largest part within a budget: solid in one piece where that costs no length, otherwise hollow or in pieces.
/// The price with its standard deviation stays within the budget.
pub fn plan(
    relief: &Relief,
    making: &Making,
    printer: &Printer,
    rates: &Rates,
    budget: &Budget,
) -> Result<Quote, PrintError> {
    for (what, value) in [("the budget", budget.price), ("the longest side in millimetres", budget.longest_mm)] {
        if !(value > 0.0 && value.is_finite()) {
            return Err(PrintError::Absurd { what, value, limit: "positive and finite" });
        }
    }
    let wall = printer.wall_mm.as_ref().map_or(WALL, |l| l.value.max(WALL));
    let ways = [(None, 1), (Some(wall), 1), (None, budget.pieces), (Some(wall), budget.pieces)];
    let mut best: Option<Quote> = None;
    let mut cheapest: Option<(f64, f64)> = None;
    for (hollow_mm, most) in ways.into_iter().filter(|w| (budget.hollow || w.0.is_none()) && w.1 <= budget.pieces) {
        let at = |longest_mm: f64| quote(relief, &Making { longest_mm, hollow_mm, ..*making }, printer, rates);
        let fits = |q: &Quote| {
            q.price.is_some_and(|p| p.value + p.sigma <= budget.price)
                && q.split.is_some_and(|s| s[0].max(s[1]) <= most)
        };
        let least = at(SHORTEST.min(budget.longest_mm))?;
        let Some(price) = least.price else { return Err(PrintError::NoPrice { printer: printer.name.clone() }) };
        if cheapest.is_none_or(|c| price.value + price.sigma < c.0) {
            cheapest = Some((price.value + price.sigma, least.making.longest_mm));
        }
        if !fits(&least) {
            continue;
        }
        // Price and extent grow with the size.
        let (mut low, mut high) = (least.making.longest_mm, budget.longest_mm);
        if fits(&at(high)?) {
            low = high;
        }
        for _ in 0..STEPS {
            let middle = (low + high) / 2.0;
            if fits(&at(middle)?) {
                low = middle;
            } else {
                high = middle;
            }
        }
        let found = at(low)?;
        // Simpler ways come first: another one must win a whole millimetre.
        if best.as_ref().is_none_or(|b| found.making.longest_mm > b.making.longest_mm + 1.0) {
            best = Some(found);
        }
    }
    let (least, at) = cheapest.unwrap_or((f64::INFINITY, SHORTEST));
    best.ok_or(PrintError::NothingForBudget {
        budget: budget.price,
        least,
        longest_mm: at,
        printer: printer.name.clone(),
    })
}

#[cfg(test)]
mod tests;
