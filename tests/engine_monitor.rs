//! The monitor of an engine, from its opening to the end.

mod support;

use std::sync::Arc;
use std::time::Duration;

use oversip::engine::monitor::{Identity, MonitorConfig, MonitorError};
use oversip::metrics::ScriptMetrics;
use support::Relay;

fn config() -> MonitorConfig {
    MonitorConfig {
        identity: Identity { version: "1".into(), name: "test".into(), folder: None },
        control_socket: None,
        hosts: Vec::new(),
        calls_page: None,
        of_script: Arc::new(ScriptMetrics::default()),
        listen: vec!["127.0.0.1:0".parse().expect("an address")],
    }
}

#[test]
fn an_engine_that_has_ended_opens_none() {
    let relay = Relay::traced();
    assert_eq!(relay.engine.open_monitor(&config()).expect("a monitor").len(), 1);
    assert!(relay.engine.stop(Duration::ZERO).wait(Duration::from_secs(5)));
    let refused = relay.engine.open_monitor(&config());
    assert!(matches!(refused, Err(MonitorError::Over)), "{refused:?}");
}
