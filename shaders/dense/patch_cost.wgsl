// The patch comparison of PatchMatch stereo: bindings, the reference patch, its cost under a plane in each source.
// Precedes `patch_match.wgsl`, which documents inputs and outputs and holds the entry points.
// Twin: src/dense/kernels/patch_match (patch.rs, zncc.rs).

struct Params {
    width: u32,
    height: u32,
    sources: u32,
    colour: u32,
    iteration: u32,
    seed: u32,
    geometric: u32,
    prior: u32,
    f: f32,
    cx: f32,
    cy: f32,
    q_min: f32,
    q_max: f32,
    depth_amplitude: f32,
    normal_amplitude: f32,
    good: f32,
    explore: u32,
    padding: array<u32, 3>,
}

struct Source {
    forward: array<vec4f, 3>,
    backward: array<vec4f, 3>,
    width: u32,
    height: u32,
    image_offset: u32,
    map_offset: u32,
}

@group(0) @binding(0) var<storage, read> params: Params;
@group(0) @binding(1) var<storage, read> sources: array<Source>;
@group(0) @binding(2) var<storage, read_write> planes: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> views: array<u32>;
@group(0) @binding(4) var<storage, read> priors: array<vec4f>;
// Layer 0 is the reference, layer s + 1 source s.
@group(2) @binding(0) var images: texture_2d_array<u32>;
// Layer s: source s.
@group(2) @binding(1) var maps: texture_2d_array<f32>;

const OUTSIDE = 0x80000000u;
const WORST = 2.0;
const BAD = 1.2;
const LEAST_VARIANCE = 0.2;
const GEOMETRIC_WEIGHT = 0.2;
const GEOMETRIC_LIMIT = 3.0;
const PRIOR_VARIANCE = 12.0;
const PRIOR_DEVIATION = 0.02;
const PRIOR_COST = 0.5;
const LEAST_WEIGHT = 0.15;
const LEAST_COSINE = 0.1;
const SAME = 2e-4;
const COLOUR_SCALE = 14.0;
const DISTANCE_SCALE = 6.0;
const SAMPLES = 32u;

// The patch of this invocation's pixel.
var<private> weight: array<f32, 32>;
var<private> signed_weight: array<f32, 32>;
var<private> offset_of: array<vec2f, 32>;
var<private> variance: f32;
// The sources' weights, the prior and its weight.
var<private> weights: array<f32, 8>;
var<private> prior_weight: f32;
var<private> prior_plane: vec3f;

fn reference_at(x: i32, y: i32) -> f32 {
    let at = clamp(vec2i(x, y), vec2i(0), vec2i(i32(params.width), i32(params.height)) - 1);
    return f32(textureLoad(images, at, 0, 0).x & 255u);
}

fn make_patch(x: i32, y: i32) {
    let centre = reference_at(x, y);
    var sum = 0.0;
    var mean = 0.0;
    var n = 0u;
    for (var j = -4; j <= 4; j++) {
        for (var i = -4; i <= 4; i++) {
            if (((i + j) & 1) == 1 && i * i + j * j < 18) {
                let grey = reference_at(x + i, y + j);
                let far = sqrt(f32(i * i + j * j));
                let w = exp(-abs(grey - centre) / COLOUR_SCALE) * exp(-far / DISTANCE_SCALE);
                offset_of[n] = vec2f(f32(i), f32(j));
                weight[n] = w;
                signed_weight[n] = grey;
                sum += w;
                mean += w * grey;
                n++;
            }
        }
    }
    mean /= sum;
    variance = 0.0;
    for (var k = 0u; k < SAMPLES; k++) {
        weight[k] /= sum;
        let d = signed_weight[k] - mean;
        signed_weight[k] = weight[k] * d;
        variance += signed_weight[k] * d;
    }
}

fn sample(s: u32, u: f32, v: f32) -> f32 {
    let cu = clamp(u, 0.0, f32(sources[s].width - 1u));
    let cv = clamp(v, 0.0, f32(sources[s].height - 1u));
    let x = u32(cu);
    let y = u32(cv);
    let a = cu - f32(x);
    let b = cv - f32(y);
    let taps = textureLoad(images, vec2u(x, y), s + 1u, 0).x;
    let t0 = f32(taps & 255u);
    let t1 = f32((taps >> 8u) & 255u);
    let t2 = f32((taps >> 16u) & 255u);
    let t3 = f32(taps >> 24u);
    let top = t0 + (t1 - t0) * a;
    let low = t2 + (t3 - t2) * a;
    return top + (low - top) * b;
}

// Distance in pixels from (x, y) to where the source's own plane takes (u, v) back to.
fn forward_backward(s: u32, x: f32, y: f32, u: f32, v: f32) -> f32 {
    let i = min(u32(u + 0.5), sources[s].width - 1u);
    let j = min(u32(v + 0.5), sources[s].height - 1u);
    let plane = textureLoad(maps, vec2u(i, j), s, 0).xyz;
    if (plane.x <= 0.0) {
        return GEOMETRIC_LIMIT;
    }
    let q = plane.x + plane.y * (u - f32(i)) + plane.z * (v - f32(j));
    let p = vec4f(u, v, 1.0, q);
    let z = dot(sources[s].backward[2], p);
    if (!(z > 0.0)) {
        return GEOMETRIC_LIMIT;
    }
    let du = dot(sources[s].backward[0], p) / z - x;
    let dv = dot(sources[s].backward[1], p) / z - y;
    return min(sqrt(du * du + dv * dv), GEOMETRIC_LIMIT);
}

// 1 - ZNCC of the patch under a plane in source s.
fn patch_cost(s: u32, base: vec3f, dx: vec3f, dy: vec3f) -> f32 {
    var mean = 0.0;
    var square = 0.0;
    var cross_sum = 0.0;
    for (var k = 0u; k < SAMPLES; k++) {
        let p = base + dx * offset_of[k].x + dy * offset_of[k].y;
        let t = sample(s, p.x / p.z, p.y / p.z);
        let wt = weight[k] * t;
        mean += wt;
        square += wt * t;
        cross_sum += signed_weight[k] * t;
    }
    let source_variance = square - mean * mean;
    if (!(source_variance >= LEAST_VARIANCE)) {
        return WORST;
    }
    return clamp(1.0 - cross_sum / sqrt(variance * source_variance), 0.0, WORST);
}

fn view_cost(s: u32, x: f32, y: f32, plane: vec3f) -> f32 {
    let f0 = sources[s].forward[0];
    let f1 = sources[s].forward[1];
    let f2 = sources[s].forward[2];
    let p = vec4f(x, y, 1.0, plane.x);
    let base = vec3f(dot(f0, p), dot(f1, p), dot(f2, p));
    let u = base.x / base.z;
    let v = base.y / base.z;
    let inside = base.z > 0.0 && u >= 0.0 && v >= 0.0 && u <= f32(sources[s].width - 1u)
        && v <= f32(sources[s].height - 1u);
    var cost = WORST;
    if (inside && variance >= LEAST_VARIANCE) {
        let dq = vec3f(f0.w, f1.w, f2.w);
        let dx = vec3f(f0.x, f1.x, f2.x) + dq * plane.y;
        let dy = vec3f(f0.y, f1.y, f2.y) + dq * plane.z;
        cost = patch_cost(s, base, dx, dy);
    }
    if (params.geometric == 1u) {
        var error = GEOMETRIC_LIMIT;
        if (inside) {
            error = forward_backward(s, x, y, u, v);
        }
        cost += GEOMETRIC_WEIGHT * error;
    }
    return cost;
}

