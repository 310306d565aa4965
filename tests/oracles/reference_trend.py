"""Trends by the letter of the contract: each point by itself, from the events that it is about."""
from calendar_of import Calendar
from journeys import US, matches, quantile, value_of

QUANTILES = {"median": 0.5, "p75": 0.75, "p90": 0.9, "p95": 0.95, "p99": 0.99}
FIELDS = ("sum", "average", "min", "max", *QUANTILES)
WINDOWS = {"weekly_actors": 7, "monthly_actors": 30}  # local days up to the interval's end
COUNTS = ("total", "actors", "sessions", "first_time", *WINDOWS)


def number(text):
    try:
        return float(text)
    except ValueError:
        return None


def measure(series, found):
    """The value of [(actor, event)], or None."""
    math = series.get("math", "total")
    if math == "sessions":
        return len({e.session for _, e in found if e.session})
    if math in ("actors", "first_time", *WINDOWS):
        return len({actor for actor, _ in found})
    if math == "total":
        return len(found)
    if math == "per_actor":
        return len(found) / len({actor for actor, _ in found}) if found else None
    values = [v for _, e in found if (v := number(e.props.get(series["field"], ""))) is not None]
    if math == "sum":
        return sum(values)
    if not values:
        return None
    if math == "average":
        return sum(values) / len(values)
    return quantile(values, QUANTILES[math]) if math in QUANTILES else \
        {"min": min, "max": max}[math](values)


def counted(series, actors):
    """[(actor, event)] that a series is about; of first_time each actor's first one ever."""
    found = []
    for actor, events in actors.items():
        mine = [e for e in events if matches(series, e)]
        found += [(actor, e) for e in (mine[:1] if series.get("math") == "first_time" else mine)]
    return found


def group(arguments, found, listed):
    """{value: [(actor, event)]}; what is not among `listed` is (other)."""
    groups = {}
    for actor, event in found:
        value = value_of(arguments, event)
        if listed is not None and value not in listed:
            value = ("(other)",) * len(value)
        groups.setdefault(value, []).append((actor, event))
    return groups


def window_start(arguments, series, low, high):
    """Where what is counted for the interval [low, high) begins."""
    days = WINDOWS.get(series.get("math"))
    if not days:
        return low
    if arguments["interval"] == "hour":
        return high - days * US["day"]
    calendar = Calendar("day", arguments["tz"])
    return calendar.start(high - days * US["day"] + US["hour"] * 12)


def figures(arguments, series, actors, starts, end, listed):
    """{value: ([value of each interval], value of the whole period)} of one series."""
    bounds = starts + [end]
    groups = group(arguments, counted(series, actors), listed)
    out = {}
    for value, found in groups.items():
        points = [measure(series, [(a, e) for a, e in found
                                   if window_start(arguments, series, low, high) <= e.us < high])
                  for low, high in zip(bounds, bounds[1:])]
        whole = [(a, e) for a, e in found if starts[0] <= e.us < end]
        out[value] = (points, measure(series, whole))
    return out


def smoothed(points, width):
    """The mean of a point and those before it, as far as they are there; none stays none."""
    windows = [[p for p in points[max(0, i + 1 - width):i + 1] if p is not None]
               for i in range(len(points))]
    return [None if p is None else sum(w) / len(w) for p, w in zip(points, windows)]
