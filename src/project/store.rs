//! Opening, locking, and the artifact store.

use super::ProjectError;
use crate::base::{Diagnostic, Fingerprint};
use crate::scene::ControlPoint;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

/// The newest project format that this program reads and the one that it writes.
const FORMAT: u32 = 1;

/// The content of `project.json`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// Format of the folder.
    pub format: u32,
    /// Photo files, absolute.
    pub photos: Vec<PathBuf>,
    /// What the user thinks of single photos; photos without an entry are accepted.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub verdicts: BTreeMap<PathBuf, Verdict>,
    /// Control points with their marks.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub control: Vec<ControlPoint>,
    /// The options of the last run, as JSON.
    pub request: serde_json::Value,
    /// The print order, as JSON; null while there is none.
    #[serde(default, skip_serializing_if = "serde_json::Value::is_null")]
    pub order: serde_json::Value,
    /// The current artifact of each stage.
    pub current: BTreeMap<String, Fingerprint>,
}

/// A user's judgement of a photo.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// To be looked at again; it takes part.
    Doubt(String),
    /// It takes no part; with the reason.
    Reject(String),
}

impl Manifest {
    /// The photo files that take part: all but the rejected.
    pub fn accepted(&self) -> Vec<PathBuf> {
        let rejected = |p: &PathBuf| matches!(self.verdicts.get(p), Some(Verdict::Reject(_)));
        self.photos.iter().filter(|p| !rejected(p)).cloned().collect()
    }
}

/// The content of an artifact's `done.json`, written last.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Done {
    /// The stage that made it.
    pub stage: String,
    /// The version of the stage's method.
    pub version: u32,
    /// Wall-clock seconds that it took.
    pub seconds: f64,
    /// Bytes of its files.
    pub bytes: u64,
    /// What the stage had to say.
    pub diagnostics: Vec<Diagnostic>,
    /// Figures for reports, by name.
    pub figures: BTreeMap<String, f64>,
}

/// A project folder that this process holds.
#[derive(Debug)]
pub struct Project {
    root: PathBuf,
    manifest: Manifest,
    /// Held while the project is open for writing; released by the operating system when the process ends.
    _lock: Option<File>,
}

