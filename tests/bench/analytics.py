#!/usr/bin/env python3
"""Times the questions of product analytics against the queries an analyst would write.

usage: analytics.py [--sextant PATH] [--libchdb PATH] [--events N] [--repeat N] [--only TEXT]
                    [--keep DIR] [--write] [--json]

--events N   5M, 20M (default), 100M or any number; N/10 actors with a heavy tail, 40 event names,
             90 days, 8 properties
--keep DIR   keep the two stores there, and use them again if they are there
--only TEXT  only questions whose name contains it
--write      put the table into docs/benchmarks.md

Two tables hold the same events: the analyst's (texts, a Map, ORDER BY event and time) and the one
that `sextant import` makes, filled by the engine from the statement of sql/import_table.sql.
Ours is a whole call of the tool on a warm server, over stdio; theirs is the statement alone, in a
process that only has the same library. They take turns; medians of wall and of processor time are
compared, since the latter hardly depends on neighbours. Memory is the peak of the server's resident
set above what it held before the question. Both answers must agree, or the run fails.
"""
import argparse
import contextlib
import json
import os
import pathlib
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from bench import ROOT, Stdio, call, machine, result_of, write_page  # noqa: E402
from engine import Engine, find_library  # noqa: E402

DAYS = 90
FIRST = 1767225600  # 2026-01-01
STEPS = ["page_view", "product_view", "add_to_cart", "checkout", "purchase"]
COPIES = ["country", "device", "browser", "plan", "page", "campaign", "version"]


def events_sql(events):
    """Sessions of one to nine events; who has them has a heavy tail."""
    sessions, actors = events // 5, events // 10
    return f"""
SELECT fromUnixTimestamp64Micro(toInt64({FIRST}000000 + t), 'UTC') AS time, event,
       concat('user_', leftPad(toString(id), 8, '0')) AS actor,
       lower(hex(cityHash64(sn))) AS session,
       -- by first sight, as import does, which is no order of the texts
       toUInt32((id * 314159) % {actors} + 1) AS actor_number, toUInt32(sn + 1) AS session_number, seq,
       CAST((['country', 'device', 'browser', 'plan', 'page', 'campaign', 'amount', 'version'],
             [['US', 'DE', 'GB', 'FR', 'IN', 'BR', 'JP', 'CA', 'ES', 'IT', 'NL', 'SE'][1 + id % 12],
              ['desktop', 'mobile', 'tablet'][1 + id % 3],
              ['chrome', 'safari', 'firefox', 'edge', 'opera'][1 + intDiv(id, 7) % 5],
              ['free', 'basic', 'pro', 'team'][1 + intDiv(id, 11) % 4], concat('/p/', toString(h2 % 200)),
              concat('c', toString(sn % 20)), toString(h2 % 10000 / 100), concat('1.', toString(sn % 10))]),
            'Map(LowCardinality(String), String)') AS properties
FROM (
    SELECT number AS sn, cityHash64(number, 7) AS h,
           least(toUInt64({actors} * pow((h % 1000003) / 1000003., 1.7)) + cityHash64(number, 9) % 3, {actors} - 1) AS id,
           toInt64(cityHash64(number, 3) % ({DAYS} * 86400 - 600)) * 1000000 AS t0,
           arrayJoin(range(toUInt64(1 + h % 9))) AS i,
           cityHash64(number, i) AS h2, t0 + i * 45000000 + h2 % 40000000 AS t, number * 16 + i AS seq,
           h2 % 100 AS w,
           multiIf(w < 30, 'page_view', w < 50, 'product_view', w < 60, 'add_to_cart', w < 66, 'checkout',
                   w < 70, 'purchase', concat('feature_', leftPad(toString(intDiv(h2, 100) % 35), 2, '0'))) AS event
    FROM numbers({sessions})
)"""


# --- the questions -------------------------------------------------------------------------------

