//! Texture pages of a mesh from elsewhere, so that every triangle has one: textures that repeat are laid out as often as
//! they are used, colours of corners become texels, what has neither is plain.
//!
//! In: the pages of a file and what each triangle carries. Out: pages and coordinates in 0..=1 (v down). A coloured
//! triangle takes a block of 2 x 2 texels whose centres are its corners, so that bilinear sampling gives the colours exactly
//! as they run between the corners. One page for a part holds all of them side by side, with rims of two texels.

use crate::image::Rgb8;
use crate::print::PrintError;
use crate::print::repair::Carried;
use crate::scene::{ForeignMesh, TexturePage};
use rayon::prelude::*;

/// Longest side of a page in texels.
const LONGEST: usize = 16384;
/// Blocks across a page of colours.
const ACROSS: usize = 1024;
/// Texels of rim around a page among others.
const RIM: usize = 2;

/// Coordinates of a triangle's corners.
type Uv = [[f32; 2]; 3];

/// What the pages are.
pub struct Pages {
    /// The file's pages, laid out, with how often, the first tile being that of the lowest coordinate.
    images: Vec<Option<Tiled>>,
    plain: [u8; 3],
}

struct Tiled {
    image: Rgb8,
    across: usize,
    down: usize,
}

/// Where a triangle's colours are.
enum Place {
    /// A page of the file.
    Page(usize, Uv),
    /// Colours of its own.
    Colours([[u8; 3]; 3]),
    /// The plain block.
    Plain,
}

impl Pages {
    /// Lays the pages out as often as the triangles need them.
    pub fn new(foreign: &ForeignMesh, carried: &[Carried], plain: [u8; 3]) -> Self {
        let mut spans = vec![[1usize; 2]; foreign.pages.len()];
        for (page, uv) in carried.iter().filter_map(|c| c.texture) {
            if let Some(span) = spans.get_mut(page as usize) {
                let uv = to_first_tile(&uv);
                for k in 0..2 {
                    let far = uv.iter().map(|c| c[k]).fold(0.0, f32::max);
                    span[k] = span[k].max((far - 1e-3).ceil().clamp(1.0, 64.0) as usize);
                }
            }
        }
        let images = foreign.pages.iter().zip(spans).map(|(page, [across, down])| {
            let image = page.image.as_ref()?;
            if image.width == 0 || image.height == 0 {
                return None;
            }
            let across = across.min((LONGEST / image.width).max(1));
            let down = down.min((LONGEST / image.height).max(1));
            Some(Tiled { image: tiled(image, across, down), across, down })
        });
        Self { images: images.collect(), plain }
    }

    /// A sentence about textures that are not there.
    pub fn missing(&self, foreign: &ForeignMesh) -> Option<String> {
        let without = foreign.pages.iter().zip(&self.images).filter(|(_, i)| i.is_none());
        let names: Vec<&str> = without.map(|(p, _)| p.name.as_str()).collect();
        let more = if names.len() > 5 { " and others" } else { "" };
        let list = names[..names.len().min(5)].join(", ");
        (!names.is_empty()).then(|| format!("textures that could not be read are printed plain: {list}{more}"))
    }

    fn place(&self, carried: &Carried) -> Place {
        if let Some((page, uv)) = carried.texture
            && let Some(Some(tiled)) = self.images.get(page as usize)
        {
            let size = [tiled.across as f32, tiled.down as f32];
            let uv = to_first_tile(&uv).map(|c| [0, 1].map(|k| (c[k] / size[k]).clamp(0.0, 1.0)));
            return Place::Page(page as usize, uv);
        }
        carried.colours.map_or(Place::Plain, Place::Colours)
    }

