"""Repeats, loops and survival by their definitions, one case after the other."""
from reference_process import took
from journeys import quantile


def repeats_of(cases):
    """[(case, activity before, activity, which time, seconds since the event before)]"""
    out = []
    for who, events in cases.items():
        seen = {}
        for i, event in enumerate(events):
            seen[event.name] = seen.get(event.name, 0) + 1
            if seen[event.name] > 1:
                out.append((who, events[i - 1].name, event.name, seen[event.name],
                            (event.us - events[i - 1].us) / 1e6))
    return out


def activities_of(cases):
    """{activity: (cases, cases that repeat it, repeats, self-loops, seconds)}, of those repeated."""
    found = repeats_of(cases)
    out = {}
    for name in {name for _, _, name, _, _ in found}:
        own = [r for r in found if r[2] == name]
        out[name] = (sum(any(e.name == name for e in events) for events in cases.values()),
                     len({r[0] for r in own}), len(own), sum(r[1] == name for r in own),
                     sum(r[4] for r in own))
    return out


def loops_of(cases):
    """{(from, to): (cases, count, seconds)}"""
    out = {}
    for who, before, name, _, seconds in repeats_of(cases):
        if before != name:
            members, count, sum_s = out.get((before, name), (set(), 0, 0))
            out[before, name] = (members | {who}, count + 1, sum_s + seconds)
    return {key: (len(members), count, sum_s) for key, (members, count, sum_s) in out.items()}


def open_of(cases, last_us):
    """The cases whose last event is nearer to the end of the data than the median case is long."""
    typical = int(quantile([took(events) for events in cases.values()], 0.5) * 1e6)
    return {who for who, events in cases.items() if events[-1].us > last_us - typical}


def survival_of(times):
    """[(time, share that takes longer)] by the product over all times at which a case ended;
    `times` are (seconds, whether it ended then)."""
    out, share = [], 1.0
    for at in sorted({seconds for seconds, is_over in times if is_over}):
        at_risk = sum(seconds >= at for seconds, _ in times)
        ended = sum(seconds == at and is_over for seconds, is_over in times)
        share *= 1 - ended / at_risk
        out.append((at, share))
    return out


def curve_of(cases, last_us):
    still = open_of(cases, last_us)
    return survival_of([((last_us - events[0].us) / 1e6, False) if who in still else
                        (took(events), True) for who, events in cases.items()])
