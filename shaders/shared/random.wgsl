// Deterministic random numbers from a hash of (x, y, iteration, seed).
// Source: M. Jarzynski and M. Olano, "Hash Functions for GPU Rendering", JCGT 9(3), 2020 (pcg, one word of state);
// the four words are mixed in one after another. Twin: src/dense/kernels/hash.rs.

fn pcg_hash(input: u32) -> u32 {
    let state = input * 747796405u + 2891336453u;
    let word = ((state >> ((state >> 28u) + 4u)) ^ state) * 277803737u;
    return (word >> 22u) ^ word;
}

fn hash4(x: u32, y: u32, iteration: u32, seed: u32) -> u32 {
    return pcg_hash(x ^ pcg_hash(y ^ pcg_hash(iteration ^ pcg_hash(seed))));
}

// The next state; use it as the random bits, too.
fn next_random(state: u32) -> u32 {
    return pcg_hash(state + 0x9e3779b9u);
}

// Uniform in [0, 1) with 24 bits.
fn unit_random(bits: u32) -> f32 {
    return f32(bits >> 8u) * (1.0 / 16777216.0);
}
