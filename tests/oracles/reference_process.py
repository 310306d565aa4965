"""Cases, variants and maps by the letter of the contract, one operation after the other."""
from itertools import groupby

from journeys import holds, in_segment, lasted, quantile, resource_of


def ordered(events, is_imported):
    """The order inside a case: time, then that of import; without it, that of the names."""
    return sorted(events, key=lambda e: (e.us, e.order if is_imported else e.name))


def cases_of(arguments, actors, from_us, to_us, segment_end_us, is_imported=True):
    """{case: its events in order} of those that begin in [from_us, to_us)."""
    out = {}
    for who, events in actors.items():
        first = min(e.us for e in events)
        filters = arguments.get("filters", [])
        if first < from_us or first >= to_us:
            continue
        if filters and not any(all(holds(f, e) for f in filters) for e in events):
            continue
        if "segment" in arguments and not in_segment(arguments["segment"], events, segment_end_us):
            continue
        out[who] = ordered(events, is_imported)
    return out


def took(events):
    return (events[-1].us - events[0].us) / 1e6


def unfinished(cases, last_us):
    typical = quantile([took(events) for events in cases.values()], 0.5)
    return sum(events[-1].us > last_us - int(typical * 1e6) for events in cases.values())


def variants_of(cases, is_collapsed):
    """{activities: [case]}"""
    out = {}
    for who, events in cases.items():
        names = [e.name for e in events]
        if is_collapsed:
            names = [name for name, _ in groupby(names)]
        out.setdefault(tuple(names), []).append(who)
    return out


def edges_of(cases):
    """{(from, to): [(case, seconds)]}"""
    out = {}
    for who, events in cases.items():
        for one, next_one in zip(events, events[1:]):
            out.setdefault((one.name, next_one.name), []).append(
                (who, (next_one.us - one.us) / 1e6))
    return out


def activities_of(cases):
    """{activity: (events, cases, starts, ends)}"""
    out = {}
    for events in cases.values():
        names = [e.name for e in events]
        for name in set(names):
            all_, has, starts, ends = out.get(name, (0, 0, 0, 0))
            out[name] = (all_ + names.count(name), has + 1, starts + (names[0] == name),
                         ends + (names[-1] == name))
    return out


def times_of(cases, is_started, is_imported):
    """({(activity,): [seconds of work]}, {(from, to): [seconds between]}). An event that tells when
    it began ends at its time; one that tells how long it lasts begins then. Events that neither time
    nor import nor name tell apart are in the order of their lengths, unknown ones first."""
    service, waiting = {}, {}
    for events in cases.values():
        if not is_imported:
            events = sorted(events, key=lambda e: (e.us, e.name, -1 << 62 if lasted(e) is None else lasted(e)))
        for event in events:
            if lasted(event) is not None:
                service.setdefault((event.name,), []).append(lasted(event) / 1e6)
        for one, two in zip(events, events[1:]):
            told = two if is_started else one
            if lasted(told) is not None:
                waiting.setdefault((one.name, two.name), []).append(
                    (two.us - one.us - lasted(told)) / 1e6)
    return service, waiting


def resource_order(events):
    """Events that neither time nor import nor name tell apart are in the order of resources."""
    return sorted(events, key=lambda e: (e.us, e.name, resource_of(e)))


def handovers_of(cases, is_imported):
    """({(from, to): [(case, seconds)]}, {resource: [(case, activity)]})"""
    pairs, resources = {}, {}
    for who, events in cases.items():
        events = events if is_imported else resource_order(events)
        for event in events:
            if resource_of(event):
                resources.setdefault(resource_of(event), []).append((who, event.name))
        for one, two in zip(events, events[1:]):
            if resource_of(one) and resource_of(two):
                pairs.setdefault((resource_of(one), resource_of(two)), []).append(
                    (who, (two.us - one.us) / 1e6))
    return pairs, resources


def operators_of(cases, is_imported):
    """({resource: [(seconds of work or None, whether it is rework)]}, the same by activity, days).
    Events that nothing tells apart are in the order of lengths, unknown ones last."""
    operators, activities = {}, {}
    for events in cases.values():
        seen = set()
        if not is_imported:
            events = sorted(events, key=lambda e: (e.us, e.name, lasted(e) is None, lasted(e) or 0,
                                                   resource_of(e)))
        for event in events:
            took = lasted(event)
            item = (None if took is None else took / 1e6, event.name in seen)
            seen.add(event.name)
            activities.setdefault(event.name, []).append(item)
            if resource_of(event):
                operators.setdefault(resource_of(event), []).append(item)
    times = [e.us for events in cases.values() for e in events]
    days = (max(times) - min(times)) / 86400e6 if times else 0
    return operators, activities, max(days, 1)
