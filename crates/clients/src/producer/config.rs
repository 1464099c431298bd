//! `ProducerConfig`: what was set, with Kafka's rules about what goes together.

use super::partitioner::Partitioner;
use crate::config::{PRODUCER, Reader};
use crate::network::NetworkConfig;
use protocol::config::{ConfigError, Configs};
use protocol::record::CompressionType;
use protocol::{Ms, Name};

/// A producer's configuration, checked.
#[derive(Clone, Debug)]
pub struct ProducerConfig {
    pub client_id: Name,
    pub acks: i16,
    pub idempotent: bool,
    pub retries: i32,
    pub max_in_flight: usize,
    pub linger_ms: Ms,
    pub batch_size: usize,
    pub buffer_memory: i64,
    pub max_block_ms: Ms,
    pub max_request_size: usize,
    pub request_timeout_ms: Ms,
    pub delivery_timeout_ms: Ms,
    pub retry_backoff_ms: Ms,
    pub retry_backoff_max_ms: Ms,
    pub metadata_max_age_ms: Ms,
    pub metadata_max_idle_ms: Ms,
    pub compression: CompressionType,
    pub partitioner: Partitioner,
    pub ignore_keys: bool,
    pub adaptive_partitioning: bool,
    pub availability_timeout_ms: Ms,
    pub transactional_id: Option<Name>,
    pub transaction_timeout_ms: i32,
    pub network: NetworkConfig,
}

impl ProducerConfig {
    /// Checks `pairs` (Kafka's dotted names) as `ProducerConfig` and `KafkaProducer`'s constructor do.
    ///
    /// # Errors
    /// A name or value that is not known, or a combination that Kafka refuses (ConfigException).
    pub fn new<'a>(
        pairs: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<Self, ConfigError> {
        let configs = Configs::new(&[PRODUCER], pairs)?;
        let read = Reader {
            table: PRODUCER,
            configs: &configs,
        };
        let acks = match read.text("acks").as_deref() {
            Some("0") => 0,
            Some("1") => 1,
            _ => -1,
        };
        let max_in_flight = read.int("max.in.flight.requests.per.connection");
        let idempotent = idempotence(&read, acks, max_in_flight)?;
        let transactional_id: Option<Name> = read.text("transactional.id").map(Into::into);
        if transactional_id.is_some() && !idempotent {
            return Err(refuse(&read, "transactional.id", "needs idempotence", None));
        }
        if read.bool("transaction.two.phase.commit.enable") && read.is_set("transaction.timeout.ms")
        {
            return Err(refuse(
                &read,
                "transaction.timeout.ms",
                "means nothing under two-phase commit",
                None,
            ));
        }
        let linger_ms = read.int("linger.ms").min(i64::from(i32::MAX));
        let request_timeout_ms = read.int("request.timeout.ms");
        let partitioner = Partitioner::from_class(read.text("partitioner.class").as_deref())
            .map_err(|_| {
                refuse(
                    &read,
                    "partitioner.class",
                    "no such class here",
                    Some("RoundRobinPartitioner".into()),
                )
            })?;
        let built_in = matches!(partitioner, Partitioner::BuiltIn);
        let compression = read
            .text("compression.type")
            .and_then(|name| CompressionType::from_name(&name))
            .unwrap_or(CompressionType::None);
        if compression != CompressionType::None
            && protocol::record::codec()
                .compress(compression, b"x")
                .is_err()
        {
            return Err(refuse(
                &read,
                "compression.type",
                "this build has no codecs",
                Some("none".into()),
            ));
        }
        let client_id = read
            .text("client.id")
            .filter(|id| !id.is_empty())
            .unwrap_or_else(|| {
                transactional_id
                    .as_ref()
                    .map_or_else(|| "producer-1".to_owned(), |id| format!("producer-{id}"))
            });
        Ok(Self {
            client_id: client_id.into(),
            acks,
            idempotent,
            retries: read.int("retries") as i32,
            max_in_flight: max_in_flight as usize,
            linger_ms,
            batch_size: read.int("batch.size").max(1) as usize,
            buffer_memory: read.int("buffer.memory"),
            max_block_ms: read.int("max.block.ms"),
            max_request_size: read.int("max.request.size") as usize,
            request_timeout_ms,
            delivery_timeout_ms: delivery_timeout(&read, linger_ms + request_timeout_ms)?,
            retry_backoff_ms: read.int("retry.backoff.ms"),
            retry_backoff_max_ms: read.int("retry.backoff.max.ms"),
            metadata_max_age_ms: read.int("metadata.max.age.ms"),
            metadata_max_idle_ms: read.int("metadata.max.idle.ms"),
            compression,
            partitioner,
            ignore_keys: read.bool("partitioner.ignore.keys"),
            adaptive_partitioning: built_in
                && read.bool("partitioner.adaptive.partitioning.enable"),
            availability_timeout_ms: read.int("partitioner.availability.timeout.ms"),
            transactional_id,
            transaction_timeout_ms: read.int("transaction.timeout.ms") as i32,
            network: read.network(max_in_flight as usize),
        })
    }
}

