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
pub(super) struct PageCache(Mutex<Option<(Instant, Bytes)>>);

impl PageCache {
    /// The page, which is made anew if the last one is old. Who comes meanwhile waits for it.
    pub(super) async fn page(&self, make: impl Future<Output = Vec<u8>>) -> Bytes {
        let mut shown = self.0.lock().await;
        if let Some((at, page)) = &*shown {
            if SystemClock.now().saturating_duration_since(*at) < FRESH {
                return page.clone();
            }
        }
        let page = Bytes::from(make.await);
        // To make it may have taken a second, where Ruby has not answered: who has waited meanwhile takes it.
        *shown = Some((SystemClock.now(), page.clone()));
        page
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    #[test]
    fn who_comes_while_a_page_is_made_takes_that() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
        let (shown, made) = (PageCache::default(), AtomicUsize::new(0));
        let clock: &dyn Clock = &SystemClock;
        let make = || async {
            made.fetch_add(1, Ordering::Relaxed);
            // As long as Ruby is waited for that does not answer.
            clock.sleep(2 * FRESH).await;
            b"page".to_vec()
        };
        runtime.block_on(async {
            let pages = tokio::join!(shown.page(make()), shown.page(make()), shown.page(make()));
            assert_eq!(pages, ("page".into(), "page".into(), "page".into()));
        });
        assert_eq!(made.load(Ordering::Relaxed), 1);
    }
}
