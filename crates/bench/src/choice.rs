//! What can be measured, by the words of `--only`.

use clap::ValueEnum;

/// A measurement, or one target of a measurement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Choice {
    /// Resident memory while files are uploaded.
    Memory,
    /// Uploaded bytes beside peers: all of the following up to the gateway's memory.
    Uploads,
    /// Peer: a server that writes and syncs, and nothing else.
    Sink,
    /// Peer: the same with MD5 and CRC-64.
    SinkDigests,
    /// Peer: nginx, its PUT.
    Nginx,
    /// Peer: `SeaweedFS`, its S3 door.
    Seaweedfs,
    /// Peer: the tus project's server for Node.
    TusNode,
    /// Peer: rustus.
    Rustus,
    /// The object leg, PUT of whole files.
    CosPut,
    /// The object leg, in parts.
    CosMultipart,
    /// The tus door.
    Tus,
    /// CPU time at 8 and at 64 connections.
    Connections,
    /// How long Complete of 2,000 parts takes.
    Complete,
    /// Resident memory of a gateway.
    GatewayMemory,
    /// Events: all of the following up to the backlog.
    Events,
    /// Durable events per second beside Redis, NATS and plain inserts.
    EventAppends,
    /// Pull and confirm beside a queue of rows.
    EventQueue,
    /// From the commit to the receivers.
    EventDelivery,
    /// A million events for one endpoint.
    EventBacklog,
    /// The signature service beside its peers: all of the following.
    Signatures,
    /// Peer: a bare axum handler.
    Axum,
    /// Peer: the vendor's sample on Node and Express.
    Express,
    /// Signature service, called with an API key.
    ApiKey,
    /// Signature service, called with tokens that are signed with a shared key.
    Hs256,
    /// Signature service, called with tokens that are signed with RSA.
    Rs256,
    /// Signature service, called with tokens that are signed with ECDSA.
    Es256,
}

impl Choice {
    /// The targets of the signature measurement, in the order of the report.
    pub(crate) const TARGETS: [Self; 6] =
        [Self::Axum, Self::Express, Self::ApiKey, Self::Hs256, Self::Rs256, Self::Es256];

    /// What takes files in the measurement of uploads, in the order of the report.
    pub(crate) const TAKERS: [Self; 9] = [
        Self::Sink,
        Self::SinkDigests,
        Self::Nginx,
        Self::Seaweedfs,
        Self::TusNode,
        Self::Rustus,
        Self::CosPut,
        Self::CosMultipart,
        Self::Tus,
    ];

    /// What else the measurement of uploads looks at.
    const ASIDES: [Self; 3] = [Self::Connections, Self::Complete, Self::GatewayMemory];

    /// The parts of the measurement of events, in their order.
    const EVENTS: [Self; 4] = [Self::EventAppends, Self::EventQueue, Self::EventDelivery, Self::EventBacklog];

    /// What `only` picks of the measurement of events.
    pub(crate) fn events(only: &[Self]) -> Vec<Self> {
        let all = only.is_empty() || only.contains(&Self::Events);
        Self::EVENTS.into_iter().filter(|choice| all || only.contains(choice)).collect()
    }

    /// What `only` picks of the measurement of uploads.
    pub(crate) fn uploads(only: &[Self]) -> Vec<Self> {
        let all = only.is_empty() || only.contains(&Self::Uploads);
        let every = Self::TAKERS.into_iter().chain(Self::ASIDES);
        every.filter(|choice| all || only.contains(choice)).collect()
    }

    /// The targets that `only` picks; nothing picked is everything.
    pub(crate) fn targets(only: &[Self]) -> Vec<Self> {
        let all = only.is_empty() || only.contains(&Self::Signatures);
        Self::TARGETS.into_iter().filter(|target| all || only.contains(target)).collect()
    }

    /// Whether `only` picks the memory measurement.
    pub(crate) fn memory(only: &[Self]) -> bool {
        only.is_empty() || only.contains(&Self::Memory)
    }

    /// Its word on the command line and in the report.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Memory => "memory",
            Self::Uploads => "uploads",
            Self::Sink => "sink",
            Self::SinkDigests => "sink-digests",
            Self::Nginx => "nginx",
            Self::Seaweedfs => "seaweedfs",
            Self::TusNode => "tus-node",
            Self::Rustus => "rustus",
            Self::CosPut => "cos-put",
            Self::CosMultipart => "cos-multipart",
            Self::Tus => "tus",
            Self::Connections => "connections",
            Self::Complete => "complete",
            Self::GatewayMemory => "gateway-memory",
            Self::Events => "events",
            Self::EventAppends => "event-appends",
            Self::EventQueue => "event-queue",
            Self::EventDelivery => "event-delivery",
            Self::EventBacklog => "event-backlog",
            Self::Signatures => "signatures",
            Self::Axum => "axum",
            Self::Express => "express",
            Self::ApiKey => "api-key",
            Self::Hs256 => "hs256",
            Self::Rs256 => "rs256",
            Self::Es256 => "es256",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_word_is_the_one_of_the_command_line() {
        for choice in Choice::value_variants() {
            assert_eq!(choice.to_possible_value().unwrap().get_name(), choice.word());
        }
    }

    #[test]
    fn nothing_picked_is_everything_and_a_target_is_only_itself() {
        assert!(Choice::memory(&[]));
        assert_eq!(Choice::targets(&[]), Choice::TARGETS);
        assert_eq!(Choice::targets(&[Choice::Signatures]), Choice::TARGETS);
        assert_eq!(Choice::targets(&[Choice::ApiKey, Choice::Axum]), [Choice::Axum, Choice::ApiKey]);
        assert_eq!(Choice::uploads(&[]), Choice::uploads(&[Choice::Uploads]));
        assert_eq!(Choice::uploads(&[]).len(), 12);
        assert_eq!(Choice::uploads(&[Choice::Complete, Choice::Axum]), [Choice::Complete]);
        assert_eq!(Choice::events(&[]), Choice::events(&[Choice::Events]));
        assert_eq!(Choice::events(&[Choice::EventQueue, Choice::Axum]), [Choice::EventQueue]);
        assert_eq!((Choice::memory(&[Choice::Axum]), Choice::targets(&[Choice::Memory])), (false, vec![]));
    }
}
