"""The questions of product analytics: how a tool is asked, what an analyst would write instead, and whether
both say the same. The analyst's statements are written for any table: see `Shape` for what stands in them."""
import dataclasses

STEPS = ["page_view", "product_view", "add_to_cart", "checkout", "purchase"]
WEEK_MS = 7 * 86400 * 1000


@dataclasses.dataclass(frozen=True)
class Shape:
    """A table as an analyst reads it."""
    table: str
    user: str
    session: str
    name: str
    time: str
    country: str


# --- the analyst's statements ----------------------------------------------------------------------

IN_STEPS = "{name} IN (" + ", ".join(f"'{s}'" for s in STEPS) + ")"
CONDITIONS = ", ".join(f"{{name}} = '{s}'" for s in STEPS)

NAIVE_FUNNEL = f"""
SELECT level, count() FROM (
    SELECT {{user}} AS actor, windowFunnel({WEEK_MS})(toUInt64(toUnixTimestamp64Milli({{time}})), {CONDITIONS}) AS level
    FROM {{table}} WHERE {IN_STEPS} GROUP BY actor)
GROUP BY level"""

# The latest start that has reached each step, and when the last one was first reached.
NAIVE_TIMES = f"""
SELECT level, count(), avg(taken) FROM (
    SELECT {{user}} AS actor, arrayFold((a, e) -> if(e.2 = 1, (arrayConcat([e.1], arraySlice(a.1, 2)), greatest(a.2, 1), a.3),
               if(a.1[e.2 - 1] > 0 AND e.1 - a.1[e.2 - 1] <= {WEEK_MS}000,
                  (arrayConcat(arraySlice(a.1, 1, e.2 - 1), [a.1[e.2 - 1]], arraySlice(a.1, e.2 + 1)),
                   greatest(a.2, e.2), if(e.2 > a.2, e.1 - a.1[e.2 - 1], a.3)), a)),
               arraySort(groupArray((toInt64(toUnixTimestamp64Micro({{time}})), toInt64(indexOf({STEPS}, {{name}}))))),
               ([toInt64(0), 0, 0, 0, 0], toInt64(0), toInt64(0))) AS state, state.2 AS level, state.3 AS taken
    FROM {{table}} WHERE {IN_STEPS} GROUP BY actor)
GROUP BY level"""

NAIVE_DAILY = """
SELECT toString(a.d), dateDiff('day', a.d, b.d) AS period, uniqExact(a.actor)
FROM (SELECT DISTINCT {user} AS actor, toDate({time}) AS d FROM {table} WHERE {name} = 'page_view') AS a
JOIN (SELECT DISTINCT {user} AS actor, toDate({time}) AS d FROM {table} WHERE {name} = 'product_view') AS b ON a.actor = b.actor
WHERE b.d > a.d GROUP BY 1, 2"""

NAIVE_WEEKLY = """
SELECT toString(toMonday(f.d)), intDiv(dateDiff('day', toMonday(f.d), b.d), 7) AS period, uniqExact(f.actor)
FROM (SELECT {user} AS actor, min(toDate({time})) AS d FROM {table} WHERE {name} = 'page_view' GROUP BY actor) AS f
JOIN (SELECT {user} AS actor, toDate({time}) AS d FROM {table} WHERE {name} = 'product_view') AS b ON f.actor = b.actor
WHERE toMonday(b.d) > toMonday(f.d) GROUP BY 1, 2"""

NAIVE_TREND = """
SELECT toString(toDate({time})), {country} AS country, uniqExact({user})
FROM {table} WHERE {name} = 'page_view' GROUP BY 1, 2"""

# Runs of a session, cut at pauses of half an hour; the first five events of each.
NAIVE_PATHS = """
SELECT step, source, target, count() FROM (
    SELECT arrayJoin(arrayMap(i -> (i, run[i].2, run[i + 1].2), range(1, least(5, length(run))))) AS edge,
           edge.1 AS step, edge.2 AS source, edge.3 AS target
    FROM (
        SELECT {session} AS visit, arraySort(groupArray(({time}, {name}))) AS events,
               arrayJoin(arraySplit((e, d) -> d >= 1800, events,
                   arrayMap(i -> if(i = 1, 0, dateDiff('second', events[i - 1].1, events[i].1)), arrayEnumerate(events)))) AS run
        FROM {table} GROUP BY visit))
GROUP BY step, source, target"""


# --- whether both say the same ---------------------------------------------------------------------

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


# --- the list --------------------------------------------------------------------------------------

PERIOD = {"source": "bench", "from": "2026-01-01", "to": "2026-03-31"}
FUNNEL = {**PERIOD, "steps": STEPS, "within": {"value": 7, "unit": "day"}}
RETENTION = {**PERIOD, "start": "page_view", "returning": "product_view"}
TREND = {**PERIOD, "series": [{"event": "page_view", "math": "actors"}], "interval": "day", "breakdown": ["country"], "limit": 1000}

QUESTIONS = [
    # name, tool, arguments, the analyst's statement, check
    ("funnel of 5 steps", "run_funnel", FUNNEL, NAIVE_FUNNEL, check_funnel),
    ("funnel with exact times", "run_funnel", FUNNEL, NAIVE_TIMES, check_times),
    ("retention, daily, 90 days", "retention_matrix", {**RETENTION, "interval": "day", "periods": 90}, NAIVE_DAILY, check_cells),
    ("retention, weekly, first time", "retention_matrix",
     {**RETENTION, "interval": "week", "kind": "first_time", "periods": 14}, NAIVE_WEEKLY, check_cells),
    ("trend, daily actors by a property", "run_trend", TREND, NAIVE_TREND, check_trend),
    ("paths, 5 steps deep", "run_paths", {**PERIOD, "steps": 5, "edge_limit": 1000}, NAIVE_PATHS, check_paths),
]
