//! The caches of Rust as subjects: docs/benchmarks.md has the lines that a driver is told and answers.
//!
//! Keys and values are arrays, which is the best that a Rust program can do: the compiler knows their
//! size, they lie inside the entry, and `get` copies the 64 bytes out. `quick_cache-bytes` is what a
//! program does when sizes differ: each key and each value is memory of its own. Hashers are each crate's
//! own.

use quick_cache::{sync, unsync, Weighter};
use std::fs;
use std::io::{self, BufRead, Write};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::Instant;

type Key = [u8; 16];
type Value = [u8; 64];

const PUT: u32 = 0x8000_0000;
const ENTRY_BYTES: usize = 80;

fn value_of(index: u32) -> Value {
    let mut value = [0; 64];
    value[..4].copy_from_slice(&index.to_le_bytes());
    value
}

trait Cache: Sized {
    const NAME: &'static str;
    const CRATE: &'static str;
    /// Room for so many entries, or, when `bytes` is not 0, for so many bytes of keys and values.
    fn open(entries: u64, bytes: u64) -> Self;
    fn get(&mut self, key: &Key) -> Option<Value>;
    fn put(&mut self, key: Key, value: Value);
    /// Do what is put off.
    fn settle(&mut self) {}
    /// A second handle of the same cache, for a second thread; None: it is not made for threads.
    fn share(&self) -> Option<Self>;
}

struct Moka(moka::sync::Cache<Key, Value>);

impl Cache for Moka {
    const NAME: &'static str = "moka";
    const CRATE: &'static str = "moka";

    fn open(entries: u64, bytes: u64) -> Self {
        let builder = moka::sync::Cache::builder();
        Moka(if bytes == 0 {
            builder.max_capacity(entries).build()
        } else {
            builder
                .max_capacity(bytes)
                .weigher(|_, _| ENTRY_BYTES as u32)
                .build()
        })
    }
    fn get(&mut self, key: &Key) -> Option<Value> {
        self.0.get(key)
    }
    fn put(&mut self, key: Key, value: Value) {
        self.0.insert(key, value);
    }
    fn settle(&mut self) {
        self.0.run_pending_tasks();
    }
    fn share(&self) -> Option<Self> {
        Some(Moka(self.0.clone()))
    }
}

#[derive(Clone)]
struct Weigh(u64);

impl<K, V> Weighter<K, V> for Weigh {
    fn weight(&self, _: &K, _: &V) -> u64 {
        self.0
    }
}

/// Entries, capacity and the weight of one for quick_cache, which always weighs.
fn weights(entries: u64, bytes: u64) -> (usize, u64, Weigh) {
    if bytes == 0 {
        (entries as usize, entries, Weigh(1))
    } else {
        (
            bytes as usize / ENTRY_BYTES,
            bytes,
            Weigh(ENTRY_BYTES as u64),
        )
    }
}

struct Quick(Arc<sync::Cache<Key, Value, Weigh>>);

impl Cache for Quick {
    const NAME: &'static str = "quick_cache";
    const CRATE: &'static str = "quick_cache";

    fn open(entries: u64, bytes: u64) -> Self {
        let (count, capacity, weigh) = weights(entries, bytes);
        Quick(Arc::new(sync::Cache::with_weighter(count, capacity, weigh)))
    }
    fn get(&mut self, key: &Key) -> Option<Value> {
        self.0.get(key)
    }
    fn put(&mut self, key: Key, value: Value) {
        self.0.insert(key, value);
    }
    fn share(&self) -> Option<Self> {
        Some(Quick(self.0.clone()))
    }
}

struct QuickBytes(Arc<sync::Cache<Box<[u8]>, Arc<[u8]>, Weigh>>);

impl Cache for QuickBytes {
    const NAME: &'static str = "quick_cache-bytes";
    const CRATE: &'static str = "quick_cache";

    fn open(entries: u64, bytes: u64) -> Self {
        let (count, capacity, weigh) = weights(entries, bytes);
        QuickBytes(Arc::new(sync::Cache::with_weighter(count, capacity, weigh)))
    }
    fn get(&mut self, key: &Key) -> Option<Value> {
        self.0.get(&key[..])?[..].try_into().ok()
    }
    fn put(&mut self, key: Key, value: Value) {
        self.0.insert(Box::new(key), Arc::new(value));
    }
    fn share(&self) -> Option<Self> {
        Some(QuickBytes(self.0.clone()))
    }
}

struct QuickUnsync(unsync::Cache<Key, Value, Weigh>);

impl Cache for QuickUnsync {
    const NAME: &'static str = "quick_cache-unsync";
    const CRATE: &'static str = "quick_cache";

    fn open(entries: u64, bytes: u64) -> Self {
        let (count, capacity, weigh) = weights(entries, bytes);
        QuickUnsync(unsync::Cache::with_weighter(count, capacity, weigh))
    }
    fn get(&mut self, key: &Key) -> Option<Value> {
        self.0.get(key).copied()
    }
    fn put(&mut self, key: Key, value: Value) {
        self.0.insert(key, value);
    }
    fn share(&self) -> Option<Self> {
        None
    }
}

/// How threads begin together. One that slept wakes up late, and long after those that did not: so all
/// stay awake until the last is there.
struct Start {
    threads: usize,
    barrier: Barrier,
    awake: AtomicUsize,
}

impl Start {
    fn new(threads: usize) -> Self {
        Start {
            threads,
            barrier: Barrier::new(threads),
            awake: AtomicUsize::new(0),
        }
    }
    fn together(&self) {
        self.barrier.wait();
        self.awake.fetch_add(1, Ordering::SeqCst);
        while self.awake.load(Ordering::SeqCst) < self.threads {
            thread::yield_now();
        }
    }
}

