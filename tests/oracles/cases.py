"""The journeys of cases/*.json: events, a query, expected numbers.

All cases of a file are imported as one source; a property names the case, every call filters by it,
and actor ids carry the case's number, so that cases never meet. Form and meaning of the files:
NOTES.md beside them.
"""
import json
import os
import tempfile
from datetime import datetime, timedelta, timezone

from sextant import ToolError
from report import Family, close
from work import on_each, spread

CASE = "oracle_case"
OPS = {"exact": "eq", "is_not": "ne", "icontains": "contains", "not_icontains": "not_contains",
       "regex": "regex", "gt": "gt", "gte": "gte", "lt": "lt", "lte": "lte", "is_set": "exists",
       "is_not_set": "missing", "is_date_after": "gt", "is_date_before": "lt",
       "starts_with": "starts_with", "ends_with": "ends_with"}
LISTS = {"eq": "in", "ne": "not_in"}
# Disputed upstream: reported apart.
OPTIONAL = ("test_advanced_funnel_multiple_exclusions", "test_funnel_exclusions")


class LeftOut(Exception):
    """A case that cannot be asked; the text is the reason."""


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
            row.update(oracle_time=event["ts"], oracle_event=event["event"],
                       oracle_user=f"{number}:{event['user']}", oracle_case=str(number))
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
        "--actor", "oracle_user"))


# --- our arguments from the file's query -----------------------------------------------------


def field(key, on):
    return {"event": "event.", "person": "actor."}[on] + key


def filters_of(items):
    out = []
    for item in items or []:
        op, value, on = item.get("op") or "exact", item.get("value"), item.get("on") or "event"
        if op not in OPS:
            raise LeftOut(f"filter operator {op}")
        if on not in ("event", "person"):
            raise LeftOut(f"filter on {on}")
        mapped = {"field": field(item["key"], on), "op": OPS[op]}
        if isinstance(value, list):
            if mapped["op"] not in LISTS:
                raise LeftOut(f"filter operator {op} with a list")
            mapped["op"] = LISTS[mapped["op"]]
            mapped["values"] = [text(v) for v in value]
        elif mapped["op"] not in ("exists", "missing"):
            mapped["value"] = text(value)
        out.append(mapped)
    return out


def text(value):
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else json.dumps(value)


def matcher(step):
    if "any_of" in step:
        out = {"any_of": [matcher(s) for s in step["any_of"]]}
    else:
        out = {} if step.get("event") is None else {"event": step["event"]}
    if step.get("filters"):
        out["where"] = filters_of(step["filters"])
    return out


def only(query, known):
    for key in query:
        if key not in known:
            raise LeftOut(f"option {key}")


def period(case, query):
    out = {"tz": case.get("tz") or "UTC"}
    if query.get("date_to"):
        out["to"] = query["date_to"]
    elif case.get("now"):
        out["to"] = case["now"]
    if query.get("date_from"):
        out["from"] = query["date_from"]
    return out


def offers(schema, name, choice=None):
    row = schema.get("properties", {}).get(name)
    if row is None:
        return False
    return choice is None or "enum" not in row or choice in row["enum"]


def base(case, number, source, query):
    return {"source": source, "allow_unknown": True, **period(case, query),
            "filters": [{"field": f"event.{CASE}", "op": "eq", "value": str(number)}]
            + filters_of(query.get("filters"))}


def breakdown_of(query, arguments, schema):
    """Adds breakdown and attribution; returns the number of fields."""
    asked = query.get("breakdown")
    if not asked:
        return 0
    if asked.get("on") not in ("event", "person"):
        raise LeftOut(f"breakdown on {asked.get('on')}")
    keys = asked["property"] if isinstance(asked["property"], list) else [asked["property"]]
    only(asked, {"property", "on", "attribution", "attribution_step", "limit"})
    arguments["breakdown"] = [field(str(key), asked["on"]) for key in keys]
    if asked.get("limit"):
        arguments["breakdown_limit"] = asked["limit"]
    if asked.get("attribution") and "attribution" in schema.get("properties", {}):
        if not offers(schema, "attribution", asked["attribution"]):
            raise LeftOut(f"attribution {asked['attribution']} not offered")
        arguments["attribution"] = asked["attribution"]
        if asked["attribution"] == "step":
            arguments["attribution_step"] = asked.get("attribution_step", 0) + 1
    return len(keys)


FUNNEL_KEYS = {"type", "order", "steps", "window", "breakdown", "date_from", "date_to", "interval",
               "exclusions", "filters", "funnel_from_step", "funnel_to_step", "bin_count",
               "display"}


