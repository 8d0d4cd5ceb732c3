//! The figures of the monitor's own sockets.

use crate::engine::monitor::door::MonitorSocket;
use crate::engine::monitor::scene::Scene;
use crate::metrics::Families;

/// Who is connected, and who was refused.
pub(super) fn read(families: &mut Families, scene: &Scene) {
    let doors = scene.doors.iter().map(|door| match door.socket {
        MonitorSocket::Control => ("control", door),
        MonitorSocket::Network => ("network", door),
    });
    families.gauges(
        "oversip_monitor_connections",
        "Connections to the control socket and to the addresses of metrics[listen].",
        |family| {
            doors.clone().for_each(|(socket, door)| {
                family.add(&[("socket", socket)], door.connections() as f64);
            });
        },
    );
    families.counters(
        "oversip_monitor_refused_total",
        "Connections and requests there that were refused.",
        |family| {
            for (socket, door) in doors {
                for (reason, count) in door.refusals().by_reason() {
                    family.add(&[("reason", reason), ("socket", socket)], count as f64);
                }
            }
        },
    );
}
