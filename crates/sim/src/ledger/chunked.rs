//! A list whose clone costs one pointer per chunk, and whose changes copy one chunk.

use std::sync::Arc;

/// Small enough that copying one is cheap, large enough that a checkpoint of 200 000 entries is about 800 pointers.
const CHUNK: usize = 256;

#[derive(Clone, Debug)]
pub struct Chunked<T> {
    chunks: Vec<Arc<Vec<T>>>,
    len: usize,
}

impl<T> Default for Chunked<T> {
    fn default() -> Self {
        Self {
            chunks: Vec::new(),
            len: 0,
        }
    }
}

impl<T: Clone> Chunked<T> {
    pub const fn len(&self) -> usize {
        self.len
    }

    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    pub fn push(&mut self, value: T) {
        if self.len.is_multiple_of(CHUNK) {
            self.chunks.push(Arc::new(Vec::with_capacity(CHUNK)));
        }
        let last = self.chunks.last_mut().expect("just made");
        Arc::make_mut(last).push(value);
        self.len += 1;
    }

    pub fn get(&self, index: usize) -> Option<&T> {
        self.chunks.get(index / CHUNK)?.get(index % CHUNK)
    }

    pub fn get_mut(&mut self, index: usize) -> Option<&mut T> {
        if index >= self.len {
            return None;
        }
        Arc::make_mut(&mut self.chunks[index / CHUNK]).get_mut(index % CHUNK)
    }

    /// Grows with `filler` until `index` exists.
    pub fn grow_to(&mut self, index: usize, filler: T) {
        while self.len <= index {
            self.push(filler.clone());
        }
    }

    pub fn iter(&self) -> impl Iterator<Item = &T> {
        self.chunks.iter().flat_map(|c| c.iter())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_leaves_the_clone_as_it_was() {
        let mut a = Chunked::default();
        a.grow_to(600, 0);
        let b = a.clone();
        *a.get_mut(300).expect("exists") = 7;
        assert_eq!((a.get(300), b.get(300), a.len()), (Some(&7), Some(&0), 601));
        let shared = a
            .chunks
            .iter()
            .zip(&b.chunks)
            .filter(|(x, y)| Arc::ptr_eq(x, y));
        assert_eq!(shared.count(), 2, "one chunk of three was copied");
    }
}