fn refuse(read: &Reader<'_>, name: &str, reason: &str, nearest: Option<String>) -> ConfigError {
    ConfigError {
        name: name.into(),
        value: read.configs.set_text(name).map(Into::into),
        reason: reason.into(),
        nearest,
    }
}

/// Idempotence that was not asked for gives way to `acks` and `retries`; one that was asked for does not
/// (`ProducerConfig.postProcessAndValidateIdempotenceConfigs`).
fn idempotence(read: &Reader<'_>, acks: i16, max_in_flight: i64) -> Result<bool, ConfigError> {
    if !read.bool("enable.idempotence") {
        return Ok(false);
    }
    let asked_for = read.is_set("enable.idempotence");
    let mut idempotent = true;
    if read.int("retries") == 0 {
        if asked_for {
            return Err(refuse(
                read,
                "retries",
                "must not be 0 with idempotence",
                Some("1".into()),
            ));
        }
        idempotent = false;
    }
    if acks != -1 {
        if asked_for {
            return Err(refuse(
                read,
                "acks",
                "must be all with idempotence",
                Some("all".into()),
            ));
        }
        idempotent = false;
    }
    if max_in_flight > 5 {
        let name = "max.in.flight.requests.per.connection";
        return Err(refuse(
            read,
            name,
            "must be at most 5 with idempotence",
            Some("5".into()),
        ));
    }
    Ok(idempotent)
}

/// Must cover linger and one request; only an explicit value is refused (`KafkaProducer.configureDeliveryTimeout`).
fn delivery_timeout(read: &Reader<'_>, least: Ms) -> Result<Ms, ConfigError> {
    let least = least.min(i64::from(i32::MAX));
    let set = read.int("delivery.timeout.ms");
    if set >= least {
        return Ok(set);
    }
    if read.is_set("delivery.timeout.ms") {
        let reason = "must be at least linger.ms + request.timeout.ms";
        return Err(refuse(
            read,
            "delivery.timeout.ms",
            reason,
            Some(least.to_string()),
        ));
    }
    Ok(least)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn p13_an_explicit_delivery_timeout_that_is_too_short_is_refused() {
        let error = ProducerConfig::new([("delivery.timeout.ms", "20000")])
            .expect_err("20 s < 5 ms + 30 s");
        assert_eq!(error.nearest.as_deref(), Some("30005"));
        let raised =
            ProducerConfig::new([("request.timeout.ms", "200000")]).expect("raised silently");
        assert_eq!(raised.delivery_timeout_ms, 200_005);
    }

    #[test]
    fn p14_idempotence_gives_way_unless_it_was_asked_for() {
        assert!(
            !ProducerConfig::new([("acks", "1")])
                .expect("allowed")
                .idempotent
        );
        assert!(ProducerConfig::new([("acks", "1"), ("enable.idempotence", "true")]).is_err());
        assert!(ProducerConfig::new([("max.in.flight.requests.per.connection", "6")]).is_err());
        assert!(ProducerConfig::new([("transactional.id", "x"), ("acks", "1")]).is_err());
    }
}
