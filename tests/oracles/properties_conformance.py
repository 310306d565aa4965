"""Random models checked over random cases."""
from collections import Counter

import journeys as j
import reference_conformance as reference
from cases_actors import check_actors
from properties_process import SOURCES
from report import close

ACTIVITIES = j.NAMES + j.NOISE
RULES_OF_ONE = ["init", "last", "exists", "absent", "exactly"]
RULES_OF_TWO = ["response", "precedence", "succession", "chain_response", "not_coexist", "four_eyes"]


def question(rnd, model):
    begin, end = rnd.choice(6 * [("2026-01-01", "2026-05-31")] +
                            [("2026-03-02", "2026-03-02T03:00:00.5Z"),
                             ("2026-03-02T00:00:02Z", "2026-03-02"), ("2026-03-03", "2026-03-04")])
    arguments = {"source": rnd.choice(SOURCES), "from": begin, "to": end, "limit": 1000, **model}
    j.restrict(rnd, arguments)
    return arguments


def random_sequence(rnd):
    match = rnd.choice(["alignment", "exact", "eventually_follows", "directly_follows"])
    return question(rnd, {"sequence": rnd.choices(ACTIVITIES, k=rnd.randint(1, 5)), "match": match})


def random_edges(rnd):
    edges = [{"from": a, "to": b} for a in ACTIVITIES for b in ACTIVITIES]
    return question(rnd, {"edges": rnd.choices(edges, k=rnd.choice([1, 6, 20, 60]))})


def random_rule(rnd):
    if rnd.random() < 0.4:
        rule = {"kind": rnd.choice(RULES_OF_ONE), "a": rnd.choice(ACTIVITIES)}
        if rule["kind"] in RULES_OF_ONE[2:] and rnd.random() < 0.6:
            rule["n"] = rnd.randint(1, 3)
        return rule
    kind = rnd.choice(RULES_OF_TWO + ["four_eyes"])
    a, b = rnd.sample(ACTIVITIES, 2) if kind == "four_eyes" else rnd.choices(ACTIVITIES, k=2)
    return {"kind": kind, "a": a, "b": b}


def random_rules(rnd):
    return question(rnd, {"rules": [random_rule(rnd) for _ in range(rnd.choice([1, 1, 2, 3, 8]))]})


def random_temporal(rnd):
    temporal = {"learn": True}
    if rnd.random() < 0.5:
        chosen = rnd.sample([(a, b) for a in ACTIVITIES for b in ACTIVITIES], rnd.choice([1, 5, 36]))
        temporal = {"pairs": [{"from": a, "to": b, "mean_s": rnd.choice([0, 1, 0.25, 7200, 86400]),
                               "std_s": rnd.choice([0, 0.5, 3600, 100000])} for a, b in chosen]}
    if rnd.random() < 0.8:
        temporal["zeta"] = rnd.choice([0, 0.5, 1, 1.5, 2, 6])
    return question(rnd, {"temporal": temporal})


# --- comparing ----------------------------------------------------------------------------------


def traces_of(arguments, actors):
    """{case: [(us, activity, resource)]}: whole cases, by their first event, with one event that
    all filters hold for."""
    begin, end = period(arguments)
    source, out = arguments["source"], {}
    is_imported = source not in (j.COUNTED, j.LOOSE)
    for case, events in (j.apart(actors) if source == j.APART else actors).items():
        events = sorted(events, key=lambda e: (e.us, e.order if is_imported else e.name))
        if not begin <= events[0].us < end or \
                ("segment" in arguments and not j.in_segment(arguments["segment"], events, end)) or \
                not any(all(j.holds(f, e) for f in arguments.get("filters", [])) for e in events):
            continue
        out[case] = [(e.us, e.name, j.resource_of(e)) for e in events]
    return out


def period(arguments):
    begin, end = arguments["from"], arguments["to"]
    return j.us_of(begin), j.us_of(end) + (j.US["day"] if "T" not in end else 0)


def key_of(item, rules):
    """A deviation of the result as the reference tells it."""
    key = [item["kind"], item["activity"], item.get("expected"), item.get("from"), item.get("rule")]
    if item["kind"] == "late":
        key[2] = None  # the usual time, in words
    return tuple(key)


