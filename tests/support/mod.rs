//! Peers and a relay for tests of the engine: real sockets on loopback, everything waits with a deadline.

mod policy;
mod profile;

use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::time::{Duration, Instant};

use oversip::client::session::Role;
use oversip::client::{hop_count, Destination};
use oversip::element::{AddressFamilies, Limits, Origin, ProxyHeaders, RoundEnd, Status};
use oversip::engine::{Config, Engine, Event, Stats, Wake, WebSocketConfig};
use oversip::host::{Client, IncomingRequest, NewRoute, StoredProfile};
use oversip::message::RequestSnapshot;
use oversip::resolve::Query;
use oversip::trace;
use oversip::transport::{ws, ClientCertificates, ListenSpec, OpeningLimits, TlsSettings, Transport};

const DEADLINE: Duration = Duration::from_secs(5);
/// How long silence is listened to before it counts as silence.
const SILENCE: Duration = Duration::from_millis(100);

/// A UDP peer.
pub struct Peer(UdpSocket);

#[allow(dead_code)]
impl Peer {
    pub fn udp() -> Peer {
        let socket = UdpSocket::bind("127.0.0.1:0").expect("a free port");
        socket.set_read_timeout(Some(DEADLINE)).expect("a timeout");
        Peer(socket)
    }

    pub fn address(&self) -> SocketAddr {
        self.0.local_addr().expect("a bound socket")
    }

    /// Sends a message; `{self}` in it stands for this peer's address.
    pub fn send(&self, message: &str, to: SocketAddr) {
        let message = message.replace("{self}", &self.address().to_string());
        self.0.send_to(message.as_bytes(), to).expect("sending on loopback");
    }

    pub fn receive(&self) -> String {
        let mut buffer = [0; 65536];
        let (length, _) = self.0.recv_from(&mut buffer).expect("a message within the deadline");
        String::from_utf8_lossy(&buffer[..length]).into_owned()
    }

    /// The next response that is final.
    pub fn receive_final(&self) -> String {
        loop {
            let response = self.receive();
            if !response.starts_with("SIP/2.0 1") && !response.contains("CSeq: 1 CANCEL") {
                return response;
            }
        }
    }

    pub fn expect_nothing(&self) {
        self.0.set_read_timeout(Some(SILENCE)).expect("a timeout");
        let mut buffer = [0; 65536];
        if let Ok((length, _)) = self.0.recv_from(&mut buffer) {
            panic!("unexpected message: {}", String::from_utf8_lossy(&buffer[..length]));
        }
        self.0.set_read_timeout(Some(DEADLINE)).expect("a timeout");
    }

    /// Answers a request as a user agent does.
    pub fn answer(&self, request: &str, status: &str, to_tag: &str) {
        let mut response = format!("SIP/2.0 {status}\r\n");
        for line in request.split("\r\n").skip(1).take_while(|line| !line.is_empty()) {
            let name = line.split(':').next().unwrap_or_default();
            match name {
                "Via" | "From" | "Call-ID" | "CSeq" | "Record-Route" => {
                    response.push_str(&format!("{line}\r\n"))
                }
                "To" => response.push_str(&format!("{line}{to_tag}\r\n")),
                _ => {}
            }
        }
        response.push_str("Content-Length: 0\r\n\r\n");
        let via = request.split("Via: SIP/2.0/UDP ").nth(1).expect("a Via");
        let to: SocketAddr =
            via.split(';').next().unwrap_or_default().parse().expect("an address in the Via");
        self.0.send_to(response.as_bytes(), to).expect("sending on loopback");
    }
}

/// Room for whatever a test sends, but for requests that wait.
fn limits(queued_requests: usize) -> Limits {
    const MIB: usize = 1 << 20;
    Limits {
        queued_requests,
        queued_bytes: 64 * MIB,
        queued_acks: 1000,
        queued_ack_bytes: 16 * MIB,
        client_responses: 64,
        client_bytes: MIB,
        response_bytes: 64 * MIB,
        transactions: 10_000,
    }
}

