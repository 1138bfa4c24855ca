//! Choosing and opening a compute device.
//!
//! In: [`DeviceChoice`]. Out: a [`Gpu`], or `None` where the CPU twins should work. A software adapter counts as no GPU
//! unless it is asked for, because the SIMD twins are faster (measured: 0.9 s against 3.6 s of Mesa's software Vulkan
//! for an 11x11 NCC sweep on two cores).

use super::{GpuError, Kernel};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Which device the user wants.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DeviceChoice {
    /// A discrete GPU, else an integrated one, else the CPU.
    #[default]
    Auto,
    /// A real GPU; an error where there is none.
    Gpu,
    /// The software adapter, to test shaders on machines without a GPU; an error where there is none.
    Software,
    /// No GPU at all.
    Cpu,
}

/// One adapter of this machine and what became of it, for `veduta devices`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AdapterReport {
    /// Name as the driver gives it.
    pub name: String,
    /// Driver interface: vulkan, metal, dx12, gl.
    pub backend: String,
    /// discrete, integrated, virtual, software, other.
    pub kind: String,
    /// Driver name and version.
    pub driver: String,
    /// Whether the choice takes it.
    pub chosen: bool,
    /// Why, or why not.
    pub reason: String,
}

/// An open device with its queue. Shared between threads by reference.
#[derive(Debug)]
pub struct Gpu {
    pub(super) device: wgpu::Device,
    pub(super) queue: wgpu::Queue,
    pub(super) lost: Arc<Mutex<Option<String>>>,
    /// Compiled kernels by entry point, constants and text.
    pub(super) kernels: Mutex<BTreeMap<String, Kernel>>,
    /// Name of the adapter.
    pub name: String,
    /// Whether it is a software adapter.
    pub is_software: bool,
    /// Largest storage binding in bytes (at most 128 MiB, the portable limit).
    pub max_binding: u64,
}

fn kind(info: &wgpu::AdapterInfo) -> &'static str {
    match info.device_type {
        wgpu::DeviceType::DiscreteGpu => "discrete",
        wgpu::DeviceType::IntegratedGpu => "integrated",
        wgpu::DeviceType::VirtualGpu => "virtual",
        wgpu::DeviceType::Cpu => "software",
        wgpu::DeviceType::Other => "other",
    }
}

/// Lower is better; `None` = not eligible, with the reason.
fn rank(choice: DeviceChoice, adapter: &wgpu::Adapter) -> Result<u32, String> {
    let info = adapter.get_info();
    if choice == DeviceChoice::Cpu {
        return Err("the CPU was asked for".into());
    }
    let by_kind = match (choice, kind(&info)) {
        (DeviceChoice::Software, "software") => 0,
        (DeviceChoice::Software, _) => return Err("a software adapter was asked for".into()),
        (_, "software") => return Err("a software adapter is slower than the built-in CPU code".into()),
        (_, "discrete") => 0,
        (_, "integrated") => 1,
        (_, "virtual") => 2,
        _ => 3,
    };
    let flags = adapter.get_downlevel_capabilities().flags;
    if !flags.contains(wgpu::DownlevelFlags::COMPUTE_SHADERS) {
        return Err("it has no compute shaders".into());
    }
    let limits = adapter.limits();
    if limits.max_storage_buffers_per_shader_stage < 8 || limits.max_storage_buffer_binding_size < 128 << 20 {
        return Err(format!(
            "it offers {} storage buffers of {} MiB, 8 of 128 MiB are needed",
            limits.max_storage_buffers_per_shader_stage,
            limits.max_storage_buffer_binding_size >> 20
        ));
    }
    let by_backend = match info.backend {
        wgpu::Backend::Vulkan | wgpu::Backend::Metal | wgpu::Backend::Dx12 => 0,
        _ => 1,
    };
    Ok(by_kind * 2 + by_backend)
}

/// OpenGL is asked only where nothing better answers, because its loaders print to the terminal.
fn enumerate() -> Vec<wgpu::Adapter> {
    let of = |backends| {
        let descriptor =
            wgpu::InstanceDescriptor { backends, ..wgpu::InstanceDescriptor::new_without_display_handle() };
        pollster::block_on(wgpu::Instance::new(descriptor).enumerate_adapters(backends))
    };
    let primary = of(wgpu::Backends::PRIMARY);
    if primary.is_empty() { of(wgpu::Backends::SECONDARY) } else { primary }
}

fn best(choice: DeviceChoice, adapters: &[wgpu::Adapter]) -> Option<usize> {
    let ranked = adapters.iter().enumerate().filter_map(|(i, a)| rank(choice, a).ok().map(|r| (r, i)));
    ranked.min().map(|(_, i)| i)
}

