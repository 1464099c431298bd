//! The three ways a broker stops: in order, killed, without power.

use super::{LogDir, SlotState};
use crate::backend::{Directory, MemoryDirectory};
use crate::checkpoint::write_clean_shutdown;
use crate::names::{CLEAN_SHUTDOWN, LOG, file_name};
use crate::unified::UnifiedLog;
use protocol::{BrokerEpoch, Ms};
use std::sync::Arc;

impl LogDir {
    fn shut(&mut self, mut end: impl FnMut(UnifiedLog) -> MemoryDirectory) {
        for slot in self.slots.values_mut() {
            let closed = SlotState::Closed(MemoryDirectory::default());
            slot.state = match std::mem::replace(&mut slot.state, closed) {
                SlotState::Open(log) => SlotState::Closed(end(Arc::unwrap_or_clone(log))),
                closed => closed,
            };
        }
        self.doomed.clear();
        self.uncleanable.clear();
        self.open = false;
    }

    /// A clean shutdown: everything flushed, checkpoints written, the mark left behind (`LogManager.shutdown`).
    pub fn close(&mut self, broker_epoch: BrokerEpoch, now: Ms) {
        let partitions: Vec<_> = self.partitions().cloned().collect();
        for partition in &partitions {
            if let Some(log) = self.log_mut(partition) {
                log.flush(true, now);
            }
        }
        self.checkpoint_recovery_points(now);
        self.checkpoint_log_start_offsets(now);
        self.checkpoint_high_watermarks(now);
        self.shut(|log| log.close(now));
        self.root.write(
            CLEAN_SHUTDOWN,
            write_clean_shutdown(broker_epoch.get()),
            now,
        );
    }

    /// The process dies: files stay as they are, pending tasks vanish.
    pub fn crash(&mut self, now: Ms) {
        self.shut(|log| log.crash(now));
    }

    /// The power goes: of every log file only what lies below the recovery point is left. Returns what was cut, as (path,
    /// new length).
    pub fn power_loss(&mut self, now: Ms) -> Vec<(String, usize)> {
        let mut cut = Vec::new();
        self.shut(|log| {
            let recovery_point = log.recovery_point().get();
            let keep: Vec<(i64, usize)> = log
                .segments()
                .map(|segment| {
                    let position = segment
                        .translate_offset(log.directory(), recovery_point)
                        .ok()
                        .flatten();
                    let whole = segment.size(log.directory());
                    let keep = if segment.base >= recovery_point {
                        0
                    } else {
                        position.map_or(whole, |at| at.position)
                    };
                    (segment.base, keep)
                })
                .collect();
            let path = log.topic_partition().to_string();
            let mut dir = log.crash(now);
            for (base, len) in keep {
                let name = file_name(base, LOG);
                if let Some(file) = dir.find(&name)
                    && dir.len(file) > len
                {
                    dir.truncate(file, len, now);
                    cut.push((format!("{path}/{name}"), len));
                }
            }
            dir
        });
        cut
    }

    /// The disk is empty again: no logs, fresh checkpoint files.
    pub fn wipe(&mut self, now: Ms) {
        let mut fresh = LogDir::new(self.broker, now);
        fresh.open = false;
        *self = fresh;
    }
}
