//! What all 3MF files of this program share: the package around a model of one body, or of several that stand on a tray, in
//! millimetres.
//!
//! Source: 3MF Consortium, "3MF Core Specification" 1.3; Open Packaging Conventions, ISO/IEC 29500-2. Files in the package
//! carry no time stamps, so that equal parts are equal files.

use crate::scene::Mesh;
use nalgebra::Matrix4;
use std::fmt::Write as _;
use std::io::{self, Seek, Write};
use zip::CompressionMethod;
use zip::write::{SimpleFileOptions, ZipWriter};

/// What the package says about itself.
#[derive(Clone, Debug, Default)]
pub struct Metadata {
    /// Title of the model.
    pub title: String,
    /// A sentence about it (place, scale).
    pub description: String,
}

/// This program and its version.
pub(super) const APPLICATION: &str = concat!("Veduta ", env!("CARGO_PKG_VERSION"));
/// The namespace of materials and properties.
pub(super) const MATERIALS: &str =
    r#"xmlns:m="http://schemas.microsoft.com/3dmanufacturing/material/2015/02" requiredextensions="m""#;

const XML: &str = r#"<?xml version="1.0" encoding="UTF-8"?>"#;
const RELATION: &str = "http://schemas.microsoft.com/3dmanufacturing/2013/01";
const CONTENT_TYPES: &str = r#"<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Default Extension="model" ContentType="application/vnd.ms-package.3dmanufacturing-3dmodel+xml"/><Default Extension="png" ContentType="image/png"/><Default Extension="config" ContentType="text/plain"/></Types>"#;

/// A package that is being written.
pub(super) struct Package<W: Write + Seek> {
    zip: ZipWriter<W>,
}

impl<W: Write + Seek> Package<W> {
    /// A package with its model and its picture (PNG).
    pub fn new(out: W, model: &str, thumbnail: Option<&[u8]>) -> io::Result<Self> {
        let mut package = Self { zip: ZipWriter::new(out) };
        let mut relations = vec![("/3D/3dmodel.model", format!("{RELATION}/3dmodel"))];
        if thumbnail.is_some() {
            let kind = "http://schemas.openxmlformats.org/package/2006/relationships/metadata/thumbnail";
            relations.push(("/Metadata/thumbnail.png", kind.into()));
        }
        package.text("[Content_Types].xml", &format!("{XML}\n{CONTENT_TYPES}"))?;
        package.text("_rels/.rels", &relationships(&relations))?;
        package.text("3D/3dmodel.model", model)?;
        if let Some(bytes) = thumbnail {
            package.stored("Metadata/thumbnail.png", bytes)?;
        }
        Ok(package)
    }

    /// A file of text, packed.
    pub fn text(&mut self, name: &str, text: &str) -> io::Result<()> {
        self.file(name, CompressionMethod::Deflated, text.as_bytes())
    }

    /// A file that is packed in itself.
    pub fn stored(&mut self, name: &str, bytes: &[u8]) -> io::Result<()> {
        self.file(name, CompressionMethod::Stored, bytes)
    }

    /// The model's textures (PNG), and where they are.
    pub fn textures(&mut self, pngs: &[Vec<u8>]) -> io::Result<()> {
        let places: Vec<String> = (0..pngs.len()).map(texture_path).collect();
        let relations: Vec<_> = places.iter().map(|p| (p.as_str(), format!("{RELATION}/3dtexture"))).collect();
        self.text("3D/_rels/3dmodel.model.rels", &relationships(&relations))?;
        places.iter().zip(pngs).try_for_each(|(place, png)| self.stored(place.trim_start_matches('/'), png))
    }

    /// Ends the package.
    pub fn finish(self) -> io::Result<()> {
        self.zip.finish().map(drop).map_err(io::Error::other)
    }

    fn file(&mut self, name: &str, method: CompressionMethod, bytes: &[u8]) -> io::Result<()> {
        let options = SimpleFileOptions::default().compression_method(method);
        self.zip.start_file(name, options).map_err(io::Error::other)?;
        self.zip.write_all(bytes)
    }
}

