"""The tables of an object-centric log (events, objects, relations, o2o) as OCEL 2.0 files: JSON and
SQLite, as ocel-standard.org has them."""
import csv
import gzip
import json
import os
import re
import sqlite3

EVENT = ("event_index", "event_id", "activity", "timestamp")
OBJECT = ("object_id", "object_type")
EPOCH = "1970-01-01T00:00:00Z"


class Tables:
    def __init__(self, folder, name):
        self.events = read(os.path.join(folder, f"{name}.events.csv.gz"))
        self.objects = read(os.path.join(folder, f"{name}.objects.csv.gz"))
        self.relations = read(os.path.join(folder, f"{name}.relations.csv.gz"))
        self.o2o = read(os.path.join(folder, f"{name}.o2o.csv.gz"))


def read(path):
    if not os.path.isfile(path):
        return []
    with gzip.open(path, "rt", encoding="utf-8", newline="") as rows:
        return list(csv.DictReader(rows))


def attributes(row, fixed):
    return {name: value for name, value in row.items() if name not in fixed and value != ""}


def columns_of(rows, type_of, fixed):
    """{type: [attribute…]}, in order of first sight."""
    found = {}
    for row in rows:
        names = found.setdefault(row[type_of], {})
        names.update(dict.fromkeys(attributes(row, fixed)))
    return {name: list(names) for name, names in found.items()}


def related(tables):
    relations = {}
    for row in tables.relations:
        relations.setdefault(row["event_id"], []).append(
            {"objectId": row["object_id"], "qualifier": row["qualifier"]})
    return relations


def types(found):
    return [{"name": name, "attributes": [{"name": a, "type": "string"} for a in names]}
            for name, names in found.items()]


def write_json(tables, path, events_first=False, indent=None):
    relations = related(tables)
    linked = {}
    for row in tables.o2o:
        linked.setdefault(row["ocel:oid"], []).append(
            {"objectId": row["ocel:oid_2"], "qualifier": row["ocel:qualifier"]})
    log = {
        "objectTypes": types(columns_of(tables.objects, "object_type", OBJECT)),
        "eventTypes": types(columns_of(tables.events, "activity", EVENT)),
        "objects": [{"id": row["object_id"], "type": row["object_type"],
                     "attributes": [{"name": n, "time": EPOCH, "value": v}
                                    for n, v in attributes(row, OBJECT).items()],
                     "relationships": linked.get(row["object_id"], [])} for row in tables.objects],
        "events": [{"id": row["event_id"], "type": row["activity"], "time": row["timestamp"],
                    "attributes": [{"name": n, "value": v}
                                   for n, v in attributes(row, EVENT).items()],
                    "relationships": relations.get(row["event_id"], [])} for row in tables.events],
    }
    if events_first:
        log = dict(reversed(log.items()))
    opener = gzip.open if path.endswith(".gz") else open
    with opener(path, "wt", encoding="utf-8") as out:
        json.dump(log, out, indent=indent)


def quoted(name):
    return '"' + name.replace('"', '""') + '"'


def write_sqlite(tables, path):
    with sqlite3.connect(path) as db:
        db.execute("CREATE TABLE event (ocel_id TEXT, ocel_type TEXT)")
        db.execute("CREATE TABLE object (ocel_id TEXT, ocel_type TEXT)")
        db.execute("CREATE TABLE event_object "
                   "(ocel_event_id TEXT, ocel_object_id TEXT, ocel_qualifier TEXT)")
        db.execute("CREATE TABLE object_object "
                   "(ocel_source_id TEXT, ocel_target_id TEXT, ocel_qualifier TEXT)")
        db.executemany("INSERT INTO event VALUES (?, ?)",
                       [(r["event_id"], r["activity"]) for r in tables.events])
        db.executemany("INSERT INTO object VALUES (?, ?)",
                       [(r["object_id"], r["object_type"]) for r in tables.objects])
        db.executemany("INSERT INTO event_object VALUES (?, ?, ?)",
                       [(r["event_id"], r["object_id"], r["qualifier"]) for r in tables.relations])
        db.executemany("INSERT INTO object_object VALUES (?, ?, ?)",
                       [(r["ocel:oid"], r["ocel:oid_2"], r["ocel:qualifier"]) for r in tables.o2o])
        write_typed(db, "event", tables.events, "event_id", "activity", EVENT,
                    lambda row: (row["timestamp"],))
        write_typed(db, "object", tables.objects, "object_id", "object_type", OBJECT,
                    lambda row: (EPOCH, None))
    db.close()


def write_typed(db, kind, rows, id_of, type_of, fixed, times):
    """A table for each type, with its attributes as columns."""
    db.execute(f"CREATE TABLE {kind}_map_type (ocel_type TEXT, ocel_type_map TEXT)")
    more = "" if kind == "event" else ", ocel_changed_field TEXT"
    for name, columns in columns_of(rows, type_of, fixed).items():
        plain = re.sub(r"\W", "", name)
        db.execute(f"INSERT INTO {kind}_map_type VALUES (?, ?)", (name, plain))
        table = quoted(f"{kind}_{plain}")
        db.execute(f"CREATE TABLE {table} (ocel_id TEXT, ocel_time TEXT{more}"
                   + "".join(f", {quoted(c)} TEXT" for c in columns) + ")")
        of_type = [(row[id_of], *times(row), *(row[c] or None for c in columns))
                   for row in rows if row[type_of] == name]
        marks = ", ".join("?" * (2 + (kind == "object") + len(columns)))
        db.executemany(f"INSERT INTO {table} VALUES ({marks})", of_type)
