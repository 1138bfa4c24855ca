//! Packing of rectangles into pages.
//!
//! - In: sizes. Out: page and top-left corner of each, and the size of each page.
//! - Method: skyline, bottom-left, tallest first. Source: J. Jylanki, "A thousand ways to pack the bin", 2010.
//! - Cost: rectangles times the skyline's length. Failure modes: a rectangle larger than a page gets a page of its size.

/// Where a rectangle lies.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Place {
    pub page: usize,
    pub x: usize,
    pub y: usize,
}

/// A page being filled: steps of the skyline as (x, y, width), from left to right.
struct Page {
    side: usize,
    skyline: Vec<[usize; 3]>,
    used: [usize; 2],
}

impl Page {
    fn new(side: usize) -> Self {
        Self { side, skyline: vec![[0, 0, side]], used: [0, 0] }
    }

    /// Lowest place for a rectangle: step of the skyline and y.
    fn find(&self, w: usize, h: usize) -> Option<(usize, usize)> {
        let mut best: Option<(usize, usize)> = None;
        for i in 0..self.skyline.len() {
            let x = self.skyline[i][0];
            if x + w > self.side {
                break;
            }
            let (mut y, mut covered, mut k) = (0, 0, i);
            while covered < w {
                y = y.max(self.skyline[k][1]);
                covered += self.skyline[k][2];
                k += 1;
            }
            if y + h <= self.side && best.is_none_or(|b| y < b.1) {
                best = Some((i, y));
            }
        }
        best
    }

    fn place(&mut self, i: usize, y: usize, w: usize, h: usize) -> usize {
        let x = self.skyline[i][0];
        self.used = [self.used[0].max(x + w), self.used[1].max(y + h)];
        let mut k = i;
        while k < self.skyline.len() && self.skyline[k][0] + self.skyline[k][2] <= x + w {
            k += 1;
        }
        let mut new = vec![[x, y + h, w]];
        if let Some(cut) = self.skyline.get(k)
            && cut[0] < x + w
        {
            new.push([x + w, cut[1], cut[0] + cut[2] - x - w]);
            k += 1;
        }
        self.skyline.splice(i..k, new);
        x
    }
}

/// Packs rectangles (width, height) into pages of at most `page_size`.
pub(super) fn pack(sizes: &[[usize; 2]], page_size: usize) -> (Vec<Place>, Vec<[usize; 2]>) {
    let mut order: Vec<usize> = (0..sizes.len()).collect();
    order.sort_by_key(|&i| (std::cmp::Reverse(sizes[i][1]), std::cmp::Reverse(sizes[i][0]), i));
    let area: usize = sizes.iter().map(|s| s[0] * s[1]).sum();
    let widest = sizes.iter().map(|s| s[0].max(s[1])).max().unwrap_or(1);
    // What fits one page gets a page that is about square.
    let side = (((area as f64 * 1.06).sqrt().ceil() as usize).div_ceil(16) * 16).min(page_size).max(widest);
    let mut places = vec![Place::default(); sizes.len()];
    let mut pages: Vec<Page> = Vec::new();
    for i in order {
        let [w, h] = sizes[i];
        let found = pages.iter().enumerate().find_map(|(p, page)| page.find(w, h).map(|f| (p, f)));
        let (p, (step, y)) = found.unwrap_or_else(|| {
            pages.push(Page::new(side));
            (pages.len() - 1, (0, 0))
        });
        let x = pages[p].place(step, y, w, h);
        places[i] = Place { page: p, x, y };
    }
    let sizes = pages.iter().map(|p| p.used.map(|v| v.max(1).div_ceil(4) * 4)).collect();
    (places, sizes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Rng;

    #[test]
    fn rectangles_do_not_overlap_and_pages_are_full() {
        let mut rng = Rng::new(9, 0);
        let sizes: Vec<[usize; 2]> = (0..700)
            .map(|_| [10 + (rng.next_f64().powi(3) * 200.0) as usize, 10 + (rng.next_f64().powi(3) * 200.0) as usize])
            .collect();
        let (places, pages) = pack(&sizes, 512);
        assert!(pages.len() > 1);
        let mut taken: Vec<Vec<bool>> = pages.iter().map(|p| vec![false; p[0] * p[1]]).collect();
        for (p, s) in places.iter().zip(&sizes) {
            assert!(pages[p.page][0] <= 512 && pages[p.page][1] <= 512);
            for y in p.y..p.y + s[1] {
                for x in p.x..p.x + s[0] {
                    let t = &mut taken[p.page][y * pages[p.page][0] + x];
                    assert!(!*t);
                    *t = true;
                }
            }
        }
        let area: usize = sizes.iter().map(|s| s[0] * s[1]).sum();
        let total: usize = pages.iter().map(|p| p[0] * p[1]).sum();
        assert!(area as f64 > 0.8 * total as f64, "{area} of {total}");
    }
}
