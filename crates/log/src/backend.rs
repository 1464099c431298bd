//! Where files live: the port that the log writes through, and its default, memory.
//!
//! A directory knows names, bytes, lengths and modification times. It refuses to know what the bytes mean. The memory
//! backend keeps a file as a list of shared chunks (one a batch), so that a clone of a replica costs what changed since and
//! three replicas hold one copy of a batch.

use bytes::{Bytes, BytesMut};
use protocol::{Ms, Name};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A file that stays the same under a rename, as an open descriptor does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileId(u32);

/// One directory of files.
pub trait Directory {
    /// All names, in order.
    fn list(&self) -> Vec<Name>;
    fn find(&self, name: &str) -> Option<FileId>;
    /// The file of this name, created empty if it is not there.
    fn open(&mut self, name: &str, now: Ms) -> FileId;
    fn len(&self, file: FileId) -> usize;
    /// When its bytes last changed, ms.
    fn modified_ms(&self, file: FileId) -> Ms;
    fn set_modified_ms(&mut self, file: FileId, at: Ms);
    fn append(&mut self, file: FileId, bytes: Bytes, now: Ms);
    /// At most `len` bytes from `position` on; fewer where the file ends.
    fn read_at(&self, file: FileId, position: usize, len: usize) -> Bytes;
    /// What was appended at exactly `position` in one piece, without copying; `None` where no piece begins.
    fn chunk_at(&self, file: FileId, position: usize) -> Option<Bytes>;
    /// Cuts the file to `len` bytes; a shorter file is left alone.
    fn truncate(&mut self, file: FileId, len: usize, now: Ms);
    /// Everything written so far survives a loss of power.
    fn flush(&mut self, file: FileId);
    /// How many bytes of the file are known to survive a loss of power.
    fn flushed(&self, file: FileId) -> usize;
    /// Gives the file another name; what had that name is gone. False if there is no such file.
    fn rename(&mut self, from: &str, to: &str) -> bool;
    fn delete(&mut self, name: &str) -> bool;

    /// The whole file.
    fn read(&self, name: &str) -> Option<Bytes> {
        self.find(name)
            .map(|file| self.read_at(file, 0, self.len(file)))
    }

    /// Replaces the whole file at once, as a write to a temporary file and a rename do.
    fn write(&mut self, name: &str, content: Bytes, now: Ms) {
        self.delete(name);
        let file = self.open(name, now);
        if !content.is_empty() {
            self.append(file, content, now);
        }
        self.flush(file);
    }
}

/// Chunks a block holds: a clone copies one list of blocks, a write after a clone copies one block.
const CHUNKS_PER_BLOCK: usize = 64;

#[derive(Debug, Clone)]
struct Block {
    start: usize,
    /// (position in the file, bytes)
    chunks: Vec<(usize, Bytes)>,
}

#[derive(Debug, Clone, Default)]
struct File {
    blocks: Vec<Arc<Block>>,
    len: usize,
    flushed: usize,
    modified_ms: Ms,
}

impl File {
    fn push(&mut self, bytes: Bytes) {
        if bytes.is_empty() {
            return;
        }
        let at = self.len;
        self.len += bytes.len();
        if let Some(last) = self.blocks.last_mut()
            && last.chunks.len() < CHUNKS_PER_BLOCK
        {
            Arc::make_mut(last).chunks.push((at, bytes));
            return;
        }
        self.blocks.push(Arc::new(Block {
            start: at,
            chunks: vec![(at, bytes)],
        }));
    }

    /// Where the chunk that holds `position` lies: (block, chunk).
    fn find(&self, position: usize) -> (usize, usize) {
        let block = self
            .blocks
            .partition_point(|block| block.start <= position)
            .saturating_sub(1);
        let chunks = self
            .blocks
            .get(block)
            .map_or(&[][..], |block| &block.chunks);
        (
            block,
            chunks
                .partition_point(|(start, _)| *start <= position)
                .saturating_sub(1),
        )
    }

    /// The chunks from the one that holds `position` on.
    fn chunks_from(&self, position: usize) -> impl Iterator<Item = &(usize, Bytes)> {
        let (block, chunk) = self.find(position);
        self.blocks[block.min(self.blocks.len())..]
            .iter()
            .flat_map(|block| block.chunks.iter())
            .skip(chunk)
    }

    fn chunk_at(&self, position: usize) -> Option<Bytes> {
        let (block, chunk) = self.find(position);
        let (start, bytes) = self.blocks.get(block)?.chunks.get(chunk)?;
        (*start == position).then(|| bytes.clone())
    }

    fn read_at(&self, position: usize, len: usize) -> Bytes {
        let end = position.saturating_add(len).min(self.len);
        if position >= end {
            return Bytes::new();
        }
        let mut gathered: Option<BytesMut> = None;
        for (start, bytes) in self.chunks_from(position) {
            let from = position.max(*start) - start;
            let to = end.min(start + bytes.len()) - start;
            match &mut gathered {
                None if end <= start + bytes.len() => return bytes.slice(from..to),
                None => {
                    let mut all = BytesMut::with_capacity(end - position);
                    all.extend_from_slice(&bytes[from..to]);
                    gathered = Some(all);
                }
                Some(all) => all.extend_from_slice(&bytes[from..to]),
            }
            if start + bytes.len() >= end {
                break;
            }
        }
        gathered.unwrap_or_default().freeze()
    }

