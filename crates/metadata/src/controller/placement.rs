//! Where the replicas of new partitions go.
//!
//! Kafka's striped placer spreads partitions over racks and brokers with random starting points; chance is handed in.

use protocol::{Draws, ErrorCode, Name, NodeId, Uuid};
use std::collections::BTreeMap;

use super::ApiError;
use crate::directory_id;

/// What a controller draws by chance.
pub trait Chance {
    /// A number in `0..bound`.
    fn next_int(&mut self, bound: usize) -> usize;

    /// The id of a new topic.
    fn topic_id(&mut self, name: &str) -> Uuid;
}

/// Chance from the draws of a step.
pub struct FromDraws<'a>(pub &'a mut dyn Draws);

impl Chance for FromDraws<'_> {
    fn next_int(&mut self, bound: usize) -> usize {
        self.0.next_int(bound as u32, "replica-placer") as usize
    }

    /// Neither a reserved id nor one whose text begins with a dash (`Uuid.randomUuid`).
    fn topic_id(&mut self, _name: &str) -> Uuid {
        loop {
            let high = self.0.next_u64("topic-id");
            let id = Uuid::from_draws(high, self.0.next_u64("topic-id"));
            if !directory_id::reserved(id) && !id.to_string().starts_with('-') {
                return id;
            }
        }
    }
}

/// A broker that may get new replicas.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct UsableBroker {
    pub id: NodeId,
    pub rack: Option<Name>,
    /// May follow, but not lead.
    pub fenced: bool,
}

/// Brokers in the order in which they are asked (`StripedReplicaPlacer.BrokerList`).
#[derive(Default)]
struct BrokerList {
    brokers: Vec<NodeId>,
    index: usize,
    offset: usize,
    epoch: usize,
}

impl BrokerList {
    fn initialize(&mut self, chance: &mut dyn Chance) {
        if !self.brokers.is_empty() {
            self.brokers.sort();
            self.offset = chance.next_int(self.brokers.len());
        }
    }

    /// The next broker of this epoch; a new epoch starts one further.
    fn next(&mut self, epoch: usize) -> Option<NodeId> {
        let n = self.brokers.len();
        if n == 0 {
            return None;
        }
        if self.epoch != epoch {
            self.epoch = epoch;
            self.index = 0;
            self.offset = (self.offset + 1) % n;
        }
        if self.index >= n {
            return None;
        }
        self.index += 1;
        Some(self.brokers[(self.index - 1 + self.offset) % n])
    }
}

#[derive(Default)]
struct Rack {
    fenced: BrokerList,
    unfenced: BrokerList,
}

/// `java.util.Collections.shuffle`: from the end, swap with a drawn element of those before.
fn shuffle<T>(list: &mut [T], chance: &mut dyn Chance) {
    for i in (2..=list.len()).rev() {
        list.swap(i - 1, chance.next_int(i));
    }
}

/// The racks of a cluster while one topic is placed (`StripedReplicaPlacer.RackList`).
struct RackList {
    racks: BTreeMap<Option<Name>, Rack>,
    rack_names: Vec<Option<Name>>,
    num_total: usize,
    num_unfenced: usize,
    epoch: usize,
    offset: usize,
}

impl RackList {
    fn new(brokers: &[UsableBroker], chance: &mut dyn Chance) -> Self {
        let mut racks: BTreeMap<Option<Name>, Rack> = BTreeMap::new();
        for broker in brokers {
            let rack = racks.entry(broker.rack.clone()).or_default();
            let list = if broker.fenced {
                &mut rack.fenced
            } else {
                &mut rack.unfenced
            };
            list.brokers.push(broker.id);
        }
        // Kafka asks the racks in the order of a hash map; here by name, none first.
        for rack in racks.values_mut() {
            rack.fenced.initialize(chance);
            rack.unfenced.initialize(chance);
        }
        let rack_names: Vec<_> = racks.keys().cloned().collect();
        let offset = if rack_names.is_empty() {
            0
        } else {
            chance.next_int(rack_names.len())
        };
        let num_unfenced = brokers.iter().filter(|b| !b.fenced).count();
        Self {
            racks,
            rack_names,
            num_total: brokers.len(),
            num_unfenced,
            epoch: 0,
            offset,
        }
    }

    fn rack(&mut self, index: usize) -> &mut Rack {
        self.racks
            .get_mut(&self.rack_names[index])
            .expect("every name has its rack")
    }

    fn shuffle(&mut self, chance: &mut dyn Chance) {
        shuffle(&mut self.rack_names, chance);
        for rack in self.racks.values_mut() {
            shuffle(&mut rack.fenced.brokers, chance);
            shuffle(&mut rack.unfenced.brokers, chance);
        }
    }

    /// Replicas of the next partition: an unfenced leader, then one of each rack in turn, unfenced ones first.
    fn place(&mut self, replication_factor: usize, chance: &mut dyn Chance) -> Vec<NodeId> {
        // As many partitions as unfenced brokers: begin anew in another order, so as not to repeat the assignments.
        if self.epoch == self.num_unfenced && self.num_unfenced > 1 {
            self.shuffle(chance);
            self.epoch = 0;
        }
        let racks = self.rack_names.len();
        self.offset %= racks;
        let epoch = self.epoch;
        let mut replicas = Vec::with_capacity(replication_factor);
        let mut leader_rack = self.offset;
        loop {
            if let Some(leader) = self.rack(leader_rack).unfenced.next(epoch) {
                replicas.push(leader);
                break;
            }
            leader_rack = (leader_rack + 1) % racks;
        }
        // The leader's rack has had its turn: it is passed over once.
        let mut skip = Some(leader_rack);
        let mut index = self.offset;
        while replicas.len() < replication_factor {
            if skip == Some(index) {
                skip = None;
            } else {
                let rack = self.rack(index);
                if let Some(next) = rack
                    .unfenced
                    .next(epoch)
                    .or_else(|| rack.fenced.next(epoch))
                {
                    replicas.push(next);
                }
            }
            index = (index + 1) % racks;
        }
        self.epoch += 1;
        self.offset += 1;
        replicas
    }
}

/// Places `partitions` new partitions (`StripedReplicaPlacer.place`). A refusal has already drawn.
pub(super) fn place(
    partitions: usize,
    replication_factor: i16,
    brokers: &[UsableBroker],
    chance: &mut dyn Chance,
) -> Result<Vec<Vec<NodeId>>, ApiError> {
    let mut racks = RackList::new(brokers, chance);
    let refuse = |message: String| Err(ApiError::new(ErrorCode::InvalidReplicationFactor, message));
    if replication_factor <= 0 {
        return refuse(format!(
            "replication factor {replication_factor} is not positive"
        ));
    }
    if racks.num_unfenced == 0 {
        return refuse("no unfenced broker with an uncordoned log directory".into());
    }
    let replication_factor = replication_factor as usize;
    if replication_factor > racks.num_total {
        let total = racks.num_total;
        return refuse(format!(
            "replication factor {replication_factor}, but only {total} usable broker(s)"
        ));
    }
    Ok((0..partitions)
        .map(|_| racks.place(replication_factor, chance))
        .collect())
}

#[cfg(test)]
#[path = "placement_tests.rs"]
mod tests;
