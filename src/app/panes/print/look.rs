//! What the bed's picture shows of the parts: their own colours, a proof of the print, or a measure as colours; made ready by a
//! thread.

use super::assembly::Assembly;
use super::heat::{Background, Heat, HeatMap, coloured, measured};
use crate::base::Ctx;
use crate::order::{Made, OrderError, Printed};
use crate::render::PreparedMesh;
use crate::scene::Part;
use std::sync::Arc;

/// A surface that can be shown.
#[derive(Default)]
pub(super) struct Look {
    /// Empty once it is uploaded.
    pub(super) mesh: PreparedMesh,
    /// The measure of each part that is shown, all with one scale.
    pub(super) maps: Vec<HeatMap>,
    /// Triangles of each part that is shown.
    pub(super) counts: Vec<usize>,
    /// What is to be said of it, a line for each part.
    pub(super) notes: Vec<String>,
    /// Filaments and their share of the surface.
    pub(super) filaments: Vec<([u8; 3], f64)>,
}

impl Look {
    /// Place in the assembly and triangle of the part, for a triangle of the whole.
    pub(super) fn part_of(&self, triangle: u32) -> Option<(usize, usize)> {
        let mut left = triangle as usize;
        for (place, count) in self.counts.iter().enumerate() {
            if left < *count {
                return Some((place, left));
            }
            left -= count;
        }
        None
    }
}

/// Makes it ready.
pub(super) fn look(run: &Ctx, heat: Heat, assembly: &Assembly, of: &Background<'_>) -> Result<Look, OrderError> {
    let mut look = Look::default();
    let mut shown: Vec<Arc<Part>> = Vec::new();
    for &(i, _) in &assembly.parts {
        let Some(made) = of.made.parts.get(i) else { continue };
        if !heat.is_of_print() {
            if heat == Heat::Texture {
                shown.push(made.part.clone());
            } else {
                let (part, map) = measured(run, heat, of, i)?;
                shown.push(part);
                look.maps.push(map);
            }
            continue;
        }
        let Printed { part, marked, difference, error, filaments, text } =
            of.made.order.colour.printed(run, made, &of.made.printer)?;
        let several = assembly.parts.len() > 1;
        look.notes.push(if several { format!("{}: {text}", made.name) } else { text });
        match heat {
            Heat::Gamut => {
                if marked.is_none() {
                    look.notes.push("Filaments have no gamut: see the colour error".into());
                }
                let texture = marked.unwrap_or_else(|| part.texture.clone());
                shown.push(Arc::new(Part { texture, ..part }));
            }
            Heat::Error => {
                let map = HeatMap::of_errors(error).on(&part);
                shown.push(Arc::new(match difference {
                    // Each texel has its own error; light and dark of the page show the shape.
                    Some(texels) => map.on_page(part, &texels),
                    None => coloured(&part, &map),
                }));
                look.maps.push(map);
            }
            _ => {
                look.filaments = filaments;
                shown.push(Arc::new(part));
            }
        }
    }
    // One scale for all of them.
    let range = look.maps.iter().map(|m| m.range).reduce(|a, b| [a[0].min(b[0]), a[1].max(b[1])]);
    for map in &mut look.maps {
        map.range = range.unwrap_or(map.range);
    }
    run.check()?;
    if !heat.is_of_print() && look.maps.len() == shown.len() {
        shown = shown.iter().zip(&look.maps).map(|(part, map)| Arc::new(coloured(part, map))).collect();
    }
    look.counts = shown.iter().map(|p| p.mesh.triangles.len()).collect();
    look.mesh = assembly.prepare(&shown.iter().map(|p| &**p).collect::<Vec<_>>());
    Ok(look)
}

/// The same parts in the city's own colours, to hold against it.
pub(super) fn own(made: &Made, assembly: &Assembly) -> PreparedMesh {
    let own = |(i, _): &(usize, _)| {
        let part = made.parts.get(*i)?;
        let changed = part.own.as_ref().map(|page| Part { texture: (**page).clone(), ..(*part.part).clone() });
        Some(changed.map_or_else(|| part.part.clone(), Arc::new))
    };
    let parts: Vec<Arc<Part>> = assembly.parts.iter().filter_map(own).collect();
    assembly.prepare(&parts.iter().map(|p| &**p).collect::<Vec<_>>())
}
