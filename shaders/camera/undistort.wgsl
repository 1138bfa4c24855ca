// Resamples a photo through its lens model into an ideal pinhole image, one target pixel an invocation.
// In: the photo packed 0xAABBGGRR row by row; parameters in pixels (first pixel's centre at 0.5).
// Out: the target packed alike, alpha 255 where the photo covers the pixel's centre.
// Source: D. Brown, "Close-range camera calibration", Photogrammetric Engineering 37(8), 1971.
// Twin: src/dense/kernels/undistort.rs.

struct Params {
    lens_f: f32,
    lens_cx: f32,
    lens_cy: f32,
    k1: f32,
    k2: f32,
    k3: f32,
    p1: f32,
    p2: f32,
    target_f: f32,
    target_cx: f32,
    target_cy: f32,
    samples: u32,
    width: u32,
    height: u32,
    source_width: u32,
    source_height: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> photo: array<u32>;
@group(0) @binding(2) var<storage, read_write> target_image: array<u32>;

// Position in the photo; z = 1 where the photo covers it, else 0.
fn source_position(u: f32, v: f32) -> vec3f {
    let x = (u - params.target_cx) / params.target_f;
    let y = (v - params.target_cy) / params.target_f;
    let r2 = x * x + y * y;
    if (1.0 + r2 * (3.0 * params.k1 + r2 * (5.0 * params.k2 + r2 * 7.0 * params.k3)) <= 0.05) {
        return vec3f(0.0);
    }
    let d = 1.0 + r2 * (params.k1 + r2 * (params.k2 + r2 * params.k3));
    let xd = x * d + 2.0 * params.p1 * x * y + params.p2 * (r2 + 2.0 * x * x);
    let yd = y * d + params.p1 * (r2 + 2.0 * y * y) + 2.0 * params.p2 * x * y;
    let px = params.lens_f * xd + params.lens_cx;
    let py = params.lens_f * yd + params.lens_cy;
    let inside = px >= 0.0 && py >= 0.0 && px <= f32(params.source_width) && py <= f32(params.source_height);
    return vec3f(px, py, select(0.0, 1.0, inside));
}

fn photo_at(x: i32, y: i32) -> vec3f {
    let cx = clamp(x, 0, i32(params.source_width) - 1);
    let cy = clamp(y, 0, i32(params.source_height) - 1);
    let c = photo[u32(cy) * params.source_width + u32(cx)];
    return vec3f(f32(c & 255u), f32((c >> 8u) & 255u), f32((c >> 16u) & 255u));
}

fn bilinear(px: f32, py: f32) -> vec3f {
    let x = px - 0.5;
    let y = py - 0.5;
    let x0 = floor(x);
    let y0 = floor(y);
    let a = x - x0;
    let b = y - y0;
    let i = i32(x0);
    let j = i32(y0);
    let top = photo_at(i, j) * (1.0 - a) + photo_at(i + 1, j) * a;
    let bottom = photo_at(i, j + 1) * (1.0 - a) + photo_at(i + 1, j + 1) * a;
    return top * (1.0 - b) + bottom * b;
}

@compute @workgroup_size(16, 8)
fn undistort(@builtin(global_invocation_id) id: vec3u) {
    let at = tile.origin + id.xy;
    if (at.x >= tile.end.x || at.y >= tile.end.y) {
        return;
    }
    let n = params.samples;
    var sum = vec3f(0.0);
    var count = 0.0;
    for (var j = 0u; j < n; j++) {
        for (var i = 0u; i < n; i++) {
            let u = f32(at.x) + (f32(i) + 0.5) / f32(n);
            let v = f32(at.y) + (f32(j) + 0.5) / f32(n);
            let p = source_position(u, v);
            if (p.z > 0.0) {
                sum += bilinear(p.x, p.y);
                count += 1.0;
            }
        }
    }
    let colour = vec3u(clamp(floor(sum / max(count, 1.0) + 0.5), vec3f(0.0), vec3f(255.0)));
    let covered = source_position(f32(at.x) + 0.5, f32(at.y) + 0.5).z > 0.0;
    let alpha = select(0u, 255u, covered);
    target_image[at.y * params.width + at.x] = colour.x | (colour.y << 8u) | (colour.z << 16u) | (alpha << 24u);
}
