//! Grey images of a view at halved sizes, with their cameras and masks.

use crate::camera::Pinhole;
use crate::dense::View;
use crate::image::Rgb8;

/// A grey image at one size.
#[derive(Clone, Debug)]
pub(super) struct Level {
    pub camera: Pinhole,
    pub grey: Vec<u8>,
    pub mask: Vec<bool>,
}

impl Level {
    fn size(&self) -> (usize, usize) {
        (self.camera.width as usize, self.camera.height as usize)
    }

    /// Means of 2 x 2 pixels; a last odd row or column is left out, so that the factor is exactly two.
    fn halved(&self) -> Self {
        let (width, _) = self.size();
        let camera = Pinhole {
            width: (self.camera.width / 2).max(1),
            height: (self.camera.height / 2).max(1),
            f: self.camera.f / 2.0,
            cx: self.camera.cx / 2.0,
            cy: self.camera.cy / 2.0,
        };
        let (mut grey, mut mask) = (Vec::new(), Vec::new());
        for y in 0..camera.height as usize {
            for x in 0..camera.width as usize {
                let at = [(0, 0), (1, 0), (0, 1), (1, 1)].map(|(i, j)| {
                    let column = (2 * x + i).min(width - 1);
                    let row = (2 * y + j).min(self.camera.height as usize - 1);
                    row * width + column
                });
                grey.push(((at.iter().map(|&i| u32::from(self.grey[i])).sum::<u32>() + 2) / 4) as u8);
                mask.push(at.iter().all(|&i| self.mask[i]));
            }
        }
        Self { camera, grey, mask }
    }
}

fn luma(image: &Rgb8) -> Vec<u8> {
    let weigh = |c: &[u8; 3]| (77 * u32::from(c[0]) + 150 * u32::from(c[1]) + 29 * u32::from(c[2]) + 128) >> 8;
    image.data.iter().map(|c| weigh(c) as u8).collect()
}

/// The view at full size, then halved `halvings` times.
pub(super) fn pyramid(view: &View, halvings: u32) -> Vec<Level> {
    let mut levels = vec![Level { camera: view.camera, grey: luma(&view.colour), mask: view.mask.data.clone() }];
    for i in 0..halvings as usize {
        let next = levels[i].halved();
        levels.push(next);
    }
    levels
}
