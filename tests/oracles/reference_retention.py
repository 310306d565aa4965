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


def span(arguments, bounds, cohort, entry, column):
    """[from, to) in which a return counts for a column, or None: it lies behind the period."""
    first, last = column
    is_open = arguments.get("mode") == "on_or_after"
    end = bounds[-1]
    if arguments.get("clock") == "rolling":
        length = LENGTHS[arguments["interval"]]
        return entry.us + first * length, end if is_open else entry.us + (last + 1) * length
    if cohort + first >= len(bounds) - 1:
        return None
    return (bounds[cohort + first],
            end if is_open else bounds[min(cohort + last + 1, len(bounds) - 1)])


def retention(arguments, actors, bounds):
    """{(value, cohort, column): {actor: entry}}; events at or after bounds[-1] do not exist."""
    returning, least = arguments.get("returning", arguments["start"]), arguments.get("min_times", 1)
    cells = {}
    for actor, events in actors.items():
        events = [e for e in events if e.us < bounds[-1]]
        for cohort, entry in entries(arguments, events, bounds[:-1]).items():
            value = value_of(arguments, entry)
            cells.setdefault((value, cohort, 0), {})[actor] = entry
            for number, column in enumerate(columns(arguments), 1):
                limits = span(arguments, bounds, cohort, entry, column)
                if limits and sum(matches(returning, e) and limits[0] <= e.us < limits[1]
                                  for e in events) >= least:
                    cells.setdefault((value, cohort, number), {})[actor] = entry
    return cells


def is_complete(arguments, ends, complete_until, cohort, number):
    """ends: of the intervals as the calendar has them, also behind the period."""
    last = ([(0, 0)] + columns(arguments))[number][1]
    if arguments.get("clock") == "rolling":
        return ends[cohort] + (last + 1) * LENGTHS[arguments["interval"]] <= complete_until
    return ends[cohort + last] <= complete_until
