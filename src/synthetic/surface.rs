//! What the surfaces of the procedural city are made of: data for [`super::material`].

use crate::scene::SurfaceClass;

/// Single-precision vector of the renderer (local east, north, up in metres).
pub type V3 = nalgebra::Vector3<f32>;
/// Linear colour or albedo.
pub type Rgb = [f32; 3];

/// The material of a wall behind its windows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wall {
    /// Rows of bricks.
    Brick,
    /// Painted plaster.
    Plaster,
    /// Prefabricated panels with joints.
    Panel,
    /// Ashlar.
    Stone,
}

/// One facade: a wall with a grid of windows. Texture coordinates are metres along the wall and above the pavement.
#[derive(Clone, Copy, Debug)]
pub struct Facade {
    /// Length of the wall in metres.
    pub width: f32,
    /// Height of a storey in metres.
    pub storey: f32,
    /// Number of storeys with windows.
    pub storeys: i32,
    /// Window axes along the wall; 0 = no windows.
    pub bays: i32,
    /// Window width and height in metres.
    pub window: [f32; 2],
    /// Window sill above the storey's floor in metres.
    pub sill: f32,
    /// What the wall is made of.
    pub wall: Wall,
    /// Colour of frames and trims.
    pub trim: Rgb,
    /// Shop windows on the ground floor.
    pub shop: bool,
    /// Window axis that has the door, or -1.
    pub door: i32,
    /// Windows run through as ribbons.
    pub ribbon: bool,
}

/// What a surface looks like.
#[derive(Clone, Copy, Debug)]
pub enum Material {
    /// Carriageway with the markings of the plan; texture coordinates are plan coordinates.
    Street,
    /// Parking lot: bays on both sides of an aisle along u; texture coordinates from the lot's corner, with its depth.
    ParkingLot(f32),
    /// Concrete slabs.
    Paving,
    /// Small stones.
    Cobbles,
    /// Mown grass.
    Lawn,
    /// Rough grass and weeds.
    Meadow,
    /// Gravel.
    Gravel,
    /// Bare soil or planting beds.
    Soil,
    /// Fields outside the town.
    Field,
    /// Clay tiles in rows; v runs up the slope.
    Tiles,
    /// Slate shingles.
    Slate,
    /// Bitumen sheets.
    Bitumen,
    /// Gravel on a flat roof.
    RoofGravel,
    /// Sheet metal with standing seams along v.
    SeamMetal,
    /// Sedum on a flat roof.
    GreenRoof,
    /// A wall with windows.
    Facade(Facade),
    /// Bricks.
    Brick,
    /// Plaster or concrete.
    Plain,
    /// Ashlar blocks.
    Stone,
    /// Boards.
    Wood,
    /// Painted or bare metal.
    Metal,
    /// A window pane.
    Glass,
    /// Photovoltaic modules.
    Solar,
    /// Striped cloth.
    Stripes,
    /// Car body.
    CarPaint,
    /// Tyres and other black parts.
    Rubber,
    /// Leaves: shaded with the normals of an ellipsoid with this centre, to look full.
    Leaf([f32; 3]),
    /// Bark.
    Bark,
    /// Canal or pond.
    Water,
}

/// One surface of the city: class, material, colour. Triangles refer to it by index.
#[derive(Clone, Copy, Debug)]
pub struct Surface {
    /// Class in the truth.
    pub class: SurfaceClass,
    /// Material.
    pub material: Material,
    /// Base colour (linear albedo).
    pub tint: Rgb,
    /// Makes equal materials look different.
    pub seed: u32,
}
