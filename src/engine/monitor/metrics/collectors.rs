//! The figures of HEP3 collectors.

use crate::engine::monitor::scene::Scene;
use crate::engine::CollectorState;
use crate::metrics::Families;

/// What became of packets, and who takes them.
pub(super) fn read(families: &mut Families, scene: &Scene) {
    let collectors = scene.driver.observers.as_ref().and_then(|observers| observers.collectors());
    let states = collectors.map(|collectors| collectors.states()).unwrap_or_default();
    families.counters(
        "oversip_hep_packets_total",
        "Packets for each collector, by what became of them.",
        |family| {
            for state in &states {
                family.add(&[("collector", &state.address), ("outcome", "sent")], state.sent as f64);
                family.add(&[("collector", &state.address), ("outcome", "dropped")], state.dropped as f64);
            }
        },
    );
    families.gauges("oversip_hep_queued", "Packets that wait for each collector.", |family| {
        states.iter().for_each(|state| family.add(&[("collector", &state.address)], state.queued as f64));
    });
    families.gauges("oversip_hep_connected", "Whether each collector takes packets: 1 or 0.", |family| {
        let connected = |state: &CollectorState| f64::from(u8::from(state.connected));
        states.iter().for_each(|state| family.add(&[("collector", &state.address)], connected(state)));
    });
}
