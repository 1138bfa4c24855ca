//! What a query has still to visit.
//!
//! In and out: numbers of nodes with a distance, last in first out. Asking for memory would take a tenth of a query.

/// Entries at hand; few queries have more.
const AT_HAND: usize = 40;

/// Nodes to be visited, with their distances.
pub(super) struct Stack {
    first: [(u32, f64); AT_HAND],
    len: usize,
    more: Vec<(u32, f64)>,
}

impl Default for Stack {
    #[inline]
    fn default() -> Self {
        Self { first: [(0, 0.0); AT_HAND], len: 0, more: Vec::new() }
    }
}

impl Stack {
    #[inline]
    pub(super) fn push(&mut self, next: (u32, f64)) {
        if self.len < self.first.len() {
            self.first[self.len] = next;
            self.len += 1;
        } else {
            self.more.push(next);
        }
    }

    #[inline]
    pub(super) fn pop(&mut self) -> Option<(u32, f64)> {
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
        for k in 0..3 * AT_HAND as u32 {
            stack.push((k, f64::from(k)));
        }
        for k in (0..3 * AT_HAND as u32).rev() {
            assert_eq!(stack.pop(), Some((k, f64::from(k))));
            if k == 50 {
                stack.push((7, 0.5));
                assert_eq!(stack.pop(), Some((7, 0.5)));
            }
        }
        assert_eq!(stack.pop(), None);
    }
}
