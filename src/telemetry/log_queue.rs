//! The way of a log line to standard error: through a bounded queue to a thread of its own.
//!
//! Whoever logs neither waits nor fails. A line that finds the queue full is dropped, and so is
//! one that standard error refuses. Dropped lines are counted, and one line reports their number
//! when writing works again.

use std::cell::Cell;
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::time::{Duration, Instant};

use prometheus_client::metrics::counter::Counter;
use tracing_subscriber::fmt::MakeWriter;

use super::log_writer::LogWriter;

/// Bytes of lines that wait to be written; beyond it a line is dropped.
const MAX_QUEUED_BYTES: usize = 4 * 1024 * 1024;
/// What a line counts for at least, so that short ones cannot be too many.
const MIN_LINE_COST: usize = 256;
/// Lines that fit into the queue: all that the limit in bytes admits, and reports beyond it.
const MAX_QUEUED_LINES: usize = MAX_QUEUED_BYTES / MIN_LINE_COST + 16;
/// How long the end of the process waits for the last lines.
const FLUSH_PATIENCE: Duration = Duration::from_secs(1);
const FLUSH_PAUSE: Duration = Duration::from_millis(2);

thread_local! {
    /// Set while this thread reports dropped lines: that line is always admitted.
    static REPORTING: Cell<bool> = const { Cell::new(false) };
}

/// What both ends of the queue know.
#[derive(Debug, Default)]
pub(super) struct Backlog {
    queued: AtomicUsize,
    unreported: AtomicU64,
    dropped: Counter,
}

/// The queue's entrance. Clones lead to the same queue.
#[derive(Debug, Clone)]
pub(super) struct LogQueue {
    lines: SyncSender<Vec<u8>>,
    backlog: Arc<Backlog>,
}

impl LogQueue {
    /// A queue to standard error, whose thread lives as long as the process. Counts what is
    /// dropped in `dropped`.
    pub(super) fn to_standard_error(dropped: Counter) -> io::Result<Self> {
        // A descriptor of its own: the lock of `std::io::stderr` would be held for as long as a
        // write blocks.
        let out = io::stderr().as_fd().try_clone_to_owned()?;
        Self::to(File::from(out), dropped)
    }

    fn to(out: impl Write + Send + 'static, dropped: Counter) -> io::Result<Self> {
        let backlog = Arc::new(Backlog {
            dropped,
            ..Backlog::default()
        });
        let (lines, queue) = sync_channel(MAX_QUEUED_LINES);
        let writer = LogWriter::new(out, Arc::clone(&backlog));
        // Nobody joins the thread: a write may block for ever. See `wait_until_written`.
        std::thread::Builder::new()
            .name("log".into())
            .spawn(move || writer.run(&queue))?;
        Ok(Self { lines, backlog })
    }

    /// Waits until every line is written or dropped, but not for long.
    pub(super) fn wait_until_written(&self) {
        let end = Instant::now() + FLUSH_PATIENCE;
        while self.backlog.queued.load(Ordering::Acquire) > 0 && Instant::now() < end {
            std::thread::sleep(FLUSH_PAUSE);
        }
    }
}

impl<'a> MakeWriter<'a> for LogQueue {
    type Writer = &'a Self;

    fn make_writer(&'a self) -> Self::Writer {
        self
    }
}

