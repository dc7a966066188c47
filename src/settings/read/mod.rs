//! A small typed reader over merged values: takes keys by name and type, and notes every problem,
//! every value in effect and every unknown key.

mod entry;
mod expressions;
mod fault;
mod reading;
mod section;

pub(crate) use entry::{Entry, show, wrong_type};
pub(crate) use expressions::Expressions;
pub(crate) use fault::Fault;
pub(crate) use reading::{BUILT_IN, Findings, Reading};
pub(crate) use section::Section;
