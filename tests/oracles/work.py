"""Tasks over a few stores at a time: one thread a store, because a store has one user."""
import queue
import threading


def spread(stores, tasks):
    """Runs each task(store), every store with a thread of its own; raises the first exception."""
    todo = queue.Queue()
    for task in tasks:
        todo.put(task)
    failures = []

    def worker(store):
        while not failures:
            try:
                task = todo.get_nowait()
            except queue.Empty:
                return
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


def on_each(stores, task):
    """Runs task(store) once on every store."""
    failures = []

    def worker(store):
        try:
            task(store)
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=worker, args=(store,)) for store in stores]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]
