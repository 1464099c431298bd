//! The controller: it answers requests with a response and records, and replays records.
//!
//! What is in the metadata log lives in [`DurableState`] and changes only in [`Controller::replay`]. What only the active
//! controller knows (sessions, heartbeats, due tasks) is soft: handlers may change it, and a new controller starts
//! without it. It refuses to know the quorum: who is active, where records go and when they are committed is told by the
//! node around it.
//!
//! ```text
//! claim → complete_activation ─┐
//! handler(request) ────────────┼→ ControllerResult { response, records } → the node appends → appended(base offset)
//! poll(now) ───────────────────┘                                            and answers when that is committed
//! ```

mod alter_partition;
mod broker_events;
mod cluster_control;
mod config;
mod config_control;
mod config_validation;
mod create_partitions;
mod create_topics;
mod directories;
mod effective_configs;
mod elections;
mod elr_index;
mod feature_control;
mod heartbeat_manager;
mod heartbeats;
mod periodic_tasks;
mod placement;
mod producer_ids;
mod reassignments;
mod report;
mod requests;
mod state;
#[cfg(test)]
mod tests;

pub use cluster_control::BrokerHeartbeatReply;
pub use config::{BootstrapMetadata, ControllerConfig};
pub use config_control::{AlterConfigOp, LegacyAlterConfigs, LegacyConfigs};
pub use heartbeat_manager::{BrokerControlState, BrokerHeartbeatManager};
pub use periodic_tasks::PeriodicTask;
pub use placement::{Chance, FromDraws, UsableBroker};
pub use state::DurableState;

use protocol::trace::RuleId;
use protocol::{ErrorCode, Instant, Ms, NodeId, Offset, Protections};
use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;

use crate::image::{ConfigResourceType, ELR_FEATURE_NAME, MetadataImage};
use crate::metadata_version::MetadataVersion;
use crate::record::{
    AbortTransactionRecord, ApiMessageAndVersion, BeginTransactionRecord, ConfigRecord,
    EndTransactionRecord, FeatureLevelRecord, MetadataRecord,
};
use crate::rules;
use periodic_tasks::PeriodicTasks;

/// Why a request was refused (`ApiError`).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ApiError {
    pub error: ErrorCode,
    pub message: String,
}

impl ApiError {
    pub fn new(error: ErrorCode, message: impl Into<String>) -> Self {
        Self {
            error,
            message: message.into(),
        }
    }
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.error.name(), self.message)
    }
}

impl std::error::Error for ApiError {}

/// What a handler answers, and what has to be written before that is said (`ControllerResult`).
#[derive(Clone, PartialEq, Debug)]
pub struct ControllerResult<T> {
    pub response: T,
    pub records: Vec<ApiMessageAndVersion>,
    /// All records must go into one batch.
    pub atomic: bool,
    /// The rule by which things change.
    pub rule: RuleId,
    after: AfterAppend,
    /// A heartbeat: the broker, and the end of its session before and after it, in ms.
    contact: Option<(NodeId, Ms, Ms)>,
}

/// What the active controller does once the records have their offsets (`ControllerWriteOperation.processBatchEndOffset`).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
enum AfterAppend {
    #[default]
    Nothing,
    ScheduleTasks,
    ControlledShutdown(NodeId),
}

impl<T> ControllerResult<T> {
    fn of(rule: RuleId, records: Vec<ApiMessageAndVersion>, response: T) -> Self {
        Self {
            response,
            records,
            atomic: false,
            rule,
            after: AfterAppend::Nothing,
            contact: None,
        }
    }

    fn atomic_of(rule: RuleId, records: Vec<ApiMessageAndVersion>, response: T) -> Self {
        Self {
            atomic: true,
            ..Self::of(rule, records, response)
        }
    }

    /// The same with another answer.
    pub fn map<U>(self, f: impl FnOnce(T) -> U) -> ControllerResult<U> {
        ControllerResult {
            response: f(self.response),
            records: self.records,
            atomic: self.atomic,
            rule: self.rule,
            after: self.after,
            contact: self.contact,
        }
    }

