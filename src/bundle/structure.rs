//! Which unknowns meet in which observations: the sparsity of the reduced system, worked out once for all iterations.
//!
//! In: a [`BundleProblem`]. Out: slots of the free poses, observations by pose, lenses by point, neighbours by pose.
//! Cost: linear in the pairs of observations of each point. Deterministic: sorted vectors only.

use super::problem::{BundleProblem, Gauge};
use rayon::prelude::*;
use std::ops::Range;

/// Marks a pose that is not adjusted.
pub(super) const NONE: u32 = u32::MAX;

/// See the module.
pub(super) struct Structure {
    pub gauge: Gauge,
    /// Slot of each pose among the adjusted ones, or [`NONE`].
    pub slot_of_pose: Vec<u32>,
    /// Pose of each slot.
    pub pose_of_slot: Vec<u32>,
    /// Point p has the observations `point_start[p]..point_start[p + 1]`.
    pub point_start: Vec<u32>,
    /// Slot s has the observations `slot_observations[slot_start[s]..slot_start[s + 1]]`.
    pub slot_start: Vec<u32>,
    pub slot_observations: Vec<u32>,
    /// Point p is seen through the lenses `point_lenses[lens_start[p]..lens_start[p + 1]]`, ascending; empty when no lens
    /// has a free parameter.
    pub lens_start: Vec<u32>,
    pub point_lenses: Vec<u32>,
    /// For each slot the slots >= it that share a point with it, ascending, itself first.
    pub neighbours: Vec<Vec<u32>>,
    /// Whether any lens has a free parameter.
    pub lens_free: bool,
}

impl Structure {
    pub fn new(problem: &BundleProblem) -> Self {
        let gauge = problem.gauge();
        let mut slot_of_pose = vec![NONE; problem.poses.len()];
        let mut pose_of_slot = Vec::new();
        for (i, pose) in problem.poses.iter().enumerate() {
            if !pose.fixed && gauge.pose != Some(i) {
                slot_of_pose[i] = pose_of_slot.len() as u32;
                pose_of_slot.push(i as u32);
            }
        }
        let point_start = starts(problem.points.len(), problem.observations.iter().map(|o| o.point as usize));
        let slots = || problem.observations.iter().map(|o| slot_of_pose[o.pose as usize]);
        let slot_start = starts(pose_of_slot.len(), slots().filter(|s| *s != NONE).map(|s| s as usize));
        let mut fill = slot_start.clone();
        let mut slot_observations = vec![0u32; *slot_start.last().unwrap_or(&0) as usize];
        for (k, slot) in slots().enumerate() {
            if slot != NONE {
                slot_observations[fill[slot as usize] as usize] = k as u32;
                fill[slot as usize] += 1;
            }
        }
        let lens_free = problem.lenses.iter().any(|l| l.free.contains(&true));
        let (lens_start, point_lenses) = lenses_of_points(problem, &point_start, lens_free);
        let mut structure = Self {
            gauge,
            slot_of_pose,
            pose_of_slot,
            point_start,
            slot_start,
            slot_observations,
            lens_start,
            point_lenses,
            neighbours: Vec::new(),
            lens_free,
        };
        structure.neighbours =
            (0..structure.pose_of_slot.len()).into_par_iter().map(|s| structure.find_neighbours(problem, s)).collect();
        structure
    }

    pub fn of_point(&self, point: usize) -> Range<usize> {
        self.point_start[point] as usize..self.point_start[point + 1] as usize
    }

    pub fn of_slot(&self, slot: usize) -> &[u32] {
        &self.slot_observations[self.slot_start[slot] as usize..self.slot_start[slot + 1] as usize]
    }

    pub fn lenses_of(&self, point: usize) -> Range<usize> {
        self.lens_start[point] as usize..self.lens_start[point + 1] as usize
    }

    fn find_neighbours(&self, problem: &BundleProblem, slot: usize) -> Vec<u32> {
        let mut seen = vec![false; self.pose_of_slot.len() - slot];
        seen[0] = true;
        for &k in self.of_slot(slot) {
            for other in self.of_point(problem.observations[k as usize].point as usize) {
                let s = self.slot_of_pose[problem.observations[other].pose as usize];
                if s != NONE && s as usize > slot {
                    seen[s as usize - slot] = true;
                }
            }
        }
        (slot..).zip(seen).filter(|(_, seen)| *seen).map(|(s, _)| s as u32).collect()
    }
}

/// Prefix sums of how often each of `0..n` occurs.
fn starts(n: usize, items: impl Iterator<Item = usize>) -> Vec<u32> {
    let mut start = vec![0u32; n + 1];
    for i in items {
        start[i + 1] += 1;
    }
    for i in 0..n {
        start[i + 1] += start[i];
    }
    start
}

fn lenses_of_points(problem: &BundleProblem, point_start: &[u32], lens_free: bool) -> (Vec<u32>, Vec<u32>) {
    let mut lens_start = vec![0u32; problem.points.len() + 1];
    let mut point_lenses = Vec::new();
    for p in 0..problem.points.len() {
        if lens_free {
            let from = point_lenses.len();
            for o in &problem.observations[point_start[p] as usize..point_start[p + 1] as usize] {
                let lens = problem.poses[o.pose as usize].lens;
                if !point_lenses[from..].contains(&lens) {
                    point_lenses.push(lens);
                }
            }
            point_lenses[from..].sort_unstable();
        }
        lens_start[p + 1] = point_lenses.len() as u32;
    }
    (lens_start, point_lenses)
}
