"""Funnels by the letter of tools/funnel.h and the contract: every run there is, then the best one.

A run is a tuple of (step, index of the event), in the order of time; of unordered funnels the step
is the place. Nothing here is clever: all runs of an actor are written down. So journeys are short.
"""
from itertools import groupby

from journeys import US, field_of, matches, value_of


def window(arguments):
    within = arguments.get("within", {"value": 14, "unit": "day"})
    return int(within["value"] * US[within.get("unit", "day")])


class Actor:
    """One actor's events under one funnel."""

    def __init__(self, arguments, events):
        self.arguments = arguments
        self.events = events
        self.steps = [frozenset(i for i, m in enumerate(arguments["steps"], 1) if matches(m, e))
                      for e in events]
        self.within = window(arguments)
        self.count = len(arguments["steps"])
        self.order = arguments.get("order", "ordered")
        self.optional = {i for i, m in enumerate(arguments["steps"], 1) if m.get("optional")}
        self.gaps = {g["step"]: (int(g.get("min_s", 0) * 10**6),
                                 int(g["max_s"] * 10**6) if "max_s" in g else None)
                     for g in arguments.get("step_gaps", [])}
        alone = [(us, len(list(group))) for us, group in groupby(events, key=lambda e: e.us)]
        self.alone = [us for us, n in alone if n == 1]

    # --- all runs ---

    def runs(self, usable):
        """All runs over the events `usable` (indices); also those that end early."""
        if self.order == "unordered":
            return self._unordered(usable)
        found, todo = [], [(i, ((1, i),)) for i in usable if 1 in self.steps[i]]
        while todo:
            last, run = todo.pop()
            found.append(run)
            for step in range(run[-1][0] + 1, self.count + 1):
                for i in usable:
                    if step in self.steps[i] and self._may_follow(run, step, i):
                        todo.append((i, run + ((step, i),)))
                if step not in self.optional:
                    break
        return found

    def _may_follow(self, run, step, i):
        us, last = self.events[i].us, self.events[run[-1][1]].us
        if us < last or any(i == j for _, j in run) or \
                us - self.events[run[0][1]].us > self.within:
            return False
        low, high = self.gaps.get(step, (0, None))
        if us - last < low or (high is not None and us - last > high):
            return False
        return self.order != "strict" or not any(last < t < us for t in self.alone)

    def _unordered(self, usable):
        """Each event serves a step of its own, or none; the place of an event is its step."""
        found, seen = [], set()

        def grow(run, served):
            if (run, served) in seen:
                return
            seen.add((run, served))
            if run:
                found.append(tuple((place, i) for place, i in enumerate(run, 1)))
            for i in usable:
                if i in run or (run and (
                        self.events[i].us < self.events[run[-1]].us or
                        self.events[i].us - self.events[run[0]].us > self.within)):
                    continue
                for step in self.steps[i] - served:
                    grow(run + (i,), served | {step})

        grow((), frozenset())
        return found

    # --- the best ---

    def depth(self, run):
        return max(step for step, _ in run if step not in self.optional)

    def times(self, run):
        return [self.events[i].us for _, i in run]

    def key(self, run):
        """Deepest, most optional steps, first to end, last to begin; then the earliest times step
        by step, in strict funnels the latest ones from the last step on. Missing a step is worse."""
        times = self.times(run)
        taken = sum(step in self.optional for step, _ in run)
        at = dict(zip((step for step, _ in run), times))
        ties = [at.get(step, float("inf")) for step in range(1, self.count + 1)]
        if self.order == "strict":
            ties = [-at.get(step, -float("inf")) for step in range(self.count, 0, -1)]
        return (-self.depth(run), -taken, times[-1], -times[0], ties)

    def is_clean(self, run):
        at = {step: self.events[i].us for step, i in run}
        for exclusion in self.arguments.get("exclusions", []):
            low, high = exclusion["from_step"], exclusion["to_step"]
            if low in at and high in at and any(
                    matches(exclusion, e) and at[low] < e.us <= at[high] for e in self.events):
                return False
        return True

    def best(self, runs):
        """The run that counts, or None: there is none, or an exclusion takes the actor out."""
        if not runs:
            return None
        deepest = max(map(self.depth, runs))
        runs = [r for r in runs if self.depth(r) == deepest and self.is_clean(r)]
        return min(runs, key=self.key, default=None)

    def constant_runs(self, usable):
        """The runs whose events share one value of what is held constant."""
        fields = self.arguments.get("hold_constant")
        if not fields:
            return self.runs(usable)
        groups = {}
        for i in usable:
            value = tuple(field_of(self.events[i], f) for f in fields)
            if all(value):
                groups.setdefault(value, []).append(i)
        return [run for group in groups.values() for run in self.runs(group)]


# --- what is told of an actor -------------------------------------------------------------------------


def told(actor, run):
    """{step: us} of the steps reached."""
    return {step: actor.events[i].us for step, i in run}


def journeys(arguments, events, interval_of=None):
    """[(value or None, entry interval or None, {step: us})] of one actor; `events` in order.
    interval_of(us): with it, one run per interval in which runs begin."""
    actor = Actor(arguments, events)
    everything = range(len(events))
    mine = [i for i in everything if actor.steps[i]]
    if not mine:
        return []

    def chosen(runs, value_of_run):
        groups = {None: runs}
        if interval_of:
            groups = {}
            for run in runs:
                groups.setdefault(interval_of(events[run[0][1]].us), []).append(run)
        best = ((interval, actor.best(group)) for interval, group in groups.items())
        return [(value_of_run(run), interval, told(actor, run)) for interval, run in best if run]

    if not arguments.get("breakdown"):
        return chosen(actor.constant_runs(mine), lambda run: None)
    attribution = arguments.get("attribution", "first_touch")
    values = [value_of(arguments, events[i]) for i in mine]
    if attribution in ("first_touch", "last_touch"):
        given = [v for v in values if any(v)] or [("",) * len(arguments["breakdown"])]
        value = given[0 if attribution == "first_touch" else -1]
        return chosen(actor.constant_runs(mine), lambda run: value)
    if attribution == "all_events":
        return [item for value in sorted(set(values)) for item in chosen(
            actor.constant_runs([i for i, v in zip(mine, values) if v == value]),
            lambda run, value=value: value)]
    at, runs = arguments["attribution_step"], actor.constant_runs(mine)
    by_index = dict(zip(mine, values))
    if arguments.get("order") != "unordered":
        # events of one time carry one value in the test data, so whichever serves the step will do
        found = chosen(runs, lambda run: by_index[dict(run)[at]] if at in dict(run) else None)
        return [item for item in found if item[0] is not None]
    found = []
    for value in sorted(set(values)):
        mine_of_value = [r for r in runs if len(r) < at or by_index[r[at - 1][1]] == value]
        found += chosen(mine_of_value, lambda run, value=value: value)
    return found if any(at in run for _, _, run in found) else []