    /// Coordinates, page of each triangle, pages.
    pub fn of_city(self, carried: &[Carried]) -> Result<(Vec<Uv>, Vec<u16>, Vec<TexturePage>), PrintError> {
        let places: Vec<Place> = carried.par_iter().map(|c| self.place(c)).collect();
        let mut used = vec![false; self.images.len()];
        for place in &places {
            if let Place::Page(page, _) = place {
                used[*page] = true;
            }
        }
        let (mut number, mut pages) = (vec![0u16; self.images.len()], Vec::new());
        for (i, image) in self.images.into_iter().enumerate() {
            if let Some(tiled) = image.filter(|_| used[i]) {
                number[i] = u16::try_from(pages.len()).map_err(|_| too_many(used.len()))?;
                pages.push(TexturePage { image: tiled.image });
            }
        }
        let (blocks, images) = colour_pages(&places, self.plain);
        let first = u16::try_from(pages.len() + images.len()).map_err(|_| too_many(used.len()))? - images.len() as u16;
        pages.extend(images.into_iter().map(|image| TexturePage { image }));
        let mut blocks = blocks.into_iter();
        let both = places.into_iter().map(|place| match place {
            Place::Page(i, uv) => (uv, number[i]),
            Place::Colours(_) | Place::Plain => {
                blocks.next().map_or(([[0.0; 2]; 3], first), |(page, uv)| (uv, first + page as u16))
            }
        });
        let (uvs, page) = both.unzip();
        Ok((uvs, page, pages))
    }

    /// Coordinates on one page, and that page.
    pub fn of_part(self, carried: &[Carried]) -> (Vec<Uv>, Rgb8) {
        let places: Vec<Place> = carried.iter().map(|c| self.place(c)).collect();
        let (blocks, colours) = colour_pages(&places, self.plain);
        let first = self.images.len();
        let mut all: Vec<Option<Rgb8>> = self.images.into_iter().map(|i| i.map(|t| t.image)).collect();
        all.extend(colours.into_iter().map(Some));
        for (i, image) in all.iter_mut().enumerate().take(first) {
            if !places.iter().any(|p| matches!(p, Place::Page(j, _) if *j == i)) {
                *image = None;
            }
        }
        let (image, corners) = packed(&all, self.plain);
        let (width, height) = (image.width as f32, image.height as f32);
        let onto = |page: usize, uv: Uv| {
            let (Some(Some((x, y))), Some(Some(own))) = (corners.get(page), all.get(page)) else { return uv };
            uv.map(|[u, v]| [(*x as f32 + u * own.width as f32) / width, (*y as f32 + v * own.height as f32) / height])
        };
        let mut blocks = blocks.into_iter();
        let uvs = places
            .into_iter()
            .map(|place| match place {
                Place::Page(i, uv) => onto(i, uv),
                Place::Colours(_) | Place::Plain => {
                    blocks.next().map_or([[0.0; 2]; 3], |(page, uv)| onto(first + page, uv))
                }
            })
            .collect();
        (uvs, image)
    }
}

fn too_many(count: usize) -> PrintError {
    PrintError::NoSurface { fault: format!("it has {count} textures; 65535 is the most that is read") }
}

/// The same corners, moved by whole tiles so that the lowest lie in the first.
fn to_first_tile(uv: &Uv) -> Uv {
    let low: [f32; 2] = [0, 1].map(|k| {
        let least = uv.iter().map(|c| c[k]).fold(f32::INFINITY, f32::min);
        // The upper rim of a page belongs to it.
        if (0.0..=1.0).contains(&least) && uv.iter().all(|c| c[k] <= 1.0) { 0.0 } else { (least + 1e-4).floor() }
    });
    uv.map(|c| [c[0] - low[0], c[1] - low[1]])
}

fn tiled(image: &Rgb8, across: usize, down: usize) -> Rgb8 {
    if across == 1 && down == 1 {
        return image.clone();
    }
    let mut out = Rgb8::filled(image.width * across, image.height * down, [0; 3]);
    for y in 0..out.height {
        let row = image.row(y % image.height);
        for x in 0..across {
            let start = y * out.width + x * image.width;
            out.data[start..start + image.width].copy_from_slice(row);
        }
    }
    out
}

