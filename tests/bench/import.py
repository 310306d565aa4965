#!/usr/bin/env python3
"""Times `sextant import` against the engine's own insert of the same file.

usage: import.py [--sextant PATH] [--libchdb PATH] [--rows N] [--repeat N] [--json]

The engine's time is its own INSERT INTO … SELECT … FROM file(…) with plain typed columns into a
MergeTree table with the same order (actor, time), one statement, engine already started. Ours is the
whole command: start, guesses, exact text, the property map, the count, the exchange, the end. Both
use the same libchdb. Runs alternate; the medians are compared.
"""
import argparse
import gzip
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from engine import ROOT, Engine, find_library  # noqa: E402

COLUMNS = ("user_id String, session_id String, event String, timestamp DateTime64(6, 'UTC'), "
           "platform String, channel String, amount Float64, note String, order_id String")
FORMATS = {"csv": "CSVWithNames", "csv.gz": "CSVWithNames", "jsonl": "JSONEachRow", "parquet": "Parquet"}


def write_csv(path, rows):
    """Journeys as a shop's log has them; the same every time."""
    events = ["home", "promo_page", "catalog", "product", "cart", "checkout", "paid", "logout"]
    note = '"said ""hi"", left"'
    seed = 1
    with open(path, "w", encoding="utf-8") as out:
        out.write("user_id,session_id,event,timestamp,platform,channel,amount,note,order_id\n")
        for i in range(rows):
            seed = (seed * 6364136223846793005 + 1442695040888963407) % 2**64
            user = (seed >> 33) % 50000
            stamp = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(1700000000 + i))
            out.write(f"user_{user:06d},sess_{user * 7 % 91:06d}_{i // 50:06d},{events[i * 7 % 8]},"
                      f"{stamp}.{i % 1000:03d},{'desktop' if user % 3 else 'mobile'},"
                      f"{'email' if user % 5 else 'ads'},{i % 997}.{i % 100:02d},"
                      f"{note if i % 50 == 0 else ''},o-{i % 300000}\n")


def engine_time(library, path, kind, work):
    """In a process of its own, so that one run does not warm the next."""
    store = work / "engine"
    shutil.rmtree(store, ignore_errors=True)
    store.mkdir()
    child = subprocess.run([sys.executable, __file__, "--engine", str(store), str(path), kind, "--libchdb", library],
                           capture_output=True, text=True, check=False)
    if child.returncode != 0:
        sys.exit(child.stderr or f"the engine ended with {child.returncode}")
    return float(child.stdout)


def run_engine(library, store, path, kind):
    engine = Engine(library, store)
    engine.run("CREATE DATABASE b ENGINE = Atomic")
    engine.run(f"CREATE TABLE b.t ({COLUMNS}) ENGINE = MergeTree ORDER BY (user_id, timestamp)")
    structure = COLUMNS.replace("'", "\\'")
    started = time.monotonic()
    engine.run(f"INSERT INTO b.t SELECT * FROM file('{path}', '{FORMATS[kind]}', '{structure}')")
    print(time.monotonic() - started)
    sys.stdout.flush()
    engine.close()


def sextant_time(program, library, path, work):
    store = work / "sextant"
    shutil.rmtree(store, ignore_errors=True)
    started = time.monotonic()
    done = subprocess.run([program, "import", "--libchdb", library, "--data", str(store), "--source", "bench", "--json",
                           "--case", "order_id", str(path)], capture_output=True, text=True, check=False)
    elapsed = time.monotonic() - started
    if done.returncode != 0:
        sys.exit(done.stderr)
    return elapsed, json.loads(done.stdout)["rows_imported"]


def make_files(work, rows, library):
    path = work / "events.csv"
    write_csv(path, rows)
    with open(path, "rb") as plain, gzip.open(work / "events.csv.gz", "wb", compresslevel=1) as packed:
        shutil.copyfileobj(plain, packed)
    # The other formats by the engine, in a process of its own as well.
    script = ["CREATE DATABASE x ENGINE = Atomic"]
    for kind in ("jsonl", "parquet"):
        script.append(f"INSERT INTO FUNCTION file('{work}/events.{kind}', '{FORMATS[kind]}') SELECT * FROM "
                      f"file('{path}', 'CSVWithNames', '{COLUMNS.replace(chr(39), chr(92) + chr(39))}')")
    store = work / "made"
    store.mkdir()
    pid = os.fork()
    if pid == 0:
        engine = Engine(library, str(store))
        for sql in script:
            engine.run(sql)
        engine.close()
        os._exit(0)
    if os.waitpid(pid, 0)[1] != 0:
        sys.exit("the files could not be made")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--sextant", default=os.environ.get("SEXTANT_BIN", str(ROOT / "build" / "sextant")))
    parser.add_argument("--libchdb", default=find_library())
    parser.add_argument("--rows", type=int, default=1000000)
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--engine", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if not options.libchdb:
        print("no libchdb.so: ./dev setup fetches it")
        sys.exit(77)
    if options.engine:
        run_engine(options.libchdb, *options.engine)
        return
    results = []
    with tempfile.TemporaryDirectory(prefix="sextant-bench-") as name:
        work = pathlib.Path(name)
        make_files(work, options.rows, options.libchdb)
        for kind in FORMATS:
            path = work / f"events.{kind}"
            ours, theirs = [], []
            for _ in range(options.repeat):
                theirs.append(engine_time(options.libchdb, path, kind, work))
                elapsed, imported = sextant_time(options.sextant, options.libchdb, path, work)
                if imported != options.rows:
                    sys.exit(f"{imported} rows arrived instead of {options.rows}")
                ours.append(elapsed)
            ratio = statistics.median(ours) / statistics.median(theirs)
            results.append({"format": kind, "bytes": path.stat().st_size, "rows": options.rows,
                            "engine_s": round(statistics.median(theirs), 3), "sextant_s": round(statistics.median(ours), 3),
                            "engine_best_s": round(min(theirs), 3), "sextant_best_s": round(min(ours), 3),
                            "ratio": round(ratio, 2)})
            if not options.json:
                r = results[-1]
                print(f"{kind:8} {r['bytes'] / 1e6:6.1f} MB  engine {r['engine_s']:.2f} s (best {r['engine_best_s']:.2f})  "
                      f"sextant {r['sextant_s']:.2f} s (best {r['sextant_best_s']:.2f})  ratio {r['ratio']:.2f}", flush=True)
    if options.json:
        print(json.dumps(results))


if __name__ == "__main__":
    main()
