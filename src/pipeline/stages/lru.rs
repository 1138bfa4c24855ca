//! The things used last, up to a number of them.

use std::collections::{HashMap, VecDeque};
use std::hash::Hash;
use std::sync::{Arc, Mutex};

/// Keeps the newest `capacity` things that were asked for.
pub struct Lru<K, V> {
    capacity: usize,
    held: Mutex<Held<K, V>>,
}

struct Held<K, V> {
    things: HashMap<K, Arc<V>>,
    /// Keys, oldest first.
    order: VecDeque<K>,
}

impl<K: Copy + Eq + Hash, V> Lru<K, V> {
    /// Room for `capacity` things, but at least for `least`.
    pub fn new(capacity: usize, least: usize) -> Self {
        let held = Held { things: HashMap::new(), order: VecDeque::new() };
        Self { capacity: capacity.max(least), held: Mutex::new(held) }
    }

    /// The thing, made where it is not held.
    pub fn get_or<E>(&self, key: K, make: impl FnOnce() -> Result<V, E>) -> Result<Arc<V>, E> {
        if let Ok(mut held) = self.held.lock()
            && let Some(thing) = held.things.get(&key).cloned()
        {
            held.order.retain(|k| *k != key);
            held.order.push_back(key);
            return Ok(thing);
        }
        let thing = Arc::new(make()?);
        if let Ok(mut held) = self.held.lock()
            && held.things.insert(key, thing.clone()).is_none()
        {
            held.order.push_back(key);
            while held.order.len() > self.capacity {
                if let Some(oldest) = held.order.pop_front() {
                    held.things.remove(&oldest);
                }
            }
        }
        Ok(thing)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_leave_first() {
        let lru: Lru<u32, u32> = Lru::new(2, 1);
        let get = |k: u32| lru.get_or(k, || Ok::<_, ()>(k * 10)).unwrap();
        let made_again = |k: u32| lru.get_or(k, || Err(())).is_err();
        assert_eq!((*get(1), *get(2), *get(1), *get(3)), (10, 20, 10, 30));
        assert!(!made_again(1) && !made_again(3) && made_again(2));
    }
}