fn io_error(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> ProjectError {
    let path = path.to_path_buf();
    move |source| ProjectError::Io { action, path, source }
}

impl Project {
    /// Opens a project for writing, or makes a new one where nothing is yet.
    pub fn open_or_create(root: &Path) -> Result<Self, ProjectError> {
        if !root.join("project.json").exists() {
            if root.exists()
                && fs::read_dir(root)
                    .map_err(io_error("read", root))?
                    .any(|e| e.is_ok_and(|e| e.file_name() != "lock" && e.file_name() != "artifacts"))
            {
                return Err(ProjectError::NotAProject { path: root.to_path_buf() });
            }
            fs::create_dir_all(root.join("artifacts")).map_err(io_error("create", root))?;
        }
        let lock = Self::lock(root)?;
        let mut project = if root.join("project.json").exists() {
            Self::read(root)?
        } else {
            let manifest = Manifest { format: FORMAT, ..Manifest::default() };
            let project = Self { root: root.to_path_buf(), manifest, _lock: None };
            project.save()?;
            project
        };
        project._lock = Some(lock);
        project.remove_leftovers();
        Ok(project)
    }

    /// Opens a project to look at it; needs no lock and may run beside a writer.
    pub fn open_to_read(root: &Path) -> Result<Self, ProjectError> {
        Self::read(root)
    }

    fn read(root: &Path) -> Result<Self, ProjectError> {
        let path = root.join("project.json");
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(e) if e.kind() == io::ErrorKind::NotFound || e.kind() == io::ErrorKind::NotADirectory => {
                return Err(ProjectError::NotAProject { path: root.to_path_buf() });
            }
            Err(e) => return Err(io_error("read", &path)(e)),
        };
        let manifest: Manifest =
            serde_json::from_str(&text).map_err(|e| ProjectError::Damaged { path, reason: e.to_string() })?;
        if manifest.format > FORMAT {
            return Err(ProjectError::TooNew { path: root.to_path_buf(), found: manifest.format, known: FORMAT });
        }
        Ok(Self { root: root.to_path_buf(), manifest, _lock: None })
    }

    fn lock(root: &Path) -> Result<File, ProjectError> {
        let path = root.join("lock");
        let file =
            File::options().create(true).truncate(false).write(true).open(&path).map_err(io_error("write", &path))?;
        match file.try_lock() {
            Ok(()) => Ok(file),
            Err(fs::TryLockError::WouldBlock) => Err(ProjectError::Locked { path: root.to_path_buf() }),
            Err(fs::TryLockError::Error(e)) => Err(io_error("lock", &path)(e)),
        }
    }

    /// Removes what a killed run left half-written.
    fn remove_leftovers(&self) {
        let stages = fs::read_dir(self.root.join("artifacts")).into_iter().flatten().flatten();
        for folder in stages.flat_map(|s| fs::read_dir(s.path()).into_iter().flatten().flatten()) {
            if folder.file_name().to_string_lossy().ends_with(".part") {
                // A leftover that cannot be removed only takes space; the run need not stop for it.
                let _ = fs::remove_dir_all(folder.path());
            }
        }
    }

    /// The project's folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The manifest as it was last saved.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Changes the manifest and saves it at once.
    pub fn update(&mut self, change: impl FnOnce(&mut Manifest)) -> Result<(), ProjectError> {
        let before = self.manifest.clone();
        change(&mut self.manifest);
        if self.manifest == before { Ok(()) } else { self.save() }
    }

    fn save(&self) -> Result<(), ProjectError> {
        let path = self.root.join("project.json");
        let text = serde_json::to_vec_pretty(&self.manifest)
            .map_err(|e| ProjectError::Damaged { path: path.clone(), reason: e.to_string() })?;
        let part = self.root.join("project.json.part");
        write_flushed(&part, &text).map_err(io_error("write", &part))?;
        fs::rename(&part, &path).map_err(io_error("write", &path))
    }

    /// The finished artifact of a stage with this key, if there is one.
    pub fn artifact(&self, stage: &str, key: &Fingerprint) -> Option<Artifact> {
        let folder = self.root.join("artifacts").join(stage).join(key.as_str());
        folder.join("done.json").exists().then_some(Artifact { folder })
    }

    /// The current artifact of a stage.
    pub fn current(&self, stage: &str) -> Result<Artifact, ProjectError> {
        self.manifest
            .current
            .get(stage)
            .and_then(|key| self.artifact(stage, key))
            .ok_or_else(|| ProjectError::MissingStage { path: self.root.clone(), stage: stage.into() })
    }

    /// Begins an artifact. Nothing is visible to others before [`ArtifactWriter::finish`].
    pub fn begin(&self, stage: &str, key: &Fingerprint) -> Result<ArtifactWriter, ProjectError> {
        let folder = self.root.join("artifacts").join(stage).join(key.as_str());
        let part = folder.with_extension("part");
        if part.exists() {
            fs::remove_dir_all(&part).map_err(io_error("replace", &part))?;
        }
        fs::create_dir_all(&part).map_err(io_error("create", &part))?;
        Ok(ArtifactWriter { folder, part, bytes: 0 })
    }

    /// Bytes of all artifacts on disk.
    pub fn bytes(&self) -> u64 {
        fn size(path: &Path) -> u64 {
            fs::read_dir(path)
                .into_iter()
                .flatten()
                .flatten()
                .map(|e| match e.metadata() {
                    Ok(m) if m.is_dir() => size(&e.path()),
                    Ok(m) => m.len(),
                    Err(_) => 0,
                })
                .sum()
        }
        size(&self.root)
    }
}

/// A finished result on disk.
#[derive(Clone, Debug)]
pub struct Artifact {
    folder: PathBuf,
}

impl Artifact {
    /// What the stage left in `done.json`.
    pub fn done(&self) -> Result<Done, ProjectError> {
        let path = self.folder.join("done.json");
        let text = fs::read(&path).map_err(io_error("read", &path))?;
        serde_json::from_slice(&text).map_err(|e| ProjectError::Damaged { path, reason: e.to_string() })
    }

    /// The raw bytes of one of its files.
    pub fn read(&self, name: &str) -> Result<Vec<u8>, ProjectError> {
        let path = self.folder.join(name);
        let mut bytes = Vec::new();
        File::open(&path).and_then(|mut f| f.read_to_end(&mut bytes)).map_err(io_error("read", &path))?;
        Ok(bytes)
    }

    /// A value that was stored with [`ArtifactWriter::put`].
    pub fn get<T: DeserializeOwned>(&self, name: &str) -> Result<T, ProjectError> {
        let bytes = self.read(name)?;
        postcard::from_bytes(&bytes)
            .map_err(|e| ProjectError::Damaged { path: self.folder.join(name), reason: e.to_string() })
    }
}