def check(rnd, store, actors, arguments):
    out = []
    traces = traces_of(arguments, actors)
    want = reference.check_all(arguments, traces)
    result = store.call("conformance_check", arguments)
    costs = Counter(cost for cost, _, _ in want.values())
    figures = {"cases": len(want), "conforming": costs[0],
               "total_cost": sum(cost for cost, _, _ in want.values())}
    for name, figure in figures.items():
        if result[name] != figure:
            out.append(f"{name} {result[name]}, expected {figure}")
    if {h["cost"]: h["cases"] for h in result["cost_histogram"]} != +costs:
        out.append(f"cost_histogram {result['cost_histogram']}, expected {dict(costs)}")
    fitness = sum(f for _, f, _ in want.values()) / max(len(want), 1)
    if not close(result["fitness"], fitness):
        out.append(f"fitness {result['fitness']}, expected {fitness}")
    if "rules" in arguments:
        check_rules(result["rules"], arguments["rules"], traces, out)
    if "temporal" not in arguments:
        check_variants(result["variants"], traces, want, out)
    if not out:
        check_deviations(rnd, store, result, arguments, traces, want, out)
    return out


def check_rules(found, rules, traces, out):
    for got, rule in zip(found, rules):
        kept = [reference.judge(rule, trace) for trace in traces.values()]
        figures = sum(k is not None for k in kept), sum(k is True for k in kept)
        if (got["activated"], got["satisfied"]) != figures or got["kind"] != rule["kind"]:
            out.append(f"{rule}: {got}, expected {figures}")


def check_variants(found, traces, want, out):
    got = Counter()
    for v in found:
        got[tuple(v["activities"]), v["cost"], round(v["fitness"], 9)] += v["cases"]
    expected = Counter((tuple(e[1] for e in trace), want[case][0], round(want[case][1], 9))
                       for case, trace in traces.items())
    if got != expected:
        out.append(f"variants: {list((got - expected).items())[:3]}, "
                   f"expected {list((expected - got).items())[:3]}")


def check_deviations(rnd, store, result, arguments, traces, want, out):
    """Each with its cases, and how much longer these take; who stands in a cell."""
    rules = arguments.get("rules", [])
    members = {}
    for case, (_, _, wrong) in want.items():
        for deviation in wrong:
            members.setdefault(deviation, set()).add(case)
    found = result["deviations"]
    expected = sorted(((d[:5], len(c)) for d, c in members.items()), key=str)
    got = sorted(((key_of(d, rules), d["cases"]) for d in found), key=str)
    if len(expected) <= 50 and got != expected:
        out.append(f"deviations {[g for g in got if g not in expected][:3]}, "
                   f"expected {[e for e in expected if e not in got][:3]}")
        return
    for item in found:
        # two rules that are the same have the same cases
        cases = next((c for d, c in members.items()
                      if d[:5] == key_of(item, rules) and len(c) == item["cases"]), set())
        check_deviation(item, cases, traces, out)
    if found:
        index = rnd.randrange(len(found))
        key = key_of(found[index], rules)
        same = [c for d, c in members.items() if d[:5] == key and len(c) == found[index]["cases"]]
        if all(c == same[0] for c in same):
            check_actors(store, "conformance_check", arguments, {"deviation": index}, same[0], out)
    conforming = rnd.random() < 0.5
    check_actors(store, "conformance_check", arguments, {"conforming": conforming},
                 [case for case, (cost, _, _) in want.items() if (cost == 0) == conforming], out)


def check_deviation(item, cases, traces, out):
    if item["example_case"] not in cases or not close(item["share"], len(cases) / len(traces)):
        out.append(f"{item}: share or example, expected one of {sorted(cases)[:5]}")
        return
    taken = {case: (trace[-1][0] - trace[0][0]) // 1000 / 1e3 for case, trace in traces.items()}
    others = [t for case, t in taken.items() if case not in cases]
    if not others:
        if "extra_s" in item:
            out.append(f"{item}: extra_s, but there are no others")
        return
    extra = sum(taken[c] for c in cases) / len(cases) - sum(others) / len(others)
    if not close(item["extra_s"], extra, 1e-6) and abs(item["extra_s"] - extra) > 1e-6:
        out.append(f"{item}: expected extra_s {extra}")
