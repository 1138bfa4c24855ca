//! The system's dialogs for files and folders. They run beside the window, which goes on drawing.

use eframe::egui::Context;
use rfd::{AsyncFileDialog, FileHandle};
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, TryRecvError, channel};

/// What the user chose.
pub enum Answer {
    /// A folder of photos.
    Photos(Vec<PathBuf>),
    /// A project folder.
    Project(PathBuf),
    /// A list of control points to read.
    ControlList(PathBuf),
    /// Where to write the control points.
    ControlFile(PathBuf),
    /// A folder that may hold the missing photos.
    Relink(PathBuf),
    /// Nothing.
    Nothing,
}

/// An open dialog.
pub struct Dialog(Receiver<Answer>);

impl Dialog {
    /// Asks for a folder of photos.
    pub fn photos(ctx: &Context) -> Self {
        Self::folder(ctx, "Choose a folder of photos", |path| Answer::Photos(vec![path]))
    }

    /// Asks for a project folder.
    pub fn project(ctx: &Context) -> Self {
        Self::folder(ctx, "Choose a project folder (its name ends in .veduta)", Answer::Project)
    }

    /// Asks for a list of control points.
    pub fn control_list(ctx: &Context) -> Self {
        let dialog = AsyncFileDialog::new().set_title("Choose a list of control points");
        let dialog = dialog.add_filter("Lists of control points", &["txt", "csv"]);
        Self::of(ctx, dialog.pick_file(), Answer::ControlList)
    }

    /// Asks where to write the control points.
    pub fn control_file(ctx: &Context) -> Self {
        let dialog = AsyncFileDialog::new().set_title("Write the control points (.txt with marks, .csv without)");
        let dialog = dialog.add_filter("Lists of control points", &["txt", "csv"]).set_file_name("control.txt");
        Self::of(ctx, dialog.save_file(), Answer::ControlFile)
    }

    /// Asks where missing photos are.
    pub fn relink(ctx: &Context) -> Self {
        Self::folder(ctx, "Choose the folder where the photos are now", Answer::Relink)
    }

    fn folder(ctx: &Context, title: &str, answer: fn(PathBuf) -> Answer) -> Self {
        Self::of(ctx, AsyncFileDialog::new().set_title(title).pick_folder(), answer)
    }

    /// `chosen` is made on the main thread, as macOS asks for, and awaited elsewhere.
    fn of(
        ctx: &Context,
        chosen: impl Future<Output = Option<FileHandle>> + Send + 'static,
        answer: fn(PathBuf) -> Answer,
    ) -> Self {
        let (send, receive) = channel();
        let ctx = ctx.clone();
        std::thread::spawn(move || {
            let chosen = pollster::block_on(chosen);
            let answer = chosen.map_or(Answer::Nothing, |f| answer(f.path().to_path_buf()));
            // The window may be gone by now.
            let _ = send.send(answer);
            ctx.request_repaint();
        });
        Self(receive)
    }

    /// The answer, once there is one.
    pub fn answer(&mut self) -> Option<Answer> {
        match self.0.try_recv() {
            Ok(answer) => Some(answer),
            Err(TryRecvError::Empty) => None,
            Err(TryRecvError::Disconnected) => Some(Answer::Nothing),
        }
    }
}
