//! `OverSIP::Engine`: start and end of the engine, its clock and its counts. The Ruby side of the library calls it;
//! scripts use `OverSIP.start` and its like.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use magnus::{function, method, prelude::*, Error, RArray, RHash, RModule, Ruby, Symbol, TryConvert, Value};
use oversip::element::{AddressFamilies, Limits, Status};
use oversip::engine::{
    self, CollectorAddress, Config, Engine, HepSettings, Reading, StartError, Stats, Stopping,
    WebSocketConfig,
};
use oversip::hep::Agent;
use oversip::host::Requests;
use oversip::message::Transport;
use oversip::trace;
use oversip::transport::{ws, ListenSpec, OpeningLimits};

use crate::{
    anchors, blocks, capture, connection, descriptors, dispatcher, dispatcher_thread,
    gvl::{without_gvl, SIGNAL_INTERVAL},
    happenings, listeners, logging,
    message::RequestObject,
    options::{option, required},
    process, running_event, runtime, schedule, tags, text, tls, watch,
};

fn start(ruby: &Ruby, options: RHash) -> Result<RArray, Error> {
    if runtime::current().is_some() {
        return Err(text::runtime_error(ruby, "OverSIP runs already"));
    }
    if runtime::is_simulating() {
        return Err(text::runtime_error(ruby, "a world is open: close it before OverSIP is started"));
    }
    let config = config(ruby, options)?;
    anchors::reset();
    logging::begin();
    let engine = Engine::start(config).map_err(|error| match error {
        StartError::Tls(_) => text::configuration_error(ruby, error.to_string()),
        _ => text::runtime_error(ruby, error.to_string()),
    })?;
    let bound = listeners::list(ruby, engine.listening(), engine.listener_names())?;
    logging::hand_over(&engine);
    blocks::look_on(Some(&engine));
    runtime::set(Some(engine));
    Ok(bound)
}

/// What an engine is started with.
pub fn config(ruby: &Ruby, options: RHash) -> Result<Config, Error> {
    let listeners = option::<RArray>(ruby, options, "listeners")?.unwrap_or_else(|| ruby.ary_new());
    let nameservers: Vec<String> = option(ruby, options, "nameservers")?.unwrap_or_default();
    Ok(Config {
        listeners: listen_specs(ruby, listeners)?,
        advertised_ipv4: option(ruby, options, "advertised_ipv4")?,
        advertised_ipv6: option(ruby, options, "advertised_ipv6")?,
        local_domains: option(ruby, options, "local_domains")?.unwrap_or_default(),
        product: required(ruby, options, "product")?,
        opening: OpeningLimits {
            connect: Duration::from_secs(required(ruby, options, "connect_timeout")?),
            handshake: Duration::from_secs(required(ruby, options, "tls_handshake_timeout")?),
        },
        nameservers: nameservers.iter().map(|text| name_server(ruby, text)).collect::<Result<_, _>>()?,
        flow_token_key: option(ruby, options, "flow_token_key")?,
        accept_unsigned_flow_tokens: required(ruby, options, "accept_unsigned_flow_tokens")?,
        require_own_route: required(ruby, options, "require_own_route")?,
        tags: Some(tags::of_process()),
        max_body_size: required(ruby, options, "max_body_size")?,
        tcp_keepalive: option(ruby, options, "tcp_keepalive_interval")?.map(Duration::from_secs),
        websocket: websocket_config(ruby, required(ruby, options, "websocket")?)?,
        tunnels: listen_specs(ruby, option(ruby, options, "tunnels")?.unwrap_or_else(|| ruby.ary_new()))?,
        tls: tls::settings(ruby, option(ruby, options, "tls")?)?,
        client_certificates: tls::client_certificates(ruby, required(ruby, options, "client_certificates")?)?,
        websocket_client_certificates: tls::client_certificates(
            ruby,
            required(ruby, options, "websocket_client_certificates")?,
        )?,
        tls_hostname_ipv4: option(ruby, options, "tls_hostname_ipv4")?,
        tls_hostname_ipv6: option(ruby, options, "tls_hostname_ipv6")?,
        sending: families(option(ruby, options, "sending")?)?,
        limits: Limits {
            queued_requests: required(ruby, options, "max_queued_requests")?,
            transactions: required(ruby, options, "max_transactions")?,
            queued_bytes: required(ruby, options, "max_queued_bytes")?,
            queued_acks: required(ruby, options, "max_queued_acks")?,
            queued_ack_bytes: required(ruby, options, "max_queued_ack_bytes")?,
            client_responses: required(ruby, options, "max_client_responses")?,
            client_bytes: required(ruby, options, "max_client_bytes")?,
            response_bytes: required(ruby, options, "max_response_bytes")?,
        },
        process: process::id,
        outgoing_bytes: required(ruby, options, "max_outgoing_bytes")?,
        trace: option(ruby, options, "trace")?.map(|limits| trace_limits(ruby, limits)).transpose()?,
        metrics: option(ruby, options, "metrics")?.unwrap_or(false),
        hep: option(ruby, options, "hep")?.map(|options| hep_settings(ruby, options)).transpose()?,
    })
}

