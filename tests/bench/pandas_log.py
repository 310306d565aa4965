#!/usr/bin/env python3
"""Times the questions of process mining against a program with pandas, both from cold, the log on disk.

usage: pandas_log.py LOG.csv.gz [--case NAME] [--time NAME] [--activity NAME] [--copies N]
                     [--sextant PATH] [--repeat N] [--only TEXT] [--write]

LOG          a log as CSV, gzip or not; its cases are repeated --copies times (default 50) under other names
--write      put the table into docs/benchmarks.md

pandas (Debian's python3-pandas) reads the copies as CSV, with only the three columns that it needs, and works one
figure out; Sextant has imported the same CSV, which is timed by itself, and is asked by `sextant call`. Both are a
new process each time. Medians of wall time; the answers are compared.
"""
import argparse
import csv
import gzip
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from bench import ROOT, machine, write_page  # noqa: E402


# --- the program with pandas: one figure of a file, as JSON -----------------------------------------

def read(path):
    import pandas  # only this side needs it
    log = pandas.read_csv(path, dtype={"case": "string", "activity": "category"}, parse_dates=["time"])
    return log.sort_values(["case", "time"], kind="stable")


def variants(log):
    cases = log.groupby("case", sort=False).agg(trace=("activity", tuple), first=("time", "min"), last=("time", "max"))
    cases["taken"] = (cases["last"] - cases["first"]).dt.total_seconds()
    taken = cases.groupby("trace")["taken"]
    rows = zip(taken.size().items(), taken.quantile(0.5), taken.quantile(0.9))
    return sorted(([n, list(trace), median, p90] for (trace, n), median, p90 in rows), key=lambda r: (-r[0], r[1]))[:20]


def edges(log):
    follows = log["case"] == log["case"].shift(-1)
    gaps = log.assign(to=log["activity"].shift(-1), gap=log["time"].shift(-1) - log["time"])[follows]
    gaps["gap"] = gaps["gap"].dt.total_seconds()
    return gaps.groupby(["activity", "to"], observed=True)["gap"]


def process_map(log):
    gaps = edges(log)
    figures = gaps.agg(["size", "mean", "median", "min", "max", "sum"])
    figures["p95"] = gaps.quantile(0.95)
    return sorted([a, b, int(r["size"]), r["mean"], r["median"], r["p95"], r["min"], r["max"], r["sum"]]
                  for (a, b), r in figures.iterrows())


def rework(log):
    seen = log.groupby(["activity", "case"], observed=True, sort=False).size()
    of = seen.groupby(level=0, observed=True)
    repeats = seen[seen > 1].groupby(level=0, observed=True).size()
    loops = log[(log["case"] == log["case"].shift(-1)) & (log["activity"] == log["activity"].shift(-1))].groupby("activity", observed=True).size()
    return sorted([a, int(n), int(repeats[a]), int(of.sum()[a] - n), int(loops.get(a, 0))] for a, n in of.size().items() if a in repeats)


def throughput(log):
    times = log.groupby("case", sort=False)["time"].agg(["min", "max"])
    taken = (times["max"] - times["min"]).dt.total_seconds()
    return [taken.mean(), *(taken.quantile(q) for q in (0.05, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99))]


# --- the same of our answers ------------------------------------------------------------------------

def our_variants(r):
    return [[v["cases"], v["activities"], v["median_s"], v["p90_s"]] for v in r["variants"]]


def our_edges(r):
    return sorted([e["from"], e["to"], e["count"], *(e[f"{k}_s"] for k in ("mean", "median", "p95", "min", "max", "total"))] for e in r["edges"])


def our_rework(r):
    return sorted([a["activity"], a["cases"], a["cases_with_repeat"], a["extra_occurrences"], a["self_loops"]] for a in r["activities"])


def our_throughput(r):
    return [r["duration"][f"{k}_s"] for k in ("mean", "p5", "p25", "p50", "p75", "p90", "p95", "p99")]


QUESTIONS = {
    # name: (with pandas, tool, arguments, the same of its result)
    "variants": (variants, "process_variants", {"limit": 20}, our_variants),
    "map": (process_map, "process_map", {}, our_edges),
    "rework": (rework, "rework_report", {}, our_rework),
    "throughput": (throughput, "throughput", {}, our_throughput),
}


def is_close(a, b):
    if isinstance(a, list):
        return isinstance(b, list) and len(a) == len(b) and all(map(is_close, a, b))
    return a == b if isinstance(a, str) else abs(a - b) <= 1e-6 * max(1, abs(a))


# --- timing -----------------------------------------------------------------------------------------

def write_copies(options, path):
    """time, activity, case, …: the copies of the log, one after the other."""
    with (gzip.open if options.log.endswith(".gz") else open)(options.log, "rt", encoding="utf-8", newline="") as file:
        rows = [(r[options.case], r[options.activity], r[options.time]) for r in csv.DictReader(file)]
    with open(path, "w", encoding="utf-8", newline="") as file:
        out = csv.writer(file, lineterminator="\n")
        out.writerow(["case", "activity", "time"])
        for copy in range(options.copies):
            out.writerows((f"{case}-{copy}", activity, at) for case, activity, at in rows)
    return len(rows) * options.copies


def timed(command):
    started = time.perf_counter()
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True)
    return time.perf_counter() - started, json.loads(done.stdout)


def compare(options, name, file, store):
    theirs, ours = [], []
    _, tool, arguments, shape = QUESTIONS[name]
    command = [options.sextant, "call", tool, json.dumps({"source": "log", **arguments}), "--format", "json", "--data", store]
    for _ in range(options.repeat):
        took, want = timed([sys.executable, __file__, file, "--figure", name])
        theirs.append(took)
        took, got = timed(command)
        ours.append(took)
    got = shape(got)
    if not is_close(got, want):
        sys.exit(f"{name}: the answers differ: {str(got)[:1000]}\n{str(want)[:1000]}")
    return statistics.median(theirs), statistics.median(ours)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("log")
    for name, default in (("case", "case_id"), ("time", "timestamp"), ("activity", "activity")):
        parser.add_argument(f"--{name}", default=default)
    parser.add_argument("--copies", type=int, default=50)
    parser.add_argument("--sextant", default=os.environ.get("SEXTANT_BIN", str(ROOT / "build" / "sextant")))
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--only", default="", help="only figures whose name contains it")
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--figure", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.figure:
        print(json.dumps(QUESTIONS[options.figure][0](read(options.log))))
        return
    with tempfile.TemporaryDirectory(prefix="sextant-bench-") as folder:
        file, store = os.path.join(folder, "log.csv"), os.path.join(folder, "store")
        events, before = write_copies(options, file), machine()
        started = time.perf_counter()
        subprocess.run([options.sextant, "import", file, "--source", "log", "--time", "time", "--event", "activity", "--actor", "case",
                        "--case", "case", "--data", store], check=True, stdout=subprocess.DEVNULL)
        lines = [f"{events:,} events, imported in {time.perf_counter() - started:.1f} s; medians of {options.repeat}. {before}", "",
                 "| figure | pandas | Sextant | ratio |", "|---|---|---|---|"]
        for name in (n for n in QUESTIONS if options.only in n):
            theirs, ours = compare(options, name, file, store)
            lines.append(f"| {name} | {theirs:.2f} s | {ours:.2f} s | {theirs / ours:.1f} times as fast |")
            print(f"… {lines[-1]}", file=sys.stderr, flush=True)
    print("\n".join(lines))
    if options.write:
        write_page("\n".join(lines), "process-pandas")


if __name__ == "__main__":
    main()
