//! A daemon as a process: started, asked to stop, killed, sent signals.

use std::process::{Child, Command, ExitStatus};

/// The process, while it runs. It is killed when this is dropped.
#[derive(Debug, Default)]
pub(crate) struct Process(Option<Child>);

impl Process {
    pub(crate) fn spawn(command: &mut Command) -> Self {
        Self(Some(command.spawn().unwrap()))
    }

    /// Whether it was started and not yet killed or waited for.
    pub(crate) const fn is_started(&self) -> bool {
        self.0.is_some()
    }

    pub(crate) fn id(&self) -> u32 {
        self.0.as_ref().unwrap().id()
    }

    /// The status with which it ended by itself, if it did.
    pub(crate) fn ended(&mut self) -> Option<ExitStatus> {
        self.0.as_mut()?.try_wait().unwrap()
    }

    /// Whether it does not run: it ended by itself, or was never started.
    pub(crate) fn is_dead(&mut self) -> bool {
        !self.is_started() || self.ended().is_some()
    }

    /// Sends a signal, such as `HUP`.
    pub(crate) fn signal(&self, name: &str) {
        let sent = Command::new("kill")
            .args(["-s", name, &self.id().to_string()])
            .status();
        assert!(sent.unwrap().success());
    }

    /// Waits for its end.
    pub(crate) fn wait(&mut self) -> ExitStatus {
        self.0.take().unwrap().wait().unwrap()
    }

    /// Asks it to stop; answers whether it did so with status 0.
    pub(crate) fn terminate(&mut self) -> bool {
        if !self.is_started() {
            return false;
        }
        self.signal("TERM");
        self.wait().success()
    }

    /// Kills it as a power cut would.
    pub(crate) fn kill(&mut self) {
        if let Some(mut child) = self.0.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}
