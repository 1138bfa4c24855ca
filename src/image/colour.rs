//! Colour maths: sRGB to and from linear light and CIE L*a*b*, and the colour difference dE00.
//!
//! - In/out: sRGB as 8 bits or 0..=1 per channel, linear light 0..=1, CIE L*a*b* under D65 (2 degree observer).
//! - Source: IEC 61966-2-1 (sRGB); G. Sharma, W. Wu, E. Dalal, "The CIEDE2000 color-difference formula: implementation
//!   notes, supplementary test data, and mathematical observations", Color Research and Application 30(1), 2005.
//! - Cost: a few dozen flops a colour; 8-bit input goes through a table.
//! - Failure modes: none; values outside 0..=1 are clamped where they become 8 bits.

use std::sync::LazyLock;

/// Linear light of every 8-bit sRGB value.
static LINEAR_OF_SRGB8: LazyLock<[f32; 256]> = LazyLock::new(|| std::array::from_fn(|i| to_linear(i as f32 / 255.0)));

/// Linear light of one sRGB channel value in 0..=1.
pub fn to_linear(v: f32) -> f32 {
    if v <= 0.040_45 { v / 12.92 } else { ((v + 0.055) / 1.055).powf(2.4) }
}

/// sRGB channel value of linear light in 0..=1.
pub fn to_srgb(v: f32) -> f32 {
    if v <= 0.003_130_8 { v * 12.92 } else { 1.055 * v.powf(1.0 / 2.4) - 0.055 }
}

/// Linear light of an 8-bit sRGB channel.
pub fn linear_of_u8(v: u8) -> f32 {
    LINEAR_OF_SRGB8[v as usize]
}

/// 8-bit value of 0..=1, rounded and clamped.
pub fn quantise(v: f32) -> u8 {
    (v * 255.0 + 0.5).clamp(0.0, 255.0) as u8
}

/// A table that multiplies the linear light of an 8-bit sRGB channel by `gain` and gives sRGB back, in 0..=255.
pub fn gain_table(gain: f32) -> [f32; 256] {
    std::array::from_fn(|i| to_srgb((linear_of_u8(i as u8) * gain).clamp(0.0, 1.0)) * 255.0)
}

/// CIE L*a*b* (D65) of an sRGB colour with channels in 0..=1.
pub fn lab_of_srgb(rgb: [f32; 3]) -> [f64; 3] {
    let [r, g, b] = rgb.map(|v| f64::from(to_linear(v)));
    lab_of_linear([r, g, b])
}

/// CIE L*a*b* (D65) of an 8-bit sRGB colour.
pub fn lab_of_rgb8(rgb: [u8; 3]) -> [f64; 3] {
    lab_of_linear(rgb.map(|v| f64::from(linear_of_u8(v))))
}

/// CIE L*a*b* (D65) of linear light with sRGB's primaries.
pub fn lab_of_linear([r, g, b]: [f64; 3]) -> [f64; 3] {
    let x = (0.412_456_4 * r + 0.357_576_1 * g + 0.180_437_5 * b) / 0.950_47;
    let y = 0.212_672_9 * r + 0.715_152_2 * g + 0.072_175_0 * b;
    let z = (0.019_333_9 * r + 0.119_192_0 * g + 0.950_304_1 * b) / 1.088_83;
    let f = |t: f64| if t > 216.0 / 24389.0 { t.cbrt() } else { (24389.0 / 27.0 * t + 16.0) / 116.0 };
    let (fx, fy, fz) = (f(x), f(y), f(z));
    [116.0 * fy - 16.0, 500.0 * (fx - fy), 200.0 * (fy - fz)]
}

/// Linear light, with sRGB's primaries, of a CIE L*a*b* (D65) colour; outside 0..=1 where sRGB cannot show it.
pub fn linear_of_lab([l, a, b]: [f64; 3]) -> [f64; 3] {
    let fy = (l + 16.0) / 116.0;
    let f = |t: f64| if t.powi(3) > 216.0 / 24389.0 { t.powi(3) } else { (116.0 * t - 16.0) * 27.0 / 24389.0 };
    let (x, y, z) = (0.950_47 * f(fy + a / 500.0), f(fy), 1.088_83 * f(fy - b / 200.0));
    [
        3.240_454_2 * x - 1.537_138_5 * y - 0.498_531_4 * z,
        -0.969_266_0 * x + 1.876_010_8 * y + 0.041_556_0 * z,
        0.055_643_4 * x - 0.204_025_9 * y + 1.057_225_2 * z,
    ]
}

