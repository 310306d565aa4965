"""A process log and the questions asked of it: see analytics.py. The analyst's statements gather a case's events as tuples."""
import dataclasses
import json
import re

FIRST = 1767225600  # 2026-01-01
VARIANT_IDS = 110000
MODEL = [f"Activity {i:02}" for i in range(7)]  # what the most frequent variant is


def log_sql(events, is_tied):
    """Cases of 4 to 16 of 30 activities, on 110,000 ways with a long tail (fewer where cases are few). Gaps of up to two days;
    in a tied log whole minutes, of which one in five is no gap at all."""
    cases = events // 10
    gap = "(h3 % 5 > 0) * (h3 % 2880) * 60000000" if is_tied else "1000 + intDiv(h3 % 172800000000, 1 + h3 % 7)"
    return f"""
SELECT fromUnixTimestamp64Micro(t, 'UTC') AS time, concat('Activity ', leftPad(toString(a), 2, '0')) AS event,
       concat('case_', lower(hex(cityHash64(cn)))) AS case_id, toUInt32(cn + 1) AS case_number, cn * 16 + i AS seq
FROM (
    SELECT cn, arrayJoin(arrayZip(arrayEnumerate(activities), activities,
               arrayCumSum(i -> toInt64(cityHash64(cn, i, 5) AS h3) * 0 + toInt64({gap}), arrayEnumerate(activities)))) AS e, e.1 AS i, e.2 AS a,
           toInt64({FIRST}000000) + t0 + e.3 AS t
    FROM (
        SELECT number AS cn, toInt64(cityHash64(number, 3) % (300 * 1440)) * 60000000 AS t0,
               toUInt64(least({VARIANT_IDS}, {cases}) * pow((cityHash64(number, 7) % 1000003) / 1000003., 4)) AS way,
               arrayMap(i -> if(cityHash64(way, i) % 3 = 0, cityHash64(way, i, 1) % 30, i % 30), range(toUInt64(4 + cityHash64(way) % 13))) AS activities
        FROM numbers({cases})
    )
)"""


def case_table(table_statement):
    """What sql/import_layout.c fills in for a log without actors and properties."""
    text = table_statement("import_table")
    copies = (",\n    PROJECTION by_event (SELECT event, time, actor_number, session_number, case_number "
              "ORDER BY event, intDiv(toUnixTimestamp64Micro(time), 86400000000), actor_number)")
    comment = json.dumps({"kind": "events", "description": "bench", "properties": ["properties"],
                          "cases": {"case_id": "case_id"}, "numbers": {"case_id": "case_number"}})
    for slot, value in (("sextant_import.$table", "sextant.bench"), ("$order", "case_number, time, seq"),
                        ("$copies", copies), ("$comment", f"'{comment}'")):
        text = text.replace(slot, value)
    return text


@dataclasses.dataclass(frozen=True)
class Log:
    """The analyst's table of it; `order` is what events of one time are sorted by."""
    table: str
    order: str


PLAIN_LOG = Log("b.log", "line")

# --- the analyst's statements ----------------------------------------------------------------------

TRACES = "arraySort(groupArray((ts, {order}, activity)))"

NAIVE_VARIANTS = f"""
SELECT trace, count() AS n, quantilesExactInclusive(0.5, 0.9)(taken) FROM (
    SELECT {TRACES} AS events, arrayMap(e -> e.3, events) AS trace, dateDiff('microsecond', events[1].1, events[-1].1) AS taken
    FROM {{table}} GROUP BY case_id)
GROUP BY trace ORDER BY n DESC, trace LIMIT 20"""

NAIVE_MAP = f"""
SELECT source, target, count(), uniqExact(case_id), avg(gap), quantilesExactInclusive(0.5, 0.95)(gap), min(gap), max(gap) FROM (
    SELECT case_id, arrayJoin(arrayMap((x, y) -> (x.3, y.3, dateDiff('microsecond', x.1, y.1)), arrayPopBack(events), arrayPopFront(events))) AS edge,
           edge.1 AS source, edge.2 AS target, edge.3 AS gap
    FROM (SELECT case_id, {TRACES} AS events FROM {{table}} GROUP BY case_id))
GROUP BY source, target"""


NAIVE_BOTTLENECKS = f"""
SELECT source, target, count(), avg(gap), quantilesExactInclusive(0.5, 0.95)(gap), sum(gap), arraySum(x -> greatest(x - median, 0), groupArray(gap)),
       quantileExactInclusive(0.5)(gap) AS median FROM (
    SELECT arrayJoin(arrayMap((x, y) -> (x.3, y.3, dateDiff('microsecond', x.1, y.1)), arrayPopBack(events), arrayPopFront(events))) AS edge,
           edge.1 AS source, edge.2 AS target, edge.3 AS gap
    FROM (SELECT case_id, {TRACES} AS events FROM {{table}} GROUP BY case_id))
GROUP BY source, target HAVING count() >= 10 ORDER BY avg(gap) DESC"""

