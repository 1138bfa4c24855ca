//! Small pictures of photos, made in the background and kept within a bound.
//!
//! The window asks each frame for the pictures that it shows; what is not there yet is put on top of a stack, so that
//! what was asked for last comes first and what scrolled away is dropped. A file that cannot be read gives no picture
//! and says why. With each picture come the sharpness and exposure of the whole photo.

use crate::flight::{PhotoQuality, photo_quality};
use crate::image::Rgb8;
use crate::image::decode::decode_photo;
use eframe::egui::{ColorImage, Context, TextureHandle, TextureOptions};
use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, PoisonError};

/// Longer side of a picture in pixels.
pub const SIDE: usize = 320;
/// Pictures kept at most; 0.27 MB each.
const KEPT: usize = 400;
/// Photos waiting at most; more than one screen shows.
const WAITING: usize = 256;
/// Threads: a photo takes tens of milliseconds to decode, and a run may need the others.
const THREADS: usize = 2;

/// What came of a photo.
#[derive(Clone)]
pub enum Thumb {
    /// Being made.
    Waiting,
    /// The picture.
    Ready(TextureHandle),
    /// Why there is none.
    Failed(String),
}

struct Made {
    path: PathBuf,
    result: Result<(Rgb8, PhotoQuality), String>,
}

#[derive(Default)]
struct Queue {
    wanted: Vec<(PathBuf, u8)>,
    closed: bool,
}

struct Shared {
    queue: Mutex<Queue>,
    more: Condvar,
    made: Mutex<Vec<Made>>,
}

/// The pictures of one window.
pub struct Thumbs {
    shared: Arc<Shared>,
    /// Picture and the frame in which it was last shown.
    ready: HashMap<PathBuf, (Thumb, u64)>,
    /// Sharpness and exposure of each photo that was decoded; small, so all are kept.
    pub quality: BTreeMap<PathBuf, PhotoQuality>,
    frame: u64,
}

impl Thumbs {
    /// Starts the threads; `ctx` is woken by each picture.
    pub fn new(ctx: &Context) -> Self {
        let shared = Arc::new(Shared { queue: Mutex::default(), more: Condvar::new(), made: Mutex::default() });
        for _ in 0..THREADS {
            let (shared, ctx) = (shared.clone(), ctx.clone());
            std::thread::spawn(move || work(&shared, &ctx));
        }
        Self { shared, ready: HashMap::new(), quality: BTreeMap::new(), frame: 0 }
    }

    /// Takes in what was made since the last frame. Call once a frame, before [`Self::get`].
    pub fn begin_frame(&mut self, ctx: &Context) {
        self.frame += 1;
        let made = std::mem::take(&mut *lock(&self.shared.made));
        for m in made {
            let thumb = match m.result {
                Ok((image, quality)) => {
                    self.quality.insert(m.path.clone(), quality);
                    let size = [image.width, image.height];
                    let picture = ColorImage::from_rgb(size, image.data.as_flattened());
                    Thumb::Ready(ctx.load_texture(m.path.to_string_lossy(), picture, TextureOptions::LINEAR))
                }
                Err(reason) => Thumb::Failed(reason),
            };
            self.ready.insert(m.path, (thumb, self.frame));
        }
        if self.ready.len() > KEPT {
            let mut ages: Vec<u64> = self.ready.values().map(|(_, age)| *age).collect();
            ages.sort_unstable_by(|a, b| b.cmp(a));
            let oldest = ages[KEPT * 3 / 4];
            self.ready.retain(|_, (_, age)| *age > oldest);
        }
    }

    /// The picture of a photo, asked for if it is not there.
    pub fn get(&mut self, path: &Path, orientation: u8) -> Thumb {
        if let Some((thumb, shown)) = self.ready.get_mut(path) {
            *shown = self.frame;
            return thumb.clone();
        }
        let mut queue = lock(&self.shared.queue);
        queue.wanted.retain(|(p, _)| p != path);
        queue.wanted.push((path.to_path_buf(), orientation));
        let excess = queue.wanted.len().saturating_sub(WAITING);
        queue.wanted.drain(..excess);
        drop(queue);
        self.shared.more.notify_one();
        Thumb::Waiting
    }
}

