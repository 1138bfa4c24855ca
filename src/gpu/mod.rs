//! The GPU without domain words: choosing an adapter, buffers, compute kernels, and what a kernel's tests need.
//!
//! In: the user's [`DeviceChoice`]. Out: a [`Gpu`] handle or `None`, upon which every method runs its CPU twin. Shaders
//! are WGSL from `shaders/`, embedded by `include_str!` and preceded by every file of `shaders/shared/`.
//! Portable limits hold everywhere: no f64, no float atomics, no subgroups, at most 8 storage buffers a stage and 128
//! MiB a binding; images that outgrow a binding are textures, read by `textureLoad`. Dispatches are split so that none
//! lasts much longer than 50 ms on the adapter at hand.
//! Failure modes are typed ([`GpuError`]): a lost device and exhausted memory ask the caller to fall back to the twin.

mod adapter;
mod buffer;
mod error;
mod kernel;
#[cfg(test)]
mod shaders;
#[cfg(test)]
pub mod testing;
mod texture;

pub use adapter::{AdapterReport, DeviceChoice, Gpu, adapters};
pub use buffer::Buffer;
pub use error::GpuError;
pub use kernel::{Binding, Dispatch, Kernel, KernelSource, Tiled};
pub use texture::{Texel, Texture};
