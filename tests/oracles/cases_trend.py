"""Funnels of the cases seen over time: view trend, its conversion per entry interval, its actors."""
import json

from cases_actors import ask_actors, strip
from cases_funnel import funnel_arguments, values
from cases_query import LeftOut
from report import close

# What the file says of a case and upstream's test does not.
CORRECTIONS = {"TestFunnelTrends.test_timezones_trends": {"tz": "UTC"}}  # the zone is set after it
COUNTS = {"reached_from_step_count": "entered", "reached_to_step_count": "converted"}


def same_point(label, point, key, want, out):
    if key in COUNTS:
        got = point[COUNTS[key]]
        is_same = got == want
    elif key == "conversion_rate":
        got = point.get("conversion", 0) * 100
        is_same = close(got, want)
    else:  # timestamp
        got = point["time"]
        is_same = got[:10] == want[:10]
    if not is_same:
        out.append(f"{label}: {key} {got}, expected {want}")


def compare_split(by_value, checks, fields, out):
    """Upstream looks at the values in a loop: `data` are the rates of the one named."""
    named, data = None, None
    for check in checks:
        if check["path"] == ["len"] and len(by_value) != check["value"]:
            out.append(f"{len(by_value)} values {sorted(by_value)}, expected {check['value']}")
        elif check["path"][-1] == "breakdown_value":
            named = tuple(values(check["value"], fields))
        elif check["path"][-1] == "data":
            data = check["value"]
    points = by_value.get(named, [])
    got = [p.get("conversion", 0) * 100 for p in points]
    if len(got) != len(data) or not all(map(close, got, data)):
        out.append(f"{named}: {got}, expected {data}")


def compare_points(points, checks, out):
    for check in checks:
        path, want = check["path"], check["value"]
        if path == ["len"]:
            if len(points) != want:
                out.append(f"{len(points)} intervals, expected {want}")
        elif path == []:
            if len(points) != len(want):
                out.append(f"{len(points)} intervals, expected {len(want)}")
            for i, (point, item) in enumerate(zip(points, want)):
                for key, value in item.items():
                    same_point(f"interval {i}", point, key, value, out)
        elif path[0] == "*":
            for i, value in enumerate(want):
                same_point(f"interval {i}", points[i], path[1], value, out)
        elif path[1] == "days":
            same_point(f"interval {path[2]}", points[path[2]], "timestamp", want, out)
        else:
            same_point(f"interval {path[0]}", points[path[0]], path[1], want, out)


def compare_entrants(store, number, arguments, case, points, out):
    """Who came in one interval, and converted or did not."""
    raw, expect = case["query_raw"], case["expect"]
    start = raw["entrance_period_start"][:10]
    time = next(p["time"] for p in points if p["time"][:10] == start)
    cell = {"time": time, "outcome": "dropped" if raw["drop_off"] else "reached"}
    actors, total = ask_actors(store, "run_funnel", arguments, cell)
    label = f"actors of {json.dumps(cell)}"
    got = sorted(strip(number, actors))
    for item in expect.get("actors") or []:
        if item.get("n_users", total) != total:
            out.append(f"{label}: {total}, expected {item['n_users']}")
        if sorted(item.get("users", got)) != got:
            out.append(f"{label}: {got}, expected {item['users']}")
    for check in expect["other"]:
        path, want = check["path"], check["value"]
        if path == ["len"]:
            want, found = [want], [total]
        elif path == ["*", "distinct_ids"]:
            want, found = sorted(x for ids in want for x in ids), got
        elif path == ["*", "id"]:
            want, found = sorted(want), got
        elif "session_id" in path:
            found = [a.get("session") for a in actors]
        else:
            raise LeftOut(f"check {path}")
        if found != want:
            out.append(f"{label}: {'.'.join(map(str, path))} {found}, expected {want}")


def run_trend_case(store, _family, name, number, case, source):
    case = {**case, **CORRECTIONS.get(name, {})}
    query, out = dict(case["query"]), []
    arguments, fields = funnel_arguments(case, number, source)
    arguments.update(view="trend", interval=query["interval"], week_start="sunday",
                     from_step=(query.get("funnel_from_step") or 0) + 1,
                     to_step=query.get("funnel_to_step", len(query["steps"]) - 1) + 1)
    by_value = {}
    for point in store.call("run_funnel", arguments)["trend"]:
        by_value.setdefault(tuple(point.get("breakdown", [])), []).append(point)
    checks = case["expect"].get("other") or []
    if fields:
        compare_split(by_value, checks, fields, out)
    elif "entrance_period_start" in case["query_raw"]:
        compare_entrants(store, number, arguments, case, by_value.get((), []), out)
    else:
        compare_points(by_value.get((), []), checks, out)
    return out