/// One pass; the number of gets that found a value.
fn replay<C: Cache>(cache: &mut C, keys: &[Key], orders: &[u32]) -> u64 {
    let mut hits = 0;
    for &order in orders {
        let index = order & !PUT;
        if order & PUT != 0 {
            cache.put(keys[index as usize], value_of(index));
        } else if let Some(value) = cache.get(&keys[index as usize]) {
            std::hint::black_box(&value);
            hits += 1;
        }
    }
    hits
}

/// What one thread does: when it began and ended, and how many gets found a value.
fn work_through<C: Cache>(
    cache: &mut C,
    keys: &[Key],
    orders: &[u32],
    passes: usize,
    start: &Start,
) -> (Instant, Instant, u64) {
    start.together();
    let began = Instant::now();
    let hits = (0..passes).map(|_| replay(cache, keys, orders)).sum();
    (began, Instant::now(), hits)
}

#[cfg(all(target_os = "linux", target_env = "gnu"))]
fn give_memory_back() {
    extern "C" {
        fn malloc_trim(pad: usize) -> i32;
    }
    // SAFETY: it may be called at any time, by any thread.
    unsafe { malloc_trim(0) };
}

#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
fn give_memory_back() {}

struct Driver<C> {
    cache: Option<C>,
    keys: Vec<Key>,
    orders: Vec<u32>,
}

impl<C: Cache + Send> Driver<C> {
    fn fill(&mut self) -> Option<u64> {
        let cache = self.cache.as_mut()?;
        for (index, key) in self.keys.iter().enumerate() {
            cache.put(*key, value_of(index as u32));
        }
        cache.settle();
        let found = |&(index, key): &(usize, &Key)| cache.get(key) == Some(value_of(index as u32));
        Some(self.keys.iter().enumerate().filter(found).count() as u64)
    }

    fn run(&mut self, threads: usize, count: usize, passes: usize) -> Option<String> {
        let cache = self.cache.as_mut()?;
        let orders = self.orders.get(..count)?;
        let start = Start::new(threads);
        let (keys, start) = (&self.keys[..], &start);
        let mut others = Vec::new();
        for _ in 1..threads {
            others.push(cache.share()?);
        }
        let mut handles = vec![cache];
        handles.extend(others.iter_mut());
        let results: Vec<_> = thread::scope(|scope| {
            let workers: Vec<_> = handles
                .into_iter()
                .enumerate()
                .map(|(i, cache)| {
                    let part = &orders[count * i / threads..count * (i + 1) / threads];
                    scope.spawn(move || work_through(cache, keys, part, passes, start))
                })
                .collect();
            workers
                .into_iter()
                .map(|worker| worker.join().unwrap())
                .collect()
        });
        let began = results.iter().map(|result| result.0).min()?;
        let ended = results.iter().map(|result| result.1).max()?;
        let hits: u64 = results.iter().map(|result| result.2).sum();
        Some(format!("{} {hits}", (ended - began).as_nanos()))
    }

    fn obey(&mut self, line: &str) -> Option<String> {
        let (command, rest) = line.split_once(' ').unwrap_or((line, ""));
        let number = |index: usize| rest.split(' ').nth(index)?.parse::<u64>().ok();
        match command {
            "keys" => {
                let bytes = fs::read(rest).ok()?;
                self.keys = bytes
                    .chunks_exact(16)
                    .map(|key| key.try_into().unwrap())
                    .collect();
                Some(self.keys.len().to_string())
            }
            "orders" => {
                let bytes = fs::read(rest).ok()?;
                let orders = bytes.chunks_exact(4);
                self.orders = orders
                    .map(|order| u32::from_le_bytes(order.try_into().unwrap()))
                    .collect();
                Some(self.orders.len().to_string())
            }
            "open" => {
                let (entries, bytes) = (number(0)?, number(1)?);
                self.cache = None;
                give_memory_back();
                let before = Instant::now();
                self.cache = Some(C::open(entries, bytes));
                Some(before.elapsed().as_nanos().to_string())
            }
            "fill" => self.fill().map(|found| found.to_string()),
            "run" => self.run(
                number(0)? as usize,
                number(1)? as usize,
                number(2)? as usize,
            ),
            "settle" => {
                if let Some(cache) = self.cache.as_mut() {
                    cache.settle();
                }
                give_memory_back();
                Some(String::new())
            }
            _ => None,
        }
    }
}

/// The version that Cargo.toml pins.
fn version(name: &str) -> &'static str {
    let manifest = include_str!("../Cargo.toml");
    let line = manifest
        .lines()
        .find(|line| line.starts_with(&format!("{name} =")))
        .unwrap();
    line.split('"')
        .find_map(|word| word.strip_prefix('='))
        .unwrap()
}

fn drive<C: Cache + Send>() {
    let mut driver = Driver::<C> {
        cache: None,
        keys: Vec::new(),
        orders: Vec::new(),
    };
    println!("ready {} {}", C::CRATE, version(C::CRATE));
    for line in io::stdin().lock().lines() {
        let line = line.unwrap();
        match driver.obey(&line) {
            Some(answer) => println!("ok {answer}"),
            None => println!("error cannot {line}"),
        }
        io::stdout().flush().unwrap();
    }
}

fn main() {
    match std::env::args().nth(1).as_deref() {
        Some(Moka::NAME) => drive::<Moka>(),
        Some(Quick::NAME) => drive::<Quick>(),
        Some(QuickBytes::NAME) => drive::<QuickBytes>(),
        Some(QuickUnsync::NAME) => drive::<QuickUnsync>(),
        _ => println!("error no such subject"),
    }
}
