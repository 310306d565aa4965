"""Process logs: logs/*.csv.gz with oracles/*.json, and funnels over cases."""
import json
import os

from logs_process import CHECKS, decoded
from report import Family, close
from sextant import ToolError
from work import spread

# figure of an oracle file → the tool that gives it
TOOLS = {"variants_top20": "process_variants", "n_variants": "process_variants",
         "case_length": "process_variants", "dfg": "process_map", "start_activities": "process_map",
         "end_activities": "process_map", "activity_counts": "process_map",
         "rework": "rework_report", "bottlenecks": "bottlenecks", "service": "bottlenecks",
         "waiting": "bottlenecks", "throughput": "throughput",
         "cases_started_per_month": "throughput", "handover": "handover_network"}
MATCHES = {"eventually_follows_cases": "eventually_follows",
           "directly_follows_cases": "directly_follows", "exact_cases": "exact"}


def log_file(data, name):
    for end in (".csv.gz", ".csv"):
        path = os.path.join(data, "logs", name + end)
        if os.path.isfile(path):
            return path
    return None


class Logs:
    """Imports each log once into each store that asks for it."""

    def __init__(self, data):
        self.data = data
        self.loaded = set()

    def source(self, store, name):
        if (store.path, name) not in self.loaded:
            store.load(name, log_file(self.data, name), "--time", "timestamp", "--event",
                       "activity", "--actor", "case_id", "--case", "case_id")
            self.loaded.add((store.path, name))
        return name


def check_sequence(store, source, item, cases):
    out = []
    for figure, match in MATCHES.items():
        if figure not in item:
            continue
        result = store.call("conformance_check", {"source": source, "sequence": item["sequence"],
                                                  "match": match, "allow_unknown": True})
        if result["conforming"] != item[figure]:
            out.append(f"{match}: {result['conforming']}, expected {item[figure]}")
        if cases is not None and result["cases"] != cases:
            out.append(f"{match}: {result['cases']} cases, expected {cases}")
    return out


def check_rules(store, source, item):
    """response and precedence of the two activities of a sequence."""
    kinds = [kind for kind in ("response", "precedence") if kind in item]
    a, b = item["sequence"]
    result = store.call("conformance_check", {
        "source": source, "rules": [{"kind": kind, "a": a, "b": b} for kind in kinds]})
    return [f"{kind}: {got}, expected {item[kind]}" for kind, got in zip(kinds, result["rules"])
            if any(got[figure] != item[kind][figure] for figure in ("activated", "satisfied"))]


def check_samples(store, source, item):
    """The first cases, by name, that have the sequence, and those that do not."""
    out = []
    for name, conforming in (("eventually_follows_sample", True),
                             ("not_eventually_follows_sample", False)):
        result = store.call("list_actors", {
            "of": "conformance_check", "cell": {"conforming": conforming}, "limit": 5,
            "arguments": {"source": source, "sequence": item["sequence"],
                          "match": "eventually_follows", "allow_unknown": True}})
        got = [actor["actor"] for actor in result["actors"]]
        if got != item[name]:
            out.append(f"{name}: {got}, expected {item[name]}")
    return out


def check_alignment(store, source, item):
    out = []
    result = store.call("conformance_check", {"source": source, "sequence": item["reference"],
                                              "match": "alignment", "allow_unknown": True})
    for ours, theirs in (("total_cost", "total_cost"), ("conforming", "perfect_cases")):
        if theirs in item and result[ours] != item[theirs]:
            out.append(f"{ours} {result[ours]}, expected {item[theirs]}")
    if "mean_fitness" in item and not close(result["fitness"], item["mean_fitness"], 1e-5):
        out.append(f"fitness {result['fitness']}, expected {item['mean_fitness']}")
    if "cost_histogram" in item:
        got = {str(h["cost"]): h["cases"] for h in result["cost_histogram"]}
        if got != {k: v for k, v in item["cost_histogram"].items() if v}:
            out.append(f"cost_histogram {got}, expected {item['cost_histogram']}")
    return out


def answer(family, what, check):
    """Runs a check; an error, a crash or a result of another shape is a difference."""
    try:
        family.done(what, check())
    except (ToolError, RuntimeError, LookupError) as error:
        family.done(what, [f"{type(error).__name__}: {error}"])


