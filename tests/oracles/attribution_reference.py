"""Attribution, plainly: what attribute_conversions must answer, written without an eye on speed.

Events of an actor: (us, order, names of what it is ("touch", "conversion"), channel).
"""

NONE, OTHER = "(none)", "(other)"
HALF_LIFE_US = 7 * 86400 * 10**6


def journeys(actors, within_us, from_us):
    """[(actor, us of the conversion, [(us, channel)])], and [(actor, [channel])] of what led to
    none: the touches of the period that no conversion follows within the window."""
    won, lost = [], []
    for actor, events in actors.items():
        events = sorted(events, key=lambda e: (e[0], e[1]))
        ends = [i for i, e in enumerate(events) if "conversion" in e[2] and e[0] >= from_us]
        for i in ends:
            won.append((actor, events[i][0],
                        [(e[0], e[3]) for e in events[:i]
                         if "touch" in e[2] and events[i][0] - e[0] <= within_us]))
        left = [e[3] for k, e in enumerate(events)
                if "touch" in e[2] and e[0] >= from_us
                and not any(i > k and events[i][0] - e[0] <= within_us for i in ends)]
        if left:
            lost.append((actor, left))
    return won, lost


def weights(model, path):
    n = len(path)
    if model == "first":
        return [1] + [0] * (n - 1)
    if model in ("last", "nearest"):
        return [0] * (n - 1) + [1]
    if model == "position":
        return [1] if n == 1 else [0.5, 0.5] if n == 2 else [0.4] + [0.2 / (n - 2)] * (n - 2) + [0.4]
    if model == "decay":
        out = [2 ** ((us - path[-1][0]) / HALF_LIFE_US) for us, _ in path]
        return [w / sum(out) for w in out]
    return [1 / n] * n


def solve(matrix, right):
    """Gauss with pivots."""
    n = len(matrix)
    rows = [list(matrix[i]) + [right[i]] for i in range(n)]
    for k in range(n):
        pivot = max(range(k, n), key=lambda i: abs(rows[i][k]))
        rows[k], rows[pivot] = rows[pivot], rows[k]
        for i in range(n):
            if i != k and rows[i][k]:
                factor = rows[i][k] / rows[k][k]
                rows[i] = [x - factor * y for x, y in zip(rows[i], rows[k])]
    return [rows[i][n] / rows[i][i] for i in range(n)]


def chance(paths, removed):
    """Of a walk from the start to end in a conversion, all that enters `removed` being lost."""
    steps = {}
    for path, is_won in paths:
        states = ["^"] + ["c" + c for c in path] + ["+" if is_won else "-"]
        for a, b in zip(states, states[1:]):
            steps.setdefault(a, []).append(b)
    names = list(steps)
    at = {name: i for i, name in enumerate(names)}
    matrix = [[float(i == j) for j in range(len(names))] for i in range(len(names))]
    right = [0.0] * len(names)
    for name, nexts in steps.items():
        for to in nexts:
            if to == "+":
                right[at[name]] += 1 / len(nexts)
            elif to != "-" and to != removed:
                matrix[at[name]][at[to]] -= 1 / len(nexts)
    return solve(matrix, right)[at["^"]]


def markov(won, lost):
    paths = [([c for _, c in path], True) for _, _, path in won if path] + \
        [(path, False) for _, path in lost]
    channels = sorted({c for path, _ in paths for c in path})
    whole = chance(paths, None)
    effects = {c: 1 - chance(paths, "c" + c) / whole for c in channels}
    touched = sum(1 for _, _, path in won if path)
    return {c: touched * e / sum(effects.values()) for c, e in effects.items()}


def probabilistic(won, lost):
    """Shao and Li (2011), each conversion shared by the strengths of its channels."""
    sets = [({c for _, c in path}, True) for _, _, path in won if path] + \
        [(set(path), False) for _, path in lost]
    channels = sorted(set().union(*(s for s, _ in sets)))

    def share(*needed):
        having = [is_won for s, is_won in sets if set(needed) <= s]
        return sum(having) / len(having) if having else None

    strength = {}
    for i in channels:
        terms = [share(i, j) - share(i) - share(j) for j in channels
                 if j != i and share(i, j) is not None]
        extra = sum(terms) / (2 * (len(channels) - 1)) if len(channels) > 1 else 0
        strength[i] = max(0, share(i) + extra)
    credit = dict.fromkeys(channels, 0.0)
    for s, is_won in sets:
        total = sum(strength[c] for c in s)
        for c in s if is_won else ():
            credit[c] += strength[c] / total if total else 1 / len(s)
    return credit


def kept_channels(won, touches, limit):
    """Those with most conversions, then those with most touches; the rest is (other)."""
    counts = {}
    for _, _, path in won:
        for c in {c for _, c in path}:
            counts[c] = counts.get(c, 0) + 1
    order = sorted(counts, key=lambda c: (-counts[c], c.encode()))
    order += sorted((c for c in touches if c not in counts), key=lambda c: (-touches[c], c.encode()))
    return order[:limit]


def attribute(actors, model, within_us, from_us, limit):
    """{channel: (touches, conversions, credit)}, and {channel: {actor}}."""
    won, lost = journeys(actors, within_us, from_us)
    if model == "first":
        won = [(a, us, path[:1]) for a, us, path in won]
    if model in ("last", "nearest"):
        won = [(a, us, path[-1:]) for a, us, path in won]
    touches = {}
    for events in actors.values():
        for us, _, kinds, channel in events:
            if "touch" in kinds and us >= from_us:
                touches[channel] = touches.get(channel, 0) + 1
    kept = kept_channels(won, touches, limit)

    def name(channel):
        return channel if channel in kept else OTHER

    won = [(a, us, [(t, name(c)) for t, c in path]) for a, us, path in won]
    lost = [(a, [name(c) for c in path]) for a, path in lost]
    out = {name(c): [0, 0, 0.0] for c in list(touches) + kept}
    who = {}
    for c, n in touches.items():
        out[name(c)][0] += n
    for actor, _, path in won:
        if not path:
            out.setdefault(NONE, [0, 0, 0.0])
            out[NONE][1] += 1
            out[NONE][2] += 1
            who.setdefault(NONE, set()).add(actor)
        for c in {c for _, c in path}:
            out.setdefault(c, [0, 0, 0.0])[1] += 1
            who.setdefault(c, set()).add(actor)
        for (_, c), w in zip(path, weights(model, path) if path else []):
            out[c][2] += w
    if model in ("markov", "probabilistic") and any(path for _, _, path in won):
        credit = (markov if model == "markov" else probabilistic)(won, lost)
        for c in out:
            if c != NONE:
                out[c][2] = credit.get(c, 0.0)
    return out, who
