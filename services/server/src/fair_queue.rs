//! Who verifies next, if more callers wait than can verify at the same time.
//!
//! 1. In a *proven* network a secret matched within the last hour. Every other network is *new*.
//! 2. New networks have at most half of the slots, and at least one. If both kinds wait for a slot that both
//!    may have, they take turns.
//! 3. Networks of the same kind take turns. In a network the presented names take turns. Calls with the same
//!    name from the same network wait in the order in which they came.
//! 4. The number of waiting calls is limited. A call over the limit is refused.
//!
//! A network is an IPv4 address or an IPv6 /64. A name counts as it was presented, whether it exists or not, so
//! the order shows nothing about names.

use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasher, Hash, RandomState};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use moka::policy::EvictionPolicy;
use moka::sync::Cache;
use tokio::sync::oneshot;
use whmcs_auth_services_base::client_network as network;

use crate::settings::Limits;

/// How long a network is proven, after its last secret that matched.
pub(crate) const PROVEN_TIME: Duration = Duration::from_secs(60 * 60);

/// The slots, and the calls that wait for one.
pub(crate) struct FairQueue {
    shared: Arc<Shared>,
    proven: Cache<IpAddr, ()>,
    hasher: RandomState,
}

struct Shared {
    state: Mutex<State>,
    slots: usize,
    max_waiting: usize,
    max_waiting_by_network: usize,
}

/// Why a call cannot wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Full {
    #[error("too many calls of the network wait for a verification")]
    ForNetwork,
    #[error("too many calls wait for a verification")]
    ForAll,
}

impl FairQueue {
    pub(crate) fn new(slots: usize, limits: &Limits) -> Self {
        Self {
            shared: Arc::new(Shared {
                state: Mutex::default(),
                slots,
                max_waiting: limits.waiting_calls,
                max_waiting_by_network: limits.waiting_calls_by_network,
            }),
            proven: Cache::builder()
                .max_capacity(limits.remembered_networks)
                .eviction_policy(EvictionPolicy::lru())
                .time_to_live(PROVEN_TIME)
                .build(),
            hasher: RandomState::new(),
        }
    }

    /// Notes that a secret from this address matched.
    pub(crate) fn prove(&self, address: IpAddr) {
        self.proven.insert(network(address), ());
    }

    /// Waits for a slot. Dropping the future leaves the queue.
    pub(crate) async fn slot(&self, address: IpAddr, name: &str) -> Result<Slot, Full> {
        let network = network(address);
        let kind = match self.proven.contains_key(&network) {
            true => Kind::Proven,
            false => Kind::New,
        };
        let place = Place { kind, network, name: self.hasher.hash_one(name) };
        Ok(self.shared.enter(place)?.turn().await)
    }

    #[cfg(test)]
    fn waiting(&self) -> usize {
        let state = self.shared.state();
        state.proven.len().saturating_add(state.new.len())
    }
}

/// A kind of network.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Proven,
    New,
}

/// Where a call waits.
#[derive(Clone, Copy)]
struct Place {
    kind: Kind,
    network: IpAddr,
    /// A keyed hash.
    name: u64,
}

impl Place {
    fn path(self) -> <Networks as Queue>::Path {
        (self.network, (self.name, ()))
    }
}

#[derive(Default)]
struct State {
    proven: Networks,
    new: Networks,
    running: usize,
    running_new: usize,
    /// Whether a proven network had the last slot that both kinds may have had.
    was_proven: bool,
    next_id: u64,
}

/// A call that waits.
struct Call {
    id: u64,
    turn: oneshot::Sender<()>,
}

/// Networks take turns, and in each of them names.
type Networks = Turns<IpAddr, Turns<u64, Calls>>;

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn enter(self: &Arc<Self>, place: Place) -> Result<Ticket, Full> {
        let mut state = self.state();
        let networks = state.networks(place.kind);
        if networks.len() >= self.max_waiting {
            return Err(Full::ForAll);
        }
        let of_network = networks.queues.get(&place.network).map_or(0, Queue::len);
        if of_network >= self.max_waiting_by_network {
            return Err(Full::ForNetwork);
        }
        let (turn, granted) = oneshot::channel();
        let id = state.next_id;
        state.next_id = id.wrapping_add(1);
        state.networks(place.kind).push(place.path(), Call { id, turn });
        state.grant(self.slots);
        drop(state);
        Ok(Ticket { shared: Arc::clone(self), place, id, granted, is_done: false })
    }

    fn release(&self, kind: Kind) {
        let mut state = self.state();
        state.running = state.running.saturating_sub(1);
        if kind == Kind::New {
            state.running_new = state.running_new.saturating_sub(1);
        }
        state.grant(self.slots);
    }
}

