//! Texture coordinates in a collapse: they follow the vertices, and seams stay where they are.

use super::{Kind, Plan, Simplifier};

impl Simplifier<'_> {
    /// Gives the corners of both vertices their texture coordinates after the collapse; false, with nothing changed,
    /// where the texture does not allow it.
    pub(super) fn move_texture(&mut self, plan: &Plan, shared: &[usize]) -> bool {
        let Some(uvs) = &self.uvs else { return true };
        let &Plan { kept, gone, to } = plan;
        let at = |c: usize| uvs[c / 3][c % 3];
        // In each vanishing triangle: coordinates of the vertex that goes, and of the one that stays.
        let mut sides: Vec<([f32; 2], [f32; 2])> = Vec::with_capacity(2);
        for &c in shared {
            let k = self.triangles[c / 3].iter().position(|&v| v == kept).unwrap_or(0);
            sides.push((at(c), at(c / 3 * 3 + k)));
        }
        let mut changes: Vec<(usize, [f32; 2])> = Vec::new();
        let both_free = self.kinds[kept as usize] == Kind::Free && self.kinds[gone as usize] == Kind::Free;
        if both_free {
            let (from, along) =
                (self.vertices[kept as usize], self.vertices[gone as usize] - self.vertices[kept as usize]);
            let share = ((to - from).dot(&along) / along.norm_squared().max(1e-300)).clamp(0.0, 1.0) as f32;
            let (g, k) = sides[0];
            let uv = [k[0] + (g[0] - k[0]) * share, k[1] + (g[1] - k[1]) * share];
            changes.extend(self.corners(kept).chain(self.corners(gone)).map(|c| (c, uv)));
        } else {
            let on_seam = self.kinds[gone as usize] == Kind::Seam;
            let is_seam = shared.len() == 1 || sides[0] != sides[1];
            if on_seam && !(is_seam && self.seam_is_straight(plan, &sides)) {
                return false;
            }
            if !on_seam && shared.len() == 2 && sides[0] != sides[1] {
                return false;
            }
            for c in self.corners(gone) {
                let Some(side) = sides.iter().find(|s| s.0 == at(c)) else { return false };
                changes.push((c, side.1));
            }
            // Two sides that start from the same coordinates cannot be told apart.
            if on_seam && sides.len() == 2 && sides[0].0 == sides[1].0 {
                return false;
            }
        }
        if let Some(uvs) = &mut self.uvs {
            for (c, uv) in changes {
                uvs[c / 3][c % 3] = uv;
            }
        }
        true
    }

    /// Whether the vertex that goes lies on the line, in each side's texture, from the vertex that stays to the next
    /// one along the seam.
    fn seam_is_straight(&self, plan: &Plan, sides: &[([f32; 2], [f32; 2])]) -> bool {
        let Some(uvs) = &self.uvs else { return true };
        let gone = plan.gone;
        // The seam's other neighbour: reached by an edge of `gone` with different coordinates on its two sides.
        let mut edges: Vec<(u32, [f32; 2], [f32; 2])> = Vec::with_capacity(16);
        for c in self.corners(gone) {
            let (t, k) = (c / 3, c % 3);
            for j in [(k + 1) % 3, (k + 2) % 3] {
                edges.push((self.triangles[t][j], uvs[t][k], uvs[t][j]));
            }
        }
        edges.sort_unstable_by(|a, b| a.0.cmp(&b.0).then(a.1[0].total_cmp(&b.1[0])).then(a.1[1].total_cmp(&b.1[1])));
        for group in edges.chunk_by(|a, b| a.0 == b.0) {
            let odd = group.len() == 1 || (group[0].1, group[0].2) != (group[1].1, group[1].2);
            if group[0].0 == plan.kept || !odd {
                continue;
            }
            let straight = |&(_, here, beyond): &(u32, [f32; 2], [f32; 2])| {
                let Some(side) = sides.iter().find(|s| s.0 == here) else { return false };
                let line = [beyond[0] - side.1[0], beyond[1] - side.1[1]];
                let off = [here[0] - side.1[0], here[1] - side.1[1]];
                let length = line[0].hypot(line[1]);
                let cross = (line[0] * off[1] - line[1] * off[0]).abs();
                let forward = line[0] * off[0] + line[1] * off[1] >= 0.0;
                forward && cross <= self.options.seam_tolerance * length
            };
            if !group.iter().all(straight) {
                return false;
            }
        }
        true
    }
}