def funnel_arguments(case, number, source, schema):
    query = case["query"]
    only(query, FUNNEL_KEYS)
    arguments = base(case, number, source, query)
    if "from" not in arguments and case.get("now"):
        now = datetime.fromisoformat(case["now"].replace("Z", "+00:00"))
        arguments["from"] = (now - timedelta(days=7)).strftime("%Y-%m-%d")
    arguments["steps"] = [dict(matcher(s), **({"name": s["name"]} if s.get("name") else {}))
                          for s in query["steps"]]
    if not offers(schema, "order", query.get("order", "ordered")):
        raise LeftOut(f"order {query['order']} not offered")
    arguments["order"] = query.get("order", "ordered")
    arguments["within"] = query.get("window") or {"value": 14, "unit": "day"}
    if query.get("exclusions"):
        if not offers(schema, "exclusions"):
            raise LeftOut("exclusions are not offered yet")
        arguments["exclusions"] = [dict(matcher(e), from_step=e["from_step"] + 1,
                                        to_step=e["to_step"] + 1) for e in query["exclusions"]]
    fields = breakdown_of(query, arguments, schema)
    return arguments, fields


# --- comparing ---------------------------------------------------------------------------------


def strip(number, actors):
    prefix = f"{number}:"
    return {a["actor"].removeprefix(prefix) for a in actors}


def ask_actors(store, of, arguments, cell):
    """All actors of a cell and the total."""
    found, cursor, total = [], None, 0
    while True:
        page = store.call("list_actors", {"of": of, "arguments": arguments, "cell": cell,
                                          "limit": 1000, **({"cursor": cursor} if cursor else {})})
        found += page["actors"]
        total = page["total"] if not cursor else total
        cursor = page.get("cursor")
        if not cursor:
            return found, total


def values(value, fields):
    items = [str(v) for v in (value if isinstance(value, list) else [value])]
    if items == ["Other"] or set(items) == {"Other"}:
        return ["(other)"] * max(fields, 1)
    return items


def compare_step(label, got, want, out):
    if want.get("count") is not None and got["count"] != want["count"]:
        out.append(f"{label}: count {got['count']}, expected {want['count']}")
    for theirs, ours in (("average_conversion_time", "average_s"),
                         ("median_conversion_time", "median_s")):
        if want.get(theirs) is not None and not close(got.get(ours), want[theirs]):
            out.append(f"{label}: {ours} {got.get(ours)}, expected {want[theirs]}")


def compare_steps(label, got, want, out):
    for index, item in enumerate(want):
        at = item.get("index", item.get("order", index))
        if at >= len(got):
            out.append(f"{label}: no step {at + 1}")
        else:
            compare_step(f"{label}step {at + 1}", got[at], item, out)


def compare_breakdowns(result, want, fields, out):
    found = {tuple(b["breakdown"]): b["steps"] for b in result.get("breakdowns", [])}
    for item in want:
        first = item["steps"][0]
        value = first.get("breakdown_value", first.get("breakdown"))
        key = tuple(values(value, fields))
        if key not in found:
            out.append(f"no breakdown {list(key)}; there are {sorted(map(list, found))}")
        else:
            compare_steps(f"{list(key)} ", found[key], item["steps"], out)


def compare_checks(result, checks, fields, out, family, name):
    """Upstream's loose assertions, as far as they are about breakdown values."""
    found = [b["breakdown"] for b in result.get("breakdowns", [])]
    for check in checks:
        if check["path"] == ["len"] and check["op"] == "eq" and fields:
            if len(found) != check["value"]:
                out.append(f"{len(found)} breakdown values {found}, expected {check['value']}")
        elif check["path"] == ["*", 0, "breakdown"] and check["op"] in ("eq", "set_eq"):
            want = sorted(values(v, fields) for v in check["value"])
            if sorted(found) != want:
                out.append(f"breakdown values {sorted(found)}, expected {want}")
        elif check["op"] == "ne" and isinstance(check["value"], dict) and "$rec" in check["value"]:
            pass  # upstream compares two of its own answers with each other
        else:
            family.note(f"{name}: check {json.dumps(check)[:120]} has no counterpart")


def compare_actors(store, number, arguments, want, fields, out):
    for item in want:
        step = item["step"]
        cell = {"step": abs(step), "outcome": "reached" if step > 0 else "dropped"}
        if "breakdown" in item:
            cell["breakdown"] = values(item["breakdown"], fields)
        actors, total = ask_actors(store, "run_funnel", arguments, cell)
        got = strip(number, actors)
        label = f"actors of {json.dumps(cell)}"
        if "n_users" in item and total != item["n_users"]:
            out.append(f"{label}: {total}, expected {item['n_users']}")
        users = item.get("users")
        if isinstance(users, str):
            if users not in got:
                out.append(f"{label}: {sorted(got)} lacks {users}")
        elif users is not None and got != set(users):
            out.append(f"{label}: {sorted(got)}, expected {sorted(set(users))}")


def run_funnel_case(store, family, name, number, case, source, schema):
    arguments, fields = funnel_arguments(case, number, source, schema)
    expect, out = case["expect"], []
    if "error" in expect:
        try:
            store.call("run_funnel", arguments)
            out.append("expected an error")
        except ToolError:
            pass
        return out
    result = store.call("run_funnel", arguments)
    compare_steps("", result["steps"], expect.get("steps") or [], out)
    compare_steps("", result["steps"], expect.get("step_results") or [], out)
    compare_breakdowns(result, expect.get("breakdown_results") or [], fields, out)
    compare_checks(result, expect.get("other") or [], fields, out, family, name)
    compare_actors(store, number, arguments, expect.get("actors") or [], fields, out)
    return out