    fn truncate(&mut self, len: usize) {
        let keep = self.blocks.partition_point(|block| block.start < len);
        self.blocks.truncate(keep);
        if let Some(last) = self.blocks.last_mut() {
            let block = Arc::make_mut(last);
            block.chunks.retain(|(start, _)| *start < len);
            if let Some((start, bytes)) = block.chunks.last_mut() {
                bytes.truncate(len - *start);
            }
        }
        self.len = len;
        self.flushed = self.flushed.min(len);
    }
}

/// A directory in memory. Cloning it copies names and counts references.
#[derive(Debug, Clone, Default)]
pub struct MemoryDirectory {
    names: BTreeMap<Name, FileId>,
    files: BTreeMap<FileId, Arc<File>>,
    next_id: u32,
}

impl MemoryDirectory {
    fn file(&self, file: FileId) -> Option<&File> {
        self.files.get(&file).map(Arc::as_ref)
    }

    fn edit(&mut self, file: FileId) -> Option<&mut File> {
        self.files.get_mut(&file).map(Arc::make_mut)
    }

    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }
}

impl Directory for MemoryDirectory {
    fn list(&self) -> Vec<Name> {
        self.names.keys().cloned().collect()
    }

    fn find(&self, name: &str) -> Option<FileId> {
        self.names.get(name).copied()
    }

    fn open(&mut self, name: &str, now: Ms) -> FileId {
        if let Some(file) = self.find(name) {
            return file;
        }
        let file = FileId(self.next_id);
        self.next_id += 1;
        self.names.insert(name.into(), file);
        self.files.insert(
            file,
            Arc::new(File {
                modified_ms: now,
                ..File::default()
            }),
        );
        file
    }

    fn len(&self, file: FileId) -> usize {
        self.file(file).map_or(0, |file| file.len)
    }

    fn modified_ms(&self, file: FileId) -> Ms {
        self.file(file).map_or(0, |file| file.modified_ms)
    }

    fn set_modified_ms(&mut self, file: FileId, at: Ms) {
        if let Some(file) = self.edit(file) {
            file.modified_ms = at;
        }
    }

    fn append(&mut self, file: FileId, bytes: Bytes, now: Ms) {
        if let Some(file) = self.edit(file) {
            file.push(bytes);
            file.modified_ms = now;
        }
    }

    fn read_at(&self, file: FileId, position: usize, len: usize) -> Bytes {
        self.file(file)
            .map(|file| file.read_at(position, len))
            .unwrap_or_default()
    }

    fn chunk_at(&self, file: FileId, position: usize) -> Option<Bytes> {
        self.file(file)?.chunk_at(position)
    }

    fn truncate(&mut self, file: FileId, len: usize, now: Ms) {
        if len < self.len(file)
            && let Some(file) = self.edit(file)
        {
            file.truncate(len);
            file.modified_ms = now;
        }
    }

    fn flush(&mut self, file: FileId) {
        if self.flushed(file) != self.len(file)
            && let Some(file) = self.edit(file)
        {
            file.flushed = file.len;
        }
    }

    fn flushed(&self, file: FileId) -> usize {
        self.file(file).map_or(0, |file| file.flushed)
    }

    fn rename(&mut self, from: &str, to: &str) -> bool {
        let Some(file) = self.names.remove(from) else {
            return false;
        };
        if let Some(old) = self.names.insert(to.into(), file) {
            self.files.remove(&old);
        }
        true
    }

    fn delete(&mut self, name: &str) -> bool {
        match self.names.remove(name) {
            None => false,
            Some(file) => self.files.remove(&file).is_some(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_cross_chunks_and_cuts_inside_one() {
        let mut dir = MemoryDirectory::default();
        let file = dir.open("a", 1);
        for i in 0..200u8 {
            dir.append(file, Bytes::from(vec![i; 3]), 2);
        }
        assert_eq!(dir.len(file), 600);
        assert_eq!(&dir.read_at(file, 191, 5)[..], [63, 64, 64, 64, 65]);
        let before = dir.clone();
        dir.truncate(file, 193, 3);
        dir.append(file, Bytes::from_static(&[9]), 4);
        assert_eq!(&dir.read_at(file, 190, 100)[..], [63, 63, 64, 9]);
        assert_eq!(
            (before.len(file), dir.modified_ms(file)),
            (600, 4),
            "a clone is not touched"
        );
    }

    #[test]
    fn a_rename_keeps_the_file_and_replaces_the_target() {
        let mut dir = MemoryDirectory::default();
        let file = dir.open("a", 1);
        dir.append(file, Bytes::from_static(b"x"), 1);
        dir.write("b", Bytes::from_static(b"old"), 1);
        assert!(dir.rename("a", "b"));
        assert_eq!(dir.read("b").as_deref(), Some(&b"x"[..]));
        assert_eq!((dir.find("a"), dir.find("b")), (None, Some(file)));
        assert!(!dir.rename("a", "c"));
    }
}
