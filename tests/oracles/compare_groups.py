#!/usr/bin/env python3
"""Random groups through compare_groups against a plain reference.

usage: compare_groups.py [--seed N] [--questions N] [--actors N]

One import, then one call per random pair of groups: sizes, overlap, every share and score, and who
stands in a random cell. Exit status: 0 all equal, 1 a difference, 77 no engine.
"""
import argparse
import json
import math
import os
import random
import sys
import tempfile
from datetime import datetime, timedelta, timezone
from fractions import Fraction

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from sextant import Store, ToolError, missing_engine

EPOCH = datetime(2026, 3, 2, tzinfo=timezone.utc)
NAMES = ["visit", "click", "buy", "it's"]
FIELDS = {"device": ["", "mobile", "desktop"], "plan": ["", "free", "pro"], "n": ["1", "2", "3"]}


def day(number):
    return (EPOCH + timedelta(days=number)).strftime("%Y-%m-%dT%H:%M:%SZ")


def journey(rnd):
    """[(day, event, properties)]; what one does goes with what one is."""
    leaning = rnd.random()
    return [(rnd.randint(0, 19), rnd.choices(NAMES, [3, 2, 4 * leaning, 1])[0],
             {"device": FIELDS["device"][1 + (rnd.random() < leaning)] if rnd.random() < 0.8 else "",
              "plan": rnd.choice(FIELDS["plan"]), "n": rnd.choice(FIELDS["n"])})
            for _ in range(rnd.randint(1, 6))]


# --- the reference ----------------------------------------------------------------------------------


def fisher(a, b, c, d):
    with_, yes, rest = a + b, a + c, c + d

    def chance(x):
        return Fraction(math.comb(with_, x) * math.comb(rest, yes - x), math.comb(with_ + rest, yes))

    seen = chance(a)
    return float(sum(p for p in map(chance, range(max(0, yes - rest), min(with_, yes) + 1))
                     if p <= seen))


def independence(a, b, c, d):
    n, rows, columns = a + b + c + d, (a + b, c + d), (a + c, b + d)
    if 0 in rows + columns:
        return 1.0
    expected = [r * k / n for r in rows for k in columns]
    if min(expected) < 5:
        return fisher(a, b, c, d)
    return math.erfc(math.sqrt(sum((x - e) ** 2 / e for x, e in zip((a, b, c, d), expected)) / 2))


def adjusted(values):
    order = sorted(range(len(values)), key=lambda i: values[i])
    out, least = [0.0] * len(values), 1.0
    for rank in range(len(order), 0, -1):
        least = min(least, values[order[rank - 1]] * len(values) / rank)
        out[order[rank - 1]] = least
    return out


def is_member(segment, events, last_day):
    def count(deed):
        first = last_day + 1 - deed["within_days"] if "within_days" in deed else -10**6
        return sum(1 for when, event, _ in events
                   if event == deed["event"] and first <= when <= last_day)

    return all(count(d) >= d.get("min_times", 1) for d in segment.get("did", [])) and \
        not any(count(d) >= d.get("min_times", 1) for d in segment.get("did_not", [])) and \
        (not segment.get("filters") or
         any(when <= last_day and all(p[f["field"]] == f["value"] for f in segment["filters"])
             for when, _, p in events))


def compare(actors, a, b, fields, first_day, last_day):
    groups = {}
    for name, segment in (("a", a), ("b", b)):
        groups[name] = {}
        for actor, events in actors.items():
            seen = [e for e in events if first_day <= e[0] <= last_day]
            if seen and is_member(segment, events, last_day):
                groups[name][actor] = {(f, event if f == "event" else p[f])
                                       for _, event, p in seen for f in fields} - \
                    {(f, "") for f in fields}
    sizes = {g: len(members) for g, members in groups.items()}
    table = {}
    for values in groups.values():
        for pairs in values.values():
            for pair in pairs:
                table[pair] = [sum(pair in v for v in groups[g].values()) for g in "ab"]
    keys = sorted(table) if all(sizes.values()) else []
    ps = adjusted([independence(x, sizes["a"] - x, y, sizes["b"] - y)
                   for x, y in (table[k] for k in keys)])
    out = {}
    for key, p in zip(keys, ps):
        x, y = table[key][0] / sizes["a"], table[key][1] / sizes["b"]
        h = abs(2 * math.asin(math.sqrt(x)) - 2 * math.asin(math.sqrt(y)))
        out[key] = (x, y, x - y, h if p < 0.05 else 0)
    return sizes, len(set(groups["a"]) & set(groups["b"])), out, groups


