//! Packets of rays through the hierarchy, compiled twice: for every processor, and for those with 256-bit vectors.
//!
//! In: the hierarchy, a packet. Out: the packet's hits. Both versions come from the same code without fused operations,
//! so their results are equal bit for bit. Source: see [`super::bvh`].

use super::bvh::{Bvh, Corners, Node, Packet};

/// Nearest hits of a packet. `ANY`: any hit before the ray's end will do; a lane that hit is switched off.
pub(super) fn trace<const N: usize, const ANY: bool>(bvh: &Bvh, p: &mut Packet<N>) {
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("avx2") {
        #[allow(unsafe_code, reason = "the call needs a processor feature")]
        // SAFETY: the processor has AVX2, checked on the line above.
        unsafe {
            trace_avx2::<N, ANY>(bvh, p);
        }
        return;
    }
    walk::<N, ANY>(bvh, p);
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn trace_avx2<const N: usize, const ANY: bool>(bvh: &Bvh, p: &mut Packet<N>) {
    walk::<N, ANY>(bvh, p);
}

#[inline(always)]
fn walk<const N: usize, const ANY: bool>(bvh: &Bvh, p: &mut Packet<N>) {
    if bvh.nodes.is_empty() {
        return;
    }
    let inverse: [[f32; N]; 3] = std::array::from_fn(|c| std::array::from_fn(|k| 1.0 / p.direction[c][k]));
    let mut stack = [0u32; 96];
    let mut depth = 1;
    while depth > 0 {
        depth -= 1;
        let node = &bvh.nodes[stack[depth] as usize];
        if !enters(node, p, &inverse) {
            continue;
        }
        if node.count > 0 {
            for t in &bvh.triangles[node.first as usize..(node.first + node.count) as usize] {
                intersect::<N, ANY>(t, p);
            }
            if ANY && p.t.iter().all(|&t| t < 0.0) {
                return;
            }
            continue;
        }
        let (a, b) = (&bvh.nodes[node.first as usize], &bvh.nodes[node.first as usize + 1]);
        // The first lane decides which child comes first; that only costs time where lanes differ.
        let mut towards = 0.0;
        for c in 0..3 {
            towards += p.direction[c][0] * (b.min[c] + b.max[c] - a.min[c] - a.max[c]);
        }
        let (near, far) = if towards >= 0.0 { (0, 1) } else { (1, 0) };
        stack[depth] = node.first + far;
        stack[depth + 1] = node.first + near;
        depth += 2;
    }
}

#[inline(always)]
fn lesser(a: f32, b: f32) -> f32 {
    if a < b { a } else { b }
}

#[inline(always)]
fn greater(a: f32, b: f32) -> f32 {
    if a > b { a } else { b }
}

#[inline(always)]
fn enters<const N: usize>(node: &Node, p: &Packet<N>, inverse: &[[f32; N]; 3]) -> bool {
    let mut near = [0.0f32; N];
    let mut far = p.t;
    for c in 0..3 {
        for k in 0..N {
            let a = (node.min[c] - p.origin[c][k]) * inverse[c][k];
            let b = (node.max[c] - p.origin[c][k]) * inverse[c][k];
            near[k] = greater(near[k], lesser(a, b));
            far[k] = lesser(far[k], greater(a, b));
        }
    }
    let mut any = false;
    for k in 0..N {
        // Room for rounding, so that flat boxes are not missed.
        any |= near[k] <= far[k] * 1.000_001;
    }
    any
}

/// Tests one triangle against all rays of a packet.
#[inline(always)]
pub(super) fn intersect<const N: usize, const ANY: bool>(tri: &Corners, p: &mut Packet<N>) {
    let (e1, e2) = (tri.e1, tri.e2);
    let d = &p.direction;
    let (mut hit, mut ts, mut us, mut vs) = ([0u32; N], [0.0f32; N], [0.0f32; N], [0.0f32; N]);
    for k in 0..N {
        let (dx, dy, dz) = (d[0][k], d[1][k], d[2][k]);
        let (px, py, pz) = (dy * e2.z - dz * e2.y, dz * e2.x - dx * e2.z, dx * e2.y - dy * e2.x);
        let inv = 1.0 / (e1.x * px + e1.y * py + e1.z * pz);
        let (sx, sy, sz) = (p.origin[0][k] - tri.a.x, p.origin[1][k] - tri.a.y, p.origin[2][k] - tri.a.z);
        let u = (sx * px + sy * py + sz * pz) * inv;
        let (qx, qy, qz) = (sy * e1.z - sz * e1.y, sz * e1.x - sx * e1.z, sx * e1.y - sy * e1.x);
        let v = (dx * qx + dy * qy + dz * qz) * inv;
        let t = (e2.x * qx + e2.y * qy + e2.z * qz) * inv;
        let inside = (u >= -1e-6) & (v >= -1e-6) & (u + v <= 1.000_001) & (t > 1e-4) & (t < p.t[k]);
        hit[k] = u32::from(inside);
        (ts[k], us[k], vs[k]) = (t, u, v);
    }
    if hit.iter().fold(0, |a, b| a | b) == 0 {
        return;
    }
    for k in 0..N {
        if hit[k] != 0 {
            if ANY {
                p.t[k] = -1.0;
            } else {
                (p.t[k], p.u[k], p.v[k], p.id[k]) = (ts[k], us[k], vs[k], tri.id);
            }
        }
    }
}
