"""Tasks over a few stores at a time: one thread a store, because a store has one user."""
import collections
import threading


def spread(stores, tasks):
    """Runs each task(store), every store with a thread of its own; raises the first exception."""
    todo = collections.deque(tasks)

    def drain(store):
        while todo:
            try:
                task = todo.popleft()
            except IndexError:
                return  # another thread took the last one
            try:
                task(store)
            except Exception:
                todo.clear()
                raise

    on_each(stores, drain)


def on_each(stores, task):
    """Runs task(store) once on every store."""
    failures = []

    def worker(store):
        try:
            task(store)
        except Exception as error:  # told by the caller's thread
            failures.append(error)

    threads = [threading.Thread(target=worker, args=(store,)) for store in stores]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]