impl State {
    fn networks(&mut self, kind: Kind) -> &mut Networks {
        match kind {
            Kind::Proven => &mut self.proven,
            Kind::New => &mut self.new,
        }
    }

    /// Gives the free slots to calls that wait.
    fn grant(&mut self, slots: usize) {
        while let Some(kind) = self.next_kind(slots) {
            let Some(call) = self.networks(kind).pop() else { return };
            self.running = self.running.saturating_add(1);
            if kind == Kind::New {
                self.running_new = self.running_new.saturating_add(1);
            }
            // Cannot fail: a ticket leaves the queue before it drops its end.
            let _ = call.turn.send(());
        }
    }

    /// Whose turn it is. `None` if nobody waits who may have a slot.
    fn next_kind(&mut self, slots: usize) -> Option<Kind> {
        let is_free = self.running < slots;
        let new_slots = (slots / 2).max(1);
        let may_proven = is_free && self.proven.len() > 0;
        let may_new = is_free && self.running_new < new_slots && self.new.len() > 0;
        match (may_proven, may_new) {
            (true, true) => {
                self.was_proven = !self.was_proven;
                Some(if self.was_proven { Kind::Proven } else { Kind::New })
            }
            (true, false) => Some(Kind::Proven),
            (false, true) => Some(Kind::New),
            (false, false) => None,
        }
    }
}

/// A call's claim to a slot.
struct Ticket {
    shared: Arc<Shared>,
    place: Place,
    id: u64,
    granted: oneshot::Receiver<()>,
    /// Whether the slot has an owner.
    is_done: bool,
}

impl Ticket {
    async fn turn(mut self) -> Slot {
        // Cannot fail: the other end is used before it is dropped.
        let _ = (&mut self.granted).await;
        self.is_done = true;
        Slot { shared: Arc::clone(&self.shared), kind: self.place.kind }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        if self.is_done {
            return;
        }
        let kind = self.place.kind;
        let mut state = self.shared.state();
        let was_granted = self.granted.try_recv().is_ok();
        if !was_granted {
            state.networks(kind).remove(self.place.path(), self.id);
        }
        drop(state);
        if was_granted {
            self.shared.release(kind);
        }
    }
}

/// The right to verify. Dropping it gives the slot to the next call.
pub(crate) struct Slot {
    shared: Arc<Shared>,
    kind: Kind,
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.shared.release(self.kind);
    }
}

/// Something that calls wait in.
trait Queue: Default {
    /// Where in the queue.
    type Path;
    fn push(&mut self, path: Self::Path, call: Call);
    /// Takes the call whose turn it is.
    fn pop(&mut self) -> Option<Call>;
    /// Removes a call that waits.
    fn remove(&mut self, path: Self::Path, id: u64);
    fn len(&self) -> usize;
}

type Calls = VecDeque<Call>;

impl Queue for Calls {
    type Path = ();

    fn push(&mut self, (): (), call: Call) {
        self.push_back(call);
    }

    fn pop(&mut self) -> Option<Call> {
        self.pop_front()
    }

    fn remove(&mut self, (): (), id: u64) {
        self.retain(|call| call.id != id);
    }

    fn len(&self) -> usize {
        VecDeque::len(self)
    }
}

/// Queues by key, which take turns. None of them is empty.
struct Turns<K, Q> {
    queues: HashMap<K, Q>,
    /// Each key once.
    order: VecDeque<K>,
    len: usize,
}

impl<K, Q> Default for Turns<K, Q> {
    fn default() -> Self {
        Self { queues: HashMap::new(), order: VecDeque::new(), len: 0 }
    }
}

impl<K: Copy + Eq + Hash, Q: Queue> Queue for Turns<K, Q> {
    type Path = (K, Q::Path);

    fn push(&mut self, (key, path): Self::Path, call: Call) {
        let queue = self.queues.entry(key).or_insert_with(|| {
            self.order.push_back(key);
            Q::default()
        });
        queue.push(path, call);
        self.len = self.len.saturating_add(1);
    }

    fn pop(&mut self) -> Option<Call> {
        let key = self.order.pop_front()?;
        let queue = self.queues.get_mut(&key)?;
        let call = queue.pop();
        match queue.len() {
            0 => drop(self.queues.remove(&key)),
            _ => self.order.push_back(key),
        }
        self.len = self.len.saturating_sub(1);
        call
    }

    fn remove(&mut self, (key, path): Self::Path, id: u64) {
        let Some(queue) = self.queues.get_mut(&key) else { return };
        queue.remove(path, id);
        if queue.len() == 0 {
            self.queues.remove(&key);
            self.order.retain(|other| *other != key);
        }
        self.len = self.len.saturating_sub(1);
    }

