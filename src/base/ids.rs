//! Newtype identifiers. They index the vectors of the [`crate::scene`] types directly: `PhotoId(3)` is
//! `flight.photos[3]`, whether or not that photo was registered later.

use serde::{Deserialize, Serialize};

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        pub struct $name(pub u32);

        impl $name {
            /// The position in the vector that this id indexes.
            pub fn index(self) -> usize {
                self.0 as usize
            }
        }

        impl From<usize> for $name {
            fn from(index: usize) -> Self {
                Self(index as u32)
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, "{}", self.0)
            }
        }
    };
}

id!(
    /// A photo of the flight: index into `Flight::photos`.
    PhotoId
);
id!(
    /// A camera group (one body, lens and focal setting): index into `Flight::cameras`.
    CameraId
);
id!(
    /// A sparse point: index into `Reconstruction::points`.
    PointId
);
