//! 3MF: a package in, the triangles of its build items out, in the package's unit, z up.
//!
//! Source: 3MF Consortium, "3MF Core Specification" 1.3, "Materials and Properties Extension" 1.2.1 (texture2d and its
//! groups, colour groups) and "Production Extension" 1.1 (objects in other files of the package). Components and items are
//! placed by their transforms; base materials, colour groups and slicers' painting give colours; of several properties the first one counts.
//! Support objects, slices and lattices are passed over. Fails on damaged packages and XML, on references to nothing, and
//! on components that contain themselves. Cost: about 1 us and 0.5 KB a triangle, most of it XML.

use super::assemble::{Assembly, Look, existing, mirrors, turned};
use super::threemf_parts::{Colours, Model, Resources, Texture, broken, parse_model, unpacked};
use super::{ReadError, picture};
use crate::formats::painted;
use crate::scene::{ForeignMesh, LengthUnit};
use nalgebra::{Matrix3, Matrix4};
use std::collections::BTreeMap;
use std::io::Cursor;
use zip::ZipArchive;

pub(super) const FORMAT: &str = "3MF";

/// Deepest nesting of components.
const DEEPEST: usize = 32;

/// The package with the models that were read.
struct Package<'a> {
    zip: ZipArchive<Cursor<&'a [u8]>>,
    models: BTreeMap<String, Model>,
    /// Page of each picture by its path.
    pages: BTreeMap<String, u32>,
    /// Colours of the filaments, where a slicer's settings name them.
    filaments: Vec<[u8; 3]>,
    assembly: Assembly,
}

/// Where slicers keep the colours of their filaments.
const SETTINGS: [&str; 2] = ["Metadata/Slic3r_PE.config", "Metadata/project_settings.config"];

/// Reads a file.
pub fn read(bytes: &[u8]) -> Result<ForeignMesh, ReadError> {
    let zip = ZipArchive::new(Cursor::new(bytes)).map_err(|e| broken(format!("it is no whole package: {e}")))?;
    let mut package = Package {
        zip,
        models: BTreeMap::new(),
        pages: BTreeMap::new(),
        filaments: Vec::new(),
        assembly: Assembly::new(FORMAT),
    };
    for name in SETTINGS {
        let settings = unpacked(&mut package.zip, name).ok();
        if let Some(colours) = settings.and_then(|s| painted::filament_colours(&s)) {
            package.filaments = colours;
        }
    }
    let root = package.root_path()?;
    package.load(&root)?;
    let model = &package.models[&root];
    package.assembly.out.unit = Some(model.unit.unwrap_or(LengthUnit::Millimetre));
    package.assembly.out.upright = true;
    package.assembly.out.shares_vertices = true;
    let items = model.items.clone();
    for item in items {
        let path = item.path.clone().unwrap_or_else(|| root.clone());
        package.object(&path, item.object, &item.transform, 0, true)?;
    }
    package.assembly.finish()
}

