//! Several files of one place as one mesh: the tiles of a city.

use crate::scene::{ForeignMesh, NO_PAGE};

/// Appends the tiles in the order given; they must have the same unit, which [`None`] where they differ.
pub fn merged(tiles: Vec<ForeignMesh>) -> Option<ForeignMesh> {
    let mut tiles = tiles.into_iter();
    let mut all = tiles.next()?;
    for tile in tiles {
        if tile.unit != all.unit || (tile.upright, tile.turned) != (all.upright, all.turned) {
            return None;
        }
        let (vertices, triangles) = (all.mesh.vertices.len() as u32, all.mesh.triangles.len());
        let (pages, objects) = (all.pages.len() as u32, all.objects.len() as u32);
        let count = triangles + tile.mesh.triangles.len();
        let page = tile.page.iter().map(|&p| if p == NO_PAGE { p } else { p + pages });
        append(&mut all.page, page, triangles, count, NO_PAGE);
        append(&mut all.uvs, tile.uvs.iter().copied(), triangles, count, [[0.0; 2]; 3]);
        append(&mut all.colours, tile.colours.iter().copied(), triangles, count, None);
        all.object.extend(tile.object.iter().map(|o| o + objects));
        all.objects.extend(tile.objects);
        all.pages.extend(tile.pages);
        all.mesh.vertices.extend(tile.mesh.vertices);
        all.mesh.triangles.extend(tile.mesh.triangles.iter().map(|t| t.map(|v| v + vertices)));
        all.shares_vertices &= tile.shares_vertices;
        all.polygons += tile.polygons;
        all.notes.extend(tile.notes);
    }
    Some(all)
}

/// Appends to a list by triangle, where both sides may have left theirs out.
fn append<T: Copy>(to: &mut Vec<T>, from: impl ExactSizeIterator<Item = T>, before: usize, after: usize, none: T) {
    if to.is_empty() && from.len() == 0 {
        return;
    }
    to.resize(before, none);
    to.extend(from);
    to.resize(after, none);
}
