//! The directory as files: to show, to export, to damage.

use super::{LogDir, SlotState};
use crate::backend::{Directory, MemoryDirectory};
use bytes::Bytes;
use protocol::Ms;
use std::collections::BTreeMap;

impl LogDir {
    /// Every file by its path in the directory. Mapped indexes show the entries in use.
    pub fn files(&self) -> BTreeMap<String, Bytes> {
        let whole = |dir: &MemoryDirectory| -> BTreeMap<String, Bytes> {
            dir.list()
                .into_iter()
                .map(|name| (name.to_string(), dir.read(&name).unwrap_or_default()))
                .collect()
        };
        let mut files = whole(&self.root);
        for (partition, slot) in &self.slots {
            let inner = match &slot.state {
                SlotState::Open(log) => log.files(),
                SlotState::Closed(dir) => whole(dir),
            };
            files.extend(
                inner
                    .into_iter()
                    .map(|(name, content)| (format!("{partition}/{name}"), content)),
            );
        }
        for doomed in &self.doomed {
            let inner = whole(&doomed.dir).into_iter();
            files.extend(inner.map(|(name, content)| (format!("{}/{name}", doomed.name), content)));
        }
        files
    }

    /// The directory that a path lies in and the rest of the path; only root files while logs are open.
    fn locate<'a>(&mut self, path: &'a str) -> Option<(&mut MemoryDirectory, &'a str)> {
        let Some((folder, name)) = path.split_once('/') else {
            return Some((&mut self.root, path));
        };
        let slot = self
            .slots
            .iter_mut()
            .find(|(partition, _)| partition.to_string() == folder)?
            .1;
        match &mut slot.state {
            SlotState::Open(_) => None,
            SlotState::Closed(dir) => Some((dir, name)),
        }
    }

    /// Rewrites a file of a stopped broker; `None` deletes it. A file that keeps its length keeps its modification time.
    /// False if there is no such place, or the log is open.
    pub fn edit_file(
        &mut self,
        path: &str,
        edit: impl FnOnce(Option<Bytes>) -> Option<Bytes>,
        now: Ms,
    ) -> bool {
        let Some((dir, name)) = self.locate(path) else {
            return false;
        };
        let before = dir
            .find(name)
            .map(|file| (dir.len(file), dir.modified_ms(file)));
        match edit(dir.read(name)) {
            None => {
                dir.delete(name);
            }
            Some(content) => {
                let len = content.len();
                dir.write(name, content, now);
                if let (Some((old_len, modified)), Some(file)) = (before, dir.find(name))
                    && old_len == len
                {
                    dir.set_modified_ms(file, modified);
                }
            }
        }
        true
    }

    /// Renames a file of a stopped broker within its directory; false if there is no such file.
    pub fn rename_file(&mut self, from: &str, to: &str) -> bool {
        let target = to.rsplit_once('/').map_or(to, |(_, name)| name);
        match self.locate(from) {
            Some((dir, name)) => dir.rename(name, target),
            None => false,
        }
    }
}
