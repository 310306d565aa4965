"""Random journeys, random matchers, and the plain meaning of matchers, filters and segments.

An event is (us, order, name, {property: value}, session) of one actor; us counts from EPOCH, order
is the order of import, which breaks ties of time.
"""
import json
from collections import namedtuple
from datetime import datetime, timedelta, timezone

EPOCH = datetime(2026, 3, 2, tzinfo=timezone.utc)  # a Monday
SOURCE = "journeys"
APART = "apart"  # the same as SOURCE, but no actor does two things at one time
SPANS = "spans"  # the same as SOURCE, the actors read as in spans: one key of a Map, else another
LOOSE = "loose"  # the same as SOURCE without an order of import, cases as in SPANS
COUNTED = "counted"  # the same as SOURCE without an order of import, cases by number
NAMES = ["a", "b", "c", "d"]
NOISE = ["x", "y"]
PLANS = ["", "free", "pro", "team"]
FIELDS = ["plan", "n", "cart", "amount", "shift", "ms", "resource"]  # what groups may differ in
US = {"second": 10**6, "minute": 60 * 10**6, "hour": 3600 * 10**6, "day": 86400 * 10**6,
      "week": 7 * 86400 * 10**6, "month": 30 * 86400 * 10**6}

Event = namedtuple("Event", "us order name props session")


def moment(us):
    return EPOCH + timedelta(microseconds=us)


def iso(us):
    return moment(us).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def us_of(text):
    """Microseconds since EPOCH of a time that the program told."""
    told = datetime.fromisoformat(text.replace("Z", "+00:00"))
    told = told if told.tzinfo else told.replace(tzinfo=timezone.utc)
    return (told - EPOCH) // timedelta(microseconds=1)


# --- random data ----------------------------------------------------------------------------------