PERIOD = {"source": "bench", "from": "2026-01-01", "to": "2026-03-31"}
IN_STEPS = "name IN ({})".format(", ".join(f"'{s}'" for s in STEPS))
CONDITIONS = ", ".join(f"name = '{s}'" for s in STEPS)
WEEK_MS = 7 * 86400 * 1000
FUNNEL = {**PERIOD, "steps": STEPS, "within": {"value": 7, "unit": "day"}}

NAIVE_FUNNEL = f"""
SELECT level, count() FROM (
    SELECT user, windowFunnel({WEEK_MS})(toUInt64(toUnixTimestamp64Milli(ts)), {CONDITIONS}) AS level
    FROM b.events WHERE {IN_STEPS} GROUP BY user)
GROUP BY level"""

# The latest start that has reached each step, and when the last one was first reached.
NAIVE_TIMES = f"""
SELECT level, count(), avg(taken) FROM (
    SELECT user, arrayFold((a, e) -> if(e.2 = 1, (arrayConcat([e.1], arraySlice(a.1, 2)), greatest(a.2, 1), a.3),
               if(a.1[e.2 - 1] > 0 AND e.1 - a.1[e.2 - 1] <= {WEEK_MS}000,
                  (arrayConcat(arraySlice(a.1, 1, e.2 - 1), [a.1[e.2 - 1]], arraySlice(a.1, e.2 + 1)),
                   greatest(a.2, e.2), if(e.2 > a.2, e.1 - a.1[e.2 - 1], a.3)), a)),
               arraySort(groupArray((toInt64(toUnixTimestamp64Micro(ts)), toInt64(indexOf({STEPS}, name))))),
               ([toInt64(0), 0, 0, 0, 0], toInt64(0), toInt64(0))) AS state, state.2 AS level, state.3 AS taken
    FROM b.events WHERE {IN_STEPS} GROUP BY user)
GROUP BY level"""

NAIVE_DAILY = """
SELECT toString(a.d), dateDiff('day', a.d, b.d) AS period, uniqExact(a.user)
FROM (SELECT DISTINCT user, toDate(ts) AS d FROM b.events WHERE name = 'page_view') AS a
JOIN (SELECT DISTINCT user, toDate(ts) AS d FROM b.events WHERE name = 'product_view') AS b ON a.user = b.user
WHERE b.d > a.d GROUP BY 1, 2"""

NAIVE_WEEKLY = """
SELECT toString(toMonday(f.d)), intDiv(dateDiff('day', toMonday(f.d), b.d), 7) AS period, uniqExact(f.user)
FROM (SELECT user, min(toDate(ts)) AS d FROM b.events WHERE name = 'page_view' GROUP BY user) AS f
JOIN (SELECT user, toDate(ts) AS d FROM b.events WHERE name = 'product_view') AS b ON f.user = b.user
WHERE toMonday(b.d) > toMonday(f.d) GROUP BY 1, 2"""

NAIVE_TREND = """
SELECT toString(toDate(ts)), properties['country'] AS country, uniqExact(user)
FROM b.events WHERE name = 'page_view' GROUP BY 1, 2"""

# Runs of a session, cut at pauses of half an hour; the first five events of each.
NAIVE_PATHS = """
SELECT step, source, target, count() FROM (
    SELECT arrayJoin(arrayMap(i -> (i, run[i].2, run[i + 1].2), range(1, least(5, length(run))))) AS edge,
           edge.1 AS step, edge.2 AS source, edge.3 AS target
    FROM (
        SELECT session, arraySort(groupArray((ts, name))) AS events,
               arrayJoin(arraySplit((e, d) -> d >= 1800, events,
                   arrayMap(i -> if(i = 1, 0, dateDiff('second', events[i - 1].1, events[i].1)), arrayEnumerate(events)))) AS run
        FROM b.events GROUP BY session))
GROUP BY step, source, target"""


def rows_of_funnel(rows):
    """Actors who reached each step, from those who stopped there."""
    stopped = {int(r[0]): int(r[1]) for r in rows}
    return {step: sum(n for level, n in stopped.items() if level >= step) for step in range(1, len(STEPS) + 1)}


def check_funnel(result, rows):
    want = rows_of_funnel(rows)
    return [(s["step"], s["count"], want[s["step"]]) for s in result["steps"] if s["count"] != want[s["step"]]]


