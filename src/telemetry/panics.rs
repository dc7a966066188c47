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
        note(CaughtPanic {
            location: panic
                .location()
                .map_or_else(String::new, ToString::to_string),
            message: shortened(&redact(message_of(panic.payload()))),
        });
    }));
}

/// Keeps `panic` for [`catch_panic`] where that runs, else logs it.
fn note(panic: CaughtPanic) {
    if !KEEPING.get() {
        log(&panic);
    } else if let Some(earlier) = KEPT.replace(Some(panic)) {
        // The task has caught the earlier one itself: it goes on, and nobody else tells of it.
        log(&earlier);
    }
}

/// Runs `task` until it ends or panics. A panic is not logged: whoever asks does that, after
/// what is more urgent.
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
    use std::sync::{Arc, Mutex};

    use super::*;

    #[tokio::test]
    async fn a_panic_is_answered_with_its_message() {
        let caught = catch_panic(async { panic!("boom {}", 1) }).await;
        assert_eq!(caught.unwrap_err().message, "boom 1");
        assert!(catch_panic(std::future::ready(())).await.is_ok());
    }

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl std::io::Write for Lines {
        fn write(&mut self, line: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(line)
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[tokio::test]
    async fn of_two_panics_in_one_poll_the_caught_one_is_logged_and_the_other_is_answered() {
        let panic = |message: &str| CaughtPanic {
            location: String::new(),
            message: message.to_owned(),
        };
        let lines = Lines::default();
        let writer = lines.clone();
        let subscriber = tracing_subscriber::fmt().with_writer(move || writer.clone());
        let _logging = tracing::subscriber::set_default(subscriber.finish());
        let answered = catch_panic(async {
            note(panic("caught by the task"));
            note(panic("not caught"));
            panic!("not caught");
        });
        assert_eq!(answered.await.unwrap_err().message, "not caught");
        let text = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
        assert!(text.contains("caught by the task"), "{text}");
        assert!(!text.contains("not caught"), "{text}");
    }
}