/// Pages with a block for each triangle that is not textured: page and coordinates of each, in their order; those that are
/// plain share the first block of the first page.
fn colour_pages(places: &[Place], plain: [u8; 3]) -> (Vec<(usize, Uv)>, Vec<Rgb8>) {
    let coloured = places.iter().filter(|p| matches!(p, Place::Colours(_))).count();
    let any_plain = places.iter().any(|p| matches!(p, Place::Plain));
    if coloured == 0 && !any_plain {
        return (Vec::new(), Vec::new());
    }
    let count = coloured + 1;
    let each = ACROSS * ACROSS;
    let mut pages: Vec<Rgb8> = (0..count.div_ceil(each))
        .map(|p| {
            let left = (count - p * each).min(each);
            let across = ((left as f64).sqrt().ceil() as usize).clamp(2, ACROSS);
            Rgb8::filled(2 * across, 2 * left.div_ceil(across), plain)
        })
        .collect();
    let place = |pages: &[Rgb8], block: usize| {
        let (page, block) = (block / each, block % each);
        let across = pages[page].width / 2;
        (page, 2 * (block % across), 2 * (block / across))
    };
    let (mut out, mut next) = (Vec::new(), 1);
    for at in places {
        let block = match at {
            Place::Page(..) => continue,
            Place::Plain => 0,
            Place::Colours(_) => {
                next += 1;
                next - 1
            }
        };
        let (page, x, y) = place(&pages, block);
        let image = &mut pages[page];
        let (width, height) = (image.width as f32, image.height as f32);
        if let Place::Colours([a, b, c]) = at {
            // The fourth texel continues the plane through the three.
            let fourth = [0, 1, 2].map(|k| (i32::from(b[k]) + i32::from(c[k]) - i32::from(a[k])).clamp(0, 255) as u8);
            for (dx, dy, colour) in [(0, 0, *a), (1, 0, *b), (0, 1, *c), (1, 1, fourth)] {
                *image.at_mut(x + dx, y + dy) = colour;
            }
        }
        let (x, y) = (x as f32, y as f32);
        out.push((page, [(0.5, 0.5), (1.5, 0.5), (0.5, 1.5)].map(|(dx, dy)| [(x + dx) / width, (y + dy) / height])));
    }
    (out, pages)
}

/// Pages side by side on one, and where the corner of each is; a single one stays as it is.
fn packed(all: &[Option<Rgb8>], plain: [u8; 3]) -> (Rgb8, Vec<Option<(usize, usize)>>) {
    let mut order: Vec<(usize, &Rgb8)> = all.iter().enumerate().filter_map(|(i, p)| Some((i, p.as_ref()?))).collect();
    let mut corners = vec![None; all.len()];
    if let [(i, one)] = order[..] {
        corners[i] = Some((0, 0));
        return (one.clone(), corners);
    }
    order.sort_by_key(|(i, p)| (std::cmp::Reverse(p.height), *i));
    let area: usize = order.iter().map(|(_, p)| (p.width + 2 * RIM) * (p.height + 2 * RIM)).sum();
    let widest = order.iter().map(|(_, p)| p.width + 2 * RIM).max().unwrap_or(1);
    let width = ((area as f64).sqrt().ceil() as usize).max(widest);
    let (mut x, mut y, mut row) = (0, 0, 0);
    for (i, page) in &order {
        let (w, h) = (page.width + 2 * RIM, page.height + 2 * RIM);
        if x + w > width {
            (x, y, row) = (0, y + row, 0);
        }
        corners[*i] = Some((x + RIM, y + RIM));
        (x, row) = (x + w, row.max(h));
    }
    let mut out = Rgb8::filled(width, (y + row).max(1), plain);
    for (i, page) in &order {
        let Some((cx, cy)) = corners[*i] else { continue };
        for dy in 0..page.height + 2 * RIM {
            for dx in 0..page.width + 2 * RIM {
                let from = (dx as isize - RIM as isize, dy as isize - RIM as isize);
                *out.at_mut(cx + dx - RIM, cy + dy - RIM) = page.clamped(from.0, from.1);
            }
        }
    }
    (out, corners)
}
