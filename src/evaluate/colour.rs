//! Colour differences as people see them.
//!
//! In: sRGB values 0..=255. Out: CIE L*a*b* (D65) and CIEDE2000 differences; about 1 is just noticeable.
//! Source: G. Sharma, W. Wu, E. Dalal, "The CIEDE2000 color-difference formula", Color Research & Application 30(1),
//! 2005 (with its test data).

/// Linear value 0..=1 of an sRGB value 0..=255.
pub(super) fn linear(v: f32) -> f64 {
    let s = f64::from(v) / 255.0;
    if s <= 0.040_45 { s / 12.92 } else { ((s + 0.055) / 1.055).powf(2.4) }
}

/// sRGB value 0..=255 of a linear value.
pub(super) fn encoded(x: f64) -> f32 {
    let x = x.clamp(0.0, 1.0);
    (255.0 * if x <= 0.003_130_8 { 12.92 * x } else { 1.055 * x.powf(1.0 / 2.4) - 0.055 }) as f32
}

/// CIE L*a*b* of an sRGB colour.
pub fn lab(c: [f32; 3]) -> [f64; 3] {
    let [r, g, b] = c.map(linear);
    let x = (0.412_456_4 * r + 0.357_576_1 * g + 0.180_437_5 * b) / 0.950_47;
    let y = 0.212_672_9 * r + 0.715_152_2 * g + 0.072_175_0 * b;
    let z = (0.019_333_9 * r + 0.119_192_0 * g + 0.950_304_1 * b) / 1.088_83;
    let f = |t: f64| if t > 216.0 / 24389.0 { t.cbrt() } else { (24389.0 / 27.0 * t + 16.0) / 116.0 };
    let (fx, fy, fz) = (f(x), f(y), f(z));
    [116.0 * fy - 16.0, 500.0 * (fx - fy), 200.0 * (fy - fz)]
}

/// CIEDE2000 difference of two L*a*b* colours.
pub fn delta_e00(p: [f64; 3], q: [f64; 3]) -> f64 {
    let mean_c = 0.5 * (p[1].hypot(p[2]) + q[1].hypot(q[2]));
    let c7 = mean_c.powi(7);
    let g = 0.5 * (1.0 - (c7 / (c7 + 25f64.powi(7))).sqrt());
    let (a1, a2) = ((1.0 + g) * p[1], (1.0 + g) * q[1]);
    let (c1, c2) = (a1.hypot(p[2]), a2.hypot(q[2]));
    let hue = |a: f64, b: f64| if a == 0.0 && b == 0.0 { 0.0 } else { b.atan2(a).to_degrees().rem_euclid(360.0) };
    let (h1, h2) = (hue(a1, p[2]), hue(a2, q[2]));
    let dl = q[0] - p[0];
    let dc = c2 - c1;
    let grey = c1 * c2 == 0.0;
    let mut dh = if grey { 0.0 } else { h2 - h1 };
    if dh > 180.0 {
        dh -= 360.0;
    } else if dh < -180.0 {
        dh += 360.0;
    }
    let dh_big = 2.0 * (c1 * c2).sqrt() * (0.5 * dh).to_radians().sin();
    let l = 0.5 * (p[0] + q[0]);
    let c = 0.5 * (c1 + c2);
    let h = if grey {
        h1 + h2
    } else if (h1 - h2).abs() <= 180.0 {
        0.5 * (h1 + h2)
    } else if h1 + h2 < 360.0 {
        0.5 * (h1 + h2 + 360.0)
    } else {
        0.5 * (h1 + h2 - 360.0)
    };
    let cos = |x: f64| x.to_radians().cos();
    let t = 1.0 - 0.17 * cos(h - 30.0) + 0.24 * cos(2.0 * h) + 0.32 * cos(3.0 * h + 6.0) - 0.20 * cos(4.0 * h - 63.0);
    let theta = 30.0 * (-((h - 275.0) / 25.0).powi(2)).exp();
    let c7 = c.powi(7);
    let rc = 2.0 * (c7 / (c7 + 25f64.powi(7))).sqrt();
    let sl = 1.0 + 0.015 * (l - 50.0).powi(2) / (20.0 + (l - 50.0).powi(2)).sqrt();
    let (sc, sh) = (1.0 + 0.045 * c, 1.0 + 0.015 * c * t);
    let rt = -(2.0 * theta).to_radians().sin() * rc;
    let (x, y, z) = (dl / sl, dc / sc, dh_big / sh);
    (x * x + y * y + z * z + rt * y * z).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differences_match_the_published_test_data() {
        // Pairs 1, 7, 17, 19, 25 and 34 of Sharma et al., table 1.
        let data = [
            ([50.0, 2.6772, -79.7751], [50.0, 0.0, -82.7485], 2.0425),
            ([50.0, 0.0, 0.0], [50.0, -1.0, 2.0], 2.3669),
            ([50.0, 2.5, 0.0], [73.0, 25.0, -18.0], 27.1492),
            ([50.0, 2.5, 0.0], [56.0, -27.0, -3.0], 31.9030),
            ([60.2574, -34.0099, 36.2677], [60.4626, -34.1751, 39.4387], 1.2644),
            ([2.0776, 0.0795, -1.1350], [0.9033, -0.0636, -0.5514], 0.9082),
        ];
        for (p, q, want) in data {
            assert!((delta_e00(p, q) - want).abs() < 1e-4, "{p:?} {q:?} {} {want}", delta_e00(p, q));
            assert!((delta_e00(q, p) - want).abs() < 1e-4);
        }
    }

    #[test]
    fn white_is_white() {
        let w = lab([255.0; 3]);
        assert!((w[0] - 100.0).abs() < 0.01 && w[1].abs() < 0.02 && w[2].abs() < 0.02, "{w:?}");
        assert!((encoded(linear(93.0)) - 93.0).abs() < 1e-3);
    }
}
