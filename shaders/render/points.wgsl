// Points as squares, discs or single pixels.
// Follows: frame.wgsl
// In: one instance a point (position, colour and confidence, octahedral normal and number of photos), four vertices of a
// strip; as single pixels one vertex a point. Out: opaque sRGB values.

struct Corner {
    @builtin(position) clip: vec4f,
    @location(0) at: vec2f,
    @location(1) colour: vec3f,
}

const OUTSIDE = vec4f(2.0, 2.0, 2.0, 1.0);

fn normal_of(data: vec4f) -> vec3f {
    let e = data.xy * 2.0 - 1.0;
    var n = vec3f(e, 1.0 - abs(e.x) - abs(e.y));
    if (n.z < 0.0) {
        n = vec3f((1.0 - abs(e.yx)) * select(vec2f(-1.0), vec2f(1.0), e >= vec2f(0.0)), n.z);
    }
    return normalize(n);
}

fn colour_of(local: vec3f, colour: vec4f, data: vec4f) -> vec3f {
    switch frame.shading {
        case 1u: {
            return lit(vec3f(0.93, 0.91, 0.88), normal_of(data));
        }
        case 2u: {
            return normal_of(data) * 0.5 + 0.5;
        }
        case 3u: {
            return frame.palette[min(u32(data.z * 255.0 + 0.5), 5u)].rgb;
        }
        case 5u: {
            return mapped_height(local.z);
        }
        case 6u: {
            return mapped(colour.a);
        }
        default: {
            return colour.rgb;
        }
    }
}

@vertex
fn vs_points(
    @builtin(vertex_index) index: u32,
    @location(0) local: vec3f,
    @location(1) colour: vec4f,
    @location(2) data: vec4f,
) -> Corner {
    if (is_clipped(local)) {
        return Corner(OUTSIDE, vec2f(0.0), vec3f(0.0));
    }
    let at = vec2f(f32(index & 1u), f32(index >> 1u)) * 2.0 - 1.0;
    var clip = frame.clip_from_local * vec4f(local, 1.0);
    clip = vec4f(clip.xy + at * (frame.point_px / frame.size) * clip.w, clip.zw);
    return Corner(clip, at, colour_of(local, colour, data));
}

@vertex
fn vs_dots(@location(0) local: vec3f, @location(1) colour: vec4f, @location(2) data: vec4f) -> Corner {
    if (is_clipped(local)) {
        return Corner(OUTSIDE, vec2f(0.0), vec3f(0.0));
    }
    return Corner(frame.clip_from_local * vec4f(local, 1.0), vec2f(0.0), colour_of(local, colour, data));
}

@fragment
fn fs_points(in: Corner) -> @location(0) vec4f {
    return vec4f(in.colour, 1.0);
}

@fragment
fn fs_discs(in: Corner) -> @location(0) vec4f {
    if (dot(in.at, in.at) > 1.0) {
        discard;
    }
    return vec4f(in.colour, 1.0);
}