def check_times(result, rows):
    out = check_funnel(result, rows)
    whole = [float(r[2]) / 1e6 for r in rows if int(r[0]) == len(STEPS)]
    average = result["overall"].get("average_s")
    if whole and abs(whole[0] - average) > 1e-6 * whole[0]:
        out.append(("average_s", average, whole[0]))
    return out


def check_cells(result, rows):
    want = {(r[0], int(r[1])): int(r[2]) for r in rows}
    got = {(c["cohort"], cell["period"]): cell["count"] for c in result["cohorts"] for cell in c["cells"]
           if cell["period"] > 0 and cell["count"] > 0}
    kept = {c["cohort"] for c in result["cohorts"]}  # a result of 100 kB drops the last ones
    want = {k: n for k, n in want.items() if k[0] in kept}
    return [(k, got.get(k), want.get(k)) for k in sorted(set(got) | set(want)) if got.get(k) != want.get(k)][:3]


def check_trend(result, rows):
    want = {}
    for day, country, n in rows:
        want[(day, country)] = int(n)
    total = sum(want.values())
    got = sum(p["value"] for p in result["points"])
    listed = [(p["time"][:10], p["breakdown"][0]) for p in result["points"] if p["value"] > 0]
    wrong = [(k, p["value"], want.get(k)) for k, p in zip(listed, (p for p in result["points"] if p["value"] > 0))
             if want.get(k) != p["value"]][:3]
    if "truncated" not in result["meta"] and got != total:
        wrong.append(("sum", got, total))
    return wrong


def check_paths(result, rows):
    want = {(int(r[0]), r[1], r[2]): int(r[3]) for r in rows}
    return [(e, want.get((e["step"], e["from"], e["to"]))) for e in result["edges"]
            if not e["to"].startswith("(") and not e["from"].startswith("(") and
            e["count"] != want.get((e["step"], e["from"], e["to"]))][:3]


QUESTIONS = [
    # name, target, tool, arguments, the analyst's query, check
    ("funnel of 5 steps", 0.4, "run_funnel", FUNNEL, NAIVE_FUNNEL, check_funnel),
    ("funnel with exact times", 0.5, "run_funnel", FUNNEL, NAIVE_TIMES, check_times),
    ("retention, daily, 90 days", 0.4, "retention_matrix",
     {**PERIOD, "start": "page_view", "returning": "product_view", "interval": "day", "periods": 90}, NAIVE_DAILY, check_cells),
    ("retention, weekly, first time", 0.4, "retention_matrix",
     {**PERIOD, "start": "page_view", "returning": "product_view", "interval": "week", "kind": "first_time", "periods": 14},
     NAIVE_WEEKLY, check_cells),
    ("trend, daily actors by a property", 0.4, "run_trend",
     {**PERIOD, "series": [{"event": "page_view", "math": "actors"}], "interval": "day", "breakdown": ["country"], "limit": 1000},
     NAIVE_TREND, check_trend),
    ("paths, 5 steps deep", 0.2, "run_paths", {**PERIOD, "steps": 5, "edge_limit": 1000}, NAIVE_PATHS, check_paths),
]


# --- the two sides ---------------------------------------------------------------------------------

def fill(library, folder, events):
    """Both stores, in processes of their own, because a process can have one."""
    for side in ("ours", "theirs"):
        if (folder / side / "done").exists():
            continue
        shutil.rmtree(folder / side, ignore_errors=True)
        (folder / side).mkdir(parents=True)
        started = time.monotonic()
        subprocess.run([sys.executable, __file__, "--libchdb", library, "--fill", side, str(folder / side),
                        "--events", str(events)], check=True)
        (folder / side / "done").touch()
        print(f"… {events:,} events, {side}: {time.monotonic() - started:.0f} s", file=sys.stderr, flush=True)


