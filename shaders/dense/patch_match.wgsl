// PatchMatch stereo of one reference image against up to eight sources: one red-black half sweep an invocation grid.
// In: packed 2x2 grey neighbourhoods (one word a texel), geometry of the sources, planes of the sources, prior planes.
// In and out: planes (q, gx, gy, cost) and source sets of every pixel; q = inverse depth (world units), coordinates are
// pixel indices (first pixel's centre at 0). Bit 31 of a source set marks a pixel outside the mask.
// Workgroup 8 x 8; a pixel reads only pixels of the other colour, so that the order of invocations does not matter.
// Source: Q. Xu and W. Tao, CVPR 2019 and AAAI 2020; differences are listed in the twin.
// Twin: src/dense/kernels/patch_match (cpu.rs, patch.rs, zncc.rs).
// Follows: patch_cost.wgsl

fn is_valid(plane: vec3f, x: f32, y: f32) -> bool {
    if (!(plane.x >= params.q_min && plane.x <= params.q_max)) {
        return false;
    }
    let r = vec2f(x - params.cx, y - params.cy) / params.f;
    let n = vec3f(params.f * plane.yz, plane.x - plane.y * (x - params.cx) - plane.z * (y - params.cy));
    return plane.x * plane.x >= LEAST_COSINE * LEAST_COSINE * dot(n, n) * (dot(r, r) + 1.0);
}

fn normal_of(plane: vec3f, x: f32, y: f32) -> vec3f {
    let n = vec3f(params.f * plane.yz, plane.x - plane.y * (x - params.cx) - plane.z * (y - params.cy));
    return n * (-1.0 / max(sqrt(dot(n, n)), 1e-30));
}

fn plane_of(q: f32, n: vec3f, x: f32, y: f32) -> vec3f {
    let ray = vec3f((x - params.cx) / params.f, (y - params.cy) / params.f, 1.0);
    let scale = q / (min(dot(n, ray), -1e-6) * params.f);
    return vec3f(q, n.x * scale, n.y * scale);
}

fn is_close(a: vec3f, b: vec3f) -> bool {
    let limit = SAME * a.x;
    return abs(a.x - b.x) <= limit && abs(a.y - b.y) * 5.0 <= limit && abs(a.z - b.z) * 5.0 <= limit;
}

fn likelihood(cost: f32) -> f32 {
    let u = max(1.0 - cost * cost * (1.0 / (0.18 * 8.0)), 0.0);
    let u2 = u * u;
    let u4 = u2 * u2;
    return u4 * u4;
}

fn prior_cost(plane: vec3f) -> f32 {
    if (prior_weight <= 0.0) {
        return 0.0;
    }
    let deviation = abs(plane.x - prior_plane.x) / (prior_plane.x * PRIOR_DEVIATION);
    return prior_weight * PRIOR_COST * min(deviation, 1.0);
}

fn total(costs: array<f32, 8>, plane: vec3f) -> f32 {
    var all = costs;
    var sum = 0.0;
    for (var s = 0u; s < 8u; s++) {
        sum += weights[s] * all[s];
    }
    return prior_cost(plane) + (1.0 - prior_weight) * sum;
}

fn weighted_cost(x: f32, y: f32, plane: vec3f, limit: f32) -> f32 {
    var sum = prior_cost(plane);
    for (var s = 0u; s < params.sources; s++) {
        if (weights[s] > 0.0) {
            if (sum >= limit) {
                return sum;
            }
            sum += (1.0 - prior_weight) * weights[s] * view_cost(s, x, y, plane);
        }
    }
    return sum;
}

fn is_inside(x: i32, y: i32) -> bool {
    return x >= 0 && y >= 0 && x < i32(params.width) && y < i32(params.height);
}

fn index_of(x: i32, y: i32) -> u32 {
    return u32(y) * params.width + u32(x);
}

// Sample k of a region: 0-3 near, 4-7 far, turned by quarters.
fn region_offset(region: u32, k: i32) -> vec2i {
    var at = vec2i(0, -3 - 2 * k);
    if (region < 4u) {
        let m = (k + 1) / 2;
        at = vec2i(select(m, -m, (k & 1) == 1), -m - 1);
    }
    switch region & 3u {
        case 0u: { return at; }
        case 1u: { return vec2i(-at.y, at.x); }
        case 2u: { return -at; }
        default: { return vec2i(at.y, -at.x); }
    }
}

