"""The tables that analytics.py asks: the same events on both sides of a shape, made by the engine itself."""
import dataclasses
import json
import os
import re
import shutil
import subprocess
import sys
import time

import process
from engine import ROOT, Engine
from questions import QUESTIONS, Shape

DAYS = 90
FIRST = 1767225600  # 2026-01-01
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


def table_statement(name):
    """The statement of sql/<name>.sql, without its comments."""
    return re.sub(r"^ *--.*\n", "", (ROOT / "sql" / f"{name}.sql").read_text(encoding="utf-8"), flags=re.M)


def merge(engine, table):
    """To one part a partition, as a table at rest: else merges would share the processor with the questions."""
    def parts(what):
        return int(engine.run(f"SELECT {what} FROM system.parts WHERE active AND concat(database, '.', table) = '{table}'"))
    while parts("count()") > parts("uniq(partition)"):
        engine.run(f"OPTIMIZE TABLE {table} FINAL")


# --- what `sextant import` makes, and what an analyst would --------------------------------------------

def import_table():
    """What sql/import_layout.c fills in, for the columns of these events."""
    text = table_statement("import_table")
    columns = [f"`properties[\\'{key}\\']`" for key in COPIES]
    copies = "".join(f",\n    {c} LowCardinality(String) MATERIALIZED properties['{k}']" for c, k in zip(columns, COPIES))
    copies += (",\n    PROJECTION by_event (SELECT event, time, actor_number, session_number, case_number, "
               f"{', '.join(columns)} ORDER BY event, intDiv(toUnixTimestamp64Micro(time), 86400000000), actor_number)")
    comment = json.dumps({"kind": "events", "description": "bench", "properties": ["properties"]})
    for slot, value in (("sextant_import.$table", "sextant.bench"), ("$order", "actor_number, time, seq"),
                        ("$copies", copies), ("$comment", f"'{comment}'")):
        text = text.replace(slot, value)
    return text


def fill_import(engine, rows):
    engine.run("CREATE DATABASE sextant ENGINE = Atomic")
    engine.run(import_table())
    engine.run("INSERT INTO sextant.bench (time, event, actor, session, actor_number, session_number, seq, properties) " + rows)
    merge(engine, "sextant.bench")


def fill_plain(engine, rows):
    engine.run("CREATE DATABASE b ENGINE = Atomic")
    engine.run("CREATE TABLE b.events (user String, session String, name LowCardinality(String), ts DateTime64(6, 'UTC'), "
               "properties Map(String, String)) ENGINE = MergeTree ORDER BY (name, ts)")
    engine.run("INSERT INTO b.events SELECT actor, session, event, time, properties FROM (" + rows + ")")
    merge(engine, "b.events")


# --- spans as ClickStack keeps them ------------------------------------------------------------------

def fill_spans(engine, rows, copies=(), mapping='{"kind":"clickstack"}'):
    """With the columns that `copies` names, as HyperDX materialises keys that are often asked for, and `mapping` in its comment."""
    text = table_statement("demo_table_traces").replace("demo_new.", "bench.")
    comment = mapping.replace("'", "''")
    text = re.sub(r"\nCOMMENT .*", f"\nCOMMENT '{comment}'", text).replace(", min_bytes_for_wide_part = 100000000", "")
    columns = "".join(f"\n    `__hdx_materialized_{key}` {kind} MATERIALIZED SpanAttributes['{key}'] CODEC(ZSTD(1)),"
                      for key, kind in copies)
    engine.run("CREATE DATABASE bench ENGINE = Atomic")
    engine.run(text.replace("\n    `SampleRate`", columns + "\n    `SampleRate`"))
    engine.run(f"""
INSERT INTO bench.otel_traces (Timestamp, TraceId, SpanId, SpanName, SpanKind, ServiceName, ResourceAttributes, ScopeName,
                               SpanAttributes, Duration, StatusCode)
SELECT time, lower(hex(sipHash128(session, seq))), lower(hex(cityHash64(seq))), event, 'Internal', service,
       CAST((['service.name', 'service.version', 'telemetry.sdk.language', 'rum.version', 'rum.sessionId'],
             [service, properties['version'], 'webjs', '0.15.4', session]), 'Map(LowCardinality(String), String)'),
       'custom-action',
       mapConcat(CAST((['component', 'location.href'], ['user-interaction', concat('https://shop.example', properties['page'])]),
                      'Map(LowCardinality(String), String)'), properties,
                 CAST((['user.id'], [actor]), 'Map(LowCardinality(String), String)')),
       cityHash64(seq) % 100000000, 'Unset'
FROM (SELECT *, ['portal', 'shop', 'mobile'][1 + actor_number % 3] AS service FROM ({rows}))
SETTINGS max_partitions_per_insert_block = 0, max_insert_block_size = 4000000, min_insert_block_size_rows = 4000000,
         min_insert_block_size_bytes = 0""")
    merge(engine, "bench.otel_traces")