/// Nothing but sockets and bounds.
fn config(listeners: Vec<ListenSpec>, limits: Limits) -> Config {
    Config {
        listeners,
        advertised_ipv4: None,
        advertised_ipv6: None,
        local_domains: Vec::new(),
        product: "OverSIP/test".into(),
        opening: OpeningLimits { connect: DEADLINE, handshake: DEADLINE },
        nameservers: Vec::new(),
        flow_token_key: None,
        accept_unsigned_flow_tokens: false,
        require_own_route: false,
        tags: None,
        max_body_size: 1 << 20,
        tcp_keepalive: None,
        websocket: WebSocketConfig {
            advertised_ipv4: None,
            advertised_ipv6: None,
            limits: ws::FrameLimits { max_frame_size: 65_536, max_message_size: 65_536 },
            keepalive: None,
        },
        tunnels: Vec::new(),
        tls: TlsSettings::default(),
        client_certificates: ClientCertificates::Ignored,
        websocket_client_certificates: ClientCertificates::Ignored,
        tls_hostname_ipv4: None,
        tls_hostname_ipv6: None,
        sending: AddressFamilies::default(),
        limits,
        process: std::process::id,
        trace: None,
        outgoing_bytes: 64 << 20,
        metrics: false,
        hep: None,
    }
}

/// An engine on loopback whose requests the test routes.
pub struct Relay {
    pub engine: Arc<Engine>,
    profile: StoredProfile,
}

#[allow(dead_code)]
impl Relay {
    pub fn start() -> Relay {
        Relay::with_limits(1000)
    }

    /// One whose calls are kept.
    pub fn traced() -> Relay {
        let trace = trace::TraceLimits { calls: 100, bytes: 1 << 20, sample: 1.0 };
        Relay::with(1000, Some(trace))
    }

    pub fn with_limits(queued_requests: usize) -> Relay {
        Relay::with(queued_requests, None)
    }

    fn with(queued_requests: usize, trace: Option<trace::TraceLimits>) -> Relay {
        let listen = |transport| ListenSpec { transport, ip: [127, 0, 0, 1].into(), port: 0 };
        let listeners = vec![listen(Transport::Udp), listen(Transport::Tcp)];
        let config = Config { trace, ..config(listeners, limits(queued_requests)) };
        let engine = Engine::start(config).expect("an engine on loopback");
        engine.set_status(Status::Running);
        let mut profile = profile::profile(policy::policy());
        (profile.resolve.has_tls, profile.resolve.has_ipv6) = (false, false);
        profile.settle();
        Relay { engine, profile: StoredProfile::new(profile) }
    }

    pub fn udp(&self) -> SocketAddr {
        self.engine.listening()[0].1
    }

    pub fn address(&self) -> String {
        self.udp().to_string()
    }

    pub fn next_request(&self) -> Arc<IncomingRequest> {
        let waited = Instant::now();
        loop {
            match self.engine.events().pop() {
                Some(Event::Request(request)) => return request,
                Some(other) => panic!("unexpected event {other:?}"),
                None => assert!(waited.elapsed() < DEADLINE, "no request within the deadline"),
            }
            assert_eq!(self.engine.wait_event(0), Wake::Event);
        }
    }

    /// Does what `Proxy.new.route(request, host, port)` in on_request does.
    pub fn route_next_request_to(&self, to: SocketAddr) {
        self.route_next_request_by(&Arc::default(), to);
    }

    /// The same with a Proxy of one's choice.
    pub fn route_next_request_by(&self, client: &Arc<Client>, to: SocketAddr) {
        let request = self.next_request();
        let ask = NewRoute {
            role: Role::Proxy,
            client: client.clone(),
            profile: self.profile.clone(),
            request: RequestSnapshot::from_message(&request.message).expect("a request"),
            antiloop_id: Some(request.antiloop_id),
            origin: Origin::Network(request.received().clone()),
            proxy_headers: Some(ProxyHeaders {
                max_forwards: hop_count(request.message.max_forwards().map(u32::from), None)
                    .expect("hops left"),
                initial: true,
                outgoing_outbound: false,
                incoming_outbound: None,
            }),
            destination: Destination::Resolve(Query::from_destination(
                to.ip().to_string().as_bytes(),
                Some(to.port()),
                None,
            )),
            sips: false,
            restore: Default::default(),
            credentials: Vec::new(),
            call: None,
            anchor: Arc::new(()),
            inline: true,
            depth: 0,
        };
        let clients = self.engine.clients();
        let mut round = clients.route(ask).expect("it is nested in no other one");
        while let Some(done) = round {
            round = clients.round_done(&done, RoundEnd::default());
        }
        self.engine.requests().done(&request);
    }

    pub fn eventually(&self, condition: impl Fn(&Stats) -> bool) {
        let started = Instant::now();
        while !condition(&self.engine.stats()) {
            assert!(started.elapsed() < DEADLINE, "stats stay {:?}", self.engine.stats());
            std::thread::yield_now();
        }
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.engine.stop(Duration::ZERO).wait(DEADLINE);
    }
}