/// Every adapter of this machine, and what `choice` makes of it.
pub fn adapters(choice: DeviceChoice) -> Vec<AdapterReport> {
    let found = enumerate();
    let chosen = best(choice, &found);
    let report = |(i, adapter): (usize, &wgpu::Adapter)| {
        let info = adapter.get_info();
        let reason = match rank(choice, adapter) {
            Err(reason) => reason,
            Ok(_) if chosen == Some(i) => "the best that fits".into(),
            Ok(_) => "another adapter ranks higher".into(),
        };
        AdapterReport {
            kind: kind(&info).into(),
            backend: info.backend.to_str().into(),
            driver: format!("{} {}", info.driver, info.driver_info).trim().into(),
            name: info.name,
            chosen: chosen == Some(i),
            reason,
        }
    };
    found.iter().enumerate().map(report).collect()
}

impl Gpu {
    /// The device, for whoever draws with it.
    pub fn device(&self) -> &wgpu::Device {
        &self.device
    }

    /// The device's queue, for whoever draws with it.
    pub fn queue(&self) -> &wgpu::Queue {
        &self.queue
    }

    /// Opens the device that `choice` asks for. `Ok(None)`: the CPU twins do the work.
    pub fn open(choice: DeviceChoice) -> Result<Option<Self>, GpuError> {
        if choice == DeviceChoice::Cpu {
            return Ok(None);
        }
        let found = enumerate();
        let Some(index) = best(choice, &found) else {
            if choice == DeviceChoice::Auto {
                return Ok(None);
            }
            let names: Vec<String> =
                found.iter().map(|a| format!("{} is {}", a.get_info().name, kind(&a.get_info()))).collect();
            let wanted = if choice == DeviceChoice::Gpu { "GPU" } else { "software" };
            let found = if names.is_empty() { "none at all".into() } else { names.join(", ") };
            return Err(GpuError::NoAdapter { wanted, found });
        };
        Self::from_adapter(&found[index]).map(Some)
    }

    fn from_adapter(adapter: &wgpu::Adapter) -> Result<Self, GpuError> {
        let info = adapter.get_info();
        let required_limits = wgpu::Limits::default().or_worse_values_from(&adapter.limits());
        let max_binding = required_limits.max_storage_buffer_binding_size.min(128 << 20);
        let descriptor =
            wgpu::DeviceDescriptor { label: Some("veduta"), required_limits, ..wgpu::DeviceDescriptor::default() };
        let (device, queue) = pollster::block_on(adapter.request_device(&descriptor))
            .map_err(|e| GpuError::Open { adapter: info.name.clone(), message: e.to_string() })?;
        let lost = Arc::new(Mutex::new(None));
        let slot = lost.clone();
        device.set_device_lost_callback(move |reason, message| {
            *slot.lock().unwrap_or_else(PoisonError::into_inner) = Some(format!("{reason:?} {message}"));
        });
        let is_software = info.device_type == wgpu::DeviceType::Cpu;
        let kernels = Mutex::default();
        Ok(Self { device, queue, lost, kernels, name: info.name, is_software, max_binding })
    }

    /// Runs `make` and turns what the device complains about into a typed error.
    pub(super) fn guarded<T>(&self, during: &str, make: impl FnOnce() -> T) -> Result<T, GpuError> {
        let memory = self.device.push_error_scope(wgpu::ErrorFilter::OutOfMemory);
        let internal = self.device.push_error_scope(wgpu::ErrorFilter::Internal);
        let validation = self.device.push_error_scope(wgpu::ErrorFilter::Validation);
        let value = make();
        let errors = [validation, internal, memory].map(|scope| pollster::block_on(scope.pop()));
        let lost = self.lost.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(message) = lost {
            return Err(GpuError::Lost { during: during.into(), message });
        }
        match errors.into_iter().flatten().next() {
            None => Ok(value),
            Some(wgpu::Error::OutOfMemory { .. }) => Err(GpuError::OutOfMemory { during: during.into() }),
            Some(other) => Err(GpuError::Invalid { during: during.into(), message: other.to_string() }),
        }
    }

    /// Waits until everything submitted is done.
    pub(super) fn wait(&self, during: &str) -> Result<(), GpuError> {
        self.device
            .poll(wgpu::PollType::wait_indefinitely())
            .map(|_| ())
            .map_err(|e| GpuError::Lost { during: during.into(), message: e.to_string() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cpu_is_no_device_and_the_list_says_why() {
        assert!(Gpu::open(DeviceChoice::Cpu).expect("never fails").is_none());
        for report in adapters(DeviceChoice::Cpu) {
            assert!(!report.chosen);
            assert_eq!(report.reason, "the CPU was asked for");
        }
        let auto = adapters(DeviceChoice::Auto);
        assert!(auto.iter().filter(|r| r.chosen).count() <= 1);
        assert!(auto.iter().all(|r| !(r.chosen && r.kind == "software")));
    }
}
