#!/usr/bin/env python3
"""Random journeys through attribute_conversions against the plain reference.

usage: attribution.py [--seed N] [--questions N] [--actors N]

One import, then one call per random question (and one for who stands in a random cell): every
model, windows from seconds to weeks, touches and conversions that share a time or are the same
event, periods that begin in the middle, few channels kept. Exit status: 0 all equal, 1 a
difference, 77 no engine.
"""
import argparse
import json
import os
import random
import sys
import tempfile
from datetime import datetime, timedelta, timezone

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import attribution_reference as reference
from report import close
from sextant import Store, ToolError, missing_engine

EPOCH = datetime(2026, 3, 2, tzinfo=timezone.utc)
MODELS = ["first", "last", "linear", "position", "decay", "nearest", "markov", "probabilistic"]
CHANNELS = ["", "ads", "mail", "search", "it's", "(none) yet", "blog", "émoji 🦊"]
NAMES = ["visit", "visit", "visit", "click", "buy", "other"]
UNITS = {"second": 10**6, "hour": 3600 * 10**6, "day": 86400 * 10**6}


def iso(us):
    return (EPOCH + timedelta(microseconds=us)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def journey(rnd):
    """Few times, so that ties abound."""
    unit = rnd.choice([1, 250000, 10**6, 3600 * 10**6, 86400 * 10**6])
    width = rnd.choice([3, 6, 12, 30])
    return [(rnd.randint(0, width) * unit, order, rnd.choice(NAMES), rnd.choice(CHANNELS))
            for order in range(rnd.randint(1, 14))]


def write(path, actors):
    """File order breaks ties."""
    rows = sorted(((e[1], actor, e) for actor, events in actors.items() for e in events),
                  key=lambda r: (r[0], r[1]))
    with open(path, "w", encoding="utf-8") as out:
        for _, actor, (us, _, name, channel) in rows:
            out.write(json.dumps({"at": iso(us), "what": name, "who": actor, "visit": f"s-{actor}",
                                  **({"channel": channel} if channel else {})}) + "\n")


def kinds(touch, conversion):
    """Which event is what, as the matchers say."""
    def of(name, channel):
        is_touch = channel != "" if touch is None else name in touch
        return {k for k, v in (("touch", is_touch), ("conversion", name in conversion)) if v}

    return of


def ask(rnd):
    touch = rnd.choice([None, ["visit"], ["visit", "click"], ["visit", "click", "buy"]])
    conversion = rnd.choice([["buy"], ["buy"], ["buy", "click"]])
    value, unit = rnd.choice([(0, "second"), (1, "second"), (5, "hour"), (1.5, "day"), (3, "day"),
                              (30, "day")])
    return {"model": rnd.choice(MODELS), "touch": touch, "conversion": conversion,
            "within": (value, unit), "from_us": rnd.choice([-10**15, 0, 2 * 10**6, 3 * UNITS["day"]]),
            "limit": rnd.choice([1, 2, 4, 25, 200])}


def matcher(names):
    return {"event": names[0]} if len(names) == 1 else {"any_of": [{"event": n} for n in names]}


def arguments_of(question):
    value, unit = question["within"]
    out = {"source": "journeys", "conversion": matcher(question["conversion"]), "field": "channel",
           "model": question["model"], "within": {"value": value, "unit": unit}, "to": "2026-12-31",
           "from": "2026-01-01" if question["from_us"] < 0 else iso(question["from_us"]),
           "breakdown_limit": question["limit"]}
    if question["touch"] is not None:
        out["touch"] = matcher(question["touch"])
    return out


def check(rnd, store, actors, question):
    out, of = [], kinds(question["touch"], question["conversion"])
    events = {actor: [(us, order, of(name, channel), channel) for us, order, name, channel in list_]
              for actor, list_ in actors.items()}
    value, unit = question["within"]
    want, who = reference.attribute(events, question["model"], int(value * UNITS[unit]),
                                    question["from_us"], question["limit"])
    asked = arguments_of(question)
    result = store.call("attribute_conversions", asked)
    got = {c["value"]: (c["touches"], c["conversions"], c["credit"]) for c in result["channels"]}
    total = sum(v[2] for v in want.values())
    for name in sorted(set(got) | set(want)):
        a, b = got.get(name), want.get(name)
        if a is None or b is None or a[:2] != tuple(b[:2]) or abs(a[2] - b[2]) > 1e-6:
            out.append(f"{name!r}: {a}, expected {b}")
    if total and not close(sum(c["share"] for c in result["channels"]), 1):
        out.append("the shares do not add up")
    if who:
        name = rnd.choice(sorted(who))
        listed = store.call("list_actors", {"of": "attribute_conversions", "arguments": asked,
                                            "cell": {"value": name}, "limit": 1000})
        if {a["actor"] for a in listed["actors"]} != who[name] or listed["total"] != len(who[name]):
            out.append(f"actors of {name!r}: {sorted(a['actor'] for a in listed['actors'])}, "
                       f"expected {sorted(who[name])}")
    return out


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--questions", type=int, default=40)
    parser.add_argument("--actors", type=int, default=200)
    options = parser.parse_args()
    rnd = random.Random(options.seed)
    actors = {f"u{i:03}": journey(rnd) for i in range(options.actors)}
    passed, failed = 0, 0
    with tempfile.TemporaryDirectory(prefix="sextant-attribution-") as folder:
        store = Store(os.path.join(folder, "store"))
        missing = missing_engine(store)
        if missing:
            print(f"skipped: {missing}")
            return 77
        path = os.path.join(folder, "journeys.jsonl")
        write(path, actors)
        store.load("journeys", path, "--time", "at", "--event", "what", "--actor", "who",
                   "--session", "visit")
        for number in range(options.questions):
            question = ask(rnd)
            question["model"] = MODELS[number % len(MODELS)]
            try:
                out = check(rnd, store, actors, question)
            except (ToolError, RuntimeError) as error:
                out = [str(error)]
            passed, failed = passed + (not out), failed + bool(out)
            if out:
                print(f"DIFFERENT {json.dumps(arguments_of(question))}", *out[:8], sep="\n    ")
    print(f"attribution, seed {options.seed}: {passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
