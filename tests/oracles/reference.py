"""Funnels and retention by the letter of the contract: plain, slow, and nothing clever.

An event is (us, order, name, {property: value}) of one actor; lists of events are in file order.
A funnel is the arguments of run_funnel; a run is the list of the times of the steps reached.
"""
from itertools import groupby

US = {"second": 10**6, "minute": 60 * 10**6, "hour": 3600 * 10**6, "day": 86400 * 10**6,
      "week": 7 * 86400 * 10**6, "month": 30 * 86400 * 10**6}


# --- matchers ---------------------------------------------------------------------------------


def holds(filter_, event):
    value = event[3].get(filter_["field"], "")
    op = filter_.get("op", "eq")
    if op == "eq":
        return value == filter_["value"]
    if op == "ne":
        return value != filter_["value"]
    if op == "in":
        return value in filter_["values"]
    if op == "exists":
        return value != ""
    if op == "missing":
        return value == ""
    raise NotImplementedError(op)


def matches(matcher, event):
    if isinstance(matcher, str):
        matcher = {"event": matcher}
    names = [event[2] == matcher["event"]] if "event" in matcher else []
    names += [matches(m, event) for m in matcher.get("any_of", [])]
    return (any(names) or not names) and all(holds(f, event) for f in matcher.get("where", []))


# --- which events can serve which steps ----------------------------------------------------------


def can_serve(served, sets):
    """Can every step of `served` have an event of its own? `sets`: the steps of each event."""
    owner = {}

    def find(step, seen):
        for event, steps in enumerate(sets):
            if step in steps and event not in seen:
                seen.add(event)
                if event not in owner or find(owner[event], seen):
                    owner[event] = step
                    return True
        return False

    return all(find(step, set()) for step in served)


def deepest(sets, reached, count):
    """The step that a run at `reached` can come to within one time."""
    to = reached
    while to < count and can_serve(range(reached + 1, to + 2), sets):
        to += 1
    return to


def most_steps(sets):
    """How many distinct steps events can serve, each event one."""
    owner = {}

    def find(event, seen):
        for step in sets[event]:
            if step not in seen:
                seen.add(step)
                if step not in owner or find(owner[step], seen):
                    owner[step] = event
                    return True
        return False

    return sum(find(event, set()) for event in range(len(sets)))


def by_time(events):
    """[(us, [steps of each event])] of (us, steps)"""
    ordered = sorted(events, key=lambda e: e[0])
    return [(us, [e[1] for e in group]) for us, group in groupby(ordered, key=lambda e: e[0])]


def better(run, best):
    """Deepest, then first to end, then last to begin, then earliest steps."""
    return best is None or (-len(run), run[-1], -run[0], run) < (-len(best), best[-1], -best[0],
                                                                 best)


# --- one actor's run -------------------------------------------------------------------------------


def ordered_run(events, count, within):
    times, best = by_time(events), None
    for first, (start, sets) in enumerate(times):
        if not any(1 in steps for steps in sets):
            continue
        run = []
        for us, group in times[first:]:
            if us - start > within:
                break
            run += [us] * (deepest(group, len(run), count) - len(run))
        if better(run, best):
            best = run
    return best


def strict_run(events, count, within):
    """Where a time has several events, a run may use it or not: of equals, the later steps."""
    times, best = by_time(events), []
    for first, (start, sets) in enumerate(times):
        alive = {(start,) * depth for depth in range(1, deepest(sets, 0, count) + 1)}
        seen = set(alive)
        for us, group in times[first + 1:]:
            if us - start > within or not alive:
                break
            grown = {run + (us,) * (to - len(run)) for run in alive
                     for to in range(len(run) + 1, deepest(group, len(run), count) + 1)}
            alive = grown | alive if len(group) > 1 else grown
            seen |= grown
        for run in seen:
            key = (-len(run), run[-1], -run[0])
            if not best or key < best[0]:
                best = [key, {run}]
            elif key == best[0]:
                best[1].add(run)
    return max(best[1], key=lambda run: run[::-1]) if best else None


def unordered_run(events, within):
    mine, best = sorted((e for e in events if e[1]), key=lambda e: e[0]), None
    for start in sorted({us for us, _ in mine}):
        run, used = [], []
        for us, steps in mine:
            if us < start:
                continue
            if us - start > within:
                break
            if most_steps(used + [steps]) > len(used):
                used.append(steps)
                run.append(us)
        if better(run, best):
            best = run
    return best


def unordered_step_run(events, values, value, count, within, at):
    """Per depth one candidate, the one that began last; the event at place `at` has the value."""
    candidates = [None] * (count + 1)
    best = None
    for (us, steps), carried in zip(events, values):
        grown = list(candidates)
        for depth in range(1, count + 1):
            before = candidates[depth - 1] if depth > 1 else (us, frozenset(), [])
            if before is None or us - before[0] > within or (depth == at and carried != value):
                continue
            free = sorted(steps - before[1])
            if not free or (candidates[depth] is not None and before[0] <= candidates[depth][0]):
                continue
            grown[depth] = (before[0], before[1] | {free[0]}, before[2] + [us])
        for depth in range(count, 0, -1):
            if grown[depth] is not candidates[depth]:
                run = grown[depth][2]
                if best is None or len(run) > len(best) or (
                        len(run) == len(best) and run[-1] == best[-1] and run[0] > best[0]):
                    best = run
        candidates = grown
    return best