impl Package<'_> {
    /// The path of the model that the package starts with.
    fn root_path(&mut self) -> Result<String, ReadError> {
        let relations = unpacked(&mut self.zip, "_rels/.rels")?;
        let text = String::from_utf8_lossy(&relations);
        let document = roxmltree::Document::parse(&text).map_err(|e| broken(format!("_rels/.rels: {e}")))?;
        let target = document
            .descendants()
            .filter(|n| n.attribute("Type").is_some_and(|t| t.ends_with("/3dmodel")))
            .find_map(|n| n.attribute("Target"));
        Ok(target.unwrap_or("/3D/3dmodel.model").trim_start_matches('/').to_string())
    }

    fn load(&mut self, path: &str) -> Result<(), ReadError> {
        if !self.models.contains_key(path) {
            let bytes = unpacked(&mut self.zip, path)?;
            let model = parse_model(path, &bytes)?;
            for note in &model.notes {
                self.assembly.note(note);
            }
            self.models.insert(path.to_string(), model);
        }
        Ok(())
    }

    fn object(
        &mut self,
        path: &str,
        id: u32,
        place: &Matrix4<f64>,
        depth: usize,
        named: bool,
    ) -> Result<(), ReadError> {
        if depth > DEEPEST {
            return Err(broken(format!("the components of object {id} are nested more than {DEEPEST} deep")));
        }
        self.load(path)?;
        let missing = || broken(format!("there is no object {id} in {path}"));
        let object = self.models.get(path).and_then(|m| m.objects.get(&id)).ok_or_else(missing)?;
        if object.kind == "support" || object.kind == "surface" {
            self.assembly.note("support objects were left out");
            return Ok(());
        }
        let components = object.components.clone();
        if named {
            let name = object.name.clone();
            self.assembly.object(&name);
        }
        self.mesh(path, id, place)?;
        for c in components {
            let inner = c.path.clone().unwrap_or_else(|| path.to_string());
            self.object(&inner, c.object, &(place * c.transform), depth + 1, false)?;
        }
        Ok(())
    }

    /// Adds the triangles of an object's own mesh.
    fn mesh(&mut self, path: &str, id: u32, place: &Matrix4<f64>) -> Result<(), ReadError> {
        let Self { zip, models, pages, filaments, assembly } = self;
        let Some((model, object)) = models.get(path).and_then(|m| Some((m, m.objects.get(&id)?))) else {
            return Ok(());
        };
        let base = assembly.out.mesh.vertices.len() as u32;
        for v in &object.vertices {
            assembly.vertex((place * v.push(1.0)).xyz());
        }
        let flip = mirrors(&Matrix3::from(place.fixed_view::<3, 3>(0, 0)));
        let count = object.vertices.len();
        for t in &object.triangles {
            for v in t.corners {
                existing(FORMAT, "vertex", i64::from(v), count)?;
            }
            let (group, indices) = match t.group {
                Some(group) => (Some(group), t.indices.or(object.index.map(|i| [i; 3]))),
                None => (object.group, t.indices.or(object.index.map(|i| [i; 3]))),
            };
            let mut look = Look::default();
            if let (Some(group), Some(indices)) = (group, indices) {
                look = look_of(&model.resources, group, indices, &mut |texture| page(zip, pages, assembly, texture))?;
            }
            if let Some(painted) = t.filaments {
                let own = painted.map(|f| filaments.get(usize::from(f)).copied());
                look.colours = if let [Some(a), Some(b), Some(c)] = own { Some([a, b, c]) } else { look.colours };
            }
            look.texture = look.texture.map(|(page, uvs)| (page, turned(flip, uvs)));
            look.colours = look.colours.map(|c| turned(flip, c));
            assembly.triangle(turned(flip, t.corners).map(|v| base + v), look)?;
        }
        Ok(())
    }
}

/// What a property of a triangle looks like.
fn look_of(
    resources: &Resources,
    group: u32,
    indices: [u32; 3],
    page: &mut dyn FnMut(&Texture) -> u32,
) -> Result<Look, ReadError> {
    let of = |list: &Colours| -> Result<[[u8; 3]; 3], ReadError> {
        let mut colours = [[0; 3]; 3];
        for (colour, i) in colours.iter_mut().zip(indices) {
            *colour = list[existing(FORMAT, "colour", i64::from(i), list.len())?];
        }
        Ok(colours)
    };
    if let Some(list) = resources.colours.get(&group) {
        return Ok(Look { texture: None, colours: Some(of(list)?) });
    }
    if let Some((texture, list)) = resources.coordinates.get(&group) {
        let texture =
            resources.textures.get(texture).ok_or_else(|| broken(format!("there is no texture {texture}")))?;
        let mut uvs = [[0.0; 2]; 3];
        for (uv, i) in uvs.iter_mut().zip(indices) {
            *uv = list[existing(FORMAT, "texture coordinate", i64::from(i), list.len())?];
        }
        return Ok(Look { texture: Some((page(texture), uvs)), colours: None });
    }
    if let Some((first, list)) = resources.several.get(&group) {
        let mut inner = [0; 3];
        for (k, i) in indices.into_iter().enumerate() {
            inner[k] = list[existing(FORMAT, "property", i64::from(i), list.len())?];
        }
        // The group of a group is no group of groups: the specification forbids it.
        if resources.several.contains_key(first) {
            return Err(broken(format!("the property group {group} contains groups of groups")));
        }
        return look_of(resources, *first, inner, page);
    }
    Ok(Look::default())
}

