//! The page of figures that a network was shown last: however many ask, the engine and Ruby are asked once in a while.

use std::future::Future;
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::sync::Mutex;

use crate::clock::Clock;
use crate::engine::SystemClock;

/// How long the same page is shown.
const FRESH: Duration = Duration::from_millis(500);

/// The page that was shown last.
#[derive(Debug, Default)]
pub(super) struct Shown(Mutex<Option<(Instant, Bytes)>>);

impl Shown {
    /// The page, which is made anew if the last one is old. Who comes meanwhile waits for it.
    pub(super) async fn page(&self, make: impl Future<Output = Vec<u8>>) -> Bytes {
        let mut shown = self.0.lock().await;
        let now = SystemClock.now();
        if let Some((at, page)) = &*shown {
            if now.saturating_duration_since(*at) < FRESH {
                return page.clone();
            }
        }
        let page = Bytes::from(make.await);
        *shown = Some((now, page.clone()));
        page
    }
}
