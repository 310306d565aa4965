"""Lifecycle and stickiness by the letter of the contract; intervals are numbers in a row."""
from journeys import matches


def visits(arguments, actors, number_of):
    """{actor: {interval number: matching events}}; number_of(us) counts on, also before 0."""
    found = {}
    for actor, events in actors.items():
        for event in events:
            if matches(arguments.get("event", {}), event):
                mine = found.setdefault(actor, {})
                mine[number_of(event.us)] = mine.get(number_of(event.us), 0) + 1
    return found


def status(mine, number):
    """What an actor is in an interval, or None."""
    if number in mine:
        if min(mine) == number:
            return "new"
        return "returning" if number - 1 in mine else "resurrecting"
    return "dormant" if number - 1 in mine else None


def lifecycle(arguments, actors, number_of, count):
    """{(interval, status): actors}"""
    cells = {}
    for actor, mine in visits(arguments, actors, number_of).items():
        for number in range(count):
            what = status(mine, number)
            if what:
                cells.setdefault((number, what), set()).add(actor)
    return cells


def stickiness(arguments, actors, number_of, count):
    """{k: actors active in exactly (or at least) k of the intervals}"""
    least, buckets = arguments.get("min_times", 1), {}
    for actor, mine in visits(arguments, actors, number_of).items():
        active = sum(0 <= n < count and times >= least for n, times in mine.items())
        for k in range(1, active + 1) if arguments.get("cumulative") else [active]:
            if k:
                buckets.setdefault(k, set()).add(actor)
    return buckets


def daily_to(arguments, actors, day_of, days, width):
    """Of the days: the sum of who was active on each, to that of who was in the `width` days ending
    with it; None where nobody was. day_of(us) numbers the days in a row."""
    once = {k: v for k, v in arguments.items() if k != "min_times"}
    active = [set(mine) for mine in visits(once, actors, day_of).values()]
    daily = sum(day in mine for day in days for mine in active)
    window = sum(any(day - k in mine for k in range(width)) for day in days for mine in active)
    return daily / window if window else None
