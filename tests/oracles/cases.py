"""The journeys of cases/*.json: events, a query, expected numbers.

All cases of a file are imported as one source; a property names the case, every call filters by it,
and actor ids carry the case's number, so that cases never meet. Form and meaning of the files:
NOTES.md beside them.
"""
import json
import os
import tempfile

from cases_funnel import run_funnel_case, run_time_case
from cases_query import CASE, LeftOut
from cases_retention import run_retention_case
from cases_trend import run_trend_case
from cases_visits import run_lifecycle_case, run_paths_case, run_stickiness_case
from report import Family
from sextant import ToolError
from work import on_each, spread

# Disputed upstream: reported apart.
OPTIONAL = ("test_advanced_funnel_multiple_exclusions", "test_funnel_exclusions")


# --- import ---------------------------------------------------------------------------------


def rows(cases):
    """One JSON object per event; the file order breaks ties of time."""
    for number, case in enumerate(cases):
        persons = {}  # a person may be listed more than once
        for person in case.get("persons") or []:
            persons.setdefault(person["user"], {}).update(person.get("props") or {})
        for event in case.get("events") or []:
            row = {key: value for key, value in (event.get("props") or {}).items()}
            for key, value in persons.get(event["user"], {}).items():
                row[f"actor.{key}"] = value
            row.update({"oracle_time": event["ts"], "oracle_event": event["event"],
                        "oracle_user": f"{number}:{event['user']}", CASE: str(number),
                        "oracle_session": row.get("$session_id", "")})
            yield row


def load(stores, source, cases, folder):
    path = os.path.join(folder, f"{source}.jsonl")
    with open(path, "w", encoding="utf-8") as out:
        count = 0
        for row in rows(cases):
            out.write(json.dumps(row) + "\n")
            count += 1
    if count == 0:
        return
    on_each(stores, lambda store: store.load(
        source, path, "--format", "jsonl", "--time", "oracle_time", "--event", "oracle_event",
        "--actor", "oracle_user", "--session", "oracle_session"))


# --- the families -------------------------------------------------------------------------------

RUNNERS = {"funnel": run_funnel_case,
           "funnel_trends": run_trend_case,
           "time_to_convert": run_time_case,
           "retention": run_retention_case,
           "lifecycle": run_lifecycle_case,
           "stickiness": run_stickiness_case,
           "paths": run_paths_case}


def left_out(case):
    needs = case.get("needs") or []
    if needs:
        return "needs " + ", ".join(sorted(set(needs)))
    if case.get("query") is None:
        return "no query"
    return None


def run_file(stores, family, kind, cases, folder):
    runner = RUNNERS[kind]
    source = f"cases_{kind}"
    runnable = [c for c in cases if left_out(c) is None]
    if runnable:
        try:
            load(stores, source, cases, folder)
        except RuntimeError as error:
            family.done("import of the events", [str(error)])
            return
    tasks = []
    for number, case in enumerate(cases):
        name = case["name"]
        reason = left_out(case)
        if reason is not None:
            family.skip(name, reason)
            continue

        def task(store, number=number, case=case, name=name):
            try:
                out = runner(store, family, name, number, case, source)
            except LeftOut as reason:
                family.skip(name, str(reason))
                return
            except (ToolError, RuntimeError, LookupError) as error:
                out = [f"{type(error).__name__}: {error}"]
            if out and any(x in name and "Unordered" in name for x in OPTIONAL):
                family.note(f"{name}: optional, disputed upstream: {out}")
                family.skip(name, "disputed upstream, and different")
                return
            family.done(name, out)

        tasks.append(task)
    spread(stores, tasks)


def run(data, stores, _tools):
    families = []
    base_folder = os.path.join(data, "cases")
    for file in sorted(os.listdir(base_folder)) if os.path.isdir(base_folder) else []:
        if not file.endswith(".json"):
            continue
        with open(os.path.join(base_folder, file), encoding="utf-8") as handle:
            cases = json.load(handle)
        by_kind = {}
        for case in cases:
            by_kind.setdefault(case.get("kind") or file[:-5], []).append(case)
        for kind, group in by_kind.items():
            family = Family(f"cases/{file} {kind}" if len(by_kind) > 1 else f"cases/{file}")
            families.append(family)
            if kind in RUNNERS:
                with tempfile.TemporaryDirectory() as folder:
                    run_file(stores, family, kind, group, folder)
            else:
                for case in group:
                    family.skip(case["name"], f"kind {kind} is not known here")
    return families
