//! The log: a writer that no request waits for, and a bound on the lines about refusals.

mod findings;
mod refusals;
mod writer;

pub(crate) use findings::{FindingsText, codes};
pub(crate) use refusals::{Kind, RefusalLines, Summary};
pub use writer::{LogMonitor, LogWriter};