# --- a funnel ------------------------------------------------------------------------------------------


def window(arguments):
    within = arguments.get("within", {"value": 14, "unit": "day"})
    return int(within["value"] * US[within.get("unit", "day")])


def steps_of(arguments, event):
    return frozenset(i for i, m in enumerate(arguments["steps"], 1) if matches(m, event))


def run_of(arguments, pairs):
    """The best run of (us, steps) pairs, as a tuple of times, or None if none starts."""
    count, within = len(arguments["steps"]), window(arguments)
    order = arguments.get("order", "ordered")
    if order == "strict":
        return strict_run(pairs, count, within)
    pairs = [p for p in pairs if p[1]]
    run = ordered_run(pairs, count, within) if order == "ordered" else unordered_run(pairs, within)
    return tuple(run) if run else None


def value_of(arguments, event):
    return tuple(event[3].get(f, "") for f in arguments["breakdown"])


def step_value(arguments, events, pairs, run):
    """All events of one time carry one value in the test data, so any match will do."""
    at = arguments["attribution_step"]
    for event, (us, steps) in zip(events, pairs):
        if us == run[at - 1] and at in steps:
            return value_of(arguments, event)
    raise AssertionError("no event at the attribution step")


def journeys(arguments, events):
    """[(value or None, run)] of one actor; `events` in file order."""
    events = sorted((e for e in events if all(holds(f, e) for f in arguments.get("filters", []))),
                    key=lambda e: (e[0], e[1]))
    pairs = [(e[0], steps_of(arguments, e)) for e in events]
    whole = run_of(arguments, pairs)
    if not arguments.get("breakdown"):
        return [(None, whole)] if whole else []
    attribution = arguments.get("attribution", "first_touch")
    mine = [(e, p) for e, p in zip(events, pairs) if p[1]]
    if attribution in ("first_touch", "last_touch"):
        told = [value_of(arguments, e) for e, _ in mine if any(value_of(arguments, e))]
        value = (told[0] if attribution == "first_touch" else told[-1]) if told else \
            ("",) * len(arguments["breakdown"])
        return [(value, whole)] if whole else []
    if attribution == "step" and arguments.get("order") != "unordered":
        is_in = whole and len(whole) >= arguments["attribution_step"]
        return [(step_value(arguments, events, pairs, whole), whole)] if is_in else []
    found = []
    if attribution == "all_events":
        for value in sorted({value_of(arguments, e) for e, _ in mine}):
            kept = [(us, steps if value_of(arguments, e) == value else frozenset())
                    for e, (us, steps) in zip(events, pairs)]
            run = run_of(arguments, kept)
            if run:
                found.append((value, run))
        return found
    values = [value_of(arguments, e) for e, _ in mine]
    at = arguments["attribution_step"]
    for value in sorted(set(values)):
        run = unordered_step_run([p for _, p in mine], values, value, len(arguments["steps"]),
                                 window(arguments), at)
        if run:
            found.append((value, tuple(run)))
    return found if any(len(run) >= at for _, run in found) else []


# --- retention ------------------------------------------------------------------------------------------


def names_only(matcher):
    if isinstance(matcher, str):
        return matcher
    kept = {k: v for k, v in matcher.items() if k != "where"}
    if "any_of" in kept:
        kept["any_of"] = [names_only(m) for m in kept["any_of"]]
    return kept


def retention(arguments, actors, interval_of):
    """{(value, cohort, period): actors}; interval_of(us) = number of the interval, < 0 before the
    first one, None after the last."""
    kind, start = arguments.get("kind", "recurring"), arguments["start"]
    returning = arguments.get("returning", start)
    cells = {}
    for actor, events in actors.items():
        events = sorted((e for e in events if interval_of(e[0]) is not None and
                         all(holds(f, e) for f in arguments.get("filters", []))),
                        key=lambda e: (e[0], e[1]))
        came = {interval_of(e[0]) for e in events if matches(returning, e)}
        began = {}
        for event in events:
            if matches(names_only(start) if kind == "first_ever" else start, event):
                began.setdefault(interval_of(event[0]), event)
                if kind != "recurring":
                    break
        for cohort, event in began.items():
            if cohort < 0 or not matches(start, event):
                continue
            value = tuple(event[3].get(f, "") for f in arguments.get("breakdown", []))
            periods = {0} | {i - cohort for i in came if i > cohort}
            for period in periods:
                if period < arguments["periods"]:
                    cells.setdefault((value, cohort, period), set()).add(actor)
    return cells
