// How many other depth maps agree with each pixel of one: forward-backward error, relative depth, angle of the normals.
// In: maps as texels (normal in the camera frame, depth along the camera's z axis; 0 = none), layer 0 the map itself,
// layer s + 1 source s; the geometry to each source. Depth in world units, coordinates are pixel indices (first pixel's
// centre at 0). Out: the number of sources that agree, one word a pixel.
// Workgroup 8 x 8, one invocation a pixel.
// Source: J. Schoenberger et al., ECCV 2016. Twin: src/dense/consistency.rs (`Link::counterpart`),
// src/dense/kernels/consistency.rs (`cpu`).

struct Params {
    width: u32,
    height: u32,
    sources: u32,
    reprojection: f32,
    depth: f32,
    least_cosine: f32,
}

struct Geometry {
    forward: array<vec4f, 3>,
    backward: array<vec4f, 3>,
    rotation: array<vec4f, 3>,
    f: f32,
    cx: f32,
    cy: f32,
    width: u32,
    height: u32,
    padding_a: u32,
    padding_b: u32,
    padding_c: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> links: array<Geometry>;
@group(0) @binding(2) var<storage, read_write> agreeing: array<u32>;
@group(2) @binding(0) var maps: texture_2d_array<f32>;

fn agrees(s: u32, x: f32, y: f32, depth: f32, normal: vec3f) -> bool {
    let q = 1.0 / depth;
    let p = vec4f(x, y, 1.0, q);
    let z = dot(links[s].forward[2], p);
    if (!(z > 0.0)) {
        return false;
    }
    let u = dot(links[s].forward[0], p) / z;
    let v = dot(links[s].forward[1], p) / z;
    if (!(u >= 0.0 && v >= 0.0 && u <= f32(links[s].width - 1u) && v <= f32(links[s].height - 1u))) {
        return false;
    }
    let i = u32(u + 0.5);
    let j = u32(v + 0.5);
    let other = textureLoad(maps, vec2u(i, j), s + 1u, 0);
    if (!(other.w > 0.0)) {
        return false;
    }
    // The plane's inverse depth at (u, v), from that at (i, j).
    let centre = vec2f(links[s].cx, links[s].cy);
    let at_pixel = dot(other.xyz, vec3f((vec2f(f32(i), f32(j)) - centre) / links[s].f, 1.0));
    let at_point = dot(other.xyz, vec3f((vec2f(u, v) - centre) / links[s].f, 1.0));
    var other_q = 1.0 / other.w;
    if (at_pixel < -0.02 && at_point < -0.02) {
        other_q = at_point / (at_pixel * other.w);
    }
    let r = vec4f(u, v, 1.0, other_q);
    let back_z = dot(links[s].backward[2], r);
    if (!(back_z > 0.0)) {
        return false;
    }
    let dx = dot(links[s].backward[0], r) / back_z - x;
    let dy = dot(links[s].backward[1], r) / back_z - y;
    let turned = vec3f(
        dot(links[s].rotation[0].xyz, other.xyz),
        dot(links[s].rotation[1].xyz, other.xyz),
        dot(links[s].rotation[2].xyz, other.xyz),
    );
    return sqrt(dx * dx + dy * dy) < params.reprojection
        && abs(1.0 - q / (z * other_q)) < params.depth
        && dot(normal, turned) > params.least_cosine;
}

@compute @workgroup_size(8, 8)
fn count(@builtin(global_invocation_id) id: vec3u) {
    let at = tile.origin + id.xy;
    if (at.x >= params.width || at.y >= tile.end.y) {
        return;
    }
    let own = textureLoad(maps, at, 0, 0);
    var sum = 0u;
    if (own.w > 0.0) {
        for (var s = 0u; s < params.sources; s++) {
            sum += select(0u, 1u, agrees(s, f32(at.x), f32(at.y), own.w, own.xyz));
        }
    }
    agreeing[at.y * params.width + at.x] = sum;
}
