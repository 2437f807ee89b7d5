//! What can change while a program runs, such as its keys.

use std::fmt;
use std::sync::Arc;

use tokio::sync::watch;

/// Replaces a value. A request that has begun to check something goes on with the old one.
pub struct Control<T>(watch::Sender<Arc<T>>);

/// The current value.
pub struct Current<T>(watch::Receiver<Arc<T>>);

impl<T> Control<T> {
    /// Replaces all of it at once.
    pub fn replace(&self, value: T) {
        self.0.send_replace(Arc::new(value));
    }
}

impl<T> Current<T> {
    /// The value, and what replaces it later.
    pub fn controlled(value: T) -> (Control<T>, Self) {
        let (sender, receiver) = watch::channel(Arc::new(value));
        (Control(sender), Self(receiver))
    }

    /// The value now.
    pub fn get(&self) -> Arc<T> {
        Arc::clone(&self.0.borrow())
    }
}

impl<T> Clone for Current<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T: fmt::Debug> fmt::Debug for Current<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.get().fmt(f)
    }
}

impl<T> From<T> for Current<T> {
    /// A value that never changes.
    fn from(value: T) -> Self {
        Self::controlled(value).1
    }
}
