// The band of pixels that one dispatch of a per-pixel kernel covers.
// Kernels add `tile.origin` to their invocation id and return at or beyond `tile.end`; `tile.end.x` is the image's width.
// Twin: src/gpu/kernel.rs (`Gpu::run_tiled`).

struct Tile {
    origin: vec2u,
    end: vec2u,
}

@group(1) @binding(0) var<uniform> tile: Tile;
