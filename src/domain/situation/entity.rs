//! What kind of thing an incident is about.

/// In the order in which a sentence names them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Entity {
    Outage,
    Queue,
    Trunk,
    Edge,
    /// A source that begins too many incidents.
    Flood,
    /// Ringdown itself.
    Ringdown,
    Other,
}

impl Entity {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Outage => "outage",
            Self::Queue => "queue",
            Self::Trunk => "trunk",
            Self::Edge => "edge",
            Self::Flood => "flood",
            Self::Ringdown => "ringdown",
            Self::Other => "incident",
        }
    }

    /// `count` of them, in words.
    pub(super) fn counted(self, count: u64) -> String {
        match (self, count) {
            (Self::Ringdown, 1) => "Ringdown itself".to_owned(),
            (Self::Ringdown, _) => format!("Ringdown itself ({count} troubles)"),
            (_, 1) => format!("1 {}", self.as_str()),
            _ => format!("{count} {}s", self.as_str()),
        }
    }
}
