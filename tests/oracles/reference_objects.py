"""Hand-offs between types of objects and queues for shared objects, as docs/decisions/
object-centric.md defines them, event by event."""
from datetime import datetime


def seconds(text):
    return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


def quantile(values, q):
    values = sorted(values)
    at = q * (len(values) - 1)
    low = int(at)
    high = min(low + 1, len(values) - 1)
    return values[low] + (values[high] - values[low]) * (at - low)


def events_of(tables):
    """[(time, {(type, id)…})] in order of time, then of the file."""
    objects = {}
    for row in tables.relations:
        objects.setdefault(row["event_id"], set()).add((row["object_type"], row["object_id"]))
    rows = [(seconds(e["timestamp"]), objects.get(e["event_id"], set())) for e in tables.events]
    return sorted(rows, key=lambda row: row[0])  # stable


def handoffs(tables):
    """{(from, to): (count, median, p95)}: an object begins in an event with an older one."""
    last, waits = {}, {}
    for time, objects in events_of(tables):
        born = [o for o in objects if o not in last]
        for old in objects:
            if old not in last:
                continue
            for new in born:
                if new[0] != old[0]:
                    waits.setdefault((old[0], new[0]), []).append(time - last[old])
        last.update(dict.fromkeys(objects, time))
    return {key: (len(w), quantile(w, 0.5), quantile(w, 0.95)) for key, w in waits.items()}


def contention(tables, wanted):
    """{object: (cases, median, p95)} of those that waited while it served others."""
    last, served, waits = {}, {}, {}
    for time, objects in events_of(tables):
        shared = [o for o in objects if o[0] == wanted]
        cases = [o for o in objects if o[0] != wanted]
        for x in shared:
            for case in cases:
                if case in last and x in served and served[x] > last[case]:
                    waits.setdefault(x[1], []).append((case, time - last[case]))
        last.update(dict.fromkeys(cases, time))
        if cases:
            served.update(dict.fromkeys(shared, time))
    return {x: (len({c for c, _ in w}), quantile([s for _, s in w], 0.5),
                quantile([s for _, s in w], 0.95)) for x, w in waits.items()}