/// The page of a texture, read once.
fn page(
    zip: &mut ZipArchive<Cursor<&[u8]>>,
    pages: &mut BTreeMap<String, u32>,
    assembly: &mut Assembly,
    texture: &Texture,
) -> u32 {
    if let Some(&page) = pages.get(&texture.path) {
        return page;
    }
    let name = texture.path.trim_start_matches('/');
    let page = match unpacked(zip, name) {
        Ok(bytes) => picture::page(name, &bytes),
        Err(e) => picture::page_beside(name, &mut |_| Err(std::io::Error::other(e.to_string()))),
    };
    assembly.out.pages.push(page);
    let at = assembly.out.pages.len() as u32 - 1;
    pages.insert(texture.path.clone(), at);
    at
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;
    use nalgebra::Vector3;
    use std::io::Write;
    use zip::write::{SimpleFileOptions, ZipWriter};

    const CORE: &str = r#"xmlns="http://schemas.microsoft.com/3dmanufacturing/core/2015/02""#;
    const RELATIONS: &str = r#"<Relationships xmlns="x"><Relationship Target="/3D/a.model" Id="r" Type="http://schemas.microsoft.com/3dmanufacturing/2013/01/3dmodel"/></Relationships>"#;

    fn packed(files: &[(&str, &str)]) -> Vec<u8> {
        let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
        for (name, text) in files {
            zip.start_file(*name, SimpleFileOptions::default()).unwrap();
            zip.write_all(text.as_bytes()).unwrap();
        }
        zip.finish().unwrap().into_inner()
    }

    const MESH: &str = r#"<mesh><vertices><vertex x="0" y="0" z="0"/><vertex x="1" y="0" z="0"/><vertex x="0" y="1" z="0"/></vertices>
        <triangles><triangle v1="0" v2="1" v3="2"/><triangle v1="0" v2="2" v3="1" pid="5" p1="1" p2="0" p3="1"/></triangles></mesh>"#;

    fn with_components(inner: u32) -> Vec<u8> {
        let root = format!(
            r##"<model unit="centimeter" {CORE} xmlns:p="http://schemas.microsoft.com/3dmanufacturing/production/2015/06" xmlns:m="http://schemas.microsoft.com/3dmanufacturing/material/2015/02"><resources>
            <basematerials id="4"><base name="a" displaycolor="#FF8000"/></basematerials>
            <m:colorgroup id="5"><m:color color="#010203FF"/><m:color color="#0A0B0C"/></m:colorgroup>
            <object id="1" type="model" name="tile" pid="4" pindex="0">{MESH}</object>
            <object id="2" name="both"><components><component objectid="{inner}"/>
            <component objectid="1" transform="-1 0 0 0 1 0 0 0 1 10 0 0"/><component objectid="7" p:path="/3D/b.model"/></components></object>
            </resources><build><item objectid="2" transform="0 1 0 -1 0 0 0 0 1 0 0 3"/></build></model>"##
        );
        let other = format!(r#"<model {CORE}><resources><object id="7">{MESH}</object></resources><build/></model>"#);
        packed(&[("_rels/.rels", RELATIONS), ("3D/a.model", &root), ("3D/b.model", &other)])
    }

    #[test]
    fn components_colours_and_other_models() {
        let mesh = read(&with_components(1)).unwrap();
        assert_eq!(mesh.unit, Some(LengthUnit::Centimetre));
        assert_eq!((mesh.mesh.triangles.len(), mesh.objects.len()), (6, 1));
        assert_eq!(mesh.objects[0], "both");
        assert_eq!(mesh.colours[0], Some([[255, 128, 0]; 3]));
        assert_eq!(mesh.colours[1], Some([[10, 11, 12], [1, 2, 3], [10, 11, 12]]));
        // The item turns x to y, y to -x, and lifts by 3.
        assert_eq!(mesh.mesh.vertices[1], Vector3::new(0.0, 1.0, 3.0));
        // The mirrored component keeps its sides.
        assert_eq!(mesh.mesh.vertices[4], Vector3::new(0.0, 9.0, 3.0));
        assert!(mesh.mesh.area_normal(2).z > 0.0 && mesh.mesh.area_normal(0).z > 0.0);
        assert!(mesh.colours[4].is_none(), "colours of one model are not those of another");
    }

    #[test]
    fn damaged_packages_are_refused() {
        let whole = with_components(1);
        for end in 0..whole.len() - 1 {
            assert!(read(&whole[..end]).is_err(), "{end}");
        }
        assert!(matches!(read(&with_components(2)), Err(ReadError::Broken { .. })), "contains itself");
        assert!(matches!(read(&with_components(9)), Err(ReadError::Broken { .. })), "contains nothing");
        let bad = format!(
            r#"<model {CORE}><resources><object id="1">{}</object></resources><build><item objectid="1"/></build></model>"#,
            MESH.replace("v3=\"2\"", "v3=\"3\"")
        );
        let error = read(&packed(&[("_rels/.rels", RELATIONS), ("3D/a.model", &bad)])).unwrap_err();
        assert!(matches!(error, ReadError::Index { index: 3, count: 3, .. }), "{error}");
        assert!(!error.hint().is_empty());
    }
}