    fn without_records(mut self) -> Self {
        self.records.clear();
        self
    }
}

/// What a request leads to.
pub type Answer<T> = Result<ControllerResult<T>, ApiError>;

/// One controller of the quorum, active or standing by.
#[derive(Clone, Debug)]
pub struct Controller {
    config: Arc<ControllerConfig>,
    /// Safety rules that are in force.
    pub protections: Protections,
    state: DurableState,
    active: Option<Active>,
    /// States after batches that are not committed yet, oldest first: resigning goes back to the last committed one.
    /// As long as records are appended without being committed; a leader without a majority resigns within seconds.
    uncommitted: VecDeque<(Offset, DurableState)>,
    committed: DurableState,
}

/// What only the active controller knows.
#[derive(Clone, Debug)]
struct Active {
    next_write_offset: Offset,
    heartbeats: BrokerHeartbeatManager,
    tasks: PeriodicTasks,
}

impl Controller {
    pub fn new(config: ControllerConfig) -> Self {
        Self {
            config: Arc::new(config),
            protections: Protections::default(),
            state: DurableState::default(),
            active: None,
            uncommitted: VecDeque::new(),
            committed: DurableState::default(),
        }
    }

    pub fn config(&self) -> &ControllerConfig {
        &self.config
    }

    /// What has been replayed so far, uncommitted records of an active controller included.
    pub fn image(&self) -> &MetadataImage {
        &self.state.image
    }

    pub fn state(&self) -> &DurableState {
        &self.state
    }

    pub fn is_active(&self) -> bool {
        self.active.is_some()
    }

    /// Sessions and heartbeats, while active.
    pub fn heartbeats(&self) -> Option<&BrokerHeartbeatManager> {
        self.active.as_ref().map(|a| &a.heartbeats)
    }

    /// The offset of the next record that this controller would write, while active.
    pub fn next_write_offset(&self) -> Option<Offset> {
        self.active.as_ref().map(|a| a.next_write_offset)
    }

    fn active(&self) -> &Active {
        self.active
            .as_ref()
            .expect("only the active controller answers")
    }

    fn active_mut(&mut self) -> &mut Active {
        self.active
            .as_mut()
            .expect("only the active controller answers")
    }

    /// Refuses unless active (`ControllerExceptions.newWrongControllerException`).
    fn check_active(&self) -> Result<(), ApiError> {
        match self.active {
            Some(_) => Ok(()),
            None => Err(ApiError::new(
                ErrorCode::NotController,
                "this controller is not the active one",
            )),
        }
    }

    /// Applies a committed record (standing by), or a record that this controller itself has just appended.
    ///
    /// # Panics
    /// If the record does not fit what was replayed before it: a fatal fault in Kafka as well.
    pub fn replay(&mut self, record: &MetadataRecord, offset: Offset) {
        if let Err(error) = self.state.replay(record, offset) {
            panic!("{error} (offset {offset})");
        }
        if let Some(active) = &mut self.active {
            active.heartbeats.replay(record, &self.state.image);
        }
    }

    /// Loads an image, as from a snapshot, in place of everything replayed so far. Only while standing by.
    pub fn load_snapshot(&mut self, state: DurableState) {
        assert!(
            self.active.is_none(),
            "the active controller never loads a snapshot"
        );
        self.state = state;
    }

    /// Becomes active: the quorum made this node its leader, everything committed has been replayed, and the next record
    /// will get `next_write_offset` (`QuorumController.claim`). Unfenced brokers get a session from now.
    pub fn claim(&mut self, now: Instant, next_write_offset: Offset) {
        assert!(self.active.is_none(), "already the active controller");
        self.committed = self.state.clone();
        self.uncommitted.clear();
        self.active = Some(Active {
            next_write_offset,
            heartbeats: BrokerHeartbeatManager::activate(
                now,
                self.config.session_timeout_ms,
                &self.state.image.cluster,
            ),
            tasks: PeriodicTasks::default(),
        });
    }

