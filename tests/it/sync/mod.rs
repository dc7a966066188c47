//! Work in the CRM flows back: the real binary beside real simulated CRMs in which people close,
//! delete, merge and reassign tickets.
mod bad_callbacks;
mod callbacks;
#[cfg(feature = "fault-points")]
mod clocks;
mod desk;
#[cfg(feature = "fault-points")]
mod late;
#[cfg(feature = "fault-points")]
mod not_shown;
mod paging;
mod polling;
mod unread;
