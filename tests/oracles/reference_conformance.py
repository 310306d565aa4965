"""Conformance by the letter of the contract, one case at a time: what each costs and what is wrong.

A trace is the list of (us, activity, resource) of one case in order. Each model answers with
(cost, fitness, {deviation: …}), a deviation being (kind, activity, expected, from, rule).
"""
import statistics
from functools import lru_cache


# --- a sequence -------------------------------------------------------------------------------------


def alignment(trace, reference, edge_insert, inner_insert):
    """The cheapest way, as [(kind, place in the trace, place in the reference)]. Of equally cheap
    ways that which, seen from the end, matches first, then inserts, then skips."""

    def inserted(i):
        return inner_insert if 0 < i < len(reference) else edge_insert

    @lru_cache(maxsize=None)
    def best(j, i):
        """(cost, kind of the last move) for the first j events and i activities."""
        ways = []
        if j > 0 and i > 0 and trace[j - 1] == reference[i - 1]:
            ways.append((best(j - 1, i - 1)[0], 0, "match"))
        if j > 0:
            ways.append((best(j - 1, i)[0] + inserted(i), 1, "insert"))
        if i > 0:
            ways.append((best(j, i - 1)[0] + 1, 2, "skip"))
        cost, _, kind = min(ways, default=(0, 0, None))
        return cost, kind

    moves, j, i = [], len(trace), len(reference)
    while i or j:
        kind = best(j, i)[1]
        j, i = j - (kind != "skip"), i - (kind != "insert")
        moves.append((kind, j, i))
    return best(len(trace), len(reference))[0], moves[::-1]


def swap_of(moves, skip, trace, reference):
    """The insert of what was skipped, and the matched activity between the two."""
    activity = reference[moves[skip][2]]
    for at, (kind, j, _) in enumerate(moves):
        if kind == "insert" and trace[j] == activity:
            between = moves[min(at, skip) + 1:max(at, skip)]
            matched = [reference[i] for k, _, i in between if k == "match"]
            if matched:
                return at, matched[0]
    return None


def check_sequence(arguments, trace):
    names, reference = [e[1] for e in trace], arguments["sequence"]
    edge, inner = {"eventually_follows": (0, 0), "directly_follows": (0, 1)}.get(
        arguments.get("match"), (1, 1))
    cost, moves = alignment(names, reference, edge, inner)
    wrong = set()
    for at in range(len(moves)):
        if moves[at][0] != "skip":
            continue
        activity, swap = reference[moves[at][2]], swap_of(moves, at, names, reference)
        if swap:
            moves[swap[0]] = ("swapped", *moves[swap[0]][1:])
            wrong.add(("swapped", activity, swap[1], None, None))
        else:
            wrong.add(("skipped", activity, None, None, None))
    for kind, j, i in moves:
        if kind == "insert" and (inner if 0 < i < len(reference) else edge):
            wrong.add(("inserted", names[j], reference[i] if i < len(reference) else None, None,
                       None))
    worst = len(reference) + (len(names) if edge else 0)
    return cost, 1 - cost / worst, wrong


# --- edges ------------------------------------------------------------------------------------------


def check_edges(arguments, trace):
    allowed = {(e["from"], e["to"]) for e in arguments["edges"]}
    names = [e[1] for e in trace]
    bad = [pair for pair in zip(names, names[1:]) if pair not in allowed]
    wrong = {("edge", b, " or ".join(sorted(t for f, t in allowed if f == a)) or None, a, None)
             for a, b in bad}
    return len(bad), 1 - len(bad) / max(len(names) - 1, 1), wrong


# --- rules ------------------------------------------------------------------------------------------


def judge(rule, trace):
    """None where the rule says nothing about the case, else whether it is kept."""
    names = [e[1] for e in trace]
    a, b, n = rule["a"], rule.get("b"), rule.get("n", 1)
    at_a = [i for i, name in enumerate(names) if name == a]
    at_b = [i for i, name in enumerate(names) if name == b]

    def response():
        return all(any(j > i for j in at_b) for i in at_a)

    def precedence():
        return all(any(i < j for i in at_a) for j in at_b)

    def four_eyes():
        did_a, did_b = ({r for _, name, r in trace if name == x and r} for x in (a, b))
        return not did_a & did_b if did_a and did_b else None

    return {
        "init": lambda: names[0] == a,
        "last": lambda: names[-1] == a,
        "exists": lambda: len(at_a) >= n,
        "absent": lambda: len(at_a) < n,
        "exactly": lambda: len(at_a) == n,
        "response": lambda: response() if at_a else None,
        "precedence": lambda: precedence() if at_b else None,
        "succession": lambda: response() and precedence() if at_a or at_b else None,
        "chain_response": lambda: all(names[i + 1:i + 2] == [b] for i in at_a) if at_a else None,
        "not_coexist": lambda: not (at_a and at_b) if at_a or at_b else None,
        "four_eyes": four_eyes}[rule["kind"]]()


def check_rules(arguments, trace):
    rules = arguments["rules"]
    broken = [i for i, rule in enumerate(rules) if judge(rule, trace) is False]
    wrong = {("rule", rules[i]["a"], rules[i].get("b"), None, rules[i]["kind"], i) for i in broken}
    return len(broken), 1 - len(broken) / len(rules), wrong


# --- a temporal profile -----------------------------------------------------------------------------


def pairs(trace):
    for i, (us, a, _) in enumerate(trace):
        for later, b, _ in trace[i + 1:]:
            yield (a, b), (later - us) / 1e6


def learn(traces):
    """{(a, b): (mean, standard deviation)}"""
    times = {}
    for trace in traces:
        for pair, taken in pairs(trace):
            times.setdefault(pair, []).append(taken)
    return {pair: (statistics.fmean(t), statistics.stdev(t) if len(t) > 1 else 0)
            for pair, t in times.items()}


def check_temporal(arguments, trace, profile):
    zeta = arguments["temporal"].get("zeta", 3)
    known = [(pair, taken) for pair, taken in pairs(trace) if pair in profile]
    late = [pair for pair, taken in known
            if abs(taken - profile[pair][0]) > zeta * profile[pair][1] + 5e-7]
    wrong = {("late", b, None, a, None) for a, b in late}
    return len(late), 1 - len(late) / len(known) if known else 1, wrong


def check_all(arguments, traces):
    """{case: (cost, fitness, deviations)}"""
    if "temporal" in arguments:
        given = arguments["temporal"].get("pairs")
        profile = {(p["from"], p["to"]): (p["mean_s"], p["std_s"]) for p in given} if given else \
            learn(traces.values())
        return {case: check_temporal(arguments, trace, profile) for case, trace in traces.items()}
    check = {"sequence": check_sequence, "edges": check_edges, "rules": check_rules}
    [model] = [m for m in check if m in arguments]
    return {case: check[model](arguments, trace) for case, trace in traces.items()}
