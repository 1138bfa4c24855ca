//! What a query has still to visit.
//!
//! In and out: numbers of nodes with a distance, last in first out. Asking for memory would take a tenth of a query.

use super::build::Child;

/// Entries at hand; few queries have more.
const AT_HAND: usize = 40;

/// Nodes to be visited, with their distances.
pub(super) struct Stack {
    first: [(Child, f64); AT_HAND],
    len: usize,
    more: Vec<(Child, f64)>,
}

impl Default for Stack {
    #[inline]
    fn default() -> Self {
        Self { first: [(Child::ROOT, 0.0); AT_HAND], len: 0, more: Vec::new() }
    }
}

impl Stack {
    #[inline]
    pub(super) fn push(&mut self, next: (Child, f64)) {
        if self.len < self.first.len() {
            self.first[self.len] = next;
            self.len += 1;
        } else {
            self.more.push(next);
        }
    }

    #[inline]
    pub(super) fn pop(&mut self) -> Option<(Child, f64)> {
        if let Some(next) = self.more.pop() {
            return Some(next);
        }
        self.len = self.len.checked_sub(1)?;
        Some(self.first[self.len])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_came_last_goes_first_however_many_there_are() {
        let mut stack = Stack::default();
        let entry = |k: usize| (Child::inner(k), k as f64);
        for k in 0..3 * AT_HAND {
            stack.push(entry(k));
        }
        for k in (0..3 * AT_HAND).rev() {
            assert_eq!(stack.pop(), Some(entry(k)));
            if k == 50 {
                stack.push(entry(7));
                assert_eq!(stack.pop(), Some(entry(7)));
            }
        }
        assert_eq!(stack.pop(), None);
    }
}
