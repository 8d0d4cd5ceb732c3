//! What an element counts.

/// An enum of reasons, each with the name that a reading has for it.
macro_rules! reasons {
    ($(#[$doc:meta])* $enum:ident { $($(#[$reason_doc:meta])* $reason:ident => $name:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum $enum {
            $($(#[$reason_doc])* $reason,)+
        }

        impl $enum {
            /// The names, in the order of the reasons.
            pub const NAMES: &'static [&'static str] = &[$($name),+];
        }
    };
}

reasons! {
    /// Why something was refused.
    Rejected {
        /// 503: too many requests wait for the script.
        QueuedRequests => "queued_requests",
        /// 503: the requests that wait for the script take too much memory.
        QueuedBytes => "queued_bytes",
        /// 503: there are too many transactions.
        Transactions => "transactions",
        /// 500: the server is not ready yet.
        Loading => "loading",
        /// 500: the server ends.
        Terminating => "terminating",
        /// 482: the request came back.
        Loop => "loop",
        /// TLS clients sent away: too many wait for the script's verdict.
        Handshakes => "handshakes",
        /// 403: a request inside a dialog whose Route does not show that the dialog came by here.
        NoOwnRoute => "without_own_route",
        /// 403: the request came to a socket that only sends, and belongs to no dialog of ours.
        Stranger => "strangers",
        /// 400, 413 and their like: the request violates the syntax or a bound.
        Malformed => "malformed",
    }
}

reasons! {
    /// What was thrown away.
    Dropped {
        /// An ACK without a transaction that found too many others waiting for the script.
        Ack => "acks",
        /// A provisional response for a Client for which, or for all of which, too much waits.
        ProvisionalResponse => "provisional_responses",
        /// A final response over UDP while too much waits for Clients: its sender repeats it.
        FinalResponse => "final_responses",
        /// A response that belongs to no client transaction.
        UnmatchedResponse => "unmatched_responses",
        /// A response whose top Via has the branch of a request of ours, and not its sent-by (RFC 3261 18.1.2).
        ResponseToAnother => "responses_to_another",
        /// A response to a Proxy's request in which no Via but ours is left: it has nowhere to go (RFC 3261 16.7 step 3).
        ResponseWithoutWayBack => "responses_without_way_back",
        /// An ACK that came back, or came before the server was ready.
        RefusedAck => "refused_acks",
        /// An ACK inside a dialog whose Route does not show that the dialog came by here.
        AckWithoutOwnRoute => "acks_without_own_route",
        /// An ACK that came to a socket that only sends, and belongs to no dialog of ours.
        AckOfStranger => "acks_of_strangers",
        /// A connection closed with what it was to send: its peer does not read, or all together had too much to send.
        SlowConnection => "slow_connections",
        /// A datagram that the system did not take in time.
        UnsentDatagram => "unsent_datagrams",
        /// What is no SIP message, or must not be answered though it is a bad one.
        Malformed => "malformed",
        /// A log record that found the queue full.
        LogRecord => "log_records",
    }
}

/// What was counted so far.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counts {
    /// INVITEs outside of dialogs that have come.
    pub calls: u64,
    /// INVITEs outside of dialogs that the script has made by itself.
    pub own_calls: u64,
    /// Responses that went upstream without the script.
    pub relayed: u64,
    /// Requests of dialogs that were admitted though a bound was reached.
    pub reserve_admissions: u64,
    /// What was refused, in the order of [`Rejected::NAMES`].
    pub rejected: [u64; Rejected::NAMES.len()],
    /// What was thrown away, in the order of [`Dropped::NAMES`].
    pub dropped: [u64; Dropped::NAMES.len()],
}

impl Counts {
    pub(super) fn reject(&mut self, reason: Rejected) {
        self.rejected[reason as usize] += 1;
    }

    pub(super) fn drop(&mut self, reason: Dropped) {
        self.dropped[reason as usize] += 1;
    }
}

/// What there is at present.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Gauges {
    /// Requests that are pending or have a server transaction.
    pub server_transactions: usize,
    /// The same, and the requests that the script has still.
    pub requests: usize,
    /// Client transactions.
    pub client_transactions: usize,
    /// Clients that the script has, or that have something to do.
    pub clients: usize,
    /// Requests whose targets are looked for, tried or decided on by their blocks.
    pub searches: usize,
    /// Requests that wait for another one's probe of a target on the blacklist.
    pub waiting_for_probe: usize,
    /// Requests that wait for DNS.
    pub waiting_for_dns: usize,
    /// Connections.
    pub connections: usize,
    /// ACKs that are kept to be sent again.
    pub kept_acks: usize,
    /// Answers to CANCELs that are kept to be sent again.
    pub kept_cancels: usize,
    /// Dialogs that requests from sending sockets have begun, as far as they are remembered.
    pub own_dialogs: usize,
    /// Responses that wait for blocks or are with them.
    pub responses: usize,
    /// About how many bytes they take.
    pub response_bytes: usize,
    /// Armed timers, but for the one that looks for what has expired.
    pub timers: usize,
}