    fn len(&self) -> usize {
        self.len
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use futures_util::FutureExt;
    use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
    use tokio::task::yield_now;
    use tokio::time::timeout;

    use super::*;

    /// Callers who note the order in which they get a slot, and hold it until the test takes it back.
    struct Model {
        queue: Arc<FairQueue>,
        got: UnboundedSender<(String, Slot)>,
        order: UnboundedReceiver<(String, Slot)>,
    }

    fn limits() -> Limits {
        Limits { waiting_calls: 512, waiting_calls_by_network: 128, ..Limits::default() }
    }

    fn ip(address: &str) -> IpAddr {
        address.parse().unwrap()
    }

    impl Model {
        fn new(slots: usize) -> Self {
            let (got, order) = unbounded_channel();
            Self { queue: Arc::new(FairQueue::new(slots, &limits())), got, order }
        }

        /// Calls `count` times at once.
        async fn call(&self, address: &str, name: &str, count: usize) {
            for _ in 0..count {
                let (queue, got) = (Arc::clone(&self.queue), self.got.clone());
                let (address, name) = (ip(address), name.to_owned());
                tokio::spawn(async move {
                    let slot = queue.slot(address, &name).await.unwrap();
                    got.send((format!("{address} {name}"), slot)).unwrap();
                });
                yield_now().await;
            }
        }

        /// Who gets the next slots, if each is given back at once.
        async fn next(&mut self, count: usize) -> Vec<String> {
            let mut callers = Vec::new();
            for _ in 0..count {
                let next = timeout(Duration::from_secs(60), self.order.recv()).await;
                let (caller, slot) = next.expect("nobody gets a slot").unwrap();
                callers.push(caller);
                drop(slot);
                yield_now().await;
            }
            callers
        }

        /// Those who have a slot now.
        async fn running(&mut self) -> Vec<(String, Slot)> {
            yield_now().await;
            std::iter::from_fn(|| self.order.try_recv().ok()).collect()
        }
    }

    fn count(callers: Vec<String>) -> BTreeMap<String, usize> {
        let mut counts = BTreeMap::new();
        for caller in callers {
            *counts.entry(caller).or_default() += 1;
        }
        counts
    }

    #[tokio::test]
    async fn a_network_with_many_calls_takes_turns_with_others() {
        let mut model = Model::new(1);
        model.call("192.0.2.1", "a", 100).await;
        model.call("192.0.2.2", "b", 1).await;
        model.call("192.0.2.3", "c", 1).await;
        let order = model.next(4).await;
        assert_eq!(order, ["192.0.2.1 a", "192.0.2.1 a", "192.0.2.2 b", "192.0.2.3 c"]);
    }

    #[tokio::test]
    async fn the_names_of_a_network_take_turns() {
        let mut model = Model::new(1);
        model.call("192.0.2.1", "a", 100).await;
        model.call("192.0.2.1", "b", 2).await;
        let order = model.next(5).await;
        let expected = ["a", "a", "b", "a", "b"].map(|name| format!("192.0.2.1 {name}"));
        assert_eq!(order, expected);
        // A name without a call has no turn.
        assert_eq!(model.next(95).await, vec!["192.0.2.1 a"; 95]);
    }

    #[tokio::test]
    async fn many_names_do_not_give_a_network_more_turns() {
        let mut model = Model::new(1);
        for name in 0..50 {
            model.call("192.0.2.1", &name.to_string(), 1).await;
        }
        // A /64 is also one network.
        for address in 1..50 {
            model.call(&format!("2001:db8::{address}"), "x", 1).await;
        }
        model.call("192.0.2.9", "honest", 10).await;
        let counts = count(model.next(31).await);
        assert_eq!(counts["192.0.2.9 honest"], 10);
    }

    #[tokio::test]
    async fn a_proven_network_has_half_of_the_turns_however_many_are_new() {
        let mut model = Model::new(1);
        for network in 0..300 {
            model.call(&format!("198.51.{}.{}", network / 250, network % 250), "flood", 1).await;
        }
        model.queue.prove(ip("192.0.2.1"));
        model.call("192.0.2.1", "honest", 100).await;
        // The first slot was given before the honest caller came.
        let counts = count(model.next(1 + 100).await);
        assert_eq!(counts["192.0.2.1 honest"], 50);
        // A network stays proven.
        model.call("192.0.2.1", "honest", 1).await;
        assert_eq!(count(model.next(4).await)["192.0.2.1 honest"], 2);
    }

    #[tokio::test]
    async fn new_networks_have_at_most_half_of_the_slots() {
        for (slots, of_new) in [(1, 1), (2, 1), (3, 1), (4, 2), (8, 4)] {
            let mut model = Model::new(slots);
            for network in 0..20 {
                model.call(&format!("198.51.100.{network}"), "x", 1).await;
            }
            let new = model.running().await;
            assert_eq!(new.len(), of_new, "{slots}");
            model.queue.prove(ip("192.0.2.1"));
            model.call("192.0.2.1", "a", 20).await;
            let proven = model.running().await;
            assert_eq!(proven.len(), slots - of_new, "{slots}");
            // The limit on all slots together also holds.
            drop((new, proven));
            assert_eq!(model.running().await.len(), slots, "{slots}");
        }
    }

    #[tokio::test]
    async fn a_proven_network_uses_all_slots_if_nobody_else_waits() {
        let mut model = Model::new(4);
        model.queue.prove(ip("192.0.2.1"));
        model.call("192.0.2.1", "a", 20).await;
        assert_eq!(model.running().await.len(), 4);
    }

    /// A model in which three networks are new, and one in which they are proven.
    fn of_both_kinds() -> [Model; 2] {
        let [new, proven] = [Model::new(1), Model::new(1)];
        for network in 1..4 {
            proven.queue.prove(ip(&format!("192.0.2.{network}")));
        }
        [new, proven]
    }

    fn is_at_rest(model: &Model) {
        let state = model.queue.shared.state();
        for networks in [&state.new, &state.proven] {
            assert!(networks.queues.is_empty() && networks.order.is_empty() && networks.len == 0);
        }
        assert_eq!((state.running, state.running_new), (0, 0));
    }

    #[tokio::test]
    async fn a_caller_who_hangs_up_leaves_the_queue() {
        for model in of_both_kinds() {
            leaves_the_queue(model).await;
        }
    }

    async fn leaves_the_queue(mut model: Model) {
        model.call("192.0.2.1", "a", 1).await;
        let running = model.running().await;
        let mut waiting = Vec::new();
        for _ in 0..10 {
            let queue = Arc::clone(&model.queue);
            let call = async move { queue.slot(ip("192.0.2.2"), "gone").await };
            waiting.push(tokio::spawn(call));
        }
        yield_now().await;
        model.call("192.0.2.2", "stays", 2).await;
        assert_eq!(model.queue.waiting(), 12);
        for call in waiting {
            call.abort();
            let _ = call.await;
        }
        assert_eq!(model.queue.waiting(), 2);
        drop(running);
        assert_eq!(model.next(2).await, ["192.0.2.2 stays"; 2]);
        is_at_rest(&model);
    }

    #[tokio::test]
    async fn a_slot_that_nobody_takes_goes_to_the_next_call() {
        for model in of_both_kinds() {
            goes_to_the_next_call(model).await;
        }
    }

    async fn goes_to_the_next_call(mut model: Model) {
        model.call("192.0.2.1", "a", 1).await;
        let running = model.running().await;
        let mut gone = Box::pin(model.queue.slot(ip("192.0.2.2"), "gone"));
        assert!(gone.as_mut().now_or_never().is_none());
        model.call("192.0.2.3", "next", 1).await;
        // It gets the slot, and then it is dropped before it looks.
        drop(running);
        drop(gone);
        assert_eq!(model.next(1).await, ["192.0.2.3 next"]);
        is_at_rest(&model);
    }

    #[tokio::test]
    async fn a_limited_number_of_calls_waits() {
        let queue = FairQueue::new(1, &limits());
        let full = |address: String| {
            let place =
                Place { kind: Kind::New, network: network(address.parse().unwrap()), name: 0 };
            queue.shared.enter(place)
        };
        // One of them has the slot.
        let mut tickets: Vec<_> =
            (0..129).map(|_| full("192.0.2.1".into()).ok().unwrap()).collect();
        assert_eq!(full("192.0.2.1".into()).err(), Some(Full::ForNetwork));
        tickets.extend(
            (0..512 - 128).map(|i| full(format!("198.51.{}.{}", i / 250, i % 250)).ok().unwrap()),
        );
        assert_eq!(full("192.0.2.1".into()).err(), Some(Full::ForAll));
        assert_eq!(full("192.0.2.2".into()).err(), Some(Full::ForAll));
        // Proven networks have room of their own.
        queue.prove(ip("192.0.2.9"));
        let mut proven = Box::pin(queue.slot(ip("192.0.2.9"), "a"));
        assert!(proven.as_mut().now_or_never().is_none());
        tickets.clear();
        assert!(proven.as_mut().now_or_never().is_some());
        assert!(full("192.0.2.1".into()).is_ok());
    }
}
