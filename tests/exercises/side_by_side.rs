//! Several things at the same time, and not too many: most of the time of a check is waiting.

use std::collections::BTreeMap;
use std::panic;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread;

use anyhow::Result;

/// Does `work` for each of these, at most `at_once` at the same time: the results, in the order of the
/// items. Each is handed to `show` as soon as it and all before it are there.
///
/// # Errors
/// The first that one of them met; the others that have not begun are then left.
pub fn side_by_side<T: Sync, R: Send>(
    items: &[T],
    at_once: usize,
    work: impl Fn(&T) -> Result<R> + Sync,
    mut show: impl FnMut(&R),
) -> Result<Vec<R>> {
    let next = AtomicUsize::new(0);
    let (tell, told) = mpsc::channel();
    thread::scope(|scope| {
        let workers: Vec<_> = (0..at_once.min(items.len()))
            .map(|_| {
                let (next, work, tell) = (&next, &work, tell.clone());
                scope.spawn(move || -> Result<()> {
                    loop {
                        let index = next.fetch_add(1, Ordering::Relaxed);
                        let Some(item) = items.get(index) else { return Ok(()) };
                        let result = work(item).inspect_err(|_| {
                            next.store(items.len(), Ordering::Relaxed);
                        })?;
                        let _ = tell.send((index, result));
                    }
                })
            })
            .collect();
        drop(tell);
        let (mut waiting, mut results) = (BTreeMap::new(), Vec::new());
        for (index, result) in told {
            waiting.insert(index, result);
            while let Some(result) = waiting.remove(&results.len()) {
                show(&result);
                results.push(result);
            }
        }
        for worker in workers {
            worker.join().unwrap_or_else(|fault| panic::resume_unwind(fault))?;
        }
        Ok(results)
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use anyhow::bail;

    use super::*;

    #[test]
    fn results_keep_the_order_of_the_items_and_are_shown_in_it() {
        let items: Vec<u64> = (0..20).rev().collect();
        let mut shown = Vec::new();
        let work = |item: &u64| {
            thread::park_timeout(Duration::from_millis(*item));
            Ok(*item)
        };
        let results = side_by_side(&items, 4, work, |result| shown.push(*result)).unwrap();
        assert_eq!(results, items);
        assert_eq!(shown, items);
    }

    #[test]
    fn the_first_error_ends_it() {
        let begun = AtomicUsize::new(0);
        let work = |item: &u64| {
            begun.fetch_add(1, Ordering::Relaxed);
            if *item == 2 { bail!("no more") } else { Ok(()) }
        };
        let error = side_by_side(&[1, 2, 3, 4, 5], 1, work, |()| {}).unwrap_err();
        assert_eq!(error.to_string(), "no more");
        assert_eq!(begun.into_inner(), 2, "what had not begun is left");
    }

    #[test]
    fn of_nothing_nothing_comes() {
        assert!(side_by_side(&[], 4, |(): &()| Ok(()), |()| {}).unwrap().is_empty());
    }
}