def fill_materialized(engine, rows):
    fill_spans(engine, rows, (("user.id", "String"), ("country", "LowCardinality(String)")))


def fill_named(engine, rows):
    fill_spans(engine, rows, mapping='{"kind":"clickstack","actor":["SpanAttributes[\'user.id\']"]}')


# --- a process log -----------------------------------------------------------------------------------

def fill_case_table(engine, rows):
    engine.run("CREATE DATABASE sextant ENGINE = Atomic")
    engine.run(process.case_table(table_statement))
    engine.run("INSERT INTO sextant.bench (time, event, case_id, case_number, seq) " + rows)
    merge(engine, "sextant.bench")


def fill_plain_log(engine, rows):
    engine.run("CREATE DATABASE b ENGINE = Atomic")
    engine.run("CREATE TABLE b.log (case_id String, activity LowCardinality(String), ts DateTime64(6, 'UTC'), line UInt64) "
               "ENGINE = MergeTree ORDER BY (activity, ts)")
    engine.run("INSERT INTO b.log SELECT case_id, event, time, seq FROM (" + rows + ")")
    merge(engine, "b.log")


# --- the shapes ----------------------------------------------------------------------------------------

@dataclasses.dataclass(frozen=True)
class Tables:
    """One table for the analyst and one for Sextant; `fill_ours` None = a copy of the same."""
    fill_theirs: object
    fill_ours: object
    theirs: object  # what stands in the analyst's statements
    targets: tuple  # of the questions, in their order
    marker: str     # in docs/benchmarks.md, "" = none
    questions: tuple = tuple(QUESTIONS)
    rows: object = events_sql  # of how many events → SELECT


PLAIN = Shape("b.events", "user", "session", "name", "ts", "properties['country']")
SPANS = Shape("bench.otel_traces", "SpanAttributes['user.id']", "ResourceAttributes['rum.sessionId']", "SpanName", "Timestamp",
              "SpanAttributes['country']")
SHAPES = {
    "import": Tables(fill_plain, fill_import, PLAIN, (0.4, 0.5, 0.4, 0.4, 0.4, 0.2), "analytics"),
    "clickstack": Tables(fill_spans, None, SPANS, (0.75,) * 6, "analytics-clickstack"),
    "named": Tables(fill_named, None, SPANS, (0.75,) * 6, "analytics-named"),
    "materialized": Tables(fill_materialized, None, SPANS, (0.75,) * 6,
                           "analytics-materialized"),
    "process": Tables(fill_plain_log, fill_case_table, process.PLAIN_LOG, (0.15, 0.45, 0.2, 0.2, 0.25, 1), "process",
                      tuple(process.QUESTIONS), lambda events: process.log_sql(events, False)),
    "process-ties": Tables(fill_plain_log, fill_case_table, process.PLAIN_LOG, (0.15, 0.45, 0.2, 0.2, 0.25, 1), "process-ties",
                           tuple(process.QUESTIONS), lambda events: process.log_sql(events, True)),
}


def fill(library, folder, shape, events):
    """Both stores, in processes of their own, because a process can have one."""
    tables = SHAPES[shape]
    for side in ("theirs", "ours"):
        if (folder / side / "done").exists():
            continue
        shutil.rmtree(folder / side, ignore_errors=True)
        started = time.monotonic()
        if side == "ours" and tables.fill_ours is None:
            shutil.copytree(folder / "theirs", folder / side, symlinks=True)
        else:
            (folder / side).mkdir(parents=True)
            subprocess.run([sys.executable, __file__, library, shape, side, str(folder / side), str(events)], check=True)
        (folder / side / "done").touch()
        print(f"… {events:,} events, {side}: {time.monotonic() - started:.0f} s", file=sys.stderr, flush=True)


def fill_side(library, shape, side, store, events):
    engine = Engine(library, os.path.join(store, "engine"))
    tables = SHAPES[shape]
    (tables.fill_ours if side == "ours" else tables.fill_theirs)(engine, tables.rows(int(events)))
    engine.close()


if __name__ == "__main__":
    fill_side(*sys.argv[1:])
