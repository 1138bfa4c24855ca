//! The bilaterally weighted patch of a reference pixel, computed once for all its hypotheses.
//!
//! 32 samples: a checkerboard in a circle of radius 4.2 pixels, which fills four vectors of eight. Measured on the town
//! at equal cost, such a dense small patch beats the usual 36 samples two pixels apart (radius 5) everywhere: roofs within
//! 0.2 m 72 % against 67 %, walls 40 % against 38 %. Weights fall with the colour difference and the distance to the
//! centre, and sum to one.

/// Samples of a patch.
pub const SAMPLES: usize = 32;
/// Colour difference (of 255) at which a weight falls to 1/e.
const COLOUR_SCALE: f32 = 14.0;
/// Distance in pixels at which a weight falls to 1/e.
const DISTANCE_SCALE: f32 = 6.0;

/// Offsets of the samples in pixels.
pub const OFFSETS: [[i8; 2]; SAMPLES] = offsets();

const fn offsets() -> [[i8; 2]; SAMPLES] {
    let mut out = [[0i8; 2]; SAMPLES];
    let mut n = 0;
    let mut j = -4i8;
    while j <= 4 {
        let mut i = -4i8;
        while i <= 4 {
            if (i + j) & 1 == 1 && i * i + j * j < 18 {
                out[n] = [i, j];
                n += 1;
            }
            i += 1;
        }
        j += 1;
    }
    out
}

/// Offsets as floats, axis by axis.
pub const OFFSETS_F32: [Lanes; 2] = [axis(0), axis(1)];

const fn axis(a: usize) -> Lanes {
    let mut out = [0.0f32; SAMPLES];
    let mut i = 0;
    while i < SAMPLES {
        out[i] = OFFSETS[i][a] as f32;
        i += 1;
    }
    Lanes(out)
}

/// Values of all samples, aligned for vector loads.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(64))]
pub struct Lanes(pub [f32; SAMPLES]);

/// Weight by colour difference and by sample.
#[derive(Clone, Debug)]
pub struct WeightTable {
    colour: [f32; 256],
    distance: [f32; SAMPLES],
}

impl WeightTable {
    /// The table of the constants above.
    pub fn new() -> Self {
        Self {
            colour: std::array::from_fn(|d| (-(d as f32) / COLOUR_SCALE).exp()),
            distance: OFFSETS.map(|[i, j]| {
                let d = f32::from(i) * f32::from(i) + f32::from(j) * f32::from(j);
                (-d.sqrt() / DISTANCE_SCALE).exp()
            }),
        }
    }
}

/// A reference patch: weights `w` that sum to one, `w (r - mean)`, and the weighted variance in squared grey levels.
#[derive(Clone, Copy, Debug)]
pub struct Patch {
    /// Weights.
    pub weight: Lanes,
    /// Weight times deviation from the weighted mean.
    pub signed: Lanes,
    /// Weighted variance.
    pub variance: f32,
}

impl Patch {
    /// Around pixel `(x, y)` of a packed image.
    pub fn new(image: &[u32], width: usize, height: usize, x: usize, y: usize, table: &WeightTable) -> Self {
        let centre = (image[y * width + x] & 255) as i32;
        let mut value = [0f32; SAMPLES];
        let mut weight = [0f32; SAMPLES];
        let inside = x >= 4 && y >= 4 && x + 4 < width && y + 4 < height;
        let (mut sum, mut mean) = (0f32, 0f32);
        for k in 0..SAMPLES {
            let [i, j] = OFFSETS[k];
            let (mut u, mut v) = (x as i32 + i32::from(i), y as i32 + i32::from(j));
            if !inside {
                u = u.clamp(0, width as i32 - 1);
                v = v.clamp(0, height as i32 - 1);
            }
            let grey = (image[v as usize * width + u as usize] & 255) as i32;
            let w = table.colour[(grey - centre).unsigned_abs() as usize & 255] * table.distance[k];
            value[k] = grey as f32;
            weight[k] = w;
            sum += w;
            mean += w * grey as f32;
        }
        let scale = 1.0 / sum;
        mean *= scale;
        let mut variance = 0f32;
        let mut signed = [0f32; SAMPLES];
        for k in 0..SAMPLES {
            weight[k] *= scale;
            let d = value[k] - mean;
            signed[k] = weight[k] * d;
            variance += signed[k] * d;
        }
        Self { weight: Lanes(weight), signed: Lanes(signed), variance }
    }
}
