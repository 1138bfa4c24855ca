// Triangles of the city or of the part, textured or shaded by their flat normals.
// Follows: frame.wgsl
// In: vertices (position, texture coordinate with v down, colour, class of view count plus 6 times class of surface), one
// texture page.
// Out: sRGB values, opaque but for the edges.

@group(1) @binding(0) var page: texture_2d<f32>;
@group(1) @binding(1) var page_sampler: sampler;

struct Corner {
    @builtin(position) clip: vec4f,
    @location(0) local: vec3f,
    @location(1) uv: vec2f,
    @location(2) data: vec4f,
    // Class of the view count plus 6 times the class of the surface.
    @location(3) @interpolate(flat) classes: u32,
}

@vertex
fn vs_mesh(@location(0) local: vec3f, @location(1) uv: vec2f, @location(2) data: vec4f) -> Corner {
    return Corner(frame.clip_from_local * vec4f(local, 1.0), local, uv, data, u32(data.a * 255.0 + 0.5));
}

// Edges lie a little before the faces that they belong to.
@vertex
fn vs_wire(@location(0) local: vec3f, @location(1) uv: vec2f, @location(2) data: vec4f) -> Corner {
    var clip = frame.clip_from_local * vec4f(local, 1.0);
    clip.z *= 1.0005;
    // Edges shorter than a few pixels fade, because they would cover everything.
    let fade = clamp((frame.edge / max(clip.w, 1e-6) - 1.0) / 8.0, 0.06, 0.8);
    return Corner(clip, local, uv, vec4f(data.rgb, fade), 0u);
}

fn normal_of(local: vec3f) -> vec3f {
    let n = cross(dpdx(local), dpdy(local));
    let towards = frame.eye.xyz - local * frame.eye.w;
    let facing = n * select(-1.0, 1.0, dot(n, towards) >= 0.0);
    return facing / max(length(facing), 1e-30);
}

@fragment
fn fs_mesh(in: Corner, @builtin(front_facing) front: bool) -> @location(0) vec4f {
    if (is_clipped(in.local)) {
        discard;
    }
    switch frame.shading {
        case 0u: {
            return vec4f(textureSample(page, page_sampler, in.uv).rgb, 1.0);
        }
        case 1u: {
            let clay = select(vec3f(0.45, 0.50, 0.62), vec3f(0.93, 0.91, 0.88), front);
            return vec4f(lit(clay, normal_of(in.local)), 1.0);
        }
        case 2u: {
            return vec4f(normal_of(in.local) * 0.5 + 0.5, 1.0);
        }
        case 3u: {
            let class_of = in.classes % 6u;
            return vec4f(lit(frame.palette[class_of].rgb, normal_of(in.local)), 1.0);
        }
        case 7u: {
            // What has no class is grey.
            let class_of = in.classes / 6u;
            let colour = select(vec3f(0.6), frame.surfaces[min(class_of, 6u)].rgb, class_of < 7u);
            return vec4f(lit(colour, normal_of(in.local)), 1.0);
        }
        case 5u: {
            return vec4f(lit(mapped_height(in.local.z), normal_of(in.local)), 1.0);
        }
        default: {
            return vec4f(in.data.rgb, 1.0);
        }
    }
}

@fragment
fn fs_wire(in: Corner) -> @location(0) vec4f {
    if (is_clipped(in.local)) {
        discard;
    }
    return vec4f(0.08, 0.10, 0.14, in.data.a);
}
