//! Panics as log lines: with place and message, and by the same way as all other lines.
//!
//! Rust's own way writes to standard error, which may block.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook};
use std::task::Poll;

/// Characters of a panic's message that are logged.
const MAX_MESSAGE: usize = 300;

/// A panic that was caught.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaughtPanic {
    /// File, line and column; empty where they are not known.
    pub location: String,
    /// The message.
    pub message: String,
}

thread_local! {
    /// Whether a panic of this thread is kept for [`catch_panic`] instead of being logged.
    static KEEPING: Cell<bool> = const { Cell::new(false) };
    static KEPT: RefCell<Option<CaughtPanic>> = const { RefCell::new(None) };
}

/// Logs every panic of the process from now on, except those that [`catch_panic`] answers.
/// `redact` takes secrets out of messages: a message may repeat what was worked on.
pub fn log_panics(redact: impl Fn(&str) -> String + Send + Sync + 'static) {
    set_hook(Box::new(move |panic| {
        let caught = CaughtPanic {
            location: panic
                .location()
                .map_or_else(String::new, ToString::to_string),
            message: shortened(&redact(message_of(panic.payload()))),
        };
        if KEEPING.get() {
            KEPT.set(Some(caught));
        } else {
            log(&caught);
        }
    }));
}

/// Runs `task` until it ends or panics. A panic is not logged: whoever asks does that, after
/// what is more urgent.
///
/// # Errors
///
/// The panic.
pub async fn catch_panic(task: impl Future<Output = ()>) -> Result<(), CaughtPanic> {
    let mut task = std::pin::pin!(task);
    std::future::poll_fn(move |context| {
        KEEPING.set(true);
        // After a panic the task is dropped and never polled again.
        let polled = catch_unwind(AssertUnwindSafe(|| task.as_mut().poll(context)));
        KEEPING.set(false);
        let kept = KEPT.take();
        match polled {
            Err(payload) => Poll::Ready(Err(kept.unwrap_or_else(|| CaughtPanic {
                location: String::new(),
                message: shortened(message_of(payload.as_ref())),
            }))),
            Ok(polled) => {
                // The task has caught it itself.
                if let Some(kept) = kept {
                    log(&kept);
                }
                polled.map(Ok)
            }
        }
    })
    .await
}

fn log(panic: &CaughtPanic) {
    tracing::error!(location = panic.location, panic = panic.message, "panicked");
}

fn message_of(payload: &(dyn Any + Send)) -> &str {
    payload
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| payload.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("without a message")
}

fn shortened(message: &str) -> String {
    message.chars().take(MAX_MESSAGE).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_is_answered_with_its_message() {
        let caught = catch_panic(async { panic!("boom {}", 1) }).await;
        assert_eq!(caught.unwrap_err().message, "boom 1");
        assert!(catch_panic(std::future::ready(())).await.is_ok());
    }
}
