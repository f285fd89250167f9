//! One id type for each kind of object, so that a flow's id cannot be handed where a run's is meant.
//!
//! Beyond what `wire::id!` gives, each is read back from stored JSON (`Deserialize`).

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {
        wire::id! { $($(#[$doc])* $name),+ }
        $(
            impl<'de> serde::Deserialize<'de> for $name {
                fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                    uuid::Uuid::deserialize(d).map(Self)
                }
            }
        )+
    };
}

ids! {
    /// A flow.
    FlowId,
    /// A run of a flow.
    FlowRunId,
    /// A run of a task; also the dummy that stands for a subflow in its parent.
    TaskRunId,
    /// One state of a run, and the id of the event that tells of it.
    StateId,
    DeploymentId,
    WorkPoolId,
    WorkQueueId,
    /// A schedule of a deployment.
    ScheduleId,
    ArtifactId,
    /// The key that the versions of an artifact have in common.
    ArtifactCollectionId,
    VariableId,
    SavedSearchId,
    LogId,
    EventId,
    /// A claim on concurrency slots that ends unless it is renewed.
    LeaseId,
    /// A concurrency limit.
    LimitId,
    BlockTypeId,
    BlockSchemaId,
    BlockDocumentId,
    WorkerId,
    DeploymentVersionId,
    AutomationId,
    WorkspaceId,
    AccountId,
    UserId,
    /// Whoever acts: a user or a service account.
    ActorId,
    /// A service account.
    BotId,
    /// An API key.
    KeyId,
    RoleId,
    /// Who issues tokens.
    IssuerId,
    /// Which tokens stand for which service account.
    IdentityId,
}
