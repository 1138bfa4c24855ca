// What every shader of the 3D view knows: the camera, the size of the picture, how to shade.
// Precedes `mesh.wgsl`, `points.wgsl` and `lines.wgsl`. Positions are metres (or millimetres) relative to the origin of
// the layer; clip space has its depth reversed (1 = nearest). Colours are sRGB values, not linear ones.

struct Frame {
    clip_from_local: mat4x4f,
    // Eye relative to the origin and 1, or, of a parallel projection, the direction to the eye and 0.
    eye: vec4f,
    // Unit direction to the light.
    light: vec4f,
    // Colour of each class of view counts.
    palette: array<vec4f, 6>,
    // Width and height of the picture in pixels.
    size: vec2f,
    // Edge of a point in pixels.
    point_px: f32,
    // Nearest depth that is drawn; 0 of a parallel projection.
    near: f32,
    // 0 texture, 1 clay, 2 normals, 3 views, 4 colours of the vertices.
    shading: u32,
    // Mean length of an edge in pixels at depth 1.
    edge: f32,
    pad1: u32,
    pad2: u32,
}

@group(0) @binding(0) var<uniform> frame: Frame;
