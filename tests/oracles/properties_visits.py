"""Random lifecycles and stickiness."""
import journeys as j
import reference_visits as reference
from calendar_of import Calendar
from cases_actors import check_actors
from report import close

STATUSES = ("new", "returning", "resurrecting", "dormant")
DAYS = {"hour": 3, "day": 14, "week": 6, "month": 3}  # days, days, weeks, months


def random_question(rnd):
    """Of whole intervals: what is done with a part of one is not decided."""
    interval = rnd.choice(["hour", "day", "day", "week", "month"])
    arguments = {"interval": interval, "tz": "UTC"}
    if rnd.random() < 0.4:
        arguments["tz"] = rnd.choice(["America/New_York", "Asia/Kolkata"])
    if interval == "week" and rnd.random() < 0.5:
        arguments["week_start"] = "sunday"
    calendar = Calendar(interval, arguments["tz"], arguments.get("week_start", "monday"))
    first = calendar.start(rnd.randint(0, 6) * j.US["day"] + 43200 * 10**6)
    if interval == "hour":
        first = Calendar("day", arguments["tz"]).start(first)
    last = first
    for _ in range(DAYS[interval] * (24 if interval == "hour" else 1)):
        last = calendar.next(last)
    arguments.update({"from": j.iso(first), "to": j.iso(last - 1)})
    if rnd.random() < 0.7:
        arguments["event"] = j.random_matcher(rnd)
    j.restrict(rnd, arguments)
    return arguments


def intervals(asked):
    """(starts, number_of, end)"""
    calendar = Calendar(asked["interval"], asked["tz"], asked.get("week_start", "monday"))
    begin, end = j.us_of(asked["from"]), j.us_of(asked["to"]) + 1
    starts = calendar.starts(begin, end)
    earlier = [calendar.before(starts[0])]
    while earlier[0] > -j.US["day"] * 70:
        earlier.insert(0, calendar.before(earlier[0]))
    marks = earlier + starts

    def number_of(us):
        return sum(m <= us for m in marks) - 1 - len(earlier)

    return calendar, starts, number_of, end


def check_lifecycle(rnd, store, actors, arguments):
    out = []
    asked = {**arguments, "source": j.SOURCE}
    calendar, starts, number_of, end = intervals(arguments)
    cells = reference.lifecycle(arguments, j.selected(arguments, actors, end), number_of,
                                len(starts))
    points = store.call("lifecycle", asked)["points"]
    if [calendar.us_of(p["time"]) for p in points] != starts:
        return [f"{len(points)} points from {points[:1]}, expected {len(starts)} from "
                f"{j.iso(starts[0])}"]
    for number, point in enumerate(points):
        want = {s: len(cells.get((number, s), ())) * (-1 if s == "dormant" else 1)
                for s in STATUSES}
        if {s: point[s] for s in STATUSES} != want:
            out.append(f"{point}, expected {want}")
    if cells and not out:
        number, what = rnd.choice(sorted(cells))
        check_actors(store, "lifecycle", asked, {"time": points[number]["time"], "status": what},
                     cells[number, what], out)
    return out


def random_stickiness(rnd):
    arguments = random_question(rnd)
    if rnd.random() < 0.3:
        arguments["min_times"] = rnd.choice([2, 3])
    if rnd.random() < 0.4:
        arguments["cumulative"] = True
    if rnd.random() < 0.3 and arguments["interval"] in ("hour", "day") and \
            arguments["tz"] == "UTC" and "segment" not in arguments:
        arguments["compare"] = "previous"
    return arguments


def check_daily(arguments, actors, result, out):
    """Over the days of the period that were over when the data ended."""
    begin = j.us_of(arguments["from"])
    until = min(j.us_of(arguments["to"]) + 1,
                j.us_of(result["meta"]["period"]["complete_until"]))
    calendar = Calendar("day", arguments["tz"])
    marks = [calendar.start(begin - 40 * j.US["day"])]
    while marks[-1] <= until:
        marks.append(calendar.next(marks[-1]))
    days = [i for i, at in enumerate(marks[:-1]) if at >= begin and marks[i + 1] <= until]
    for name, width in (("dau_wau", 7), ("dau_mau", 30)):
        want = reference.daily_to(arguments, actors, lambda us: sum(m <= us for m in marks) - 1,
                                  days, width)
        if (want is None) != (name not in result) or \
                (want is not None and not close(result[name], want)):
            out.append(f"{name} {result.get(name)}, expected {want}")


def check_stickiness(rnd, store, actors, arguments):
    out = []
    asked = {**arguments, "source": j.SOURCE}
    _, starts, number_of, end = intervals(arguments)
    selected = j.selected(arguments, actors, end)
    count = len(starts)
    want = {"count": reference.stickiness(arguments, selected, number_of, count)}
    if "compare" in arguments:
        want["previous"] = reference.stickiness(arguments, selected,
                                                lambda us: number_of(us) + count, count)
    result = store.call("stickiness", asked)
    buckets = result["buckets"]
    check_daily(arguments, selected, result, out)
    for member, found in want.items():
        got = {b["intervals"]: b.get(member, 0) for b in buckets if b.get(member, 0)}
        expected = {k: len(v) for k, v in found.items()}
        if got != expected:
            out.append(f"{member} {got}, expected {expected}")
    everyone = len(set().union(*want["count"].values())) if want["count"] else 0
    for bucket in buckets:
        if everyone and not close(bucket["share"], bucket["count"] / everyone):
            out.append(f"{bucket}: of {everyone}")
    k = rnd.randint(1, count)
    check_actors(store, "stickiness", asked, {"intervals": k}, want["count"].get(k, set()), out)
    return out


def check_ratios(arguments, actors, result, out):
    """Daily actors to those of 7 and 30 days, over the complete days of the period."""
    day = Calendar("day", arguments["tz"])
    until = j.us_of(result["meta"]["period"]["complete_until"])
    events = [(actor, e.us) for actor, mine in actors.items() for e in mine
              if j.matches(arguments.get("event", {}), e)]
    days = [(start, day.next(start)) for start in day.starts(
        j.us_of(arguments["from"]), j.us_of(arguments["to"]) + 1)]
    days = [(start, end) for start, end in days if end <= until]

    def total(length):
        found = 0
        for _, end in days:
            start = day.start(end - length * j.US["day"] + j.US["hour"] * 12)
            found += len({actor for actor, us in events if start <= us < end})
        return found

    daily = total(1)
    for name, length in (("dau_wau", 7), ("dau_mau", 30)):
        wide = total(length)
        if wide and not close(result.get(name), daily / wide):
            out.append(f"{name} {result.get(name)}, expected {daily / wide}")
        elif not wide and result.get(name):
            out.append(f"{name} {result[name]} of nobody")
