//! The files of a part in one format, in memory, and what the judge says of them after reading them back.

use super::{Format, OrderError, describe, pictures};
use crate::base::Ctx;
use crate::formats::{gltf, obj, ply, read, stl, textured, threemf, wrl};
use crate::print::judge::{FileFacts, Verdict, judge};
use crate::print::printer::Printer;
use crate::scene::Part;
use std::cell::RefCell;
use std::io::{Cursor, Error, ErrorKind, Result as IoResult, Write};
use std::path::PathBuf;
use std::rc::Rc;

/// A part in one format.
pub struct Encoded {
    /// The format.
    pub format: Format,
    /// Names and bytes; the part itself comes first, then what it refers to.
    pub files: Vec<(String, Vec<u8>)>,
    /// What the print will look like, where its colours are not those of the part's page: to look at, no body.
    pub shown: Option<Part>,
}

impl Encoded {
    /// Name of the part's file.
    pub fn name(&self) -> &str {
        self.files.first().map_or("", |f| &f.0)
    }

    /// Bytes of all files.
    pub fn bytes(&self) -> u64 {
        self.files.iter().map(|f| f.1.len() as u64).sum()
    }
}

/// Writes a part; `stem` is its name without an ending.
pub fn encode(part: &Part, stem: &str, format: Format) -> Result<Encoded, OrderError> {
    let name = format!("{stem}.{}", format.ending());
    let mut files = write(part, stem, &name, format).map_err(|reason| {
        let path = PathBuf::from(&name);
        super::FileError::new("encode", &path, &reason)
    })?;
    files.sort_by_key(|f| f.0 != name);
    Ok(Encoded { format, files, shown: None })
}

/// Reads the files back and judges them.
pub fn judged(ctx: &Ctx, encoded: &Encoded, printer: &Printer) -> Result<Verdict, OrderError> {
    let (name, bytes) = encoded.files.first().map_or(("", &[][..]), |f| (f.0.as_str(), f.1.as_slice()));
    let mut beside = |wanted: &str| {
        let found = encoded.files.iter().find(|f| f.0 == wanted);
        found.map(|f| f.1.clone()).ok_or_else(|| Error::from(ErrorKind::NotFound))
    };
    let mesh = read::read(name, bytes, &mut beside)
        .map_err(|reason| OrderError::Read { file: PathBuf::from(name), reason })?;
    let facts = FileFacts { name: name.into(), format: encoded.format.ending().into(), bytes: encoded.bytes() };
    Ok(judge(ctx, &mesh, &facts, printer, None)?)
}

fn write(part: &Part, stem: &str, name: &str, format: Format) -> IoResult<Vec<(String, Vec<u8>)>> {
    let mut bytes = Vec::new();
    let picture = format!("{stem}.png");
    match format {
        Format::ThreeMf => {
            let thumbnail = textured::png(&pictures::part_picture(part, (512, 384)))?;
            let metadata = threemf::Metadata { title: part.title.clone(), description: describe(part) };
            let mut out = Cursor::new(Vec::new());
            threemf::write(part, &metadata, Some(&thumbnail), &mut out)?;
            bytes = out.into_inner();
        }
        Format::Obj => return Shelf::fill(|shelf| obj::write_part(part, stem, |n| Ok(shelf.open(n)))),
        Format::Wrl => {
            let mut files = Shelf::fill(|shelf| wrl::write(part, stem, |n| Ok(shelf.open(n))))?;
            files.retain(|f| !f.1.is_empty());
            return Ok(files);
        }
        Format::Ply => {
            ply::write_part(part, &picture, &mut bytes)?;
            return Ok(vec![(name.into(), bytes), (picture, textured::png(&part.texture)?)]);
        }
        Format::Glb => gltf::write_part(part, &mut bytes)?,
        Format::Stl => stl::write(&part.mesh, &mut bytes)?,
        Format::Slices => return Err(Error::from(ErrorKind::Unsupported)),
    }
    Ok(vec![(name.into(), bytes)])
}

/// Files in memory, for writers that open several.
#[derive(Default)]
struct Shelf {
    files: Vec<(String, Rc<RefCell<Vec<u8>>>)>,
}

/// One open file of a shelf.
struct Sheet(Rc<RefCell<Vec<u8>>>);

impl Write for Sheet {
    fn write(&mut self, bytes: &[u8]) -> IoResult<usize> {
        self.0.borrow_mut().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> IoResult<()> {
        Ok(())
    }
}

impl Shelf {
    fn open(&mut self, name: &str) -> Sheet {
        let file = Rc::new(RefCell::new(Vec::new()));
        self.files.push((name.into(), file.clone()));
        Sheet(file)
    }

    fn fill(write: impl FnOnce(&mut Self) -> IoResult<()>) -> IoResult<Vec<(String, Vec<u8>)>> {
        let mut shelf = Self::default();
        write(&mut shelf)?;
        Ok(shelf.files.into_iter().map(|(name, file)| (name, file.take())).collect())
    }
}
