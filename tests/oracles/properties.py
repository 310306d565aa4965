#!/usr/bin/env python3
"""Random journeys through the built binary against the plain reference (reference.py).

usage: properties.py [--seed N] [--funnels N] [--retentions N] [--actors N]

One import, then one call per random question: funnels of every order with ties, repeated and
overlapping steps, short windows, all attributions; actors of random cells; retention of every kind
and interval. Exit status: 0 all equal, 1 a difference,
77 no engine.
"""
import argparse
import json
import os
import random
import statistics
import sys
import tempfile
from datetime import datetime, timedelta, timezone

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import reference
from report import close
from sextant import Store, ToolError, missing_engine

EPOCH = datetime(2026, 3, 2, tzinfo=timezone.utc)  # a Monday
NAMES = ["a", "b", "c", "d"]
PLANS = ["", "free", "pro", "team"]


def iso(us):
    return (EPOCH + timedelta(microseconds=us)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


# --- random data -----------------------------------------------------------------------------------


def journey(rnd, actor):
    """Few names and few times, so that ties and repeats abound; some actors span weeks."""
    unit = rnd.choice([1, 250000, 10**6, 3600 * 10**6, 86400 * 10**6])
    width = rnd.choice([3, 6, 12, 40])
    events = []
    for order in range(rnd.randint(1, 14)):
        us = rnd.randint(0, width) * unit + (rnd.randint(0, 20) * 86400 * 10**6
                                             if rnd.random() < 0.1 else 0)
        events.append((us, order, rnd.choice(NAMES),
                       {"plan": rnd.choice(PLANS), "n": rnd.choice(["1", "2"]),
                        "shift": "xyz"[(us // max(unit, 1) + actor) % 3]}))
    return events


def write(path, actors):
    """Each actor's events in the order of `order`, actors mixed: file order breaks ties."""
    rows = sorted(((e[1], actor, e) for actor, events in actors.items() for e in events),
                  key=lambda r: (r[0], r[1]))
    with open(path, "w", encoding="utf-8") as out:
        for _, actor, (us, _, name, props) in rows:
            out.write(json.dumps({"at": iso(us), "what": name, "who": actor, "visit": f"s-{actor}",
                                  **{k: v for k, v in props.items() if v}}) + "\n")


# --- random questions --------------------------------------------------------------------------------


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


def random_funnel(rnd):
    count = rnd.choice([1, 2, 2, 3, 3, 4, 5])
    distinct = rnd.random() < 0.4 and count <= len(NAMES)
    steps = [{"event": n} for n in rnd.sample(NAMES, count)] if distinct else \
        [random_matcher(rnd) for _ in range(count)]
    value, unit = rnd.choice([(0, "second"), (1, "second"), (2.5, "second"), (5, "hour"),
                              (3, "day"), (14, "day"), (10, "week")])
    arguments = {"steps": steps, "order": rnd.choice(["ordered", "ordered", "strict", "unordered"]),
                 "within": {"value": value, "unit": unit}}
    if rnd.random() < 0.2:
        arguments["filters"] = [{"field": "n", "op": "eq", "value": rnd.choice(["1", "2"])}]
    if rnd.random() < 0.6:
        attribution = rnd.choice(["first_touch", "last_touch", "all_events", "step"])
        arguments["attribution"] = attribution
        # events of one time share `shift`: which of them serves a step is then no matter
        arguments["breakdown"] = ["shift"] if attribution == "step" else \
            rnd.choice([["plan"], ["plan", "n"]])
        arguments["breakdown_limit"] = 100
        if attribution == "step":
            arguments["attribution_step"] = rnd.randint(1, count)
    return arguments


def random_retention(rnd):
    interval = rnd.choice(["hour", "day", "week", "month"])
    arguments = {"start": random_matcher(rnd), "interval": interval,
                 "kind": rnd.choice(["recurring", "first_time", "first_ever"]),
                 "periods": rnd.choice([3, 6, 11])}
    if rnd.random() < 0.7:
        arguments["returning"] = random_matcher(rnd)
    if rnd.random() < 0.4:
        arguments["breakdown"] = ["plan"]
        arguments["breakdown_limit"] = 100
    return arguments


# --- comparing ------------------------------------------------------------------------------------------


def quantile(values, p):
    """Linear interpolation between order statistics."""
    values = sorted(values)
    at = (len(values) - 1) * p
    low = int(at)
    high = min(low + 1, len(values) - 1)
    return values[low] + (values[high] - values[low]) * (at - low)


def check_steps(label, steps, runs, out):
    for number, step in enumerate(steps, 1):
        reached = [run for run in runs if len(run) >= number]
        if step["count"] != len(reached):
            out.append(f"{label}step {number}: {step['count']}, expected {len(reached)}")
        elif number > 1 and reached:
            taken = [(run[number - 1] - run[number - 2]) / 1e6 for run in reached]
            for name, want in (("average_s", statistics.fmean(taken)),
                               ("median_s", quantile(taken, 0.5)), ("p90_s", quantile(taken, 0.9))):
                if not close(step.get(name), want):
                    out.append(f"{label}step {number}: {name} {step.get(name)}, expected {want}")


def whole_period(arguments):
    return {**arguments, "source": "journeys", "from": "2026-01-01", "to": "2026-12-31"}


def check_funnel(rnd, store, actors, arguments):
    out = []
    asked = whole_period(arguments)
    result = store.call("run_funnel", asked)
    plain = {k: v for k, v in arguments.items() if k != "breakdown"}
    runs = [run for events in actors.values() for _, run in reference.journeys(plain, events)]
    check_steps("", result["steps"], runs, out)
    values = {}
    for actor, events in actors.items():
        for value, run in reference.journeys(arguments, events):
            values.setdefault(value, {})[actor] = run
    if arguments.get("breakdown"):
        found = {tuple(b["breakdown"]): b["steps"] for b in result["breakdowns"]}
        if set(found) != set(values):
            out.append(f"values {sorted(found)}, expected {sorted(values)}")
        for value in set(found) & set(values):
            check_steps(f"{value} ", found[value], list(values[value].values()), out)
    check_cell(rnd, store, asked, values, out)
    return out


def check_cell(rnd, store, asked, values, out):
    """Who stands in a random cell, and when they entered and came to their last step."""
    if not values:
        return
    value = rnd.choice(sorted(values, key=str))
    step, outcome = rnd.randint(1, len(asked["steps"])), rnd.choice(["reached", "dropped"])
    cell = {"step": step, "outcome": outcome}
    if value is not None:
        cell["breakdown"] = list(value)
    want = {actor: run for actor, run in values[value].items()
            if (len(run) >= step if outcome == "reached" else len(run) == step - 1)}
    listed = store.call("list_actors", {"of": "run_funnel", "arguments": asked, "cell": cell,
                                        "limit": 1000})
    got = {a["actor"]: a for a in listed["actors"]}
    if set(got) != set(want) or listed["total"] != len(want):
        out.append(f"actors of {cell}: {sorted(got)}, expected {sorted(want)}")
        return
    for actor, run in want.items():
        for name, us in (("entered_at", run[0]), ("last_step_at", run[-1])):
            told = datetime.fromisoformat(got[actor][name].replace("Z", "+00:00"))
            if told != EPOCH + timedelta(microseconds=us):
                out.append(f"{actor} {name} {got[actor][name]}, expected {iso(us)}")
        if got[actor].get("session") != f"s-{actor}":
            out.append(f"{actor} session {got[actor].get('session')}")


def interval_number(interval, first, count):
    def number(us):
        at = EPOCH + timedelta(microseconds=us)
        if interval == "month":
            i = (at.year - first.year) * 12 + at.month - first.month
        else:
            seconds = {"hour": 3600, "day": 86400, "week": 7 * 86400}[interval]
            i = int((at - first) // timedelta(seconds=seconds))
        return i if i < count else None

    return number


def check_retention(rnd, store, actors, arguments):
    out = []
    lead = {"hour": timedelta(hours=rnd.randint(0, 8)), "day": timedelta(days=rnd.randint(0, 4)),
            "week": timedelta(days=rnd.randint(0, 8)), "month": timedelta(days=3)}
    first_asked = EPOCH + lead[arguments["interval"]]
    last_asked = first_asked + {"hour": timedelta(hours=20), "day": timedelta(days=12),
                                "week": timedelta(days=40), "month": timedelta(days=60)}[
                                    arguments["interval"]]
    asked = {**arguments, "source": "journeys", "from": first_asked.isoformat(),
             "to": last_asked.isoformat()}
    result = store.call("retention_matrix", asked)
    plain = {k: v for k, v in asked.items() if k != "breakdown"}
    labels = [c["cohort"] for c in store.call("retention_matrix", plain)["cohorts"]]
    first = datetime.fromisoformat(labels[0].replace("Z", "+00:00"))
    first = first if first.tzinfo else first.replace(tzinfo=timezone.utc)
    cells = reference.retention(arguments, actors,
                                interval_number(arguments["interval"], first, len(labels)))
    got = {}
    for cohort in result["cohorts"]:
        for cell in cohort["cells"]:
            if cell["count"]:
                got[(tuple(cohort.get("breakdown", [])), labels.index(cohort["cohort"]),
                     cell["period"])] = cell["count"]
    want = {key: len(who) for key, who in cells.items()}
    for key in sorted(set(got) | set(want)):
        if got.get(key) != want.get(key):
            out.append(f"cell {key}: {got.get(key)}, expected {want.get(key)}")
    if cells and not out:
        value, cohort, period = rnd.choice(sorted(cells))
        cell = {"cohort": labels[cohort], "period": period}
        if arguments.get("breakdown"):
            cell["breakdown"] = list(value)
        listed = store.call("list_actors", {"of": "retention_matrix", "arguments": asked,
                                            "cell": cell, "limit": 1000})
        if {a["actor"] for a in listed["actors"]} != cells[(value, cohort, period)]:
            out.append(f"actors of {cell}: {sorted(a['actor'] for a in listed['actors'])}, "
                       f"expected {sorted(cells[(value, cohort, period)])}")
    return out


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--funnels", type=int, default=40)
    parser.add_argument("--retentions", type=int, default=12)
    parser.add_argument("--actors", type=int, default=400)
    options = parser.parse_args()
    rnd = random.Random(options.seed)
    actors = {f"u{i:03}": journey(rnd, i) for i in range(options.actors)}
    passed, failed = 0, 0
    with tempfile.TemporaryDirectory(prefix="sextant-properties-") as folder:
        store = Store(os.path.join(folder, "store"))
        missing = missing_engine(store)
        if missing:
            print(f"skipped: {missing}")
            return 77
        path = os.path.join(folder, "journeys.jsonl")
        write(path, actors)
        store.load("journeys", path, "--time", "at", "--event", "what", "--actor", "who",
                   "--session", "visit")
        questions = [(check_funnel, random_funnel)] * options.funnels + \
            [(check_retention, random_retention)] * options.retentions
        for check, ask in questions:
            arguments = ask(rnd)
            try:
                out = check(rnd, store, actors, arguments)
            except (ToolError, RuntimeError) as error:
                out = [str(error)]
            passed, failed = passed + (not out), failed + bool(out)
            if out:
                print(f"DIFFERENT {json.dumps(arguments)}", *out[:8], sep="\n    ")
    print(f"properties, seed {options.seed}: {passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