/// Where the texture of an object is in the package.
pub(super) fn texture_path(index: usize) -> String {
    let number = if index == 0 { String::new() } else { (index + 1).to_string() };
    format!("/3D/Textures/texture{number}.png")
}

/// An object of a model at its place.
pub(super) struct Item {
    /// The object's id.
    pub object: u32,
    /// What it is called there; empty where it has no name of its own.
    pub name: String,
    /// Its place; none where it stays where it is.
    pub place: Option<Matrix4<f64>>,
}

fn relationships(all: &[(&str, String)]) -> String {
    let mut xml =
        format!("{XML}\n<Relationships xmlns=\"http://schemas.openxmlformats.org/package/2006/relationships\">");
    for (i, (target, kind)) in all.iter().enumerate() {
        let _ = write!(xml, r#"<Relationship Target="{target}" Id="rel{i}" Type="{kind}"/>"#);
    }
    xml + "</Relationships>"
}

/// A model document that is being written: metadata, resources, objects.
pub(super) struct Model {
    /// The document so far.
    pub xml: String,
    object: u32,
}

impl Model {
    /// The head of the document; `attributes` are namespaces and extensions beyond the core's.
    pub fn new(attributes: &str, metadata: &Metadata, application: &str) -> Self {
        let mut xml = format!(
            "{XML}\n<model unit=\"millimeter\" xml:lang=\"en-US\" \
             xmlns=\"http://schemas.microsoft.com/3dmanufacturing/core/2015/02\" {attributes}>\n"
        );
        let all = [("Title", &*metadata.title), ("Description", &*metadata.description), ("Application", application)];
        for (name, value) in all.into_iter().filter(|(_, value)| !value.is_empty()) {
            let _ = writeln!(xml, r#" <metadata name="{name}">{}</metadata>"#, escape(value));
        }
        Self { xml, object: 0 }
    }

    /// Begins the object, up to its triangles; `properties` are its attributes beyond id, type and name.
    pub fn object(&mut self, id: u32, name: &str, properties: &str, mesh: &Mesh) {
        self.object = id;
        self.xml.reserve(mesh.triangles.len() * 130);
        let _ = write!(
            self.xml,
            "  <object id=\"{id}\" type=\"model\" name=\"{}\"{properties}>\n   <mesh>\n    <vertices>\n",
            escape(name)
        );
        for v in &mesh.vertices {
            let _ = writeln!(self.xml, r#"     <vertex x="{}" y="{}" z="{}"/>"#, v.x, v.y, v.z);
        }
        self.xml.push_str("    </vertices>\n    <triangles>\n");
    }

    /// A triangle; `properties` are its attributes beyond its corners.
    pub fn triangle(&mut self, [a, b, c]: [u32; 3], properties: &str) {
        let _ = writeln!(self.xml, r#"     <triangle v1="{a}" v2="{b}" v3="{c}" {properties}/>"#);
    }

    /// Ends the object.
    pub fn end_object(&mut self) {
        self.xml.push_str("    </triangles>\n   </mesh>\n  </object>\n");
    }

    /// The whole document, with its object where it is.
    pub fn finish(mut self) -> String {
        self.end_object();
        let item = Item { object: self.object, name: String::new(), place: None };
        self.build(&[item])
    }

    /// The whole document, with objects at their places; an object may stand in several.
    pub fn build(mut self, items: &[Item]) -> String {
        self.xml.push_str(" </resources>\n <build>\n");
        for item in items {
            let _ = write!(self.xml, r#"  <item objectid="{}""#, item.object);
            if !item.name.is_empty() {
                let _ = write!(self.xml, r#" partnumber="{}""#, escape(&item.name));
            }
            if let Some(place) = &item.place {
                // The file's matrices act on row vectors.
                let numbers: Vec<String> = (0..12).map(|i| place[(i % 3, i / 3)].to_string()).collect();
                let _ = write!(self.xml, r#" transform="{}""#, numbers.join(" "));
            }
            self.xml.push_str("/>\n");
        }
        self.xml.push_str(" </build>\n</model>\n");
        self.xml
    }
}

/// Text as XML has it.
pub(super) fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
