"""Object-centric logs: the tables of logs/ocel as OCEL 2.0 files of every kind, imported, and every
figure of oracles/ocel*.json."""
import json
import os
import tempfile

import ocel_files
import reference_objects
from logs import answer
from report import Family, close
from work import spread

NAMES = ("ocel20_example", "ocel2_logistics", "ocel_example", "ocel_p2p_normal")
# ending: how the file is written
FILES = {"json": lambda t, p: ocel_files.write_json(t, p, indent=2),
         "events_first.json": lambda t, p: ocel_files.write_json(t, p, events_first=True),
         "events_first.json.gz": lambda t, p: ocel_files.write_json(t, p, events_first=True),
         "sqlite": ocel_files.write_sqlite}
VARIANT_MAX = 200  # activities of a variant that are shown


def compare(what, got, expected):
    return [] if got == expected else [f"{what}: {str(got)[:600]}, expected {str(expected)[:600]}"]


def by(rows, *keys):
    return {tuple(row[k] for k in keys[:-1]): row[keys[-1]] for row in rows}


def flat(nested):
    """{(activity, type): value}, without zeros."""
    return {(a, t): v for a, types in nested.items() for t, v in types.items() if v}


def check_summary(store, source, oracle):
    got = store.call("object_summary", {"source": source})
    types = {t["type"]: t for t in got["types"]}
    out = compare("objects", got["objects"], oracle["n_objects"])
    out += compare("relations", got["relations"], oracle["n_relations"])
    for ours, theirs in (("objects", "objects_per_type"), ("relations", "relations_per_type"),
                         ("events", "events_per_type")):
        out += compare(theirs, {t: v[ours] for t, v in types.items()}, oracle[theirs])
    activities = {(r["activity"], r["type"]): r for r in got["activity_objects"]}
    expected = flat(oracle["activity_object_counts"])
    out += compare("activity_objects", sorted(activities), sorted(expected))
    for key, figures in expected.items():
        row = activities.get(key, {})
        for figure, value in figures.items():
            if not close(row.get(figure), value, 1e-6):
                out.append(f"{key} {figure}: {row.get(figure)}, expected {value}")
    out += compare("convergence", by(got["convergence"], "activity", "type", "events"),
                   flat(oracle["convergence"]))
    return out + compare("divergence", by(got["divergence"], "activity", "type", "objects"),
                         flat(oracle["divergence"]))


def check_variants(what, got, expected):
    """The counts in order; the sequences, where those that come as often may stand in any order."""
    out = compare(f"{what} counts", [v["objects"] for v in got], [v["count"] for v in expected])
    last = expected[-1]["count"] if len(expected) == 10 else 0
    ours = sorted((v["objects"], v["activities"]) for v in got if v["objects"] > last)
    theirs = sorted((v["count"], v["activities"][:VARIANT_MAX]) for v in expected
                    if v["count"] > last)
    return out + compare(what, ours, theirs)


def check_map(store, source, oracle):
    got = store.call("object_map", {"source": source})
    types = {t["type"]: t for t in got["types"]}
    out = compare("types", sorted(types), sorted(oracle["per_type"]))
    for name, expected in oracle["per_type"].items():
        mine = types.get(name, {})
        out += compare(f"{name} objects", mine.get("objects"), expected["n_objects"])
        out += compare(f"{name} variants", mine.get("distinct_variants"), expected["n_variants"])
        out += check_variants(name, mine.get("variants", []), expected["variants_top10"])
        out += compare(f"{name} edges", by(mine.get("edges", []), "from", "to", "count"),
                       {(a, b): n for a, b, n in expected["dfg"]})
        for ours, theirs in (("starts", "start"), ("ends", "end")):
            rows = {r["activity"]: r["objects"] for r in mine.get(ours, [])}
            out += compare(f"{name} {ours}", rows, expected[theirs])
    pairs = by(got["interactions"], "a", "b", "count")
    out += compare("interactions", pairs,
                   {(a, b): n for a, b, n in oracle["object_interaction"]})
    return out + compare("interactions in all", sum(pairs.values()),
                         oracle["object_interaction_total"])


def check_log(store, source, oracle):
    events = store.call("list_events", {"source": source, "from": "1970-01-01"})["events"]
    return compare("activities", {e["event"]: e["count"] for e in events}, oracle["activities"])


def check_waits(store, source, tables):
    """Hand-offs and queues, which have no oracle: against a plain reference."""
    out = []
    got = store.call("object_map", {"source": source})["handoffs"]
    expected = reference_objects.handoffs(tables)
    ours = {(h["from"], h["to"]): (h["count"], h["median_s"], h["p95_s"]) for h in got}
    out += compare("hand-offs", sorted(ours), sorted(expected))
    for key, figures in expected.items():
        if not all(close(a, b, 1e-6) for a, b in zip(ours.get(key, (None,) * 3), figures)):
            out.append(f"hand-offs {key}: {ours.get(key)}, expected {figures}")
    for name in sorted({o["object_type"] for o in tables.objects}):
        rows = store.call("object_contention", {"source": source, "type": name, "limit": 1000})
        expected = reference_objects.contention(tables, name)
        ours = {r["object"]: (r["waiting_cases"], r["wait_median_s"], r["wait_p95_s"])
                for r in rows["objects"]}
        out += compare(f"{name} queues", sorted(ours), sorted(expected))
        for key, figures in expected.items():
            if not all(close(a, b, 1e-6) for a, b in zip(ours.get(key, (None,) * 3), figures)):
                out.append(f"{name} queue {key}: {ours.get(key)}, expected {figures}")
    return out


def run(data, stores, tools):
    family = Family("ocel")
    folder = os.path.join(data, "logs", "ocel")
    wanted = {"object_summary", "object_map", "object_contention"}
    if not wanted <= set(tools) or not os.path.isdir(folder):
        family.skip("all", "no such tools" if os.path.isdir(folder) else "no logs")
        return [family]
    with tempfile.TemporaryDirectory(prefix="sextant-ocel-") as files:
        spread(stores, [task(family, data, folder, files, name) for name in NAMES])
    return [family]


def task(family, data, folder, files, name):
    def work(store):
        with open(os.path.join(data, "oracles", f"{name}.json"), encoding="utf-8") as text:
            oracle = json.load(text)
        tables = ocel_files.Tables(folder, name)
        for ending, write in FILES.items():
            path = os.path.join(files, f"{name}.{ending}")
            write(tables, path)
            what = f"{name}.{ending}"
            report = store.load(name, path)
            answer(family, f"{what} import", lambda r=report: compare(
                "events, objects", [r["rows_imported"], r["objects"], r["warnings"]],
                [oracle["n_events"], oracle["n_objects"], []]))
            for part, check in (("events", check_log), ("summary", check_summary),
                                ("map", check_map)):
                answer(family, f"{what} {part}", lambda c=check: c(store, name, oracle))
        answer(family, f"{name} waits", lambda: check_waits(store, name, tables))
    return work