/// The 8-bit sRGB colour nearest by channel to a CIE L*a*b* (D65) colour.
pub fn rgb8_of_lab(lab: [f64; 3]) -> [u8; 3] {
    linear_of_lab(lab).map(|v| quantise(to_srgb(v.clamp(0.0, 1.0) as f32)))
}

/// The colour difference CIEDE2000 of two L*a*b* colours (kL = kC = kH = 1).
pub fn delta_e_2000(a: [f64; 3], b: [f64; 3]) -> f64 {
    let [l1, a1, b1] = a;
    let [l2, a2, b2] = b;
    let mean_c = (a1.hypot(b1) + a2.hypot(b2)) / 2.0;
    let c7 = mean_c.powi(7);
    let g = 0.5 * (1.0 - (c7 / (c7 + 25f64.powi(7))).sqrt());
    let (a1, a2) = ((1.0 + g) * a1, (1.0 + g) * a2);
    let (c1, c2) = (a1.hypot(b1), a2.hypot(b2));
    let hue = |a: f64, b: f64| if a == 0.0 && b == 0.0 { 0.0 } else { b.atan2(a).to_degrees().rem_euclid(360.0) };
    let (h1, h2) = (hue(a1, b1), hue(a2, b2));
    let grey = c1 * c2 == 0.0;
    let dh = match h2 - h1 {
        _ if grey => 0.0,
        d if d > 180.0 => d - 360.0,
        d if d < -180.0 => d + 360.0,
        d => d,
    };
    let (dl, dc) = (l2 - l1, c2 - c1);
    let dh_metric = 2.0 * (c1 * c2).sqrt() * (dh / 2.0).to_radians().sin();
    let (l, c) = ((l1 + l2) / 2.0, (c1 + c2) / 2.0);
    let h = match h1 + h2 {
        s if grey => s,
        s if (h1 - h2).abs() <= 180.0 => s / 2.0,
        s if s < 360.0 => (s + 360.0) / 2.0,
        s => (s - 360.0) / 2.0,
    };
    let cos = |degrees: f64| degrees.to_radians().cos();
    let t = 1.0 - 0.17 * cos(h - 30.0) + 0.24 * cos(2.0 * h) + 0.32 * cos(3.0 * h + 6.0) - 0.2 * cos(4.0 * h - 63.0);
    let c7 = c.powi(7);
    let rotation =
        -(60.0 * (-((h - 275.0) / 25.0).powi(2)).exp()).to_radians().sin() * (2.0 * (c7 / (c7 + 25f64.powi(7))).sqrt());
    let l50 = (l - 50.0).powi(2);
    let (sl, sc, sh) = (1.0 + 0.015 * l50 / (20.0 + l50).sqrt(), 1.0 + 0.045 * c, 1.0 + 0.015 * c * t);
    let (tl, tc, th) = (dl / sl, dc / sc, dh_metric / sh);
    (tl * tl + tc * tc + th * th + rotation * tc * th).max(0.0).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Table 1 of Sharma et al. 2005: two colours and their difference.
    #[rustfmt::skip]
    const PAIRS: [[f64; 7]; 34] = [
        [50.0, 2.6772, -79.7751, 50.0, 0.0, -82.7485, 2.0425], [50.0, 3.1571, -77.2803, 50.0, 0.0, -82.7485, 2.8615],
        [50.0, 2.8361, -74.0200, 50.0, 0.0, -82.7485, 3.4412], [50.0, -1.3802, -84.2814, 50.0, 0.0, -82.7485, 1.0000],
        [50.0, -1.1848, -84.8006, 50.0, 0.0, -82.7485, 1.0000], [50.0, -0.9009, -85.5211, 50.0, 0.0, -82.7485, 1.0000],
        [50.0, 0.0, 0.0, 50.0, -1.0, 2.0, 2.3669], [50.0, -1.0, 2.0, 50.0, 0.0, 0.0, 2.3669],
        [50.0, 2.49, -0.001, 50.0, -2.49, 0.0009, 7.1792], [50.0, 2.49, -0.001, 50.0, -2.49, 0.0010, 7.1792],
        [50.0, 2.49, -0.001, 50.0, -2.49, 0.0011, 7.2195], [50.0, 2.49, -0.001, 50.0, -2.49, 0.0012, 7.2195],
        [50.0, -0.001, 2.49, 50.0, 0.0009, -2.49, 4.8045], [50.0, -0.001, 2.49, 50.0, 0.0010, -2.49, 4.8045],
        [50.0, -0.001, 2.49, 50.0, 0.0011, -2.49, 4.7461], [50.0, 2.5, 0.0, 50.0, 0.0, -2.5, 4.3065],
        [50.0, 2.5, 0.0, 73.0, 25.0, -18.0, 27.1492], [50.0, 2.5, 0.0, 61.0, -5.0, 29.0, 22.8977],
        [50.0, 2.5, 0.0, 56.0, -27.0, -3.0, 31.9030], [50.0, 2.5, 0.0, 58.0, 24.0, 15.0, 19.4535],
        [50.0, 2.5, 0.0, 50.0, 3.1736, 0.5854, 1.0000], [50.0, 2.5, 0.0, 50.0, 3.2972, 0.0, 1.0000],
        [50.0, 2.5, 0.0, 50.0, 1.8634, 0.5757, 1.0000], [50.0, 2.5, 0.0, 50.0, 3.2592, 0.3350, 1.0000],
        [60.2574, -34.0099, 36.2677, 60.4626, -34.1751, 39.4387, 1.2644],
        [63.0109, -31.0961, -5.8663, 62.8187, -29.7946, -4.0864, 1.2630],
        [61.2901, 3.7196, -5.3901, 61.4292, 2.2480, -4.9620, 1.8731],
        [35.0831, -44.1164, 3.7933, 35.0232, -40.0716, 1.5901, 1.8645],
        [22.7233, 20.0904, -46.6940, 23.0331, 14.9730, -42.5619, 2.0373],
        [36.4612, 47.8580, 18.3852, 36.2715, 50.5065, 21.2231, 1.4146],
        [90.8027, -2.0831, 1.4410, 91.1528, -1.6435, 0.0447, 1.4441],
        [90.9257, -0.5406, -0.9208, 88.6381, -0.8985, -0.7239, 1.5381],
        [6.7747, -0.2908, -2.4247, 5.8714, -0.0985, -2.2286, 0.6377],
        [2.0776, 0.0795, -1.1350, 0.9033, -0.0636, -0.5514, 0.9082],
    ];

    #[test]
    fn delta_e_2000_matches_the_published_pairs() {
        for (i, p) in PAIRS.iter().enumerate() {
            let (a, b) = ([p[0], p[1], p[2]], [p[3], p[4], p[5]]);
            assert!((delta_e_2000(a, b) - p[6]).abs() < 1e-4, "pair {}: {} not {}", i + 1, delta_e_2000(a, b), p[6]);
            assert!((delta_e_2000(b, a) - p[6]).abs() < 1e-4, "pair {} swapped", i + 1);
        }
    }

    #[test]
    fn srgb_round_trip_and_lab_of_known_colours() {
        for v in 0..=255u8 {
            assert_eq!(quantise(to_srgb(linear_of_u8(v))), v);
        }
        let white = lab_of_rgb8([255, 255, 255]);
        assert!((white[0] - 100.0).abs() < 1e-3 && white[1].abs() < 0.01 && white[2].abs() < 0.01, "{white:?}");
        let red = lab_of_rgb8([255, 0, 0]);
        for (got, want) in red.iter().zip([53.24, 80.09, 67.20]) {
            assert!((got - want).abs() < 0.02, "{red:?}");
        }
        assert!((gain_table(1.0)[77] - 77.0).abs() < 1e-3);
        for rgb in [[0, 0, 0], [255, 255, 255], [200, 30, 60], [3, 90, 250], [17, 18, 19]] {
            assert_eq!(rgb8_of_lab(lab_of_rgb8(rgb)), rgb);
        }
    }
}