def run_time_case(store, family, name, number, case, source, schema):
    if not offers(schema, "view", "time_to_convert"):
        raise LeftOut("view time_to_convert not offered")
    arguments, _ = funnel_arguments(case, number, source, schema)
    query, out = case["query"], []
    arguments["view"] = "time_to_convert"
    arguments["from_step"] = query.get("funnel_from_step", 0) + 1
    arguments["to_step"] = query.get("funnel_to_step", len(query["steps"]) - 1) + 1
    if query.get("bin_count"):
        arguments["bins"] = query["bin_count"]
    result = store.call("run_funnel", arguments)
    for check in case["expect"].get("other") or []:
        want = check["value"]
        if check["op"] != "eq" or not isinstance(want, dict) or "bins" not in want:
            continue
        total = sum(n for _, n in want["bins"])
        if sum(b["count"] for b in result["bins"]) != total:
            out.append(f"{sum(b['count'] for b in result['bins'])} converted, expected {total}")
        if not close(result["overall"].get("average_s"), want.get("average_conversion_time")):
            out.append(f"average {result['overall'].get('average_s')}, "
                       f"expected {want.get('average_conversion_time')}")
        if query.get("bin_count"):
            # theirs has one more bin, for what lies on the upper edge; ours is closed there
            edges = [e for e, _ in want["bins"]][:-1]
            counts = [n for _, n in want["bins"]]
            counts = counts[:-2] + [counts[-2] + counts[-1]]
            got = [[b["from_s"], b["count"]] for b in result["bins"]]
            if got != [[e, n] for e, n in zip(edges, counts)]:
                out.append(f"bins {got}, expected {list(zip(edges, counts))}")
    return out


# --- retention ----------------------------------------------------------------------------------

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


def run_retention_case(store, family, name, number, case, source, schema):
    query, expect, out = case["query"], case["expect"], []
    only(query, RETENTION_KEYS)
    arguments = base(case, number, source, query)
    kind = KINDS.get(query.get("retention_type", "retention_recurring"))
    interval = query.get("period", "Day").lower()
    if kind is None or not offers(schema, "kind", kind):
        raise LeftOut(f"{query.get('retention_type')} not offered")
    if not offers(schema, "interval", interval):
        raise LeftOut(f"interval {interval} not offered")
    arguments.update(start=matcher(query.get("target") or {}), kind=kind, interval=interval,
                     returning=matcher(query.get("returning") or query.get("target") or {}),
                     periods=query.get("total_intervals", 11), week_start="sunday")
    plain = store.call("retention_matrix", arguments)
    labels = [c["cohort"] for c in plain["cohorts"]]
    matrix = [counts_of(c) for c in plain["cohorts"]]
    fields = breakdown_of(query, arguments, schema)
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


# --- the families -------------------------------------------------------------------------------

RUNNERS = {"funnel": ("run_funnel", run_funnel_case),
           "time_to_convert": ("run_funnel", run_time_case),
           "retention": ("retention_matrix", run_retention_case)}
NOT_COMPARED = {"funnel_trends": ("run_funnel", "view", "trend"),
                "lifecycle": ("lifecycle", None, None), "stickiness": ("stickiness", None, None),
                "paths": ("run_paths", None, None)}


def left_out(case):
    needs = case.get("needs") or []
    if needs:
        return "needs " + ", ".join(sorted(set(needs)))
    if case.get("query") is None:
        return "no query"
    return None


def run_file(stores, family, kind, cases, tools, folder):
    tool, runner = RUNNERS[kind]
    source = f"cases_{kind}"
    runnable = [c for c in cases if left_out(c) is None]
    if tool in tools and runnable:
        try:
            load(stores, source, cases, folder)
        except RuntimeError as error:
            family.done("import of the events", [str(error)])
            return
    tasks = []
    for number, case in enumerate(cases):
        name = case["name"]
        reason = left_out(case) if tool in tools else f"tool {tool} not offered"
        if reason is not None:
            family.skip(name, reason)
            continue

        def task(store, number=number, case=case, name=name):
            try:
                out = runner(store, family, name, number, case, source, tools[tool])
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


def run(data, stores, tools):
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
                    run_file(stores, family, kind, group, tools, folder)
                continue
            tool, option, choice = NOT_COMPARED.get(kind, (None, None, None))
            if tool is None:
                reason = f"kind {kind} is not known here"
            elif tool not in tools:
                reason = f"tool {tool} not offered"
            elif option and not offers(tools[tool], option, choice):
                reason = f"{tool} does not offer {option} {choice} yet"
            else:
                reason = f"no comparison written for {kind} yet"
            for case in group:
                family.skip(case["name"], reason)
    return families
