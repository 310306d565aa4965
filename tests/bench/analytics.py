#!/usr/bin/env python3
"""Times the questions of product analytics and process mining against the queries an analyst would write.

usage: analytics.py [--shape NAME] [--sextant PATH] [--libchdb PATH] [--events N] [--repeat N]
                    [--only TEXT] [--keep DIR] [--write] [--json]

--shape NAME import (default): the table that `sextant import` makes, beside the one that an analyst
             would (texts, a Map, ORDER BY event and time)
             clickstack: spans as ClickStack keeps them, users and sessions as texts in Maps; both
             sides ask the same table
             named: that with a mapping that names the one key that the analyst reads for the user
             materialized: that with columns of its own for the user and the property asked for,
             as HyperDX adds them; the analyst's statements go on reading the Maps
             process: a log of cases on 110,000 ways with a long tail, as `sextant import` keeps it, beside texts ordered by
             activity and time; process-ties: the same where events of a case often share their time
--events N   5M, 20M (default), 100M or any number; N/10 actors with a heavy tail, 40 event names,
             90 days, 8 properties
--keep DIR   keep the two stores below it, for each shape and size, and use them again if they are there
--only TEXT  only questions whose name contains it
--write      put the table into docs/benchmarks.md; not with --only

Two stores hold the same events, in tables filled by the engine (tables.py); questions.py and process.py say what
is asked. Ours is a whole call of the tool on a warm server, over stdio; theirs is the statement alone, in a
process that only has the same library. They take turns; medians of wall and of processor time are
compared, since the latter hardly depends on neighbours. Memory is the peak of the server's resident
set above what it held before the question. Both answers must agree, or the run fails.
"""
import argparse
import contextlib
import dataclasses
import json
import os
import pathlib
import re
import statistics
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from bench import ROOT, Stdio, call, machine, result_of, write_page  # noqa: E402
from engine import Engine, find_library  # noqa: E402
from tables import SHAPES, fill  # noqa: E402


def serve_queries(library, store):
    """The analyst: one statement a line in, how long it took and its rows out."""
    engine = Engine(library, os.path.join(store, "engine"))
    for line in sys.stdin:
        started = time.monotonic()
        text = engine.run(json.loads(line))
        print(json.dumps({"s": time.monotonic() - started, "rows": [r.split("\t") for r in text.splitlines()]}), flush=True)
    engine.close()


class Process:
    def __init__(self, pid):
        self.pid = pid

    def cpu_s(self):
        fields = pathlib.Path(f"/proc/{self.pid}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def memory_mb(self, name):
        status = pathlib.Path(f"/proc/{self.pid}/status").read_text(encoding="ascii")
        return int(re.search(rf"{name}:\s+(\d+)", status).group(1)) / 1024

    def forget_peak(self):
        pathlib.Path(f"/proc/{self.pid}/clear_refs").write_text("5", encoding="ascii")


class Side:
    """One process that answers, and what each answer cost it."""

    def __init__(self, command, ask):
        self.door = Stdio(command, errors=None)
        self.process = Process(self.door.child.pid)
        self.ask = ask
        self.wall, self.cpu, self.peak_mb, self.before_mb = [], [], 0, 0

    def begin(self):
        self.before_mb = self.process.memory_mb("VmRSS")
        self.process.forget_peak()

    def turn(self, body, is_counted):
        cpu, started = self.process.cpu_s(), time.monotonic()
        answer = self.ask(self.door, body)
        if is_counted:
            self.wall.append(time.monotonic() - started)
            self.cpu.append(self.process.cpu_s() - cpu)
        self.peak_mb = self.process.memory_mb("VmHWM")
        return answer


def run_question(options, folder, question, target):
    (name, tool, arguments, naive, check), shape = question, SHAPES[options.shape].theirs
    theirs = Side([sys.executable, __file__, "--libchdb", options.libchdb, "--serve", str(folder / "theirs")],
                  lambda door, sql: json.loads(door.ask(json.dumps(sql).encode()))["rows"])
    ours = Side([options.sextant, "stdio", "--toolsets", "all", "--data", str(folder / "ours"), "--libchdb", options.libchdb],
                lambda door, body: result_of(door.ask(body)))
    with contextlib.closing(theirs.door), contextlib.closing(ours.door):
        theirs.turn(f"SELECT count() FROM {shape.table}", False)
        ours.turn(call("list_sources", {}), False)
        for side in (theirs, ours):
            side.begin()
        body, naive = call(tool, arguments), naive.format_map(dataclasses.asdict(shape))
        for i in range(options.repeat + 1):
            rows = theirs.turn(naive, i > 0)
            result = ours.turn(body, i > 0)
        wrong = check(result, rows)
    if wrong:
        print(f"{name}: the answers differ: {wrong}", file=sys.stderr)
    med = statistics.median
    return {"question": name, "target": target, "ours_ms": round(med(ours.wall) * 1000), "theirs_ms": round(med(theirs.wall) * 1000),
            "ratio": round(med(ours.wall) / med(theirs.wall), 2), "ratio_cpu": round(med(ours.cpu) / max(med(theirs.cpu), 0.01), 2),
            "ours_mb": round(ours.peak_mb - ours.before_mb), "theirs_mb": round(theirs.peak_mb - theirs.before_mb),
            "is_equal": not wrong}


def table(results):
    lines = ["| question | analyst | Sextant | ratio (processor) | target | memory, analyst | Sextant |", "|---|---|---|---|---|---|---|"]
    for r in results:
        lines.append(f"| {r['question']} | {r['theirs_ms']:,} ms | {r['ours_ms']:,} ms | {r['ratio']:.2f} ({r['ratio_cpu']:.2f}) "
                     f"| {r['target']} | {r['theirs_mb']} MB | {r['ours_mb']} MB |{'' if r['is_equal'] else ' **differs**'}")
    return "\n".join(lines)


def count_of(text):
    return int(float(text[:-1]) * 1e6) if text[-1] in "Mm" else int(text)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sextant", default=os.environ.get("SEXTANT_BIN", str(ROOT / "build" / "sextant")))
    parser.add_argument("--libchdb", default=find_library())
    parser.add_argument("--shape", choices=SHAPES, default="import")
    parser.add_argument("--events", type=count_of, default=20000000)
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--only", default="")
    parser.add_argument("--keep", type=pathlib.Path)
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--serve", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        serve_queries(options.libchdb, options.serve)
        return
    if options.write and options.only:
        parser.error("--write puts a whole table there: not with --only")
    if not options.libchdb:
        print("no libchdb.so: ./dev setup fetches it")
        sys.exit(77)
    results = []
    with tempfile.TemporaryDirectory(prefix="sextant-bench-") as name:
        folder = (options.keep or pathlib.Path(name)).resolve() / f"{options.shape}-{options.events}"
        fill(options.libchdb, folder, options.shape, options.events)
        before = machine()
        for question, target in zip(SHAPES[options.shape].questions, SHAPES[options.shape].targets):
            if options.only in question[0]:
                results.append(run_question(options, folder, question, target))
                print(f"… {results[-1]}", file=sys.stderr, flush=True)
    page = f"{options.events:,} events, medians of {options.repeat}. {before}\n\n{table(results)}"
    print(json.dumps(results) if options.json else page)
    if options.write:
        write_page(page, SHAPES[options.shape].marker)
    sys.exit(0 if all(r["is_equal"] for r in results) else 1)


if __name__ == "__main__":
    main()
