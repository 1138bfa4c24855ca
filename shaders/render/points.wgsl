// Points as squares (discs where they are large) of a fixed size in pixels.
// Follows: frame.wgsl
// In: one instance a point (position, colour), four vertices of a strip. Out: opaque sRGB values.

struct Corner {
    @builtin(position) clip: vec4f,
    @location(0) at: vec2f,
    @location(1) colour: vec3f,
}

@vertex
fn vs_points(
    @builtin(vertex_index) index: u32,
    @location(0) local: vec3f,
    @location(1) colour: vec4f,
) -> Corner {
    let at = vec2f(f32(index & 1u), f32(index >> 1u)) * 2.0 - 1.0;
    var clip = frame.clip_from_local * vec4f(local, 1.0);
    clip = vec4f(clip.xy + at * (frame.point_px / frame.size) * clip.w, clip.zw);
    return Corner(clip, at, colour.rgb);
}

@fragment
fn fs_points(in: Corner) -> @location(0) vec4f {
    if (frame.point_px > 3.5 && dot(in.at, in.at) > 1.0) {
        discard;
    }
    return vec4f(in.colour, 1.0);
}
