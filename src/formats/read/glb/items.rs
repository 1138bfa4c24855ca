//! The numbers that an accessor of a glTF file holds.
//!
//! In: the accessor, the buffers. Out: flat lists of numbers with so many an item; what a sparse accessor says is put in.
//! Fails where its data lie outside their buffer.

use super::{FORMAT, ReadError, Reader, broken};
use gltf::Accessor;
use gltf::accessor::{DataType, Dimensions};

impl Reader {
    /// The items of an accessor as numbers; normalised integers become fractions.
    pub(super) fn values(&self, accessor: &Accessor<'_>) -> Result<Items<f64>, ReadError> {
        let mut items = self.items(accessor, number)?;
        if accessor.normalized() {
            let scale = match accessor.data_type() {
                DataType::U8 => 255.0,
                DataType::I8 => 127.0,
                DataType::U16 => 65535.0,
                DataType::I16 => 32767.0,
                _ => 1.0,
            };
            items.numbers.iter_mut().for_each(|v| *v = (*v / scale).max(-1.0));
        }
        Ok(items)
    }

    /// The items of an accessor, each number as `convert` reads it.
    pub(super) fn items<T: Copy + Default>(
        &self,
        accessor: &Accessor<'_>,
        convert: impl Fn(&[u8], DataType) -> T,
    ) -> Result<Items<T>, ReadError> {
        let width = match accessor.dimensions() {
            Dimensions::Scalar => 1,
            Dimensions::Vec2 => 2,
            Dimensions::Vec3 => 3,
            Dimensions::Vec4 => 4,
            _ => return Err(broken(format!("the accessor {} holds matrices", accessor.index()))),
        };
        let place = |view: &gltf::buffer::View<'_>, from: usize, size: usize, count: usize| {
            let step = view.stride().unwrap_or(size);
            let data = self.view(view)?;
            let needed = count.checked_sub(1).map(|n| n.checked_mul(step)?.checked_add(size));
            let fits = needed.is_none_or(|n| n.and_then(|n| n.checked_add(from)).is_some_and(|n| n <= data.len()));
            if !fits {
                return Err(broken(format!("the accessor {} lies outside its buffer view", accessor.index())));
            }
            Ok((0..count).map(move |i| &data[from + i * step..][..size]))
        };
        let kind = accessor.data_type();
        let numbers_of =
            |item: &[u8], out: &mut Vec<T>| out.extend(item.chunks_exact(kind.size()).map(|n| convert(n, kind)));
        let mut numbers = Vec::new();
        match accessor.view() {
            Some(view) => {
                let items = place(&view, accessor.offset(), kind.size() * width, accessor.count())?;
                numbers.reserve_exact(accessor.count() * width);
                items.for_each(|item| numbers_of(item, &mut numbers));
            }
            // Without a view all are zero; only a file that says which are not would mean something.
            None if accessor.count() > 10_000_000 => {
                return Err(broken("an accessor without data claims too many items"));
            }
            None => numbers.resize(accessor.count() * width, T::default()),
        }
        if let Some(sparse) = accessor.sparse() {
            let index_kind = match sparse.indices().index_type() {
                gltf::accessor::sparse::IndexType::U8 => DataType::U8,
                gltf::accessor::sparse::IndexType::U16 => DataType::U16,
                gltf::accessor::sparse::IndexType::U32 => DataType::U32,
            };
            let at = place(&sparse.indices().view(), sparse.indices().offset(), index_kind.size(), sparse.count())?;
            let (view, from) = (sparse.values().view(), sparse.values().offset());
            let (mut value, count) = (Vec::with_capacity(width), accessor.count());
            for (at, item) in at.zip(place(&view, from, kind.size() * width, sparse.count())?) {
                let index = number(at, index_kind) as usize;
                let slot = (index < count).then(|| &mut numbers[index * width..][..width]).ok_or(ReadError::Index {
                    format: FORMAT,
                    what: "sparse item",
                    index: index as i64,
                    count,
                })?;
                value.clear();
                numbers_of(item, &mut value);
                slot.copy_from_slice(&value);
            }
        }
        Ok(Items { width, numbers })
    }
}

/// What an accessor holds: items of some numbers each.
pub(super) struct Items<T> {
    pub width: usize,
    pub numbers: Vec<T>,
}

impl<T> Items<T> {
    pub fn len(&self) -> usize {
        self.numbers.len() / self.width
    }

    pub fn of(&self, item: u32) -> &[T] {
        &self.numbers[item as usize * self.width..][..self.width]
    }
}

/// The first number of `bytes`, which are long enough.
pub(super) fn number(bytes: &[u8], kind: DataType) -> f64 {
    let word = bytes[..kind.size()].iter().rev().fold(0u32, |n, &b| (n << 8) | u32::from(b));
    match kind {
        DataType::I8 => f64::from(word as u8 as i8),
        DataType::I16 => f64::from(word as u16 as i16),
        DataType::U8 | DataType::U16 | DataType::U32 => f64::from(word),
        DataType::F32 => f64::from(f32::from_bits(word)),
    }
}
