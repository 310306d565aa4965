"""The cases' own queries (cases/NOTES.md) in our arguments."""
import json
from datetime import datetime, timedelta

CASE = "oracle_case"
OPS = {"exact": "eq", "is_not": "ne", "icontains": "contains", "not_icontains": "not_contains",
       "regex": "regex", "gt": "gt", "gte": "gte", "lt": "lt", "lte": "lte", "is_set": "exists",
       "is_not_set": "missing", "is_date_after": "gt", "is_date_before": "lt",
       "starts_with": "starts_with", "ends_with": "ends_with"}
LISTS = {"eq": "in", "ne": "not_in"}


class LeftOut(Exception):
    """A case that cannot be asked; the text is the reason."""


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


def local(moment):
    """Upstream's dates are local ones; the files append a Z."""
    return moment.removesuffix("Z")


def period(case, query):
    out = {"tz": case.get("tz") or "UTC"}
    if query.get("date_to"):
        out["to"] = local(query["date_to"])
    elif case.get("now"):
        out["to"] = case["now"]
    if query.get("date_from"):
        out["from"] = local(query["date_from"])
    elif case.get("now"):
        now = datetime.fromisoformat(case["now"].replace("Z", "+00:00"))
        out["from"] = (now - timedelta(days=7)).strftime("%Y-%m-%d")
    return out


def base(case, number, source, query):
    return {"source": source, "allow_unknown": True, **period(case, query),
            "filters": [{"field": f"event.{CASE}", "op": "eq", "value": str(number)}]
            + filters_of(query.get("filters"))}


def breakdown_of(query, arguments):
    """Adds the breakdown; returns the number of fields."""
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
    return len(keys)
