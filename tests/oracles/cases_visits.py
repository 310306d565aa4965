"""Paths, lifecycle and stickiness of the cases."""
import json

from cases_query import LeftOut, base, filters_of, local, only
from sextant import ToolError


def properties(items):
    """Upstream's property filters → ours."""
    return [{"key": item["key"], "op": item.get("operator"), "value": item["value"],
             "on": item.get("type")} for item in items or []]


def matcher_of(event):
    out = {"event": event["id"]}
    if event.get("properties"):
        out["where"] = filters_of(properties(event["properties"]))
    return out


def asked(case, number, source, query):
    """What all three share; whole days, as upstream rounds to them."""
    arguments = base(case, number, source, {k: v for k, v in query.items() if k != "properties"})
    arguments["filters"] += filters_of(properties(query.get("properties")))
    if query.get("date_from") == "all":
        arguments["from"] = min(e["ts"] for e in case["events"])[:10]
    return arguments


# --- paths --------------------------------------------------------------------------------------

PATH_KEYS = {"type", "date_from", "date_to", "dummy", "path_type", "properties"}


def run_paths_case(store, _family, _name, number, case, source):
    """Upstream counts the runs of persons, merges repeats, and has no row for who leaves."""
    query, expect, out = case["query"], case["expect"], []
    only(query, PATH_KEYS)
    arguments = {**asked(case, number, source, query), "actor": "user", "collapse_repeats": True}
    arguments["to"] = arguments["to"][:10]
    if query.get("path_type", "$pageview") == "custom_event":
        arguments.update(node="event", exclude=[{"event": "$pageview"}])
    else:
        arguments.update(node="event.$current_url", include=[{"event": "$pageview"}])
    if arguments["from"] > arguments["to"]:
        try:
            store.call("run_paths", arguments)
            return ["a period that ends before it begins was accepted"]
        except ToolError:
            raise LeftOut("a period that ends before it begins is refused here, "
                          "upstream it is empty") from None
    edges = [e for e in store.call("run_paths", arguments)["edges"] if e["to"] != "(drop-off)"]
    got = {(f"{e['step']}_{e['from']}", f"{e['step'] + 1}_{e['to']}"): e["count"] for e in edges}
    want = {(x["source"], x["target"]): x["value"] for x in expect.get("links_partial") or []}
    for check in expect["checks"]:
        if check["path"] == ["len"] and len(edges) != check["value"]:
            out.append(f"{len(edges)} edges, expected {check['value']}")
    # links_partial is all there is, in every case that has it
    if want and got != want:
        out.append(f"edges {got}, expected {want}")
    for edge in edges:
        cell = {k: edge[k] for k in ("step", "from", "to")}
        if want:
            page = store.call("list_actors", {"of": "run_paths", "arguments": arguments,
                                              "cell": cell})
            if not 1 <= page["total"] <= edge["count"]:
                out.append(f"actors of {cell}: {page['total']}, of {edge['count']} runs")
    return out


# --- lifecycle ----------------------------------------------------------------------------------

LIFECYCLE_KEYS = {"type", "date_from", "date_to", "events", "shown_as", "properties", "interval"}


def whole_days(arguments, query):
    """Upstream's days are whole, whatever the time of day of date_to."""
    for name in ("from", "to"):
        value = query.get(f"date_{name}")
        if value and value != "all" and query.get("interval", "day") != "hour":
            arguments[name] = local(value)[:10]


def run_lifecycle_case(store, _family, _name, number, case, source):
    query, out = case["query"], []
    only(query, LIFECYCLE_KEYS)
    arguments = asked(case, number, source, query)
    whole_days(arguments, query)
    arguments.update(event=matcher_of(query["events"][0]), interval=query.get("interval", "day"))
    points = store.call("lifecycle", arguments)["points"]
    for series in case["expect"]["series"]:
        status = series["status"]
        got = [p[status] for p in points]
        if got != series["data"]:
            out.append(f"{status} {got}, expected {series['data']}")
            continue
        for point in points:
            actors = store.call("list_actors", {"of": "lifecycle", "arguments": arguments,
                                                "cell": {"time": point["time"], "status": status}})
            if actors["total"] != abs(point[status]):
                out.append(f"actors {status} of {point['time']}: {actors['total']}, expected "
                           f"{abs(point[status])}")
    return out


# --- stickiness ---------------------------------------------------------------------------------

STICKINESS_KEYS = {"type", "shown_as", "date_from", "date_to", "events", "interval", "insight",
                   "compare", "display", "properties"}


def counts(buckets, member="count"):
    return {b["intervals"]: b.get(member, 0) for b in buckets if b.get(member, 0)}


def run_stickiness_case(store, _family, _name, number, case, source):
    query, out = dict(case["query"]), []
    only(query, STICKINESS_KEYS)
    for name in ("events", "properties"):  # a query string's JSON
        if isinstance(query.get(name), str):
            query[name] = json.loads(query[name])
    arguments = asked(case, number, source, query)
    whole_days(arguments, query)
    arguments.update(event=matcher_of(query["events"][0]), week_start="sunday",
                     interval=query.get("interval", "day"))
    if query.get("compare") == "true":
        arguments["compare"] = "previous"
    result = store.call("stickiness", arguments)
    got = counts(result["buckets"])
    for check in case["expect"]["checks"]:
        path, want = check["path"], check["value"]
        if path == ["result", 0, "count"]:
            found = sum(got.values())
        elif path[:3] == ["result", 0, "data"] and len(path) == 4:
            found = got.get(path[3] + 1, 0)
        elif path == ["result", 0, "data"]:
            found = [got.get(k + 1, 0) for k in range(len(want))]
        elif path == ["result", 1, "data"]:
            found = previous_of(store, arguments, result, out, want)
        else:
            continue  # labels
        if found != want:
            out.append(f"{'.'.join(map(str, path))}: {found}, expected {want}")
    return out


def previous_of(store, arguments, result, out, want):
    """Upstream's previous period takes in the first day of this one; ours ends before it."""
    if counts(result["buckets"], "previous"):
        out.append(f"previous {counts(result['buckets'], 'previous')}: nobody was there before")
    before = {**arguments, "from": "2019-12-25", "to": "2020-01-01"}
    del before["compare"]
    got = counts(store.call("stickiness", before)["buckets"])
    return [got.get(k + 1, 0) for k in range(len(want))]