def loaded(logs, store, family, name):
    """The source of a log, or None: a failed import is a difference."""
    try:
        return logs.source(store, name)
    except RuntimeError as error:
        family.done(f"{name} import", [str(error)])
        return None


def conformance_tasks(logs, family, name, oracle, offered):
    sequences = decoded(oracle.get("conformance") or [])
    alignment = decoded(oracle.get("linear_alignment") or None)
    whats = [(f"{name} {' > '.join(s['sequence'])}", s) for s in sequences]
    if "conformance_check" not in offered:
        for what, _ in whats:
            family.skip(what, "tool conformance_check not offered")
        if alignment:
            family.skip(f"{name} alignment", "tool conformance_check not offered")
        return None

    def task(store):
        source = loaded(logs, store, family, name)
        if source is None:
            return
        for what, item in whats:
            answer(family, what,
                   lambda item=item: check_sequence(store, source, item, oracle.get("n_cases")))
            answer(family, f"{what} cases", lambda item=item: check_samples(store, source, item))
            if "response" in item or "precedence" in item:
                answer(family, f"{what} response, precedence",
                       lambda item=item: check_rules(store, source, item))
        if alignment:
            answer(family, f"{name} alignment",
                   lambda: check_alignment(store, source, alignment))

    return task


def funnel_tasks(logs, family, name, item, offered):
    def check(store, source, window, want):
        within = {"value": 36500, "unit": "day"} if window == "none" else \
            {"value": int(window.rstrip("s")), "unit": "second"}
        result = store.call("run_funnel", {
            "source": source, "steps": item["steps"], "within": within, "actor": "case",
            "from": "1900-01-01", "to": "2200-01-01", "allow_unknown": True})
        got = [s["count"] for s in result["steps"]]
        return [] if got == want else [f"{got}, expected {want}"]

    def task(store):
        source = loaded(logs, store, family, name)
        for window, want in item["ordered_funnel"].items() if source else ():
            answer(family, f"{name} within {window}",
                   lambda window=window, want=want: check(store, source, window, want))

    return task


def other_figures(logs, family, name, oracle, offered):
    """A task for the tools whose figures are compared; the others are left out."""
    for figure, tool in TOOLS.items():
        if figure in oracle and tool not in offered:
            family.skip(f"{name} {figure}", f"tool {tool} not offered")
        elif figure in oracle and tool not in CHECKS:
            family.skip(f"{name} {figure}", f"no comparison written for {tool} yet")

    def task(store):
        source = loaded(logs, store, family, name)
        for tool, check in CHECKS.items() if source else ():
            try:
                for figure, differences in check(store, source, oracle).items():
                    family.done(f"{name} {figure}", differences)
            except (ToolError, RuntimeError, LookupError) as error:
                family.done(f"{name} {tool}", [f"{type(error).__name__}: {error}"])

    return task


def run(data, stores, offered):
    folder = os.path.join(data, "oracles")
    conformance, funnels = Family("oracles conformance"), Family("oracles ordered funnels")
    others, logs, tasks = Family("oracles other figures"), Logs(data), []
    for file in sorted(os.listdir(folder)) if os.path.isdir(folder) else []:
        name = file.removesuffix(".json")
        if name == file or name.startswith("DEFINITIONS"):
            continue
        with open(os.path.join(folder, file), encoding="utf-8") as handle:
            oracle = json.load(handle)
        if isinstance(oracle.get("logs"), dict):
            for log, item in oracle["logs"].items():
                if log_file(data, log) is None:
                    funnels.skip(log, "no such log")
                elif "run_funnel" not in offered:
                    funnels.skip(log, "tool run_funnel not offered")
                else:
                    tasks.append(funnel_tasks(logs, funnels, log, item, offered))
        elif "n_cases" in oracle or "conformance" in oracle:  # else of objects: see ocel.py
            if log_file(data, name) is None:
                conformance.skip(name, "no such log")
                continue
            tasks.append(other_figures(logs, others, name, oracle, offered))
            task = conformance_tasks(logs, conformance, name, oracle, offered)
            if task:
                tasks.append(task)
    spread(stores, tasks)
    return [f for f in (conformance, funnels, others) if f.ran or f.left_out]