/// An artifact being written.
#[derive(Debug)]
pub struct ArtifactWriter {
    folder: PathBuf,
    part: PathBuf,
    bytes: u64,
}

impl ArtifactWriter {
    /// Stores raw bytes as a file of the artifact.
    pub fn write(&mut self, name: &str, bytes: &[u8]) -> Result<(), ProjectError> {
        let path = self.part.join(name);
        write_flushed(&path, bytes).map_err(io_error("write", &path))?;
        self.bytes += bytes.len() as u64;
        Ok(())
    }

    /// Stores a value in its compact binary form.
    pub fn put<T: Serialize>(&mut self, name: &str, value: &T) -> Result<(), ProjectError> {
        let bytes = postcard::to_allocvec(value)
            .map_err(|e| ProjectError::Damaged { path: self.part.join(name), reason: e.to_string() })?;
        self.write(name, &bytes)
    }

    /// Writes `done.json` and makes the artifact visible in one step.
    pub fn finish(self, mut done: Done) -> Result<Artifact, ProjectError> {
        done.bytes = self.bytes;
        let path = self.part.join("done.json");
        let text = serde_json::to_vec_pretty(&done)
            .map_err(|e| ProjectError::Damaged { path: path.clone(), reason: e.to_string() })?;
        write_flushed(&path, &text).map_err(io_error("write", &path))?;
        if self.folder.exists() {
            // Equal keys mean equal content: a folder in the way is an unfinished one.
            fs::remove_dir_all(&self.folder).map_err(io_error("replace", &self.folder))?;
        }
        fs::rename(&self.part, &self.folder).map_err(io_error("write", &self.folder))?;
        Ok(Artifact { folder: self.folder })
    }
}

fn write_flushed(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = File::create(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn done() -> Done {
        Done {
            stage: "match".into(),
            version: 1,
            seconds: 0.5,
            bytes: 0,
            diagnostics: vec![],
            figures: BTreeMap::new(),
        }
    }

    #[test]
    fn an_artifact_counts_only_when_finished() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("a.veduta");
        let project = Project::open_or_create(&root).unwrap();
        let key = Fingerprint::of_bytes(b"x");
        let mut writer = project.begin("match", &key).unwrap();
        writer.put("value", &vec![1u32, 2, 3]).unwrap();
        assert!(project.artifact("match", &key).is_none());
        drop(writer);
        drop(project);
        let project = Project::open_or_create(&root).unwrap();
        assert_eq!(fs::read_dir(root.join("artifacts/match")).unwrap().count(), 0, "leftovers are removed");
        let mut writer = project.begin("match", &key).unwrap();
        writer.put("value", &vec![1u32, 2, 3]).unwrap();
        writer.finish(done()).unwrap();
        let artifact = project.artifact("match", &key).unwrap();
        assert_eq!(artifact.get::<Vec<u32>>("value").unwrap(), [1, 2, 3]);
        assert!(artifact.done().unwrap().bytes > 0);
        assert!(matches!(project.current("match"), Err(ProjectError::MissingStage { .. })));
    }

    #[test]
    fn one_writer_at_a_time() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("a.veduta");
        let first = Project::open_or_create(&root).unwrap();
        assert!(matches!(Project::open_or_create(&root), Err(ProjectError::Locked { .. })));
        assert!(Project::open_to_read(&root).is_ok());
        drop(first);
        assert!(Project::open_or_create(&root).is_ok());
    }

    #[test]
    fn other_folders_and_damage_are_named() {
        let dir = tempfile::tempdir().unwrap();
        assert!(matches!(Project::open_to_read(dir.path()), Err(ProjectError::NotAProject { .. })));
        fs::write(dir.path().join("photo.jpg"), b"x").unwrap();
        assert!(matches!(Project::open_or_create(dir.path()), Err(ProjectError::NotAProject { .. })));
        let root = dir.path().join("b.veduta");
        drop(Project::open_or_create(&root).unwrap());
        fs::write(root.join("project.json"), b"{").unwrap();
        assert!(matches!(Project::open_to_read(&root), Err(ProjectError::Damaged { .. })));
        fs::write(root.join("project.json"), br#"{"format":99,"photos":[],"request":null,"current":{}}"#).unwrap();
        assert!(matches!(Project::open_to_read(&root), Err(ProjectError::TooNew { .. })));
    }
}
