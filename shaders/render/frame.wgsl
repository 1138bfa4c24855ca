// What every shader of the 3D view knows: the camera, the size of the picture, how to shade, the clipping box.
// Precedes `mesh.wgsl`, `points.wgsl` and `lines.wgsl`. Positions are metres (or millimetres) relative to the origin of
// the layer; clip space has its depth reversed (1 = nearest). Colours are sRGB values, not linear ones.

// Whether the clipping box cuts: a constant of the pipeline, so that pictures without a box keep the early depth test.
override CLIPPED: bool = false;

struct Frame {
    clip_from_local: mat4x4f,
    // Eye relative to the origin and 1, or, of a parallel projection, the direction to the eye and 0.
    eye: vec4f,
    // Unit direction to the light.
    light: vec4f,
    // Colour of each class of view counts.
    palette: array<vec4f, 6>,
    // Colour of each class of surface.
    surfaces: array<vec4f, 7>,
    // Stops of the colour map, evenly spaced from 0 to 1.
    map: array<vec4f, 9>,
    // Planes of the clipping box: what has a positive value of all of them is inside.
    planes: array<vec4f, 6>,
    // Width and height of the picture in pixels.
    size: vec2f,
    // Edge of a point in pixels of this picture.
    point_px: f32,
    // Nearest depth that is drawn; 0 of a parallel projection.
    near: f32,
    // 0 texture, 1 clay, 2 normals, 3 views, 4 colours of the vertices, 5 height, 6 confidence, 7 classes.
    shading: u32,
    // Mean length of an edge in pixels at depth 1.
    edge: f32,
    // Lowest and highest z of the colour map, relative to the origin.
    range: vec2f,
    // Pixels of this picture for each pixel of the view; below 1 of the small pictures that are drawn while moving.
    scale: f32,
    pad1: f32,
    pad2: f32,
    pad3: f32,
}

@group(0) @binding(0) var<uniform> frame: Frame;

fn is_clipped(local: vec3f) -> bool {
    if (!CLIPPED) {
        return false;
    }
    var inside = true;
    for (var i = 0; i < 6; i++) {
        inside = inside && dot(frame.planes[i].xyz, local) + frame.planes[i].w >= 0.0;
    }
    return !inside;
}

fn mapped(value: f32) -> vec3f {
    let at = clamp(value, 0.0, 1.0) * 8.0;
    let low = min(u32(at), 7u);
    return mix(frame.map[low].rgb, frame.map[low + 1u].rgb, at - f32(low));
}

fn mapped_height(z: f32) -> vec3f {
    return mapped((z - frame.range.x) / max(frame.range.y - frame.range.x, 1e-6));
}

fn lit(colour: vec3f, normal: vec3f) -> vec3f {
    let half_lit = 0.5 + 0.5 * dot(normal, frame.light.xyz);
    return colour * (0.25 + 0.75 * half_lit * half_lit);
}