# --- the questions ----------------------------------------------------------------------------------


def random_segment(rnd):
    deed = {"event": rnd.choice(NAMES)}
    if rnd.random() < 0.3:
        deed["min_times"] = 2
    if rnd.random() < 0.3:
        deed["within_days"] = rnd.choice([3, 7])
    kind = rnd.random()
    if kind < 0.4:
        return {"did": [deed]}
    if kind < 0.6:
        return {"did_not": [deed]}
    if kind < 0.8:
        return {"did": [{"event": "visit"}], "did_not": [deed]}
    field = rnd.choice(list(FIELDS))
    return {"filters": [{"field": field, "value": rnd.choice(FIELDS[field][1:])}]}


def check(rnd, store, actors):
    first_day, last_day = rnd.choice([(0, 19), (0, 9), (5, 14)])
    a, b = random_segment(rnd), random_segment(rnd)
    fields = rnd.choice([None, ["event"], ["device", "plan"], ["n", "event"]])
    asked = {"source": "groups", "a": a, "b": b, "limit": 1000, "from": day(first_day)[:10],
             "to": day(last_day)[:10]}
    if fields:
        asked["fields"] = fields
    sizes, overlap, want, groups = compare(actors, a, b, fields or ["event", *FIELDS], first_day,
                                           last_day)
    result, out = store.call("compare_groups", asked), []
    told = (result["size_a"], result["size_b"], result["overlap"])
    if told != (sizes["a"], sizes["b"], overlap):
        out.append(f"sizes {told}, expected {sizes} {overlap}")
    got = {(d["field"], d["value"]): (d["a_share"], d["b_share"], d["difference"], d["score"])
           for d in result["differences"]}
    for key in sorted(set(got) | set(want)):
        x, y = got.get(key), want.get(key)
        if x is None or y is None or any(abs(m - n) > 1e-9 for m, n in zip(x, y)):
            out.append(f"{key}: {x}, expected {y}")
    order = [(-d["score"], -round(abs(d["difference"]), 12)) for d in result["differences"]]
    if order != sorted(order):
        out.append("not by score")
    if want:
        (field, value), group = rnd.choice(sorted(want)), rnd.choice("ab")
        members = {actor for actor, pairs in groups[group].items() if (field, value) in pairs}
        listed = store.call("list_actors", {"of": "compare_groups", "arguments": asked,
                                            "limit": 1000,
                                            "cell": {"field": field, "value": value, "group": group}})
        if {m["actor"] for m in listed["actors"]} != members:
            out.append(f"actors of {field} {value} in {group} differ")
    return asked, out


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--questions", type=int, default=24)
    parser.add_argument("--actors", type=int, default=150)
    options = parser.parse_args()
    rnd = random.Random(options.seed)
    actors = {f"u{i:03}": journey(rnd) for i in range(options.actors)}
    failed = 0
    with tempfile.TemporaryDirectory(prefix="sextant-groups-") as folder:
        store = Store(os.path.join(folder, "store"))
        missing = missing_engine(store)
        if missing:
            print(f"skipped: {missing}")
            return 77
        path = os.path.join(folder, "groups.jsonl")
        with open(path, "w", encoding="utf-8") as out:
            for actor, events in actors.items():
                for number, (when, event, properties) in enumerate(events):
                    out.write(json.dumps({"at": day(when), "what": event, "who": actor,
                                          "id": f"{actor}-{number}",  # too many values to compare
                                          **{k: v for k, v in properties.items() if v}}) + "\n")
        store.load("groups", path, "--time", "at", "--event", "what", "--actor", "who")
        for _ in range(options.questions):
            try:
                asked, different = check(rnd, store, actors)
            except (ToolError, RuntimeError) as error:
                asked, different = None, [str(error)]
            failed += bool(different)
            if different:
                print(f"DIFFERENT {json.dumps(asked)}", *different[:8], sep="\n    ")
    print(f"compare_groups, seed {options.seed}: {options.questions - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
