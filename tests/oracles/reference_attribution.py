"""Attribution by the letter of the contract: each conversion, the touches before it, each model.

A journey is (actor, channels of its touches in order, their times, the time of the conversion or
None).
"""
from journeys import US, matches

HALF_LIFE = 7 * US["day"]


def channel_of(arguments, event):
    return event.props.get(arguments["field"], "")


def is_touch(arguments, event):
    if "touch" in arguments:
        return matches(arguments["touch"], event)
    return channel_of(arguments, event) != ""


def journeys(arguments, actors, begin):
    """[(channels, times, conversion)] of the period that starts at `begin`: one for each conversion,
    with the touches before it, and one for each actor's touches that no conversion follows."""
    within = int(arguments["within"]["value"] * US[arguments["within"]["unit"]])
    found = []
    for actor, events in actors.items():
        won = [i for i, e in enumerate(events)
               if matches(arguments["conversion"], e) and e.us >= begin]
        touches = [i for i, e in enumerate(events) if is_touch(arguments, e)]

        def journey(mine, at, actor=actor, events=events):
            return (actor, [channel_of(arguments, events[i]) for i in mine],
                    [events[i].us for i in mine], at)

        for at in won:
            found.append(journey([i for i in touches if i < at and
                                  events[at].us - events[i].us <= within], events[at].us))
        lost = [i for i in touches if events[i].us >= begin and not any(
            i < at and events[at].us - events[i].us <= within for at in won)]
        if lost:
            found.append(journey(lost, None))
    return found


def credited(arguments, found):
    """Of each journey that led to a conversion what the model looks at: one touch, or all."""
    part = {"first": slice(1), "last": slice(-1, None), "nearest": slice(-1, None)}.get(
        arguments["model"], slice(None))
    return [(actor, channels[part], times[part], at) if at is not None else (actor, channels, times, at)
            for actor, channels, times, at in found]


def kept(found, touches, limit):
    """{channel: what it is told as}: those with most conversions, then with most touches; the rest
    is (other)."""
    counts = {}
    for _, channels, _, at in found:
        for channel in set(channels) if at is not None else ():
            counts[channel] = counts.get(channel, 0) + 1
    every = set(counts) | set(touches) | {c for _, channels, _, _ in found for c in channels}
    order = sorted(every, key=lambda c: (-counts.get(c, 0), -touches.get(c, 0) if c not in counts else 0,
                                         c.encode()))
    return {c: c if i < limit else "(other)" for i, c in enumerate(order)}


def claims(model, channels, times):
    """What each touch of a journey claims."""
    n = len(channels)
    if model == "position" and n > 2:
        return [0.4, *[0.2 / (n - 2)] * (n - 2), 0.4]
    if model == "decay":
        return [0.5 ** ((times[-1] - t) / HALF_LIFE) for t in times]
    return [1.0] * n


# --- models of all journeys together -----------------------------------------------------------


def conversion_rate(steps, states, without):
    """The chance to come from START to WON when all that comes to `without` is lost; by solving
    h = P h for the states between."""
    index = {s: i for i, s in enumerate(states)}
    n = len(states)
    rows = [[0.0] * (n + 1) for _ in states]
    for state in states:
        row, out = rows[index[state]], steps.get(state, {})
        row[index[state]] += 1.0
        total = sum(out.values())
        for to, count in out.items():
            if to == "WON":
                row[n] += count / total
            elif to in index and to != without:
                row[index[to]] -= count / total
    for i in range(n):  # Gauss, with the greatest pivot
        pivot = max(range(i, n), key=lambda r, i=i: abs(rows[r][i]))
        rows[i], rows[pivot] = rows[pivot], rows[i]
        for r in range(n):
            if r != i and rows[r][i]:
                factor = rows[r][i] / rows[i][i]
                rows[r] = [a - factor * b for a, b in zip(rows[r], rows[i])]
    at = index["START"]
    return rows[at][n] / rows[at][at]


def markov(found):
    """{channel: its share of the removal effects}"""
    steps = {}
    for _, channels, _, at in found:
        if channels:
            walk = ["START", *[("channel", c) for c in channels], "LOST" if at is None else "WON"]
            for a, b in zip(walk, walk[1:]):
                steps.setdefault(a, {})[b] = steps.get(a, {}).get(b, 0) + 1
    names = sorted({c for _, channels, _, _ in found for c in channels})
    states = ["START"] + [("channel", c) for c in names]
    if not names:
        return {}
    whole = conversion_rate(steps, states, None)
    effects = {c: 1 - conversion_rate(steps, states, ("channel", c)) / whole if whole else 0
               for c in names}
    total = sum(effects.values())
    return {c: e / total if total else 0 for c, e in effects.items()}


def probabilistic(found):
    """{channel: how strongly it speaks for a conversion} (Shao and Li 2011)"""
    sets = [(set(channels), at is not None) for _, channels, _, at in found if channels]
    names = sorted(set().union(*[s for s, _ in sets])) if sets else []

    def rate(*wanted):
        with_all = [won for s, won in sets if s.issuperset(wanted)]
        return sum(with_all) / len(with_all) if with_all else None

    out = {}
    for i in names:
        strength = rate(i)
        for other in names:
            if other != i and rate(i, other) is not None:
                strength += (rate(i, other) - rate(i) - rate(other)) / (2 * (len(names) - 1))
        out[i] = max(strength, 0)
    return out


# --- the result ------------------------------------------------------------------------------------


def credits(arguments, found):
    """{channel or None for no touch: [conversions, credit]}"""
    model = arguments["model"]
    strengths = probabilistic(found) if model == "probabilistic" else {}
    credit, attributed = {}, 0
    for _, channels, times, at in found:
        if at is None:
            continue
        if not channels:
            credit.setdefault(None, [0, 0.0])
            credit[None] = [credit[None][0] + 1, credit[None][1] + 1]
            continue
        attributed += 1
        if model == "probabilistic":
            distinct = sorted(set(channels))
            parts = dict(zip(distinct, [strengths[c] for c in distinct]))
            if not sum(parts.values()):
                parts = dict.fromkeys(distinct, 1)
        else:
            parts = {}
            for channel, claim in zip(channels, claims(model, channels, times)):
                parts[channel] = parts.get(channel, 0) + claim
        for channel, part in parts.items():
            item = credit.setdefault(channel, [0, 0.0])
            item[0] += 1
            item[1] += part / sum(parts.values())
    if model == "markov":
        shares = markov(found)
        for channel in shares:
            credit.setdefault(channel, [0, 0.0])[1] = shares[channel] * attributed
    return credit
