//! Which CloudEvents attributes does an exported event have, and in which order are they written?

/// The version of CloudEvents that all of ours follow.
pub(super) const SPEC_VERSION: &str = "1.0";

/// An attribute that the vocabulary knows. Others, which a newer release may have written, follow behind by their names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Attribute {
    Id,
    Source,
    Type,
    Subject,
    Time,
    ContentType,
    Schema,
    ActorType,
    ActorId,
    CorrelationId,
    CausationId,
    Key,
    BodyHash,
    LoungeId,
    PartitionKey,
    After,
    TraceParent,
}

impl Attribute {
    pub(super) const ALL: [Self; 17] = [
        Self::Id,
        Self::Source,
        Self::Type,
        Self::Subject,
        Self::Time,
        Self::ContentType,
        Self::Schema,
        Self::ActorType,
        Self::ActorId,
        Self::CorrelationId,
        Self::CausationId,
        Self::Key,
        Self::BodyHash,
        Self::LoungeId,
        Self::PartitionKey,
        Self::After,
        Self::TraceParent,
    ];

    /// As CloudEvents calls it in structured mode.
    pub(super) fn name(self) -> &'static str {
        let header = self.header();
        header.strip_prefix(PREFIX).unwrap_or(header)
    }

    /// As the log carries it.
    pub(super) fn header(self) -> &'static str {
        match self {
            Self::Id => "ce-id",
            Self::Source => "ce-source",
            Self::Type => "ce-type",
            Self::Subject => "ce-subject",
            Self::Time => "ce-time",
            Self::ContentType => "ce-datacontenttype",
            Self::Schema => "ce-dataschema",
            Self::ActorType => "ce-actortype",
            Self::ActorId => "ce-actorid",
            Self::CorrelationId => "ce-correlationid",
            Self::CausationId => "ce-causationid",
            Self::Key => "ce-key",
            Self::BodyHash => "ce-bodyhash",
            Self::LoungeId => "ce-loungeid",
            Self::PartitionKey => "ce-partitionkey",
            Self::After => "ce-after",
            Self::TraceParent => "traceparent",
        }
    }
}

/// What marks an attribute among the headers of a message.
pub(super) const PREFIX: &str = "ce-";
/// Extension attributes of what the log, not the writer, says. CloudEvents allows small letters and digits in a name.
pub(super) const SEQ: &str = "seq";
pub(super) const ROOM_SEQ: &str = "roomseq";
/// What a line says whatever the headers are: none of them may say it again.
pub(super) const RESERVED: [&str; 6] = ["specversion", "type", "traceparent", "data", SEQ, ROOM_SEQ];
