//! Where values lie while they are read: one stretch of memory, given back at once.

use std::cell::RefCell;

use bumpalo::Bump;
use smallvec::SmallVec;

/// Where the lists and the unescaped texts of values lie; all are let go at once with it.
#[derive(Debug, Default)]
pub struct Room(Bump);

/// Bytes beyond which a room is not kept for the next value.
pub(super) const MOST_KEPT: usize = 64 * 1024;

thread_local! {
    static KEPT: RefCell<Room> = RefCell::default();
}

impl Room {
    /// What `read` makes of values in an empty room, one that the thread keeps: to make one
    /// takes longer than to fill it.
    pub fn with<T>(read: impl FnOnce(&Self) -> T) -> T {
        KEPT.with(|kept| match kept.try_borrow_mut() {
            Ok(mut room) => {
                let result = read(&room);
                room.clear();
                result
            }
            // Somebody further up uses it.
            Err(_) => read(&Self::default()),
        })
    }

    fn clear(&mut self) {
        if self.0.allocated_bytes() > MOST_KEPT {
            *self = Self::default();
        } else {
            self.0.reset();
        }
    }

    pub(super) fn text(&self, text: &str) -> &str {
        self.0.alloc_str(text)
    }

    pub(super) fn list<T>(&self, list: List<T>) -> &[T] {
        self.0.alloc_slice_fill_iter(list)
    }
}

/// A list that is being read; most are short.
pub(super) type List<T> = SmallVec<[T; 8]>;
