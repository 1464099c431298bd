//! DescribeTransactions and ListTransactions: what the coordinator knows, changed by nothing.
//!
//! Source: `TransactionCoordinator.handleDescribeTransactions`, `TransactionStateManager.listTransactionStates`.

use super::coordinator::Coordinator;
use super::pattern::Pattern;
use super::producer_ids::ProducerIdSource;
use super::state::TransactionState;
use protocol::messages::{
    AddPartitionsToTxnTopic, ListTransactionsRequest, ListTransactionsResponse, ListedTransaction,
    TransactionDescription,
};
use protocol::{ErrorCode, Ms, Name};
use std::collections::{BTreeMap, BTreeSet};

impl<P: ProducerIdSource> Coordinator<P> {
    /// One id. Topics come in order.
    pub fn describe_transaction(&mut self, transactional_id: &Name) -> TransactionDescription {
        let mut answer = TransactionDescription {
            transactional_id: transactional_id.clone(),
            ..Default::default()
        };
        if transactional_id.is_empty() {
            answer.error = ErrorCode::InvalidRequest;
            return answer;
        }
        let now = match self.manager.get(transactional_id) {
            Err(error) => {
                answer.error = error;
                return answer;
            }
            Ok(Some((_, metadata))) if metadata.now.state != TransactionState::Dead => {
                &metadata.now
            }
            Ok(_) => {
                answer.error = ErrorCode::TransactionalIdNotFound;
                return answer;
            }
        };
        let mut topics: BTreeMap<Name, Vec<i32>> = BTreeMap::new();
        for partition in &now.partitions {
            topics
                .entry(partition.topic.clone())
                .or_default()
                .push(partition.partition);
        }
        answer.transaction_state = now.state.name().into();
        answer.transaction_timeout_ms = now.txn_timeout_ms;
        answer.transaction_start_time_ms = now.start_ms;
        answer.producer_id = now.producer_id;
        answer.producer_epoch = now.producer_epoch;
        answer.topics = topics
            .into_iter()
            .map(|(name, partitions)| AddPartitionsToTxnTopic { name, partitions })
            .collect();
        answer
    }

    /// All ids of the led partitions that pass the filters, in order of id.
    pub fn list_transactions(
        &self,
        request: &ListTransactionsRequest,
        now_ms: Ms,
    ) -> ListTransactionsResponse {
        let mut answer = ListTransactionsResponse::default();
        if !self.manager.loading.is_empty() {
            answer.error = ErrorCode::CoordinatorLoadInProgress;
            return answer;
        }
        let mut states = BTreeSet::new();
        for name in &request.state_filters {
            match TransactionState::from_name(name) {
                Some(state) => _ = states.insert(state),
                None => answer.unknown_state_filters.push(name.clone()),
            }
        }
        let pattern = match request
            .transactional_id_pattern
            .as_deref()
            .filter(|text| !text.is_empty())
        {
            None => None,
            Some(text) => match Pattern::compile(text) {
                Some(pattern) => Some(pattern),
                None => {
                    answer.error = ErrorCode::InvalidRegularExpression;
                    return answer;
                }
            },
        };
        for (_, _, metadata) in self.transactions() {
            let now = &metadata.now;
            let passes = (request.producer_id_filters.is_empty()
                || request.producer_id_filters.contains(&now.producer_id))
                && (request.state_filters.is_empty() || states.contains(&now.state))
                && (request.duration_filter < 0 || now_ms - now.start_ms > request.duration_filter)
                && pattern
                    .as_ref()
                    .is_none_or(|pattern| pattern.matches(&metadata.transactional_id));
            if passes {
                answer.transaction_states.push(ListedTransaction {
                    transactional_id: metadata.transactional_id.clone(),
                    producer_id: now.producer_id,
                    transaction_state: now.state.name().into(),
                });
            }
        }
        answer
            .transaction_states
            .sort_by(|a, b| a.transactional_id.cmp(&b.transactional_id));
        answer
    }
}
