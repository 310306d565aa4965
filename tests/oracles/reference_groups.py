"""What tells two groups apart, and why some take a step: by the descriptions of the tools' members."""
import math

import reference_funnel
from journeys import US, field_of, matches

PATIENCE = 1800 * US["second"]


# --- statistics -------------------------------------------------------------------------------------


def fisher(a, b, c, d):
    """Two-sided: all tables of the same margins that are no likelier."""
    def chance(x):
        return math.comb(a + b, x) * math.comb(c + d, a + c - x)

    mine = chance(a)
    every = [chance(x) for x in range(max(0, a - d), min(a + b, a + c) + 1)]
    return sum(p for p in every if p <= mine) / sum(every)


def independence(a, b, c, d):
    """p-value of [[a, b], [c, d]]: chi-square where all expected counts are at least 5."""
    n, rows, columns = a + b + c + d, (a + b, c + d), (a + c, b + d)
    if 0 in rows or 0 in columns:
        return 1.0
    expected = [r * k / n for r in rows for k in columns]
    if min(expected) < 5:
        return fisher(a, b, c, d)
    statistic = sum((x - e) ** 2 / e for x, e in zip((a, b, c, d), expected))
    return math.erfc(math.sqrt(statistic / 2))


def adjusted(values):
    """Benjamini and Hochberg."""
    ranked = sorted(range(len(values)), key=lambda i: values[i])
    out, least = [1.0] * len(values), 1.0
    for rank in range(len(values), 0, -1):
        at = ranked[rank - 1]
        least = min(least, values[at] * len(values) / rank)
        out[at] = least
    return out


def odds(a, b, c, d):
    """(ratio, low, high): of the first column, with (a, b) against without (c, d)."""
    if 0 in (a, b, c, d):
        a, b, c, d = a + 0.5, b + 0.5, c + 0.5, d + 0.5
    ratio, error = a * d / (b * c), math.sqrt(1 / a + 1 / b + 1 / c + 1 / d)
    return ratio, ratio * math.exp(-1.959963984540054 * error), \
        ratio * math.exp(1.959963984540054 * error)


# --- compare_groups ---------------------------------------------------------------------------------


def value_actors(actors, fields):
    """{(field, value): actors that have it}"""
    found = {}
    for actor, events in actors.items():
        for event in events:
            for field in fields:
                value = event.name if field == "event" else field_of(event, field)
                if value:
                    found.setdefault((field, value), set()).add(actor)
    return found


def differences(a, b, actors, fields):
    """{(field, value): (a_share, b_share, score)} of two sets of actors."""
    found = {k: v for k, v in value_actors(actors, fields).items() if v & (a | b)}
    ps = adjusted([independence(len(v & a), len(a - v), len(v & b), len(b - v))
                   for v in found.values()])
    out = {}
    for (key, having), p in zip(found.items(), ps):
        share_a, share_b = len(having & a) / len(a), len(having & b) / len(b)
        h = abs(2 * math.asin(math.sqrt(share_a)) - 2 * math.asin(math.sqrt(share_b)))
        out[key] = (share_a, share_b, h if p < 0.05 else 0)
    return out


# --- explain_funnel ---------------------------------------------------------------------------------


def factors(arguments, actors, fields):
    """{(field, value): (converted, dropped)} and (all converted, all dropped) of a step."""
    step, steps = arguments["step"], arguments["steps"]
    before = next(n for n in range(step - 1, 0, -1) if not steps[n - 1].get("optional"))
    came = {}
    for actor, events in actors.items():
        for _, _, run in reference_funnel.journeys(arguments, events):
            if before in run:
                came[actor] = run
    taken = sorted(run[step] - run[before] for run in came.values() if step in run)
    usual = taken[int(0.95 * len(taken))] if taken else 0
    counts = {}
    for actor, run in came.items():
        began, is_won = run[before], step in run
        end = run[step] if is_won else \
            min(run[1] + reference_funnel.window(arguments), began + max(PATIENCE, usual)) + 1
        at = next(e for e in actors[actor] if e.us == began and matches(steps[before - 1], e))
        having = {(f, field_of(at, f)) for f in fields if field_of(at, f)}
        having |= {("event", e.name) for e in actors[actor] if began < e.us < end and
                   not any(matches(s, e) for s in steps)}
        for key in having:
            won, lost = counts.get(key, (0, 0))
            counts[key] = (won + is_won, lost + (not is_won))
    won = sum(step in run for run in came.values())
    return counts, (won, len(came) - won)