def table_statement():
    """What sql/import_layout.c fills in, for the columns of these events."""
    text = re.sub(r"^ *--.*\n", "", (ROOT / "sql" / "import_table.sql").read_text(encoding="utf-8"), flags=re.M)
    columns = [f"`properties[\\'{key}\\']`" for key in COPIES]
    copies = "".join(f",\n    {c} LowCardinality(String) MATERIALIZED properties['{k}']" for c, k in zip(columns, COPIES))
    copies += (",\n    PROJECTION by_event (SELECT event, time, actor_number, session_number, case_number, "
               f"{', '.join(columns)} ORDER BY event, intDiv(toUnixTimestamp64Micro(time), 86400000000), actor_number)")
    comment = json.dumps({"kind": "events", "description": "bench", "properties": ["properties"]})
    for slot, value in (("sextant_import.$table", "sextant.bench"), ("$order", "actor_number, time, seq"),
                        ("$copies", copies), ("$comment", f"'{comment}'")):
        text = text.replace(slot, value)
    return text


def merge(engine, table):
    """To one part, as a table at rest: else merges would share the processor with the questions."""
    while int(engine.run(f"SELECT count() FROM system.parts WHERE active AND concat(database, '.', table) = '{table}'")) > 1:
        engine.run(f"OPTIMIZE TABLE {table} FINAL")


def fill_side(library, side, store, events):
    engine = Engine(library, os.path.join(store, "engine"))
    rows = events_sql(events)
    if side == "ours":
        engine.run("CREATE DATABASE sextant ENGINE = Atomic")
        engine.run(table_statement())
        engine.run("INSERT INTO sextant.bench (time, event, actor, session, actor_number, session_number, seq, properties) "
                   + rows)
        merge(engine, "sextant.bench")
    else:
        engine.run("CREATE DATABASE b ENGINE = Atomic")
        engine.run("CREATE TABLE b.events (user String, session String, name LowCardinality(String), ts DateTime64(6, 'UTC'), "
                   "properties Map(String, String)) ENGINE = MergeTree ORDER BY (name, ts)")
        engine.run("INSERT INTO b.events SELECT actor, session, event, time, properties FROM (" + rows + ")")
        merge(engine, "b.events")
    engine.close()


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


def run_question(options, folder, question):
    name, target, tool, arguments, naive, check = question
    theirs = Side([sys.executable, __file__, "--libchdb", options.libchdb, "--serve", str(folder / "theirs")],
                  lambda door, sql: json.loads(door.ask(json.dumps(sql).encode()))["rows"])
    ours = Side([options.sextant, "stdio", "--data", str(folder / "ours"), "--libchdb", options.libchdb],
                lambda door, body: result_of(door.ask(body)))
    with contextlib.closing(theirs.door), contextlib.closing(ours.door):
        theirs.turn("SELECT count() FROM b.events", False)
        ours.turn(call("list_sources", {}), False)
        for side in (theirs, ours):
            side.begin()
        body = call(tool, arguments)
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
    parser.add_argument("--events", type=count_of, default=20000000)
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--only", default="")
    parser.add_argument("--keep", type=pathlib.Path)
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--fill", nargs=2, help=argparse.SUPPRESS)
    parser.add_argument("--serve", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.fill:
        fill_side(options.libchdb, *options.fill, options.events)
        return
    if options.serve:
        serve_queries(options.libchdb, options.serve)
        return
    if not options.libchdb:
        print("no libchdb.so: ./dev setup fetches it")
        sys.exit(77)
    results = []
    with tempfile.TemporaryDirectory(prefix="sextant-bench-") as name:
        folder = (options.keep or pathlib.Path(name)).resolve()
        fill(options.libchdb, folder, options.events)
        before = machine()
        for question in QUESTIONS:
            if options.only in question[0]:
                results.append(run_question(options, folder, question))
                print(f"… {results[-1]}", file=sys.stderr, flush=True)
    print(json.dumps(results) if options.json else f"{options.events:,} events. {before}\n\n{table(results)}")
    if options.write:
        write_page(f"{options.events:,} events. {before}\n\n{table(results)}", "analytics")
    sys.exit(0 if all(r["is_equal"] for r in results) else 1)


if __name__ == "__main__":
    main()