/// The formatter calls this once for every line.
impl Write for &LogQueue {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        if !self.backlog.admit(line) {
            self.backlog.count_dropped(1);
        } else if self.lines.try_send(line.to_vec()).is_err() {
            self.backlog.leave(cost_of(line));
            self.backlog.count_dropped(1);
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What a line takes of the queue.
pub(super) fn cost_of(line: &[u8]) -> usize {
    line.len().max(MIN_LINE_COST)
}

impl Backlog {
    fn admit(&self, line: &[u8]) -> bool {
        let cost = cost_of(line);
        let before = self.queued.fetch_add(cost, Ordering::AcqRel);
        let is_admitted = before + cost <= MAX_QUEUED_BYTES || REPORTING.get();
        if !is_admitted {
            self.queued.fetch_sub(cost, Ordering::AcqRel);
        }
        is_admitted
    }

    /// Notes that lines of this cost are written or dropped.
    pub(super) fn leave(&self, cost: usize) {
        self.queued.fetch_sub(cost, Ordering::AcqRel);
    }

    /// Whether nothing waits but lines of this cost.
    pub(super) fn is_only(&self, cost: usize) -> bool {
        self.queued.load(Ordering::Acquire) == cost
    }

    /// Logs how many lines were dropped since the last report, if any; answers whether.
    pub(super) fn report_dropped(&self) -> bool {
        let lines = self.unreported.swap(0, Ordering::AcqRel);
        if lines == 0 {
            return false;
        }
        REPORTING.set(true);
        tracing::warn!(
            lines,
            "log lines were dropped, because standard error could not be written or was too slow"
        );
        REPORTING.set(false);
        true
    }

    pub(super) fn count_dropped(&self, lines: u64) {
        self.dropped.inc_by(lines);
        self.unreported.fetch_add(lines, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    /// Takes so many bytes in all, like a disk; `None` for as many as come.
    #[derive(Clone, Default)]
    struct Disk(Arc<Mutex<(Vec<u8>, Option<usize>)>>);

    impl Disk {
        fn of(room: usize) -> Self {
            Self(Arc::new(Mutex::new((Vec::new(), Some(room)))))
        }

        fn text(&self) -> String {
            String::from_utf8(self.0.lock().unwrap().0.clone()).unwrap()
        }
    }

    impl Write for Disk {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let (kept, room) = &mut *self.0.lock().unwrap();
            let count = room.unwrap_or(usize::MAX).min(bytes.len());
            if count == 0 {
                return Err(io::ErrorKind::StorageFull.into());
            }
            if let Some(room) = room {
                *room -= count;
            }
            kept.extend_from_slice(&bytes[..count]);
            Ok(count)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_line_that_is_cut_short_is_counted_and_the_next_one_begins_on_a_new_line() {
        let disk = Disk::of(6);
        let queue = LogQueue::to(disk.clone(), Counter::default()).unwrap();
        (&queue).write_all(b"one\n").unwrap();
        (&queue).write_all(b"two\n").unwrap();
        queue.wait_until_written();
        assert_eq!(queue.backlog.dropped.get(), 1);
        (&queue).write_all(b"three\n").unwrap();
        queue.wait_until_written();
        assert_eq!(queue.backlog.dropped.get(), 2);
        disk.0.lock().unwrap().1 = None;
        (&queue).write_all(b"four\n").unwrap();
        queue.wait_until_written();
        assert_eq!(disk.text(), "one\ntw\nfour\n");
        assert_eq!(queue.backlog.dropped.get(), 2);
        assert_eq!(queue.backlog.unreported.load(Ordering::SeqCst), 0);
    }

    #[test]
    fn a_writer_that_blocks_holds_nobody_up_and_no_more_than_the_limit_is_kept() {
        let disk = Disk::default();
        let blocked = disk.0.lock().unwrap();
        let queue = LogQueue::to(disk.clone(), Counter::default()).unwrap();
        let line = [b"x".repeat(9_999), b"\n".to_vec()].concat();
        for _ in 0..1_000 {
            (&queue).write_all(&line).unwrap();
        }
        assert!(queue.backlog.queued.load(Ordering::SeqCst) <= MAX_QUEUED_BYTES);
        let dropped = queue.backlog.dropped.get();
        assert_eq!(dropped, 1_000 - (MAX_QUEUED_BYTES / line.len()) as u64);
        drop(blocked);
        queue.wait_until_written();
        assert_eq!(disk.text().lines().count() as u64, 1_000 - dropped);
        assert_eq!(queue.backlog.dropped.get(), dropped);
    }

    #[test]
    fn short_lines_fill_the_queue_by_their_number() {
        let disk = Disk::default();
        let blocked = disk.0.lock().unwrap();
        let queue = LogQueue::to(disk.clone(), Counter::default()).unwrap();
        for _ in 0..2 * MAX_QUEUED_LINES {
            (&queue).write_all(b"x\n").unwrap();
        }
        let kept = (MAX_QUEUED_BYTES / MIN_LINE_COST) as u64;
        assert_eq!(
            queue.backlog.dropped.get(),
            2 * MAX_QUEUED_LINES as u64 - kept
        );
        drop(blocked);
        queue.wait_until_written();
        assert_eq!(disk.text().lines().count() as u64, kept);
    }
}
