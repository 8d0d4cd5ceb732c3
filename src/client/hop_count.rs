//! How far a request may still go (RFC 3261 8.1.1.6, 16.3 step 3, 16.6 step 3).

/// The hop count of a request that has none.
pub(crate) const MAX_FORWARDS: u32 = 70;

/// The status for a request that may not be forwarded any further (RFC 3261 21.4.21).
pub const TOO_MANY_HOPS: u16 = 483;

/// The hop count to forward a request with: the script's, else the received one less one, else 70. `None`: the request
/// may not be forwarded any further.
pub fn hop_count(received: Option<u32>, decided: Option<u32>) -> Option<u32> {
    match (decided, received) {
        (Some(decided), _) => Some(decided),
        (None, Some(received)) => received.checked_sub(1),
        (None, None) => Some(MAX_FORWARDS),
    }
}

/// The hop count of a script that allows `limit` further hops at most: the received one less one, if that is no more. `None`:
/// the request may not be forwarded any further.
pub fn limited_hop_count(received: Option<u32>, limit: u32) -> Option<u32> {
    match received {
        Some(received) if received <= limit => received.checked_sub(1),
        Some(_) | None => Some(limit),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hop_count_goes_down_once_and_starts_at_seventy() {
        assert_eq!(hop_count(Some(10), None), Some(9));
        assert_eq!(hop_count(None, None), Some(70));
    }

    #[test]
    fn a_request_without_hops_left_goes_no_further() {
        assert_eq!(hop_count(Some(0), None), None);
        assert_eq!(limited_hop_count(Some(0), 10), None);
        assert_eq!(limited_hop_count(Some(0), 0), None);
    }

    #[test]
    fn the_scripts_decision_stands() {
        assert_eq!(hop_count(Some(70), Some(5)), Some(5));
        assert_eq!(hop_count(None, Some(20)), Some(20));
        assert_eq!(hop_count(Some(0), Some(3)), Some(3));
    }

    #[test]
    fn a_limit_cuts_only_what_is_above_it() {
        assert_eq!(limited_hop_count(Some(10), 10), Some(9));
        assert_eq!(limited_hop_count(Some(9), 10), Some(8));
        assert_eq!(limited_hop_count(Some(11), 10), Some(10));
        assert_eq!(limited_hop_count(None, 10), Some(10));
        assert_eq!(limited_hop_count(Some(1), 0), Some(0));
    }
}
