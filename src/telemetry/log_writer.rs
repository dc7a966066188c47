//! The other end of the log queue, on its thread: writes lines in large pieces.
//!
//! A line that cannot be written is dropped. The next ones are tried all the same: a disk may
//! have room again, and a new reader may have come.

use std::io::{ErrorKind, Write};
use std::sync::Arc;
use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant};

use super::log_queue::{Backlog, cost_of};

/// Bytes written at once.
const WRITE_BYTES: usize = 64 * 1024;
/// Shortest time between two reports while more lines wait.
const REPORT_EVERY: Duration = Duration::from_secs(1);
/// Rest before a write is tried again that standard error asks to repeat.
const WRITE_PAUSE: Duration = Duration::from_millis(10);

/// Writes what it is given to `out`, as far as that is possible, and never fails.
pub(super) struct LogWriter<W> {
    out: W,
    backlog: Arc<Backlog>,
    batch: Vec<u8>,
    /// Where each line of the batch ends.
    ends: Vec<usize>,
    cost: usize,
    /// Whether the last line that was written lacks its end.
    is_torn: bool,
    reported_at: Option<Instant>,
}

impl<W: Write> LogWriter<W> {
    pub(super) fn new(out: W, backlog: Arc<Backlog>) -> Self {
        Self {
            out,
            backlog,
            batch: Vec::new(),
            ends: Vec::new(),
            cost: 0,
            is_torn: false,
            reported_at: None,
        }
    }

    /// Writes `lines` for as long as any can come: in large pieces, and at once when no more wait.
    pub(super) fn run(mut self, lines: &Receiver<Vec<u8>>) {
        while let Ok(line) = lines.recv() {
            self.add(&line);
            while let Ok(line) = lines.try_recv() {
                self.add(&line);
            }
            self.write_batch();
        }
    }

    fn add(&mut self, line: &[u8]) {
        self.batch.extend_from_slice(line);
        self.ends.push(self.batch.len());
        self.cost += cost_of(line);
        if self.batch.len() >= WRITE_BYTES {
            self.write_batch();
        }
    }

    fn write_batch(&mut self) {
        if self.batch.is_empty() {
            return;
        }
        let written = self.write_out();
        let lost = self.ends.iter().filter(|end| **end > written).count();
        self.batch.clear();
        self.batch.shrink_to(2 * WRITE_BYTES);
        self.ends.clear();
        let cost = std::mem::take(&mut self.cost);
        if lost > 0 {
            self.backlog.count_dropped(lost as u64);
        } else {
            self.report_dropped(cost);
        }
        // Last, so that who waits for the queue to be empty waits for the report too.
        self.backlog.leave(cost);
    }

    /// Writes the batch up to the first failure; answers how many bytes of it were written.
    fn write_out(&mut self) -> usize {
        if self.is_torn && self.write_all(b"\n") == 0 {
            return 0;
        }
        self.is_torn = false;
        let batch = std::mem::take(&mut self.batch);
        let written = self.write_all(&batch);
        self.is_torn = written > 0 && !self.ends.contains(&written);
        self.batch = batch;
        written
    }

    fn write_all(&mut self, bytes: &[u8]) -> usize {
        let mut written = 0;
        while let Some(rest) = bytes.get(written..).filter(|rest| !rest.is_empty()) {
            match self.out.write(rest) {
                Ok(0) => break,
                Ok(count) => written += count,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                // Somebody else has set the descriptor that we share to non-blocking.
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    std::thread::sleep(WRITE_PAUSE);
                }
                Err(_) => break,
            }
        }
        written
    }

    /// Reports lines that were dropped, at once when no others wait.
    fn report_dropped(&mut self, cost: usize) {
        let is_due = self.backlog.is_only(cost)
            || self
                .reported_at
                .is_none_or(|at| at.elapsed() >= REPORT_EVERY);
        if is_due && self.backlog.report_dropped() {
            self.reported_at = Some(Instant::now());
        }
    }
}