fn trace_limits(ruby: &Ruby, options: RHash) -> Result<trace::TraceLimits, Error> {
    Ok(trace::TraceLimits {
        calls: required(ruby, options, "calls")?,
        bytes: required(ruby, options, "bytes")?,
        sample: required(ruby, options, "sample")?,
    })
}

/// Who gets messages by HEP3.
fn hep_settings(ruby: &Ruby, options: RHash) -> Result<HepSettings, Error> {
    let addresses: Vec<String> = required(ruby, options, "collectors")?;
    let collectors = addresses.iter().map(|address| {
        address.parse::<CollectorAddress>().map_err(|error| {
            text::configuration_error(ruby, format!("hep[collectors]: '{address}': {error}"))
        })
    });
    Ok(HepSettings {
        agent: Agent {
            id: required(ruby, options, "capture_id")?,
            password: option(ruby, options, "password")?,
        },
        collectors: collectors.collect::<Result<_, _>>()?,
    })
}

/// `[:ipv4, :ipv6]`
fn families(list: Option<RArray>) -> Result<AddressFamilies, Error> {
    let mut families = AddressFamilies::default();
    for name in list.into_iter().flat_map(|list| list.into_iter()) {
        match &*Symbol::try_convert(name)?.name()? {
            "ipv4" => families.ipv4 = true,
            _ => families.ipv6 = true,
        }
    }
    Ok(families)
}

fn websocket_config(ruby: &Ruby, options: RHash) -> Result<WebSocketConfig, Error> {
    Ok(WebSocketConfig {
        advertised_ipv4: option(ruby, options, "advertised_ipv4")?,
        advertised_ipv6: option(ruby, options, "advertised_ipv6")?,
        limits: ws::FrameLimits {
            max_frame_size: required(ruby, options, "max_frame_size")?,
            max_message_size: required(ruby, options, "max_message_size")?,
        },
        keepalive: option(ruby, options, "keepalive_interval")?.map(Duration::from_secs),
    })
}

/// `[[transport, ip, port], ...]`.
pub fn listen_specs(ruby: &Ruby, list: RArray) -> Result<Vec<ListenSpec>, Error> {
    let mut specs = Vec::with_capacity(list.len());
    for index in 0..list.len() {
        let (transport, ip, port): (Symbol, String, u16) = list.entry(index as isize)?;
        let name = transport.name()?;
        match (name.parse::<Transport>(), ip.parse::<IpAddr>()) {
            (Ok(transport), Ok(ip)) => specs.push(ListenSpec { transport, ip, port }),
            _ => return Err(text::configuration_error(ruby, format!("cannot listen by {name} on '{ip}'"))),
        }
    }
    Ok(specs)
}

/// `IP`, `IP:PORT` or `[IPv6]:PORT`.
fn name_server(ruby: &Ruby, text: &str) -> Result<SocketAddr, Error> {
    let bare = text.parse::<IpAddr>().map(|ip| SocketAddr::new(ip, 53));
    bare.or_else(|_| text.parse()).map_err(|_| {
        text::configuration_error(ruby, format!("core[nameservers]: '{text}' is not an address"))
    })
}