    /// The first thing an active controller writes: the bootstrap records of an empty log, the end of a transaction that
    /// a predecessor left open, or nothing (`ActivationRecordsGenerator`).
    pub fn complete_activation(&self) -> ControllerResult<()> {
        let open_transaction = self.state.transaction_start_offset.is_some();
        let mut records = Vec::new();
        let record = |message: MetadataRecord| ApiMessageAndVersion {
            message,
            version: 0,
        };
        if open_transaction {
            let reason = Some("Controller failover".into());
            records.push(record(AbortTransactionRecord { reason }.into()));
        }
        let mut atomic = true;
        if self.state.image.features.metadata_version.is_none() {
            let bootstrap = &self.config.bootstrap;
            let transactions = bootstrap
                .metadata_version
                .is_metadata_transaction_supported();
            atomic = !transactions;
            if transactions {
                let name = Some("Bootstrap records".into());
                records.push(record(BeginTransactionRecord { name }.into()));
            }
            let level = |name: &str, feature_level| {
                record(
                    FeatureLevelRecord {
                        name: name.into(),
                        feature_level,
                    }
                    .into(),
                )
            };
            records.push(level(
                MetadataVersion::FEATURE_NAME,
                bootstrap.metadata_version.0,
            ));
            records.extend(
                bootstrap
                    .features
                    .iter()
                    .filter(|(_, l)| *l > 0)
                    .map(|(name, l)| level(name, *l)),
            );
            if bootstrap
                .features
                .iter()
                .any(|(name, l)| &**name == ELR_FEATURE_NAME && *l > 0)
            {
                let min_isr = ConfigRecord {
                    resource_type: ConfigResourceType::Broker.id(),
                    resource_name: "".into(),
                    name: "min.insync.replicas".into(),
                    value: Some(self.static_min_insync_replicas().to_string().into()),
                };
                records.push(record(min_isr.into()));
            }
            if transactions {
                records.push(record(EndTransactionRecord {}.into()));
            }
        }
        ControllerResult {
            atomic,
            after: AfterAppend::ScheduleTasks,
            ..ControllerResult::of(rules::CONTROLLER_ACTIVATION, records, ())
        }
    }

    /// The records of a result have been appended from `base_offset` on (any offset if there are none): replays them and
    /// does what comes after. Returns the offset whose commit releases the answer: that of the last record.
    pub fn appended<T>(
        &mut self,
        now: Instant,
        result: &ControllerResult<T>,
        base_offset: Offset,
    ) -> Offset {
        if !result.records.is_empty() {
            let mut offset = base_offset;
            for record in &result.records {
                self.replay(&record.message, offset);
                offset = offset.next();
            }
            self.active_mut().next_write_offset = offset;
            self.uncommitted.push_back((offset - 1, self.state.clone()));
        }
        let end = self.active().next_write_offset - 1;
        match result.after {
            AfterAppend::Nothing => {}
            AfterAppend::ScheduleTasks => {
                let config = self.config.clone();
                self.active_mut().tasks.schedule_all(now, &config);
            }
            AfterAppend::ControlledShutdown(broker) => {
                self.active_mut()
                    .heartbeats
                    .maybe_update_controlled_shutdown_offset(broker, end);
            }
        }
        end
    }

    /// Somebody else's records (a LeaderChange of the quorum) take offsets too: the next one written here is `offset`.
    pub fn set_next_write_offset(&mut self, offset: Offset) {
        self.active_mut().next_write_offset = offset;
    }

    /// Everything below `high_watermark` is committed.
    pub fn handle_commit(&mut self, high_watermark: Offset) {
        while self
            .uncommitted
            .front()
            .is_some_and(|(offset, _)| *offset < high_watermark)
        {
            let (_, state) = self.uncommitted.pop_front().expect("there is a front");
            self.committed = state;
        }
    }

    /// No longer active: forgets what was not committed, and all soft state (`QuorumController.renounce`).
    pub fn renounce(&mut self) {
        if self.active.take().is_some() {
            self.state = self.committed.clone();
            self.uncommitted.clear();
        }
    }
}
