//! A part painted in few colours: each triangle has one colour or is cut in two, again and again, until each piece has.

use super::Mesh;
use serde::{Deserialize, Serialize};

/// Set in a code that cuts a triangle; the other bits are the corner from which it is cut.
pub const CUT: u8 = 0x80;

/// The colours of a part's triangles as indices into a short list.
///
/// A triangle is a list of codes in preorder. A code below [`CUT`] is a colour. [`CUT`]` + s` cuts a triangle with the
/// corners (a, b, c), taken in turn from its corner s, along the line from a to the middle m of b and c: first the piece
/// (a, b, m) follows, then (m, c, a).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Painting {
    /// The colours (sRGB), the one of most surface first.
    pub colours: Vec<[u8; 3]>,
    /// The codes of all triangles, one after the other.
    pub codes: Vec<u8>,
    /// Where each triangle's codes begin, and at last the length of `codes`.
    pub start: Vec<u32>,
}

impl Painting {
    /// The codes of triangle `t`.
    pub fn of(&self, t: usize) -> &[u8] {
        &self.codes[self.start[t] as usize..self.start[t + 1] as usize]
    }

    /// The colour of most of triangle `t`; a cut halves its piece.
    pub fn main(&self, t: usize) -> u8 {
        fn piece(codes: &mut &[u8], share: f64, shares: &mut [f64; CUT as usize]) {
            let Some((&code, rest)) = codes.split_first() else { return };
            *codes = rest;
            if code < CUT {
                shares[usize::from(code)] += share;
            } else {
                piece(codes, share / 2.0, shares);
                piece(codes, share / 2.0, shares);
            }
        }
        let mut shares = [0.0; CUT as usize];
        piece(&mut self.of(t), 1.0, &mut shares);
        (0..CUT).rev().max_by(|a, b| shares[usize::from(*a)].total_cmp(&shares[usize::from(*b)])).unwrap_or(0)
    }

    /// How many triangles there are.
    pub fn len(&self) -> usize {
        self.start.len().saturating_sub(1)
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// A part coloured at its vertices, for formats and printers without textures.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct VertexColoured {
    /// The body in millimetres.
    pub mesh: Mesh,
    /// Colour (sRGB) of each vertex; between them colours are interpolated.
    pub vertices: Vec<[u8; 3]>,
    /// For each triangle of sides and base its one colour, where the format can say so.
    pub plain: Vec<Option<[u8; 3]>>,
    /// Name for titles and files.
    pub title: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_main_colour_is_that_of_most_surface() {
        // Whole; halves of 4 and 2 (the first by number); a half of 7 and quarters of 1 and 3; quarters of 5 twice.
        let of = [vec![9], vec![CUT, 4, 2], vec![CUT + 1, 7, CUT, 1, 3], vec![CUT, CUT, 0, 5, CUT + 2, 5, 1]];
        let start = of.iter().scan(0, |at, codes| {
            *at += codes.len() as u32;
            Some(*at)
        });
        let painting =
            Painting { colours: Vec::new(), start: std::iter::once(0).chain(start).collect(), codes: of.concat() };
        assert_eq!((0..painting.len()).map(|t| painting.main(t)).collect::<Vec<_>>(), [9, 2, 7, 5]);
    }
}