fn stop(ruby: &Ruby, seconds: f64) -> Result<(), Error> {
    if runtime::is_simulating() {
        return Ok(());
    }
    let Some(engine) = runtime::current() else {
        runtime::set(None);
        return Ok(());
    };
    let limit = text::seconds_argument(ruby, seconds)?;
    let down = wait_for_end(ruby, &engine.stop(limit));
    if down.is_err() {
        drop(engine.stop(Duration::ZERO));
    }
    blocks::look_on(None);
    runtime::set(None);
    let told = schedule::forget(ruby);
    descriptors::forget();
    anchors::release_all();
    down.and(told)
}

/// Waits for the engine's end. Ruby is looked after in between: a signal reaches a thread that waits without the GVL only if
/// some other thread happens to watch for it.
fn wait_for_end(ruby: &Ruby, stopping: &Stopping<'_>) -> Result<(), Error> {
    while !without_gvl(ruby, || stopping.wait(SIGNAL_INTERVAL), || ())? {}
    Ok(())
}

/// The script failed over a request that it may have routed: nobody wants the answer from downstream any more.
fn abandon(request: Value) {
    let incoming = RequestObject::from_value(request).and_then(|request| request.incoming());
    if let (Some(host), Some(incoming)) = (runtime::current_host(), incoming) {
        Requests(&*host).abandon(&incoming);
    }
}

fn is_running() -> bool {
    runtime::current_host().is_some()
}

fn stats(ruby: &Ruby) -> Result<RHash, Error> {
    let engine = runtime::current();
    let stats = match &engine {
        Some(engine) => engine.stats(),
        None => runtime::host(ruby)?.look(Stats::of_element),
    };
    let hash = ruby.hash_new();
    for Reading { name, value, .. } in stats.readings() {
        let name = ruby.to_symbol(name);
        match value {
            engine::Value::Count(number) => hash.aset(name, number)?,
            engine::Value::Time(time) => hash.aset(name, time)?,
            engine::Value::Several { names, counts, .. } => {
                hash.aset(name, by_name(ruby, names, &counts)?)?
            }
        }
    }
    hash.aset(ruby.to_symbol("callback_seconds"), running_event::seconds())?;
    Ok(hash)
}

fn by_name(ruby: &Ruby, names: &[&str], counts: &[u64]) -> Result<RHash, Error> {
    let hash = ruby.hash_new();
    for (name, count) in names.iter().zip(counts) {
        hash.aset(ruby.to_symbol(*name), *count)?;
    }
    Ok(hash)
}

fn set_status(ruby: &Ruby, status: Symbol) -> Result<(), Error> {
    let status = match &*status.name()? {
        "loading" => Status::Loading,
        "running" => Status::Running,
        "terminating" => Status::Terminating,
        other => return Err(Error::new(ruby.exception_arg_error(), format!("unknown status {other}"))),
    };
    runtime::host(ruby)?.step(|element, _| element.set_status(status));
    Ok(())
}

fn freeze(ruby: &Ruby) -> Result<(), Error> {
    runtime::engine(ruby)?.testing().freeze();
    Ok(())
}

fn advance(ruby: &Ruby, seconds: f64) -> Result<(), Error> {
    let engine = runtime::engine(ruby)?;
    let by = text::seconds_argument(ruby, seconds)?;
    without_gvl(ruby, || engine.testing().advance(by), || ())
}

#[cfg(feature = "defects")]
/// `panic(victim, later)`: a defect of the engine in the midst of what it does for a Request or a Client; for a Client also in
/// its next step.
fn panic(ruby: &Ruby, victim: Value, later: bool) -> Result<(), Error> {
    let engine = runtime::engine(ruby)?;
    if let Ok(client) = crate::client::RubyClient::try_convert(victim) {
        if later {
            engine.testing().panic_in_next_step(client.shared());
        } else {
            engine.testing().panic_for_client(client.shared());
        }
    } else if let Some(request) = RequestObject::from_value(victim).and_then(|request| request.incoming()) {
        engine.testing().panic_for_request(&request);
    } else {
        return Err(Error::new(
            ruby.exception_type_error(),
            "a Request from the network or a Client is needed",
        ));
    }
    Ok(())
}

