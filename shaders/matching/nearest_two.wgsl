// For each descriptor of a the two most similar ones of b, by exact integer dot products.
// In: descriptors of 128 bytes as 32 words each, byte 0 lowest; the range of b that this dispatch looks at.
// Out: for each row best dot product, second best, index of the best (lowest index among equals), updated in place.
// One invocation holds one row of a in registers; tiles of b pass through workgroup memory (8 KB).
// Source: D. Lowe, IJCV 2004, section 7.1; blocking as in V. Garcia et al., "Fast k nearest neighbor search using GPU",
// CVPR workshops 2008. Twin: src/matching/kernels/nearest_two.rs.

struct Params {
    rows: u32,
    begin: u32,
    end: u32,
}

struct NearestTwo {
    best: i32,
    second: i32,
    index: u32,
}

const ROWS: u32 = 64u;
const WORDS: u32 = 32u;
const TILE: u32 = 64u;

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> descriptors_a: array<u32>;
@group(0) @binding(2) var<storage, read> descriptors_b: array<u32>;
@group(0) @binding(3) var<storage, read_write> nearest: array<NearestTwo>;

var<workgroup> tile_b: array<u32, TILE * WORDS>;

@compute @workgroup_size(64)
fn nearest_two(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
    let row = group.x * ROWS + local;
    let inside = row < params.rows;
    var own: array<u32, 32>;
    var found = NearestTwo(-1, -1, 0xffffffffu);
    if (inside) {
        for (var k = 0u; k < WORDS; k++) {
            own[k] = descriptors_a[row * WORDS + k];
        }
        found = nearest[row];
    }
    // Every invocation takes part in loading each tile, also those without a row.
    for (var start = params.begin; start < params.end; start += TILE) {
        let count = min(TILE, params.end - start);
        workgroupBarrier();
        for (var i = local; i < count * WORDS; i += ROWS) {
            tile_b[i] = descriptors_b[start * WORDS + i];
        }
        workgroupBarrier();
        if (inside) {
            for (var j = 0u; j < count; j++) {
                var sum = 0u;
                for (var k = 0u; k < WORDS; k++) {
                    sum += dot4U8Packed(own[k], tile_b[j * WORDS + k]);
                }
                let similarity = i32(sum);
                if (similarity > found.best) {
                    found = NearestTwo(similarity, found.best, start + j);
                } else if (similarity > found.second) {
                    found.second = similarity;
                }
            }
        }
    }
    if (inside) {
        nearest[row] = found;
    }
}
