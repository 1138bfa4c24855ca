// Straight lines of a fixed width in pixels.
// Follows: frame.wgsl
// In: one instance a line (ends, width in pixels, colour), four vertices of a strip. Out: sRGB values with opacity.
// A line that reaches behind the eye is cut where it does.

struct Corner {
    @builtin(position) clip: vec4f,
    @location(0) colour: vec4f,
}

@vertex
fn vs_lines(
    @builtin(vertex_index) index: u32,
    @location(0) start: vec4f,
    @location(1) end: vec3f,
    @location(2) colour: vec4f,
) -> Corner {
    var a = frame.clip_from_local * vec4f(start.xyz, 1.0);
    var b = frame.clip_from_local * vec4f(end, 1.0);
    if (a.w < frame.near && b.w < frame.near) {
        return Corner(vec4f(2.0, 2.0, 2.0, 1.0), colour);
    }
    if (a.w < frame.near) {
        a = mix(a, b, (frame.near - a.w) / (b.w - a.w));
    }
    if (b.w < frame.near) {
        b = mix(b, a, (frame.near - b.w) / (a.w - b.w));
    }
    let along = (b.xy / b.w - a.xy / a.w) * frame.size;
    let unit = along / max(length(along), 1e-6);
    let side = f32(index & 1u) * 2.0 - 1.0;
    var at = a;
    if (index >= 2u) {
        at = b;
    }
    let offset = vec2f(-unit.y, unit.x) * side * (start.w * frame.scale / frame.size);
    return Corner(vec4f(at.xy + offset * at.w, at.z * 1.0005, at.w), colour);
}

@fragment
fn fs_lines(in: Corner) -> @location(0) vec4f {
    return in.colour;
}
