"""What tells two groups apart: by the descriptions of the members of compare_groups."""
import math

from journeys import field_of


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