impl Drop for Thumbs {
    fn drop(&mut self) {
        lock(&self.shared.queue).closed = true;
        self.shared.more.notify_all();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn work(shared: &Shared, ctx: &Context) {
    loop {
        let mut queue = lock(&shared.queue);
        let (path, orientation) = loop {
            if queue.closed {
                return;
            }
            if let Some(next) = queue.wanted.pop() {
                break next;
            }
            queue = shared.more.wait(queue).unwrap_or_else(PoisonError::into_inner);
        };
        drop(queue);
        // A second thread must not make the same picture; asking again while it is made only repeats the work.
        let result = make(&path, orientation);
        lock(&shared.made).push(Made { path, result });
        ctx.request_repaint();
    }
}

fn make(path: &Path, orientation: u8) -> Result<(Rgb8, PhotoQuality), String> {
    let photo = read(path, orientation)?;
    let scale = (SIDE as f64 / photo.width.max(photo.height) as f64).min(1.0);
    let side = |s: usize| ((s as f64 * scale).round() as usize).max(1);
    Ok((photo.reduced(side(photo.width), side(photo.height)), photo_quality(&photo)))
}

/// A photo as large as every adapter takes it, and the width of the full photo in pixels.
pub fn read_for_screen(path: &Path, orientation: u8) -> Result<(Rgb8, usize), String> {
    /// Longest side of a texture that every adapter takes.
    const LIMIT: usize = 8192;
    let photo = read(path, orientation)?;
    let (longest, full) = (photo.width.max(photo.height), photo.width);
    let side = |s: usize| (s * LIMIT / longest).max(1);
    Ok((if longest > LIMIT { photo.reduced(side(photo.width), side(photo.height)) } else { photo }, full))
}

fn read(path: &Path, orientation: u8) -> Result<Rgb8, String> {
    let bytes = std::fs::read(path).map_err(|e| format!("cannot read {}: {e}", path.display()))?;
    decode_photo(&bytes, orientation).map_err(|e| e.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Waits until all threads are idle and takes in what they made.
    fn settle(thumbs: &mut Thumbs, ctx: &Context, until: impl Fn(&Thumbs) -> bool) {
        for _ in 0..500 {
            thumbs.begin_frame(ctx);
            if until(thumbs) {
                return;
            }
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        panic!("no picture within 5 s");
    }

    #[test]
    fn pictures_come_and_their_number_is_bounded() {
        let dir = tempfile::tempdir().expect("folder");
        let ctx = Context::default();
        let mut thumbs = Thumbs::new(&ctx);
        let text = dir.path().join("text.jpg");
        std::fs::write(&text, "no photo").expect("written");
        let photos: Vec<PathBuf> = (0..KEPT + 40).map(|i| dir.path().join(format!("{i}.png"))).collect();
        for (i, path) in photos.iter().enumerate() {
            image::RgbImage::from_pixel(8, 6, image::Rgb([i as u8, 0, 0])).save(path).expect("written");
        }
        assert!(matches!(thumbs.get(&text, 1), Thumb::Waiting));
        settle(&mut thumbs, &ctx, |t| t.ready.len() == 1);
        assert!(matches!(thumbs.get(&text, 1), Thumb::Failed(_)));
        for group in photos.chunks(100) {
            let want = thumbs.quality.len() + group.len();
            for path in group {
                thumbs.get(path, 1);
            }
            settle(&mut thumbs, &ctx, |t| t.quality.len() >= want);
        }
        assert!(thumbs.ready.len() <= KEPT, "{}", thumbs.ready.len());
        assert_eq!(thumbs.quality.len(), photos.len());
    }
}