NAIVE_REWORK = f"""
SELECT activity, count(), countIf(n > 1), sum(n - 1), sum(selves) FROM (
    SELECT arrayMap(e -> e.3, events) AS trace, arrayJoin(arrayDistinct(trace)) AS activity, countEqual(trace, activity) AS n,
           arrayCount((x, y) -> x = activity AND y = activity, arrayPopBack(trace), arrayPopFront(trace)) AS selves
    FROM (SELECT {TRACES} AS events FROM {{table}} GROUP BY case_id))
GROUP BY activity"""

NAIVE_THROUGHPUT = """
SELECT count(), avg(taken), min(taken), max(taken), quantilesExactInclusive(0.05, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99)(taken) FROM (
    SELECT dateDiff('microsecond', min(ts), max(ts)) AS taken FROM {table} GROUP BY case_id)"""


# --- whether both say the same ---------------------------------------------------------------------

def numbers_of(text):
    return [float(x) for x in re.findall(r"[-0-9.e+]+", text)]


def differs(got, want_us):
    return abs(got - want_us / 1e6) > 1e-6 * max(1, abs(got))


def check_variants(result, rows):
    out = []
    for v, (trace, n, taken) in zip(result["variants"], rows):
        median, p90 = numbers_of(taken)
        if v["activities"] != re.findall(r"'([^']*)'", trace) or v["cases"] != int(n) or differs(v["median_s"], median) or \
                differs(v["p90_s"], p90):
            out.append((v, trace, n, taken))
    return out[:3]


def check_map(result, rows):
    want = {(r[0], r[1]): r[2:] for r in rows}
    out = [("edges", len(result["edges"]), len(want))] if len(result["edges"]) != len(want) and "truncated" not in result["meta"] else []
    for e in result["edges"]:
        n, cases, mean, quantiles, least, most = want[(e["from"], e["to"])]
        median, p95 = numbers_of(quantiles)
        if e["count"] != int(n) or e["cases"] != int(cases) or differs(e["mean_s"], float(mean)) or differs(e["median_s"], median) or \
                differs(e["p95_s"], p95) or differs(e["min_s"], float(least)) or differs(e["max_s"], float(most)):
            out.append((e, want[(e["from"], e["to"])]))
    return out[:3]


def check_bottlenecks(result, rows):
    want = {(r[0], r[1]): r[2:] for r in rows}
    out = [("edges", len(result["edges"]), len(want))] if len(result["edges"]) != len(want) and "truncated" not in result["meta"] else []
    for e in result["edges"]:
        n, mean, quantiles, total, saving, _ = want[(e["from"], e["to"])]
        median, p95 = numbers_of(quantiles)
        if e["count"] != int(n) or differs(e["mean_s"], float(mean)) or differs(e["median_s"], median) or differs(e["p95_s"], p95) or \
                differs(e["total_s"], float(total)) or differs(e["saving_if_median_s"], float(saving)):
            out.append((e, want[(e["from"], e["to"])]))
    return out[:3]


def check_rework(result, rows):
    want = {r[0]: tuple(int(x) for x in r[1:]) for r in rows if r[3] != "0"}
    got = {a["activity"]: (a["cases"], a["cases_with_repeat"], a["extra_occurrences"], a["self_loops"]) for a in result["activities"]}
    return [] if got == want else sorted(set(got.items()) ^ set(want.items()))[:3]


def check_throughput(result, rows):
    cases, mean, least, most, quantiles = rows[0]
    duration, out = result["duration"], []
    wanted = zip(("mean_s", "min_s", "max_s", "p5_s", "p25_s", "p50_s", "p75_s", "p90_s", "p95_s", "p99_s"),
                 (float(mean), float(least), float(most), *numbers_of(quantiles)))
    for name, want in wanted:
        if differs(duration[name], want):
            out.append((name, duration[name], want / 1e6))
    if sum(row["cases"] for row in result["started"]) != int(cases):
        out.append(("cases", cases))
    return out


def check_alignment(result, rows):
    """The analyst's statement is that of the variants: it tells how many cases follow the model to the letter."""
    want = [int(n) for trace, n, _ in rows if re.findall(r"'([^']*)'", trace) == MODEL]
    return [] if [result["conforming"]] == want else [(result["conforming"], want)]


QUESTIONS = [
    # name, tool, arguments, the analyst's statement, check
    ("variants", "process_variants", {"source": "bench"}, NAIVE_VARIANTS, check_variants),
    ("conformance by alignment", "conformance_check", {"source": "bench", "sequence": MODEL}, NAIVE_VARIANTS, check_alignment),
    ("map with exact quantiles", "process_map", {"source": "bench"}, NAIVE_MAP, check_map),
    ("bottlenecks", "bottlenecks", {"source": "bench"}, NAIVE_BOTTLENECKS, check_bottlenecks),
    ("rework", "rework_report", {"source": "bench"}, NAIVE_REWORK, check_rework),
    ("throughput", "throughput", {"source": "bench"}, NAIVE_THROUGHPUT, check_throughput),
]
