"""Random trends, and who stands behind a point."""
import journeys as j
import reference_trend as reference
from calendar_of import Calendar
from cases_actors import check_actors
from properties_visits import DAYS
from report import close

FORMULAS = {1: ["A*2", "A/10-1"], 2: ["A/B*100", "A-B", "(A+B)/2"], 3: ["A/(B+C)", "A-B*C"]}


SETS = ["actors", "sessions", "weekly_actors", "monthly_actors", "first_time"]
MATHS = [*SETS, "total", "per_actor", *reference.FIELDS]


def random_series(rnd, name, maths):
    math = rnd.choice(maths)
    series = {**j.random_matcher(rnd), "math": math, "name": name}
    if math in reference.FIELDS:
        series["field"] = "amount"
    return series


def random_question(rnd, maths=MATHS, by_value=0.4):
    interval = rnd.choice(["hour", "day", "day", "week", "month"])
    arguments = {"interval": interval, "tz": "UTC",
                 "series": [random_series(rnd, f"s{i}", maths)
                            for i in range(rnd.choice([1, 1, 2, 3]))]}
    if rnd.random() < 0.4:
        # seven days before an hour, where the clocks change between: not decided
        arguments["tz"] = rnd.choice(["America/New_York", "Asia/Kolkata"][interval == "hour":])
    if interval == "week" and rnd.random() < 0.5:
        arguments["week_start"] = "sunday"
    calendar = Calendar(interval, arguments["tz"], arguments.get("week_start", "monday"))
    first = Calendar("day", arguments["tz"]).start(rnd.randint(1, 6) * j.US["day"] + 43200 * 10**6)
    first = first if interval == "hour" else calendar.start(first)
    last = first
    for _ in range(DAYS[interval] * (24 if interval == "hour" else 1)):
        last = calendar.next(last)
    arguments.update({"from": j.iso(first), "to": j.iso(last - 1)})
    if rnd.random() < by_value:
        arguments["breakdown"] = rnd.choice([["plan"], ["plan", "n"]])
        arguments["breakdown_limit"] = rnd.choice([2, 100])
    if rnd.random() < 0.25:
        arguments["formula"] = rnd.choice(FORMULAS[len(arguments["series"])])
    if rnd.random() < 0.2 and all(s["math"] in reference.COUNTS for s in arguments["series"]):
        arguments["smoothing"] = rnd.choice([2, 3])
    if rnd.random() < 0.3 and interval in ("hour", "day") and arguments["tz"] == "UTC":
        arguments["compare"] = "previous"
    j.restrict(rnd, arguments)
    return arguments


def random_packed(rnd):
    """Nothing but sets, by value: what is counted in packed arrays."""
    return random_question(rnd, SETS, 1)


def random_texts(rnd):
    """The same of actors, or of actors and sessions, who are texts: they are numbered by hashes."""
    return {**random_packed(rnd), **rnd.choice([{"source": j.SPANS}, {"actor": "actor"}])}


# --- what is expected -------------------------------------------------------------------------------


def evaluated(formula, values):
    if any(v is None for v in values):
        return None
    try:
        return eval(formula, {"__builtins__": {}}, dict(zip("ABC", values)))  # one of FORMULAS
    except ZeroDivisionError:
        return None


def expected(arguments, actors, starts, end, listed):
    """{(series, value): (points, total)}"""
    of_series = [reference.figures(arguments, s, actors, starts, end, listed)
                 for s in arguments["series"]]
    values = set().union(*of_series) if arguments.get("breakdown") else {()}
    lines = {}
    for value in values:
        nothing = [([reference.measure(s, [])] * len(starts), reference.measure(s, []))
                   for s in arguments["series"]]
        mine = [found.get(value, none) for found, none in zip(of_series, nothing)]
        if "smoothing" in arguments and "formula" not in arguments:
            mine = [(reference.smoothed(p, arguments["smoothing"]), t) for p, t in mine]
        for series, line in zip(arguments["series"], mine):
            lines[series["name"], value] = line
        if "formula" in arguments:
            formula = arguments["formula"]
            points = [evaluated(formula, [p[i] for p, _ in mine]) for i in range(len(starts))]
            if "smoothing" in arguments:
                points = reference.smoothed(points, arguments["smoothing"])
            lines[formula, value] = (points, evaluated(formula, [t for _, t in mine]))
    return lines


def periods(arguments):
    """(calendar, starts and end of the period, of the one before)"""
    calendar = Calendar(arguments["interval"], arguments["tz"],
                        arguments.get("week_start", "monday"))
    begin, end = j.us_of(arguments["from"]), j.us_of(arguments["to"]) + 1
    length = end - begin
    return (calendar, (calendar.starts(begin, end), end),
            (calendar.starts(begin - length, begin), begin))


# --- comparing --------------------------------------------------------------------------------------


def same(got, want):
    return got is None if want is None else close(got, want)


def pages(store, asked):
    result = store.call("run_trend", {**asked, "limit": 700})
    points, cursor = result["points"], result.get("cursor")
    while cursor:
        page = store.call("run_trend", {**asked, "limit": 700, "cursor": cursor})
        points, cursor = points + page["points"], page.get("cursor")
    return result, points


