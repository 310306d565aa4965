"""Click streams: clickstream/NAME.csv.gz with NAME.oracle.json."""
import csv
import gzip
import json
import os
import re

import reference_paths
from journeys import Event
from logs import answer
from report import Family
from work import spread

FUNNEL = re.compile(r"funnel_by_(session|user)(?:_(\d+)([hdm]))?$")
UNITS = {"h": "hour", "d": "day", "m": "minute"}
WHOLE = {"from": "1900-01-01", "to": "2200-01-01"}


def csv_of(folder, name):
    for end in (".csv.gz", ".csv"):
        if os.path.isfile(os.path.join(folder, name + end)):
            return os.path.join(folder, name + end)
    return None


def check_funnel(store, source, steps, key, want):
    who, value, unit = FUNNEL.match(key).groups()
    within = {"value": int(value), "unit": UNITS[unit]} if value else \
        {"value": 36500, "unit": "day"}
    result = store.call("run_funnel", {"source": source, "steps": steps, "actor": who,
                                       "within": within, **WHOLE})
    got = [s["count"] for s in result["steps"]]
    return [] if got == want else [f"{got}, expected {want}"]


def check_weekly(store, source, want, first, last):
    """Cohorts by the week of the first event of all; weeks without returns are absent there."""
    result = store.call("retention_matrix", {
        "source": source, "start": {}, "kind": "first_time", "interval": "week", "periods": 200,
        "week_start": "monday", "from": first[:10], "to": last[:10]})
    got = {}
    for cohort in result["cohorts"]:
        cells = {str(c["period"]): c["count"] for c in cohort["cells"] if c["count"]}
        if cells:
            got[cohort["cohort"]] = cells
    return [f"{week}: {got.get(week)}, expected {want.get(week)}"
            for week in sorted(set(got) | set(want)) if got.get(week) != want.get(week)]


def check_counts(store, source, want):
    listed = store.call("list_events", {"source": source, "limit": 1000, **WHOLE})["events"]
    got = {e["event"]: e["count"] for e in listed}
    return [f"{name}: {got.get(name)}, expected {want.get(name)}"
            for name in sorted(set(got) | set(want)) if got.get(name) != want.get(name)]


def check_totals(store, source, oracle):
    found = next(s for s in store.call("list_sources", {})["sources"] if s["name"] == source)
    return [f"{name}: {found[name]}, expected {oracle[name]}"
            for name in ("events", "actors") if found[name] != oracle[name]]


def check_daily(store, source, want, oracle):
    """[events, users, sessions] of each day that has any."""
    result = store.call("run_trend", {
        "source": source, "interval": "day", "limit": 1000,
        "series": [{"name": m, "math": m} for m in ("total", "actors", "sessions")],
        "from": oracle["min"][:10], "to": oracle["max"][:10]})
    got = {}
    for point in result["points"]:
        got.setdefault(point["time"][:10], {})[point["series"]] = point["value"]
    out = []
    for day in sorted(set(got) | set(want)):
        values = [got.get(day, {}).get(m, 0) for m in ("total", "actors", "sessions")]
        if values != want.get(day, [0, 0, 0]):
            out.append(f"{day}: {values}, expected {want.get(day)}")
    return out


def sessions_of(path):
    """[[event…]] of each session in order; the file is sorted by time inside a session."""
    opened = gzip.open if path.endswith(".gz") else open
    found = {}
    with opened(path, "rt", encoding="utf-8", newline="") as rows:
        for row in csv.DictReader(rows):
            found.setdefault(row["session_id"], []).append((row["timestamp"], row["event"]))
    return [[name for _, name in sorted(events, key=lambda e: e[0])] for events in found.values()]


def check_transitions(store, source, want, path):
    """Each event of a session with the next one. The oracle has the sums over all places, which
    the file must have, too; run_paths goes to a limit of places and edges, so what it must tell is
    worked out from the file (reference_paths.py)."""
    sessions, totals = sessions_of(path), {}
    for names in sessions:
        for pair in zip(names, names[1:]):
            totals[pair] = totals.get(pair, 0) + 1
    out = [f"{a} > {b}: {totals.get((a, b))} in the file, expected {count}"
           for a, b, count in want if totals.get((a, b)) != count]
    arguments = {"node": "event", "session_gap_s": 10**7, "steps": 16, "edge_limit": 300}
    result = store.call("run_paths", {**arguments, "source": source, "actor": "session", **WHOLE})
    runs = reference_paths.paths(arguments, {
        number: [Event(i, i, name, {}, "") for i, name in enumerate(names)]
        for number, names in enumerate(sessions)})
    edges = reference_paths.edges_of(runs, arguments["edge_limit"])
    expected = {key: len(found) for key, found in edges.items()}
    got = {(e["step"], e["from"], e["to"]): e["count"] for e in result["edges"]}
    return out + [f"{key}: {got.get(key)}, expected {expected.get(key)}"
                  for key in sorted(set(got) | set(expected)) if got.get(key) != expected.get(key)]


def tasks_of(family, folder, name, oracle):
    source = re.sub(r"\W", "_", name)

    def task(store):
        try:
            store.load(source, csv_of(folder, name), "--time", "timestamp", "--event", "event",
                       "--actor", "user_id", "--session", "session_id")
        except RuntimeError as error:
            family.done(f"{name} import", [str(error)])
            return
        for key, want in oracle.items():
            if FUNNEL.match(key):
                answer(family, f"{name} {key}", lambda key=key, want=want: check_funnel(
                    store, source, oracle["funnel_steps"], key, want))
            elif key.startswith("weekly_retention_first_seen"):
                answer(family, f"{name} {key}", lambda want=want: check_weekly(
                    store, source, want, oracle["min"], oracle["max"]))
            elif key == "event_counts":
                answer(family, f"{name} {key}",
                       lambda want=want: check_counts(store, source, want))
            elif key == "daily":
                answer(family, f"{name} {key}",
                       lambda want=want: check_daily(store, source, want, oracle))
            elif key.startswith("session_transitions"):
                answer(family, f"{name} {key}", lambda want=want: check_transitions(
                    store, source, want, csv_of(folder, name)))
        answer(family, f"{name} totals", lambda: check_totals(
            store, source, {"events": oracle["events"], "actors": oracle["users"]}))

    return task


def run(data, stores, _offered):
    folder, family, tasks = os.path.join(data, "clickstream"), Family("clickstream"), []
    for file in sorted(os.listdir(folder)) if os.path.isdir(folder) else []:
        if not file.endswith(".oracle.json"):
            continue
        name = file.removesuffix(".oracle.json")
        if csv_of(folder, name) is None:
            family.skip(name, "no such file of events")
            continue
        with open(os.path.join(folder, file), encoding="utf-8") as handle:
            tasks.append(tasks_of(family, folder, name, json.load(handle)))
    spread(stores, tasks)
    return [family] if family.ran or family.left_out else []
