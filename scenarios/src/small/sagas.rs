use seaworthy_core::{
    ports::Ports,
    saga::{Definition, Orchestrator, OrchestratorConfig, Registry},
    wake::Wake,
};

use super::answer_requests;

/// Starts a saga for each item that is asked for, of which the item is the input and the key. Who was asked drives it; if
/// that process dies, another one takes it over when the lease has ended.
pub(crate) async fn sagas(ports: Ports, definition: Definition<String>) {
    let name = definition.shape().definition.name.clone();
    let orchestrator = orchestrator(&ports, definition);
    let start = |_, item: String| {
        let (orchestrator, name) = (orchestrator.clone(), name.clone());
        async move { orchestrator.start(&name, &item, &item).await.map(drop) }
    };
    answer_requests(ports, Wake::new(), start).await;
}

/// An orchestrator of one definition, whose recovery runs.
pub(crate) fn orchestrator(ports: &Ports, definition: Definition<String>) -> Orchestrator {
    let mut registry = Registry::new();
    registry.register(definition).expect("it is the only definition");
    let orchestrator = Orchestrator::new(ports, registry, OrchestratorConfig::default());
    let (recovery, stop) = (orchestrator.clone(), ports.stop.clone());
    ports.spawn("recovery", async move { recovery.run_recovery(&stop).await });
    orchestrator
}