def check(rnd, store, actors, arguments):
    out = []
    asked = {"source": j.SOURCE, **arguments}
    calendar, (starts, end), before = periods(arguments)
    result, points = pages(store, asked)
    selected = j.selected(arguments, actors, end)
    lines = {}
    for point in points:
        lines.setdefault((point["series"], tuple(point.get("breakdown", []))), []).append(point)
    listed = check_listed(arguments, selected, lines, (starts[0], end), out)
    want = expected(arguments, selected, starts, end, listed)
    earlier = expected(arguments, selected, *before, listed) if "compare" in arguments else {}
    shown = [arguments["formula"]] if "formula" in arguments else \
        [s["name"] for s in arguments["series"]]
    for key in sorted(set(lines) | {k for k in want if k[0] in shown and any(want[k][0])}):
        compare_line(calendar, starts, key, lines.get(key, []), want.get(key), earlier.get(key),
                     out)
    until = j.us_of(result["meta"]["period"]["complete_until"])
    for point in points:
        over = calendar.next(calendar.us_of(point["time"])) <= until
        if point["complete"] != over:
            out.append(f"{point}: complete, expected {over}")
            break
    compare_totals(result["totals"], want, earlier, "compare" in arguments, out)
    if not arguments.get("breakdown"):
        check_plans(store, asked, result, out)
    if not out:
        check_point(rnd, store, asked, selected, lines, (starts, end), out)
    return out


def check_plans(store, asked, result, out):
    """Counting the field of the actor goes by texts, not by numbers, bitmaps and packed arrays of
    them."""
    other = store.call("run_trend", {**asked, "limit": 700, "actor": "actor"})
    for key in ("points", "totals"):
        if other[key] != result[key]:
            out.append(f"{key} by texts: {other[key][:3]}, by numbers: {result[key][:3]}")


def check_listed(arguments, actors, lines, bounds, out):
    """The values that are told, without (other): they must be those with most of the first
    series. None: all are."""
    if not arguments.get("breakdown"):
        return None
    limit = arguments["breakdown_limit"]
    listed = {value for _, value in lines if "(other)" not in value}
    first = arguments["series"][0]
    found = reference.counted(first, actors)
    sizes = {v: len(f) for v, f in reference.group(arguments, [
        (a, e) for a, e in found if bounds[0] <= e.us < bounds[1]], None).items()}
    if len(listed) > limit:
        out.append(f"{len(listed)} values, limit {limit}")
    if limit < 100 and "compare" not in arguments and len(arguments["series"]) == 1 and \
            first["math"] == "total":
        least = min((sizes.get(v, 0) for v in listed), default=0)
        missed = max((n for v, n in sizes.items() if v not in listed), default=0)
        if missed > least or (missed and len(listed) < limit):
            out.append(f"values {sorted(listed)} of {sizes}, limit {limit}")
    return listed if limit < 100 else None


def compare_line(calendar, starts, key, points, want, earlier, out):
    if [calendar.us_of(p["time"]) for p in points] != starts:
        out.append(f"{key}: {len(points)} points from {points[:1]}, expected {len(starts)} from "
                   f"{j.iso(starts[0])}")
        return
    if want is None:
        if any(p.get("value") for p in points):
            out.append(f"{key} is not expected")
        return
    wrong = [(p["time"], p.get("value"), v) for p, v in zip(points, want[0])
             if not same(p.get("value"), v)]
    if earlier:
        wrong += [(p["time"], "previous", p.get("previous"), v)
                  for p, v in zip(points, earlier[0]) if not same(p.get("previous"), v)]
    if wrong:
        out.append(f"{key}: {len(wrong)} points differ (time, value, expected): {wrong[:3]}")


def compare_totals(totals, want, earlier, has_previous, out):
    for total in totals:
        key = total["series"], tuple(total.get("breakdown", []))
        value, previous = want.get(key, (None, None))[1], earlier.get(key, (None, None))[1]
        if not same(total.get("value"), value):
            out.append(f"total of {key}: {total.get('value')}, expected {value}")
        if not has_previous:
            continue
        if not same(total.get("previous"), previous):
            out.append(f"total of {key}: previous {total.get('previous')}, expected {previous}")
        if value is not None and previous and \
                not close(total.get("change"), (value - previous) / abs(previous)):
            out.append(f"total of {key}: change {total.get('change')}, {value} after {previous}")


def check_point(rnd, store, asked, actors, lines, bounds, out):
    """The actors behind a random point of a series that is no formula."""
    if "formula" in asked:
        return
    starts, end = bounds
    plain = [k for k in sorted(lines) if "(other)" not in k[1] and any(
        s["name"] == k[0] and s["math"] in reference.COUNTS for s in asked["series"])]
    if not plain:
        return
    name, value = rnd.choice(plain)
    series = next(s for s in asked["series"] if s["name"] == name)
    number = rnd.randrange(len(starts))
    high = (starts + [end])[number + 1]
    low = reference.window_start(asked, series, starts[number], high)
    want = {actor for actor, e in reference.counted(series, actors) if low <= e.us < high and
            (not value or j.value_of(asked, e) == value)}
    cell = {"series": name, "time": lines[name, value][number]["time"]}
    if value:
        cell["breakdown"] = list(value)
    check_actors(store, "run_trend", asked, cell, want, out)
