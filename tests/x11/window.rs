//! A person opens a project, judges photos by mouse and keyboard, takes it back, runs, marks control points, measures,
//! changes what draws the window, and quits.

use crate::desktop::{Desktop, wait_for};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::{Duration, Instant};
use veduta::project::{Project, find_photos};

const CONTROL: u32 = 0xffe3;
const RIGHT: u32 = 0xff53;
const ESCAPE: u32 = 0xff1b;

struct Program(Child);

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn start(desktop: &Desktop, dir: &Path, project: Option<&Path>) -> Program {
    let config = dir.join("config/veduta");
    fs::create_dir_all(&config).unwrap();
    let child = Command::new(env!("CARGO_BIN_EXE_veduta"))
        .args(project)
        .env("DISPLAY", &desktop.name)
        .env_remove("WAYLAND_DISPLAY")
        .env("XDG_CONFIG_HOME", dir.join("config"))
        .env("XDG_RUNTIME_DIR", dir)
        .spawn()
        .unwrap();
    Program(child)
}

/// Seconds of processor time that a process has used.
fn processor_time(id: u32) -> f64 {
    let stat = fs::read_to_string(format!("/proc/{id}/stat")).unwrap();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    // utime and stime, in hundredths of a second on all Linux systems of today.
    (fields[11].parse::<f64>().unwrap() + fields[12].parse::<f64>().unwrap()) / 100.0
}

/// Different colours on the screen, up to a limit.
fn colours(desktop: &Desktop) -> usize {
    let (pixels, _) = desktop.picture();
    let mut seen = std::collections::BTreeSet::new();
    for pixel in pixels.iter().step_by(7) {
        seen.insert(*pixel);
    }
    seen.len()
}

fn verdicts(project: &Path) -> usize {
    Project::open_to_read(project).map_or(0, |p| p.manifest().verdicts.len())
}

fn tiny_project(dir: &Path) -> PathBuf {
    let project = dir.join("tiny.veduta");
    let photos = find_photos(&[Path::new(env!("CARGO_MANIFEST_DIR")).join("samples/tiny/images")]).unwrap();
    Project::open_or_create(&project).unwrap().update(|m| m.photos = photos).unwrap();
    project
}

#[test]
fn a_project_is_opened_judged_run_and_closed() {
    let Some(desktop) = Desktop::start(1280, 800) else { return };
    let dir = tempfile::tempdir().unwrap();
    let project = tiny_project(dir.path());
    let began = Instant::now();
    let mut program = start(&desktop, dir.path(), Some(&project));
    let (_, width, height) = wait_for("a window", 30, || desktop.window());
    wait_for("the first frame", 30, || (colours(&desktop) > 20).then_some(()));
    eprintln!("first frame after {:.2} s, {width} x {height}", began.elapsed().as_secs_f64());
    wait_for("thumbnails", 30, || (colours(&desktop) > 300).then_some(()));

    // The second photo by keys, then a click on the first one's thumbnail.
    desktop.key(RIGHT, &[]);
    desktop.key(RIGHT, &[]);
    desktop.key(u32::from(b'x'), &[]);
    wait_for("a rejected photo", 10, || (verdicts(&project) == 1).then_some(()));
    desktop.key(u32::from(b'z'), &[CONTROL]);
    wait_for("the edit taken back", 10, || (verdicts(&project) == 0).then_some(()));
    desktop.click(90, 200);
    desktop.key(u32::from(b'd'), &[]);
    wait_for("a doubted photo", 10, || (verdicts(&project) == 1).then_some(()));

    // Two runs would not fit: the first stages are enough to see that the run reaches the disk.
    desktop.key(u32::from(b'r'), &[CONTROL]);
    wait_for("the first stage", 120, || Project::open_to_read(&project).ok()?.current("ingest").ok());
    wait_for("the second stage", 240, || Project::open_to_read(&project).ok()?.current("features").ok());

    desktop.key(u32::from(b'q'), &[CONTROL]);
    let status = wait_for("the end", 60, || program.0.try_wait().unwrap());
    assert!(status.success(), "{status}");
    let kept = fs::read_to_string(dir.path().join("config/veduta/window.json")).unwrap();
    assert!(kept.contains("tiny.veduta") && kept.contains("layout"), "{kept}");
    // The lock is free again.
    Project::open_or_create(&project).unwrap();
}

#[test]
fn an_idle_window_uses_no_processor_time() {
    let Some(desktop) = Desktop::start(1280, 800) else { return };
    let dir = tempfile::tempdir().unwrap();
    let program = start(&desktop, dir.path(), Some(&tiny_project(dir.path())));
    wait_for("thumbnails", 30, || desktop.window().filter(|_| colours(&desktop) > 300));
    std::thread::sleep(Duration::from_secs(3));
    let before = processor_time(program.0.id());
    std::thread::sleep(Duration::from_secs(3));
    let used = processor_time(program.0.id()) - before;
    assert!(used < 0.1, "{used:.2} s of processor time in 3 s of rest");
}

#[test]
fn a_tiny_window_does_not_fail() {
    let Some(desktop) = Desktop::start(300, 200) else { return };
    let dir = tempfile::tempdir().unwrap();
    let mut program = start(&desktop, dir.path(), None);
    wait_for("a window", 30, || desktop.window());
    for key in [RIGHT, u32::from(b'x')] {
        desktop.key(key, &[]);
    }
    for digit in b'1'..=b'9' {
        desktop.key(u32::from(digit), &[CONTROL]);
    }
    assert!(program.0.try_wait().unwrap().is_none(), "it still runs");
    desktop.key(u32::from(b'q'), &[CONTROL]);
    let status = wait_for("the end", 30, || program.0.try_wait().unwrap());
    assert!(status.success(), "{status}");
}

