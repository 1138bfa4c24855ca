//! x
use super::ReadError;
use crate::scene::ForeignMesh;
pub fn read(_b: &[u8]) -> Result<ForeignMesh, ReadError> {
    Err(ReadError::Empty { format: "x" })
}
