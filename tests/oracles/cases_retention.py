"""Retention of the cases."""
import json

from cases_actors import ask_actors, strip
from cases_query import LeftOut, base, breakdown_of, matcher, only

KINDS = {"retention_recurring": "recurring", "retention_first_time": "first_time",
         "retention_first_ever_occurrence": "first_ever"}
RETENTION_KEYS = {"type", "period", "total_intervals", "retention_type", "target", "returning",
                  "date_from", "date_to", "filters", "breakdown"}


def counts_of(cohort):
    return [cell["count"] for cell in cohort["cells"]]


def compare_matrix(label, got, want, out):
    """Ours ends at the period; theirs may go on with zeros."""
    if len(got) != len(want):
        out.append(f"{label}{len(got)} cohorts, expected {len(want)}")
    for i, row in enumerate(want):
        ours = got[i] if i < len(got) else []
        if (ours + [0] * len(row))[:max(len(row), len(ours))] != \
                (row + [0] * len(ours))[:max(len(row), len(ours))]:
            out.append(f"{label}cohort {i}: {ours}, expected {row}")


def run_retention_case(store, family, name, number, case, source):
    query, expect, out = case["query"], case["expect"], []
    only(query, RETENTION_KEYS)
    arguments = base(case, number, source, query)
    if not query.get("date_from"):
        arguments.pop("from", None)  # as many intervals as asked for
    kind = KINDS.get(query.get("retention_type", "retention_recurring"))
    interval = query.get("period", "Day").lower()
    if kind is None:
        raise LeftOut(f"{query.get('retention_type')} not offered")
    arguments.update(start=matcher(query.get("target") or {}), kind=kind, interval=interval,
                     returning=matcher(query.get("returning") or query.get("target") or {}),
                     periods=query.get("total_intervals", 11), week_start="sunday")
    plain = store.call("retention_matrix", arguments)
    labels = [c["cohort"] for c in plain["cohorts"]]
    matrix = [counts_of(c) for c in plain["cohorts"]]
    fields = breakdown_of(query, arguments)
    split = {}
    if fields:
        for cohort in store.call("retention_matrix", arguments)["cohorts"]:
            split.setdefault(tuple(cohort["breakdown"]), {})[cohort["cohort"]] = cohort
    if "matrix" in expect:
        compare_matrix("", matrix, expect["matrix"], out)
    for value, want in (expect.get("breakdown_matrices") or {}).items():
        rows_of = split.get((value,), {})
        compare_matrix(f"[{value}] ", [counts_of(rows_of[x]) if x in rows_of else [0]
                                       for x in labels], want, out)
    for check in expect.get("checks") or []:
        compare_retention_check(store, number, arguments, check, labels, matrix, split, out, family,
                                name, interval)
    return out


def compare_retention_check(store, number, arguments, check, labels, matrix, split, out, family,
                            name, interval):
    path, want = check.get("path"), check.get("value")
    if check["op"] == "cohort_size":
        cohort = split.get((check["breakdown"],), {}).get(labels[check["row"]])
        size = cohort["size"] if cohort else 0
        if size != want:
            out.append(f"size of {check['breakdown']!r} row {check['row']}: {size}, "
                       f"expected {want}")
        if cohort and "users" in check:
            actors, _ = ask_actors(store, "retention_matrix", arguments,
                                   {"cohort": cohort["cohort"], "period": 0,
                                    "breakdown": [check["breakdown"]]})
            if strip(number, actors) != set(check["users"]):
                out.append(f"actors of row {check['row']}: {sorted(strip(number, actors))}, "
                           f"expected {check['users']}")
    elif path == ["len"]:
        if len(labels) != want:
            out.append(f"{len(labels)} cohorts, expected {want}")
    elif path == ["*", "values", "*", "count"]:
        compare_matrix("", matrix, want, out)
    elif len(path) == 4 and path[1] == "values" and path[3] == "count":
        got = matrix[path[0]][path[2]]
        if got != want:
            out.append(f"cell {path[0]}, {path[2]}: {got}, expected {want}")
    elif path[-1] == "date" and interval != "month":
        length = 13 if interval == "hour" else 10  # theirs keep the time of day of months
        want = want if isinstance(want, list) else [want]
        got = labels if path[0] == "*" else [labels[path[0]]]
        if [x[:length] for x in got] != [x[:length] for x in want]:
            out.append(f"cohorts {got}, expected {want}")
    elif path[-1] not in ("label", "date"):
        family.note(f"{name}: check {json.dumps(check)[:120]} has no counterpart")
