"""Retention by the letter of the contract: every actor, every cohort, every period by itself."""
from journeys import US, matches, value_of

LENGTHS = {"hour": US["hour"], "day": US["day"], "week": US["week"], "month": US["month"]}


def names_only(matcher):
    if isinstance(matcher, str):
        return matcher
    kept = {k: v for k, v in matcher.items() if k != "where"}
    if "any_of" in kept:
        kept["any_of"] = [names_only(m) for m in kept["any_of"]]
    return kept


def columns(arguments):
    """[(first, last period)] of the columns after the first."""
    if "brackets" not in arguments:
        return [(p, p) for p in range(1, arguments["periods"])]
    found, at = [], 1
    for width in arguments["brackets"]:
        found.append((at, at + width - 1))
        at += width
    return found


def entries(arguments, events, bounds):
    """{cohort: the event that put the actor in it}; bounds: starts of the intervals and the end."""
    kind, start = arguments.get("kind", "recurring"), arguments["start"]

    def cohort_of(event):
        return sum(b <= event.us for b in bounds) - 1  # -1: before the first

    if kind == "recurring":
        found = {}
        for event in events:
            if matches(start, event) and cohort_of(event) >= 0:
                found.setdefault(cohort_of(event), event)
        return found
    counted = names_only(start) if kind == "first_ever" else start
    first = next((e for e in events if matches(counted, e)), None)
    if first is None or not matches(start, first) or cohort_of(first) < 0:
        return {}
    return {cohort_of(first): first}


def span(arguments, bounds, cohort, entry, period):
    """[from, to) of one period of an actor; empty behind the end of the last interval."""
    if arguments.get("clock") == "rolling":
        length = LENGTHS[arguments["interval"]]
        return entry.us + period * length, min(entry.us + (period + 1) * length, bounds[-1])
    end = len(bounds) - 1
    return bounds[min(cohort + period, end)], bounds[min(cohort + period + 1, end)]


def returned(arguments, bounds, cohort, entry, came):
    """The columns in which an actor who came back at these times stands."""
    least = arguments.get("min_times", 1)
    found, period = set(), 1
    while (limits := span(arguments, bounds, cohort, entry, period))[0] < bounds[-1]:
        if sum(limits[0] <= us < limits[1] for us in came) >= least:
            found.add(period)
        period += 1
    is_open = arguments.get("mode") == "on_or_after"
    return {number for number, (first, last) in enumerate(columns(arguments), 1)
            if any(first <= p and (is_open or p <= last) for p in found)}


def retention(arguments, actors, bounds):
    """{(value, cohort, column): {actor: entry}}; events at or after bounds[-1] do not exist."""
    cells = {}
    for actor, events in actors.items():
        events = [e for e in events if e.us < bounds[-1]]
        came = [e.us for e in events if matches(arguments.get("returning", arguments["start"]), e)]
        for cohort, entry in entries(arguments, events, bounds[:-1]).items():
            value = value_of(arguments, entry)
            for column in {0} | returned(arguments, bounds, cohort, entry, came):
                cells.setdefault((value, cohort, column), {})[actor] = entry
    return cells


def is_complete(arguments, bounds, complete_until, cohort, number):
    """Whether a column was over, inside the period, for the whole cohort."""
    last = ([(0, 0)] + columns(arguments))[number][1]
    if arguments.get("clock") == "rolling":
        over = bounds[cohort + 1] + (last + 1) * LENGTHS[arguments["interval"]]
        return over <= min(complete_until, bounds[-1])
    return cohort + last + 1 < len(bounds) and bounds[cohort + last + 1] <= complete_until