fn view_costs(x: f32, y: f32, plane: vec3f, active_views: u32) -> array<f32, 8> {
    var out: array<f32, 8>;
    for (var s = 0u; s < 8u; s++) {
        out[s] = WORST;
        if (((active_views >> s) & 1u) == 1u) {
            out[s] = view_cost(s, x, y, plane);
        }
    }
    return out;
}

// Tries perturbed and random planes.
fn refine(at: vec2i, best: ptr<function, vec3f>, best_cost: ptr<function, f32>) {
    let x = f32(at.x);
    let y = f32(at.y);
    var state = hash4(u32(at.x), u32(at.y), params.iteration, params.seed);
    for (var k = 0u; k < 7u; k++) {
        var r: array<f32, 4>;
        for (var i = 0u; i < 4u; i++) {
            state = next_random(state);
            r[i] = 2.0 * unit_random(state) - 1.0;
        }
        let d = r[0] * r[0] * r[0] * params.depth_amplitude;
        let e = vec3f(r[1], r[2], r[3]);
        let q = (*best).x;
        let tilted = normal_of(*best, x, y) + e * params.normal_amplitude;
        let n = tilted * (1.0 / max(sqrt(dot(tilted, tilted)), 1e-20));
        var candidate = vec3f(q * (1.0 + d), (*best).yz);
        switch k {
            case 0u: { candidate = surface_plane(at, q); }
            case 3u: { candidate = plane_of(q, n, x, y); }
            case 4u: { candidate = plane_of(q * (1.0 + d), n, x, y); }
            case 5u: {
                let ray = vec3f((x - params.cx) / params.f, (y - params.cy) / params.f, 1.0);
                let scale = 1.0 / max(sqrt(dot(e, e)), 1e-20);
                candidate = plane_of(q, e * select(scale, -scale, dot(e, ray) > 0.0), x, y);
            }
            case 6u: { candidate = select(vec3f(-1.0), prior_plane, prior_weight > 0.0); }
            default: {}
        }
        if (is_valid(candidate, x, y)) {
            let cost = weighted_cost(x, y, candidate, *best_cost);
            if (cost < *best_cost) {
                *best = candidate;
                *best_cost = cost;
            }
        }
    }
}

// The plane through the four neighbours' inverse depths; q < 0, which is never valid, where one of them is missing.
fn surface_plane(at: vec2i, q: f32) -> vec3f {
    var side: array<f32, 4>;
    for (var k = 0u; k < 4u; k++) {
        let o = region_offset(k, 0);
        if (!is_inside(at.x + o.x, at.y + o.y)) {
            return vec3f(-1.0);
        }
        side[k] = planes[index_of(at.x + o.x, at.y + o.y)].x;
        if (!(side[k] > 0.0)) {
            return vec3f(-1.0);
        }
    }
    // Up, right, down, left.
    return vec3f(q, 0.5 * (side[1] - side[3]), 0.5 * (side[2] - side[0]));
}

// This invocation's pixel; x < 0 where there is nothing to do.
fn pixel(id: vec3u) -> vec2i {
    let y = tile.origin.y + id.y;
    let x = 2u * (tile.origin.x + id.x) + ((y + params.colour) & 1u);
    if (x >= params.width || y >= tile.end.y || (views[y * params.width + x] & OUTSIDE) != 0u) {
        return vec2i(-1);
    }
    return vec2i(i32(x), i32(y));
}

@compute @workgroup_size(8, 8)
fn score(@builtin(global_invocation_id) id: vec3u) {
    let at = pixel(id);
    if (at.x < 0) {
        return;
    }
    make_patch(at.x, at.y);
    let i = index_of(at.x, at.y);
    let plane = planes[i].xyz;
    var costs = view_costs(f32(at.x), f32(at.y), plane, (1u << params.sources) - 1u);
    let used = (params.sources + 1u) / 2u;
    var chosen = 0u;
    var sum = 0.0;
    for (var k = 0u; k < used; k++) {
        var best = 8u;
        for (var s = 0u; s < params.sources; s++) {
            if (((chosen >> s) & 1u) == 0u && (best == 8u || costs[s] < costs[min(best, 7u)])) {
                best = s;
            }
        }
        chosen |= 1u << best;
        sum += costs[min(best, 7u)];
    }
    planes[i] = vec4f(plane, sum / f32(used));
    views[i] = chosen;
}

