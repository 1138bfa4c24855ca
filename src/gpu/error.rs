//! What can go wrong on a GPU, and whether the CPU twin should take over.

/// Why a GPU operation failed.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum GpuError {
    /// The user asked for a device of a kind that this machine does not have.
    #[error("no {wanted} adapter was found ({found})")]
    NoAdapter {
        /// The kind asked for.
        wanted: &'static str,
        /// What was found instead.
        found: String,
    },
    /// The driver refused to open the adapter.
    #[error("the adapter {adapter} could not be opened: {message}")]
    Open {
        /// The adapter's name.
        adapter: String,
        /// The driver's message.
        message: String,
    },
    /// The device was lost: driver reset, unplugged, or a watchdog.
    #[error("the device was lost during {during}: {message}")]
    Lost {
        /// What ran.
        during: String,
        /// The driver's message.
        message: String,
    },
    /// The device has no memory left.
    #[error("the device is out of memory during {during}")]
    OutOfMemory {
        /// What was being made.
        during: String,
    },
    /// A buffer would be larger than the device allows.
    #[error("buffer {label} needs {bytes} bytes, the device allows {limit}")]
    TooLarge {
        /// The buffer.
        label: String,
        /// Its size.
        bytes: u64,
        /// The largest size of a binding.
        limit: u64,
    },
    /// The request was invalid: a bug in a shader or in its caller.
    #[error("invalid use of the device in {during}: {message}")]
    Invalid {
        /// What ran.
        during: String,
        /// The validation message.
        message: String,
    },
}

impl GpuError {
    /// Whether the CPU twin should do the work instead (the request itself was sound).
    pub fn is_recoverable(&self) -> bool {
        matches!(self, Self::Lost { .. } | Self::OutOfMemory { .. } | Self::TooLarge { .. })
    }

    /// What to do next.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::NoAdapter { .. } | Self::Open { .. } => {
                "Run with `--device auto` or `--device cpu`, or install the graphics driver; `veduta devices` lists what is seen."
            }
            Self::Lost { .. } => "Update the graphics driver, or run with `--device cpu`.",
            Self::OutOfMemory { .. } | Self::TooLarge { .. } => {
                "Close other programs that use the GPU, choose a lower quality, or run with `--device cpu`."
            }
            Self::Invalid { .. } => "This is a bug: please report it, and run with `--device cpu` meanwhile.",
        }
    }
}
