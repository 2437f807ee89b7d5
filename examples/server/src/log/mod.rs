//! The log: a writer that no request waits for, and a bound on the lines about refusals.

mod refusals;
mod writer;

pub(crate) use refusals::{Kind, RefusalLines, Summary};
pub use writer::{LogMonitor, LogWriter};
