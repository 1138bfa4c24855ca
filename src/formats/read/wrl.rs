//! x
use super::{Beside, ReadError};
use crate::scene::ForeignMesh;
pub fn read(_b: &[u8], _x: Beside<'_>) -> Result<ForeignMesh, ReadError> {
    Err(ReadError::Empty { format: "x" })
}