/// Runs stages of a project with the command line.
fn run(project: &Path, until: &str, control: Option<&Path>) {
    let images = Path::new(env!("CARGO_MANIFEST_DIR")).join("samples/tiny/images");
    let mut command = Command::new(env!("CARGO_BIN_EXE_veduta"));
    command.arg("run").arg(images).arg("-o").arg(project).args(["--until", until, "--device", "cpu"]);
    if let Some(list) = control {
        command.arg("--control").arg(list);
    }
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

fn marks(project: &Path) -> Option<usize> {
    let project = Project::open_to_read(project).ok()?;
    Some(project.manifest().control.iter().map(|p| p.marks.len()).sum())
}

/// Pixels of the screen in the colour of measurements.
fn measured(desktop: &Desktop) -> usize {
    let (pixels, _) = desktop.picture();
    let near = |p: &[u8; 3]| p.iter().zip([240u8, 178, 66]).all(|(a, b)| a.abs_diff(b) <= 3);
    pixels.iter().filter(|p| near(p)).count()
}

#[test]
fn control_points_are_marked_and_a_distance_is_measured() {
    let Some(desktop) = Desktop::start(1280, 800) else { return };
    let dir = tempfile::tempdir().unwrap();
    let project = dir.path().join("tiny.veduta");
    run(&project, "sparse", Some(&Path::new(env!("CARGO_MANIFEST_DIR")).join("samples/tiny/control.txt")));
    let before = marks(&project).unwrap();
    let mut program = start(&desktop, dir.path(), Some(&project));
    wait_for("thumbnails", 30, || desktop.window().filter(|_| colours(&desktop) > 300));

    desktop.key(u32::from(b'k'), &[CONTROL]);
    let (down, delete) = (0xff54, 0xffff);
    desktop.key(down, &[]);
    wait_for("a mark less", 30, || {
        desktop.key(delete, &[]);
        (marks(&project)? < before).then_some(())
    });
    let deleted = marks(&project).unwrap();
    // The cross stands where the point is predicted.
    desktop.key(u32::from(b'm'), &[]);
    wait_for("a mark more", 10, || (marks(&project)? == deleted + 1).then_some(()));
    desktop.key(u32::from(b'z'), &[CONTROL]);
    wait_for("the mark taken back", 10, || (marks(&project)? == deleted).then_some(()));

    desktop.key(u32::from(b'4'), &[CONTROL]);
    std::thread::sleep(Duration::from_secs(2));
    let without = measured(&desktop);
    desktop.key(u32::from(b'7'), &[]);
    desktop.key(u32::from(b'l'), &[]);
    std::thread::sleep(Duration::from_secs(2));
    // Pixels of the view that stand out from its ground: two of them are sparse points.
    let (pixels, width) = desktop.picture();
    let stands_out = |&(x, y): &(usize, usize)| {
        let differences = pixels[y * width + x].iter().zip([30u8, 32, 36]).map(|(a, b)| u32::from(a.abs_diff(b)));
        differences.sum::<u32>() > 150
    };
    let places = (300..600).step_by(20).flat_map(|y| (560..900).step_by(3).map(move |x| (x, y)));
    let mut places = places.filter(stands_out).step_by(7);
    wait_for("a measured distance", 60, || {
        let (x, y) = places.next().expect("points under the pointer");
        desktop.click(x as i16, y as i16);
        (measured(&desktop) > without + 150).then_some(())
    });
    desktop.key(u32::from(b'q'), &[CONTROL]);
    assert!(wait_for("the end", 60, || program.0.try_wait().unwrap()).success());
}

#[test]
fn a_window_drawn_by_the_processor_takes_the_place_of_the_first() {
    let Some(desktop) = Desktop::start(1280, 800) else { return };
    let dir = tempfile::tempdir().unwrap();
    let project = tiny_project(dir.path());
    let mut program = start(&desktop, dir.path(), Some(&project));
    wait_for("thumbnails", 30, || desktop.window().filter(|_| colours(&desktop) > 300));
    // A busy machine may open the list of commands after the first letters: then all is typed again.
    let status = wait_for("the end of the first", 90, || {
        desktop.key(ESCAPE, &[]);
        desktop.key(u32::from(b'p'), &[CONTROL]);
        std::thread::sleep(Duration::from_millis(300));
        for letter in b"processor" {
            desktop.key(u32::from(*letter), &[]);
        }
        desktop.key(0xff0d, &[]);
        (0..50).find_map(|_| {
            std::thread::sleep(Duration::from_millis(100));
            program.0.try_wait().unwrap()
        })
    });
    assert!(status.success(), "{status}");
    wait_for("another window", 30, || desktop.window().filter(|_| colours(&desktop) > 300));
    // It holds the project: edits reach the disk.
    wait_for("a rejected photo", 30, || {
        desktop.key(RIGHT, &[]);
        desktop.key(u32::from(b'x'), &[]);
        (verdicts(&project) >= 1).then_some(())
    });
    desktop.key(u32::from(b'q'), &[CONTROL]);
    wait_for("a free project", 30, || Project::open_or_create(&project).ok());
}
