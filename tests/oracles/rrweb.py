#!/usr/bin/env python3
"""open_session against recordings: every rrweb event array of DATA/rrweb, loaded as ClickStack rows.

    rrweb.py [--data DIR] [--json]

Each recording is loaded whole; cut into chunks, shuffled and partly delivered twice over two page
loads; and whole in the JSON shape of the tables. The counts and the duration must be the
recording's own, counted here, and the three timelines must be one. Rows that are no rrweb, and
recordings with faults, are checked beside them. Exit status 77: the data or the engine is missing.
"""
import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time

from sextant import ROOT, Store, ToolError

HERE = os.path.dirname(os.path.abspath(__file__))
CHUNK = 3000  # characters of a chunk; the recorder's own limit is 972,800 bytes

# Movement of the pointer and changes of style leave no entry.
MOVES = {1, 6, 12}


class Skip(Exception):
    """Nothing can be compared here."""


# --- rows ---------------------------------------------------------------------------------------


def clock(ms):
    return time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(ms // 1000)) + f".{ms % 1000:03d}"


def row(session, ms, body, instance="", attributes=None, service="portal", resource=None):
    at = clock(ms)
    resources = {"service.name": service, "rum.sessionId": session}
    if instance:
        resources["rum.scriptInstance"] = instance
    resources.update(resource or {})
    return {"Timestamp": at, "ServiceName": service, "Body": body, "ResourceAttributes": resources,
            "ScopeName": "rum.rr-web", "LogAttributes": attributes or {}}


def text(event):
    return json.dumps(event, separators=(",", ":"), ensure_ascii=False)


def whole(session, events):
    rows = []
    for n, event in enumerate(events, 1):
        attributes = {"rr-web.offset": str(n), "rr-web.event": str(n), "rr-web.chunk": "1",
                      "rr-web.total-chunks": "1"}
        rows.append(row(session, event["timestamp"], text(event), "a" * 16, attributes))
    return rows


def chunked(session, events, seed):
    """Cut, over two page loads whose counters both begin at 1, some rows twice, shuffled."""
    rows = []
    half = len(events) // 2
    for instance, part in (("a" * 16, events[:half]), ("b" * 16, events[half:])):
        offset = 0
        for n, event in enumerate(part, 1):
            body = text(event)
            pieces = [body[i:i + CHUNK] for i in range(0, len(body), CHUNK)]
            for k, piece in enumerate(pieces, 1):
                offset += 1
                attributes = {"rr-web.offset": f"{offset}", "rr-web.event": f"{n}",
                              "rr-web.chunk": f"{k}", "rr-web.total-chunks": f"{len(pieces)}"}
                rows.append(row(session, event["timestamp"], piece, instance, attributes))
    random.Random(seed).shuffle(rows)
    return rows + rows[:5]


def insert(table, rows):
    lines = "\n".join(json.dumps(r) for r in rows)
    return f"INSERT INTO {table} FORMAT JSONEachRow {lines}"


def numbers(attributes):
    return {k: int(v) if v.isdigit() else v for k, v in attributes.items()}


def table_sql(name, database):
    with open(os.path.join(ROOT, "sql", f"demo_table_{name}.sql"), encoding="utf-8") as handle:
        sql = handle.read()
    return sql.replace("demo_new.", f"{database}.").split("\nCOMMENT")[0] + COMMENT * (name == "traces")


# Outside the current database a table is a source when its comment says so.
COMMENT = """\nCOMMENT '{"kind":"clickstack"}'"""

JSON_TABLES = [
    """CREATE TABLE rrweb_json.hyperdx_sessions (Timestamp DateTime64(9), TraceId String,
    SpanId String, TraceFlags UInt8, SeverityText LowCardinality(String), SeverityNumber UInt8,
    ServiceName LowCardinality(String), Body String, ResourceSchemaUrl LowCardinality(String),
    ResourceAttributes JSON, ScopeSchemaUrl LowCardinality(String), ScopeName String,
    ScopeVersion LowCardinality(String), ScopeAttributes JSON, LogAttributes JSON)
    ENGINE = MergeTree PARTITION BY toDate(Timestamp)
    PRIMARY KEY (ServiceName, toDateTime(Timestamp))
    ORDER BY (ServiceName, toDateTime(Timestamp), Timestamp)""",
    """CREATE TABLE rrweb_json.otel_traces (Timestamp DateTime64(9), TraceId String, SpanId String,
    ParentSpanId String, TraceState String, SpanName LowCardinality(String),
    SpanKind LowCardinality(String), ServiceName LowCardinality(String), ResourceAttributes JSON,
    ScopeName String, ScopeVersion String, SpanAttributes JSON, Duration UInt64,
    StatusCode LowCardinality(String), StatusMessage String)
    ENGINE = MergeTree PARTITION BY toDate(Timestamp)
    ORDER BY (ServiceName, SpanName, toDateTime(Timestamp), Timestamp)""" + COMMENT,
]


def span(session, ms, name, attributes=None, service="portal"):
    return {"Timestamp": clock(ms), "TraceId": "", "SpanName": name, "ServiceName": service,
            "ResourceAttributes": {"service.name": service, "rum.sessionId": session},
            "SpanAttributes": attributes or {}, "Duration": 0, "StatusCode": "Unset"}


# --- rows that are no rrweb, and broken ones -------------------------------------------------------

T0 = 1774188311000


def fixtures():
    """{session: (rows, spans, check(result) -> list of complaints)}"""
    click = {"type": 3, "data": {"source": 2, "type": 2, "id": 9, "x": 1, "y": 1}}
    first = {"rr-web.offset": "1", "rr-web.event": "1", "rr-web.chunk": "1"}

    def with_text(expected):
        def check(result):
            texts = [e["text"] for e in result["timeline"]]
            return [] if expected in texts else [f"no entry {expected!r} in {texts}"]
        return check

    def with_problem(reason, events):
        def check(result):
            replay = result["replay"]
            reasons = [p["reason"] for p in replay["incomplete"]]
            wrong = [] if reasons == [reason] else [f"incomplete is {reasons}, not [{reason!r}]"]
            return wrong + ([] if replay["events"] == events
                            else [f"{replay['events']} events, not {events}"])
        return check

    def with_gap(result):
        gaps = result["replay"]["gaps"]
        good = len(gaps) == 1 and gaps[0]["missing_events"] == 3
        return [] if good else [f"gaps {gaps}, not one of 3 events"]

    def with_clicks(count):
        def check(result):
            clicks = result["summary"]["counts"]["clicks"]
            return [] if clicks == count else [f"{clicks} clicks, not {count}"]
        return check

    numbered = lambda n: {"rr-web.offset": str(n), "rr-web.event": str(n), "rr-web.chunk": "1",
                          "rr-web.total-chunks": "1"}
    yield "seed-row", [row("seed-row", T0, '{"type":1,"data":"page_view"}', service="browser",
                           attributes={"page.url": "https://example.com/", "user.id": "user-0"})], [
        span("seed-row", T0, "page_view", {"component": "navigation", "location.href":
                                           "https://example.com/"}, "browser")], with_text("page_view")
    yield "plain-text", [row("plain-text", T0, "smoke test", attributes={"rr-web.event": "2"})], [
        span("plain-text", T0 + 5, "record init")], with_text("smoke test")
    yield "no-attributes", [row("no-attributes", T0, text({**click, "timestamp": T0})),
                            row("no-attributes", T0, text({**click, "timestamp": T0})),
                            row("no-attributes", T0 + 900, text({**click, "timestamp": T0 + 900}))
                            ], [], with_clicks(3)
    yield "incomplete", [row("incomplete", T0, '{"type":3,"da', "i" * 16,
                             {**first, "rr-web.total-chunks": "2"})], [], \
        with_problem("incomplete-event", 1)
    yield "colliding", [row("colliding", T0, body, "", {**first, "rr-web.total-chunks": "2"})
                        for body in ('{"type":3,', '{"type":4,')] + [
        row("colliding", T0, '"data":{}}', "", {"rr-web.offset": "2", "rr-web.event": "1",
                                                "rr-web.chunk": "2", "rr-web.total-chunks": "2"})
        ], [], with_problem("duplicate-chunk", 1)
    yield "broken", [row("broken", T0, '{"type":3,"data":{"source":2', "i" * 16, numbered(1)),
                     row("broken", T0 + 1, text({**click, "timestamp": T0 + 1}), "i" * 16,
                         numbered(2))], [], with_problem("parse-error", 2)
    yield "gap", [row("gap", T0 + n, text({**click, "timestamp": T0 + n}), "i" * 16, numbered(n))
                  for n in (1, 2, 6)], [], with_gap
    yield "doubles", [row("doubles", T0, text({**click, "timestamp": T0}), "i" * 16,
                          {k: v + ".0" for k, v in numbered(1).items()})], [], with_clicks(1)
    yield "traces-only", [], [span("traces-only", T0, "click", {"component": "user-interaction"}),
                              span("traces-only", T0 + 50, "routeChange",
                                   {"location.href": "https://example.com/a"})], with_clicks(1)


# --- what a recording holds --------------------------------------------------------------------------


def expected(events):
    def count(kind, source=None, mouse=None):
        return sum(1 for e in events if e["type"] == kind
                   and (source is None or e["data"].get("source") in source)
                   and (mouse is None or e["data"].get("type") == mouse))

    times = [e["timestamp"] for e in events]
    return {
        "replay.events": len(events),
        "summary.duration_s": (max(times) - min(times)) / 1000,
        "summary.counts.clicks": count(3, {2}, 2),
        "summary.counts.inputs": count(3, {5}),
        "summary.counts.scrolls": count(3, {3}),
        "summary.counts.mutations": count(3, {0}),
        "summary.counts.mouse_moves": count(3, MOVES),
        "summary.counts.snapshots": count(2),
        "summary.counts.media": count(3, {7}),
        "summary.counts.selections": count(3, {14}),
        "summary.counts.resizes": count(3, {4}),
        "replay.first_ms": 0,
        "replay.incomplete": [],
        "replay.gaps": [],
    }


def member(result, path):
    for key in path.split("."):
        result = result.get(key, {})
    return result


def differences(result, wanted):
    return [f"{path} is {member(result, path)}, not {value}" for path, value in wanted.items()
            if member(result, path) != value]


def story(result):
    """What must not depend on how the rows lie."""
    summary = {k: v for k, v in result["summary"].items() if k != "session"}
    return {"summary": summary, "heat": result["heat"], "timeline": result["timeline"]}


def timeline(store, source, session):
    """All pages of the timeline in one result."""
    arguments = {"source": source, "session": session, "detail": "timeline"}
    result = store.call("open_session", arguments)
    page = result
    while "cursor" in page:
        page = store.call("open_session", {**arguments, "cursor": page["cursor"]})
        result["timeline"] += page["timeline"]
    return result


# --- the run ---------------------------------------------------------------------------------------------


def load(directory, recordings):
    rows, spans, json_rows = [], [], []
    for name, events in recordings.items():
        rows += whole(f"{name}-whole", events)
        rows += chunked(f"{name}-chunked", events, name)
        json_rows += whole(f"{name}-json", events)
    for _, more, their_spans, _ in fixtures():
        rows += more
        spans += their_spans
    json_rows = [{**r, "LogAttributes": numbers(r["LogAttributes"])} for r in json_rows]
    statements = ["CREATE DATABASE rrweb ENGINE = Atomic", "CREATE DATABASE rrweb_json ENGINE = Atomic"]
    statements += [table_sql(n, "rrweb") for n in ("traces", "sessions")] + JSON_TABLES
    statements += [insert("rrweb.hyperdx_sessions", rows), insert("rrweb.otel_traces", spans),
                   insert("rrweb_json.hyperdx_sessions", json_rows),
                   insert("rrweb_json.otel_traces", [span("other", T0, "documentLoad")])]
    script = os.path.join(directory, "rows.json")
    with open(script, "w", encoding="utf-8") as handle:
        json.dump(statements, handle)
    done = subprocess.run(["node", os.path.join(HERE, "load_rows.mjs"), directory, script],
                          env={**os.environ, "TZ": "UTC"}, capture_output=True, text=True, check=False)
    if "Cannot find module 'chdb'" in done.stderr:
        raise Skip("the engine's Node package is not installed: npm ci")
    if done.returncode != 0:
        raise RuntimeError(done.stderr[:2000])


def read_recordings(data):
    folder = os.path.join(data, "rrweb")
    names = sorted(n for n in os.listdir(folder) if n.endswith(".json")) if os.path.isdir(folder) else []
    if not names:
        raise Skip(f"no recordings in {folder}")
    recordings = {}
    for name in names:
        with open(os.path.join(folder, name), encoding="utf-8") as handle:
            events = json.load(handle)
        if isinstance(events, list) and events:
            recordings[name[:-5]] = events
    return recordings


def check_recording(store, name, events):
    results, wrong = {}, []
    for variant, source in (("whole", "rrweb"), ("chunked", "rrweb"), ("json", "rrweb_json")):
        result = timeline(store, source, f"{name}-{variant}")
        results[variant] = story(result)
        wrong += [f"{variant}: {d}" for d in differences(result, expected(events))]
    for variant in ("chunked", "json"):
        if results[variant] != results["whole"]:
            wrong.append(f"the timeline of the {variant} rows differs from that of the whole ones")
    return wrong


def run(data):
    """[(name, list of complaints)]"""
    recordings = read_recordings(data)
    outcomes = []
    with tempfile.TemporaryDirectory() as directory:
        load(directory, recordings)
        with Store(directory) as store:
            for name, events in recordings.items():
                try:
                    wrong = check_recording(store, name, events)
                except (ToolError, RuntimeError) as error:
                    wrong = [str(error)]
                outcomes.append((f"recording {name}", wrong))
            for session, _, _, check in fixtures():
                try:
                    wrong = check(timeline(store, "rrweb", session))
                except (ToolError, RuntimeError, KeyError) as error:
                    wrong = [repr(error)]
                outcomes.append((f"rows {session}", wrong))
    return outcomes


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", default=os.environ.get("SEXTANT_TEST_DATA",
                                                         os.path.join(ROOT, "../shared/data")))
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    try:
        outcomes = run(options.data)
    except Skip as reason:
        print(f"skipped: {reason}")
        return 77
    failed = [o for o in outcomes if o[1]]
    if options.json:
        print(json.dumps({"ran": len(outcomes), "passed": len(outcomes) - len(failed),
                          "differences": {n: w for n, w in failed}}))
    else:
        for name, wrong in failed:
            print(f"{name}:", *wrong, sep="\n    ")
        print(f"rrweb: {len(outcomes) - len(failed)} passed, {len(failed)} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