fn seed(ruby: &Ruby, seed: u64) -> Result<(), Error> {
    runtime::engine(ruby)?.testing().seed(seed);
    Ok(())
}

fn local_aliases(ruby: &Ruby) -> Result<Vec<String>, Error> {
    Ok(runtime::host(ruby)?.settings().aliases.texts())
}

fn set_log_threshold(_: &Ruby, severity: u8) {
    logging::set_threshold(severity);
}

/// `flow?(token)`: whether a flow token of ours names something that can be sent over.
fn is_flow(ruby: &Ruby, token: Value) -> Result<bool, Error> {
    let token = text::text_of(token)?;
    Ok(runtime::host(ruby)?.look(|element| element.is_flow(&token)))
}

fn anchored() -> usize {
    anchors::count()
}

/// `load_testing`: defines what specs alone may do. Only `require "oversip/testing"` calls it.
fn load_testing(module: RModule) -> Result<(), Error> {
    module.define_singleton_method("freeze", function!(freeze, 0))?;
    module.define_singleton_method("advance", function!(advance, 1))?;
    #[cfg(feature = "defects")]
    module.define_singleton_method("panic", function!(panic, 2))?;
    module.define_singleton_method("seed", function!(seed, 1))
}

/// Defines the module.
pub fn define(_: &Ruby, oversip: RModule) -> Result<(), Error> {
    let module = oversip.define_module("Engine")?;
    module.define_singleton_method("start", function!(start, 1))?;
    tls::define(module)?;
    capture::define(module)?;
    module.define_singleton_method("connections", function!(connection::live, 2))?;
    module.define_singleton_method("udp_connection", function!(connection::udp, 1))?;
    module.define_singleton_method("local_aliases", function!(local_aliases, 0))?;
    module.define_singleton_method("stop", function!(stop, 1))?;
    module.define_singleton_method("running?", function!(is_running, 0))?;
    module.define_singleton_method("abandon", function!(abandon, 1))?;
    module.define_singleton_method("stats", function!(stats, 0))?;
    module.define_singleton_method("random_hex", function!(tags::random_hex, 1))?;
    module.define_singleton_method("random_number", function!(tags::random_number, 1))?;
    module.define_singleton_method("status=", function!(set_status, 1))?;
    module.singleton_class()?.define_private_method("load_testing", method!(load_testing, 0))?;
    module.define_singleton_method("tell_happenings=", function!(happenings::set_told, 1))?;
    module.define_singleton_method("log_threshold=", function!(set_log_threshold, 1))?;
    module.define_singleton_method("flow?", function!(is_flow, 1))?;
    module.define_singleton_method("held_objects", function!(anchored, 0))?;
    module.define_singleton_method("wait_event", function!(dispatcher::wait_event, 0))?;
    module.define_singleton_method("wait_overdue", function!(watch::wait_overdue, 1))?;
    module.define_singleton_method("told_of_running", function!(watch::told_of_running, 1))?;
    module.define_singleton_method("enter_dispatcher", function!(dispatcher_thread::enter, 0))?;
    module.define_singleton_method("leave_dispatcher", function!(dispatcher::leave, 0))?;
    let keep_native_thread = function!(dispatcher_thread::keep_native_thread, 0);
    module.define_singleton_method("keep_native_thread", keep_native_thread)?;
    module.define_singleton_method("run_event", function!(dispatcher::run_event, 0))?;
    module.define_singleton_method("schedule", function!(schedule::schedule, 2))?;
    module.define_singleton_method("schedule_first", function!(schedule::schedule_first, 1))?;
    module.define_singleton_method("unschedule", function!(schedule::unschedule, 1))?;
    module.define_singleton_method("watch_io", function!(descriptors::watch, 3))?;
    module.define_singleton_method("unwatch_io", function!(descriptors::unwatch, 1))?;
    Ok(())
}
