"""Funnels of the cases: steps, breakdowns, actors, times to convert, trends."""
import json

from cases_actors import ask_actors, strip
from cases_query import LeftOut, base, breakdown_of, matcher, only
from report import close
from sextant import ToolError

FUNNEL_KEYS = {"type", "order", "steps", "window", "breakdown", "date_from", "date_to", "interval",
               "exclusions", "filters", "funnel_from_step", "funnel_to_step", "bin_count",
               "display", "funnel_viz_type"}


def funnel_arguments(case, number, source):
    query = case["query"]
    only(query, FUNNEL_KEYS)
    arguments = base(case, number, source, query)
    arguments["steps"] = [dict(matcher(s), **({"name": s["name"]} if s.get("name") else {}))
                          for s in query["steps"]]
    arguments["order"] = query.get("order", "ordered")
    arguments["within"] = query.get("window") or {"value": 14, "unit": "day"}
    if query.get("exclusions"):
        arguments["exclusions"] = [dict(matcher(e), from_step=e["from_step"] + 1,
                                        to_step=e["to_step"] + 1) for e in query["exclusions"]]
    fields = breakdown_of(query, arguments)
    asked = query.get("breakdown") or {}
    if asked.get("attribution"):
        arguments["attribution"] = asked["attribution"]
        if asked["attribution"] == "step":
            arguments["attribution_step"] = asked.get("attribution_step", 0) + 1
    return arguments, fields


# --- comparing ---------------------------------------------------------------------------------


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


def run_funnel_case(store, family, name, number, case, source):
    arguments, fields = funnel_arguments(case, number, source)
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


def run_time_case(store, _family, _name, number, case, source):
    arguments, _ = funnel_arguments(case, number, source)
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
        _, reached = ask_actors(store, "run_funnel", arguments,
                                {"step": arguments["to_step"], "outcome": "reached"})
        if reached != total:
            out.append(f"{reached} actors reached the step, expected {total}")
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