@compute @workgroup_size(8, 8)
fn visit(@builtin(global_invocation_id) id: vec3u) {
    let at = pixel(id);
    if (at.x < 0) {
        return;
    }
    let x = f32(at.x);
    let y = f32(at.y);
    make_patch(at.x, at.y);
    let own = index_of(at.x, at.y);
    // The best plane of each region, moved to this pixel.
    var candidates: array<vec3f, 8>;
    var count = 0u;
    for (var region = 0u; region < 8u; region++) {
        var best = WORST;
        var from_offset = vec2i(0);
        for (var k = 0; k < select(11, 7, region < 4u); k++) {
            let o = region_offset(region, k);
            if (is_inside(at.x + o.x, at.y + o.y)) {
                let cost = planes[index_of(at.x + o.x, at.y + o.y)].w;
                if (cost < best) {
                    best = cost;
                    from_offset = o;
                }
            }
        }
        if (best < WORST) {
            let p = planes[index_of(at.x + from_offset.x, at.y + from_offset.y)].xyz;
            let moved = vec3f(p.x - p.y * f32(from_offset.x) - p.z * f32(from_offset.y), p.yz);
            if (is_valid(moved, x, y)) {
                candidates[count] = moved;
                count++;
            }
        }
    }
    // Sources that this pixel and its neighbours use.
    var votes: array<f32, 8>;
    var active_views = views[own];
    for (var k = 0u; k < 4u; k++) {
        let o = region_offset(k, 0);
        if (is_inside(at.x + o.x, at.y + o.y)) {
            let used = views[index_of(at.x + o.x, at.y + o.y)] & ~OUTSIDE;
            active_views |= used;
            for (var s = 0u; s < 8u; s++) {
                votes[s] += select(0.1, 0.9, ((used >> s) & 1u) == 1u);
            }
        }
    }
    if (params.explore == 1u || countOneBits(active_views) < 2u) {
        active_views = (1u << params.sources) - 1u;
    }
    var best = planes[own].xyz;
    let current_valid = is_valid(best, x, y);
    var costs: array<array<f32, 8>, 9>;
    if (current_valid) {
        costs[8] = view_costs(x, y, best, active_views);
    }
    for (var k = 0u; k < count; k++) {
        var same = 9u;
        if (current_valid && is_close(candidates[k], best)) {
            same = 8u;
        } else {
            for (var j = 0u; j < k; j++) {
                if (same == 9u && is_close(candidates[k], candidates[j])) {
                    same = j;
                }
            }
        }
        if (same < 9u) {
            costs[k] = costs[same];
        } else {
            costs[k] = view_costs(x, y, candidates[k], active_views);
        }
    }
    prior_weight = 0.0;
    if (params.prior == 1u) {
        let prior = priors[own];
        let texture = variance / PRIOR_VARIANCE;
        prior_weight = prior.w / (1.0 + texture * texture);
        prior_plane = prior.xyz;
    }
    // Weights of the sources.
    var largest = 0.0;
    for (var s = 0u; s < 8u; s++) {
        weights[s] = 0.0;
        if (((active_views >> s) & 1u) == 1u) {
            var sum = 0.0;
            var goods = 0u;
            var bads = 0u;
            for (var k = 0u; k < count; k++) {
                let c = costs[k][s];
                if (c < params.good) {
                    sum += likelihood(c);
                    goods++;
                }
                bads += select(0u, 1u, c > BAD);
            }
            if (bads < 3u) {
                weights[s] = votes[s] * select(likelihood(params.good), sum / f32(max(goods, 1u)), goods > 2u);
            }
        }
        largest = max(largest, weights[s]);
    }
    var weight_sum = 0.0;
    for (var s = 0u; s < 8u; s++) {
        weights[s] = select(0.0, weights[s], weights[s] > LEAST_WEIGHT * largest);
        weight_sum += weights[s];
    }
    var chosen = 0u;
    for (var s = 0u; s < 8u; s++) {
        if (weight_sum > 0.0) {
            weights[s] /= weight_sum;
        } else {
            weights[s] = f32((active_views >> s) & 1u) / f32(countOneBits(active_views));
        }
        chosen |= select(0u, 1u << s, weights[s] > 0.0);
    }
    var best_cost = 1e30;
    if (current_valid) {
        best_cost = total(costs[8], best);
    }
    for (var k = 0u; k < count; k++) {
        let cost = total(costs[k], candidates[k]);
        if (cost < best_cost) {
            best = candidates[k];
            best_cost = cost;
        }
    }
    refine(at, &best, &best_cost);
    planes[own] = vec4f(best, min(best_cost, WORST));
    views[own] = chosen;
}