def journey(rnd, actor):
    """Few names and few times, so that ties and repeats abound; some actors span weeks."""
    unit = rnd.choice([1, 250000, 10**6, 900 * 10**6, 3600 * 10**6, 86400 * 10**6])
    width = rnd.choice([3, 6, 12, 40])
    noise = rnd.choice([0, 0.1, 0.3])
    events = []
    for order in range(rnd.choice([1, 2, 3, 4, 5, 6, 7, 8, 9])):
        us = rnd.randint(0, width) * unit + (rnd.randint(0, 20) * 86400 * 10**6
                                             if rnd.random() < 0.1 else 0)
        name = rnd.choice(NOISE if rnd.random() < noise else NAMES)
        # events of one time share `shift` and the session: which of them is meant is then no matter
        events.append(Event(us, order, name, {
            "plan": rnd.choice(PLANS), "n": rnd.choice(["1", "2"]), "cart": rnd.choice(["", "k", "l"]),
            "amount": rnd.choice(["", "0", "1.5", "-2", "10", "40", "none"]),
            "shift": "xyz"[(us // max(unit, 1) + actor) % 3]},
            f"s-{actor}-{us // (4 * unit) % 3}"))
    return events


def random_actors(rnd, count):
    return {f"u{i:03}": journey(rnd, i) for i in range(count)}


def apart(actors):
    """The same journeys in the same order, with a microsecond at least between two events."""
    out = {}
    for actor, events in actors.items():
        last, out[actor] = -1, []
        for event in sorted(events, key=lambda e: (e.us, e.order)):
            last = max(event.us, last + 1)
            out[actor].append(event._replace(us=last))
    return out


def resource_of(event):
    """Who did it, where that is known."""
    return ["", "r", "s", "t"][event.order * 7 % 5 % 4]


def lasted(event):
    """The microseconds that it took, where that is known."""
    return [None, 0, 1500, 750000, 90 * 10**6, 7200 * 10**6][event.order * 5 % 11 % 6]


def work_of(event):
    """The same as two fields of a row: when it began, and how many milliseconds it took."""
    took = lasted(event)
    return {} if took is None else {"began": iso(event.us - took), "ms": str(took / 1000)}


def write(path, actors):
    """Each actor's events in the order of `order`, actors mixed: file order breaks ties."""
    rows = sorted(((e.order, actor, e) for actor, events in actors.items() for e in events),
                  key=lambda r: (r[0], r[1]))
    with open(path, "w", encoding="utf-8") as out:
        for _, actor, event in rows:
            out.write(json.dumps({"at": iso(event.us), "what": event.name, "who": actor,
                                  "visit": event.session, "user.id": actor if event.order % 3 else "",
                                  "by": resource_of(event), **work_of(event),
                                  "userEmail": actor if event.order % 3 != 1 else "",
                                  **{k: v for k, v in event.props.items() if v}}) + "\n")


KEYS = ["properties['user.id']", "properties['userEmail']"]


def mapped(table, **more):
    return {"kind": "events", "table": f"sextant.{table}", "time": "time", "event": "event",
            "session": "session", "resource": "resource", "properties": ["properties"],
            "start_time": [], "duration_ms": "properties['ms']", **more}


CONFIG = {"sources": {
    SPANS: mapped(SPANS, actor=[*KEYS, "session"], cases={"who": KEYS}),
    LOOSE: mapped(LOOSE, cases={"who": KEYS}, order=""),
    COUNTED: mapped(COUNTED, order="")}}
COLUMNS = ("--time", "at", "--event", "what", "--actor", "who", "--session", "visit", "--case", "who",
           "--resource", "by", "--start-time", "began")


# --- random questions ---------------------------------------------------------------------------------


def random_matcher(rnd):
    kind = rnd.random()
    if kind < 0.6:
        return {"event": rnd.choice(NAMES)}
    if kind < 0.75:
        return {"event": rnd.choice(NAMES),
                "where": [{"field": "n", "op": "eq", "value": rnd.choice(["1", "2"])}]}
    if kind < 0.9:
        return {"any_of": [{"event": n} for n in rnd.sample(NAMES, 2)]}
    if kind < 0.95:
        return {"where": [{"field": "plan", "op": "exists"}]}
    return {}


def random_filter(rnd):
    return rnd.choice([{"field": "n", "op": "eq", "value": "1"},
                       {"field": "plan", "op": "ne", "value": "free"},
                       {"field": "plan", "op": "in", "values": ["free", "pro"]},
                       {"field": "cart", "op": "missing"}, {"field": "plan", "op": "exists"},
                       {"field": "plan", "op": "not_in", "values": ["team"]}])


def random_segment(rnd):
    def item():
        matcher = random_matcher(rnd)
        if rnd.random() < 0.3:
            matcher["min_times"] = rnd.randint(1, 3)
        if rnd.random() < 0.3:
            matcher["within_days"] = rnd.choice([1, 4, 10, 35, 60])
        return matcher

    segment = {}
    if rnd.random() < 0.7:
        segment["did"] = [item() for _ in range(rnd.randint(1, 2))]
    if rnd.random() < 0.4:
        segment["did_not"] = [item()]
    if rnd.random() < 0.3 or not segment:
        segment["filters"] = [random_filter(rnd) for _ in range(rnd.randint(1, 2))]
    return segment


def restrict(rnd, arguments):
    """Sometimes a filter, sometimes a segment."""
    if rnd.random() < 0.15:
        arguments["filters"] = [random_filter(rnd)]
    if rnd.random() < 0.15:
        arguments["segment"] = random_segment(rnd)


# --- meaning --------------------------------------------------------------------------------------------


def field_of(event, field):
    if field == "resource":
        return resource_of(event)
    if field == "ms":
        return work_of(event).get("ms", "")
    return event.session if field == "session" else event.props.get(field, "")


def holds(filter_, event):
    value = field_of(event, filter_["field"])
    return {"eq": lambda: value == filter_["value"], "ne": lambda: value != filter_["value"],
            "in": lambda: value in filter_["values"],
            "not_in": lambda: value not in filter_["values"],
            "exists": lambda: value != "", "missing": lambda: value == ""}[filter_["op"]]()


def matches(matcher, event):
    if isinstance(matcher, str):
        matcher = {"event": matcher}
    names = [event.name == matcher["event"]] if "event" in matcher else []
    names += [matches(m, event) for m in matcher.get("any_of", [])]
    return (any(names) or not names) and all(holds(f, event) for f in matcher.get("where", []))


def in_segment(segment, events, end_us):
    """Whether an actor with these events belongs, at the end (exclusive) of the period."""
    events = [e for e in events if e.us < end_us]

    def did(item):
        since = end_us - item["within_days"] * US["day"] if "within_days" in item else None
        times = sum(matches(item, e) for e in events if since is None or e.us >= since)
        return times >= item.get("min_times", 1)

    return (all(did(i) for i in segment.get("did", [])) and
            not any(did(i) for i in segment.get("did_not", [])) and
            (not segment.get("filters") or
             any(all(holds(f, e) for f in segment["filters"]) for e in events)))


def selected(arguments, actors, end_us=None, key=None):
    """{actor: its events in order} after filters and segment; events from `end_us` on are left
    out. `key`: what is counted instead of the actor, an event's (None = the event is left out)."""
    end_us = 1 << 62 if end_us is None else end_us
    counted = {}
    for actor, events in actors.items():
        for event in events:
            who = key(event) if key else actor
            if who:
                counted.setdefault(who, []).append(event)
    out = {}
    for who, events in counted.items():
        if "segment" in arguments and not in_segment(arguments["segment"], events, end_us):
            continue
        kept = sorted((e for e in events if e.us < end_us and
                       all(holds(f, e) for f in arguments.get("filters", []))),
                      key=lambda e: (e.us, e.order))
        if kept:
            out[who] = kept
    return out


def value_of(arguments, event):
    return tuple(field_of(event, f) for f in arguments.get("breakdown", []))


def fold(sizes, limit):
    """{value: what it is told as}: the `limit` greatest, of equals the first, as they are."""
    kept = sorted(sizes, key=lambda v: (-sizes[v], v))[:limit]
    return {v: v if v in kept else ("(other)",) * len(v) for v in sizes}


def quantile(values, p):
    """Linear interpolation between order statistics."""
    values = sorted(values)
    at = (len(values) - 1) * p
    low = int(at)
    high = min(low + 1, len(values) - 1)
    return values[low] + (values[high] - values[low]) * (at - low)


def wilson(k, n, z=1.959963984540054):
    if n == 0:
        return None
    p = k / n
    middle, half = p + z * z / (2 * n), z * (p * (1 - p) / n + z * z / (4 * n * n)) ** 0.5
    return ((middle - half) / (1 + z * z / n), (middle + half) / (1 + z * z / n))
