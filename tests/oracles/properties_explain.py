"""Random steps of funnels: what sets those who take them apart."""
import math

import journeys as j
import properties_funnel
import reference_funnel as reference
from reference_groups import adjusted, independence, odds

PATIENCE = 1800 * 10**6


def random_question(rnd):
    arguments = properties_funnel.random_question(rnd)
    for name in ("attribution", "attribution_step", "breakdown", "breakdown_limit"):
        arguments.pop(name, None)
    arguments["step"] = rnd.randint(2, max(2, len(arguments["steps"])))
    while len(arguments["steps"]) < 2:
        arguments["steps"].append(j.random_matcher(rnd))
    return arguments


def traits(arguments, events, run, won, usual):
    """{(field, value)} that the actor has at the step before, or did until the step."""
    steps, step = arguments["steps"], arguments["step"]
    before = properties_funnel.required_before(arguments, step)
    began = run[before]
    within = reference.window(arguments)
    ended = run[step] if won else min(min(run.values()) + within, began + max(PATIENCE, usual)) + 1
    is_unordered = arguments["order"] == "unordered"
    at = next(e for e in events if e.us == began and
              any(j.matches(s, e) for s in (steps if is_unordered else [steps[before - 1]])))
    return {(f, j.field_of(at, f)) for f in j.FIELDS if j.field_of(at, f)} | \
        {("event", e.name) for e in events
         if began < e.us < ended and not any(j.matches(s, e) for s in steps)}


def expected(arguments, actors):
    step = arguments["step"]
    before = properties_funnel.required_before(arguments, step)
    plain, came = {**arguments}, []
    for events in j.selected(arguments, actors, properties_funnel.END).values():
        for _, _, run in reference.journeys(plain, events):
            if before in run:
                came.append((events, run, step in run))
    taken = sorted(run[step] - run[before] for _, run, won in came if won)
    usual = taken[math.ceil(0.95 * (len(taken) - 1))] if taken else 0
    whole = [sum(1 for _, _, won in came if won), sum(1 for _, _, won in came if not won)]
    counts = {}
    for events, run, won in came:
        for trait in traits(arguments, events, run, won, usual):
            counts.setdefault(trait, [0, 0])[0 if won else 1] += 1
    least = 2 if len(came) < 200 else 10
    tables = {t: (a, b, whole[0] - a, whole[1] - b) for t, (a, b) in counts.items()
              if least <= a + b < len(came)} if all(whole) else {}
    ps = adjusted([independence(*t) for t in tables.values()])
    return {trait: measures(t, p, whole) for (trait, t), p in zip(tables.items(), ps)}


def measures(table, p, whole):
    ratio, low, high = odds(*table)
    count = table[0] + table[1]
    return {"converted_share": table[0] / whole[0], "dropped_share": table[1] / whole[1],
            "lift": table[0] / count / (whole[0] / sum(whole)), "odds_ratio": ratio, "ci_low": low,
            "ci_high": high, "p_adjusted": p, "count": count}


def check(_rnd, store, actors, arguments):
    out = []
    result = store.call("explain_funnel", {**arguments, **properties_funnel.ALL, "limit": 1000})
    want = expected(arguments, actors)
    got = {(f["field"], f["value"]): f for f in result["factors"]}
    for trait in sorted(set(got) | set(want)):
        if trait not in got or trait not in want:
            out.append(f"{trait}: {got.get(trait)}, expected {want.get(trait)}")
            continue
        for name, value in want[trait].items():
            if not math.isclose(got[trait][name], value, rel_tol=1e-8, abs_tol=1e-10):
                out.append(f"{trait}: {name} {got[trait][name]}, expected {value}")
    ps = [f["p_adjusted"] for f in result["factors"]]
    if ps != sorted(ps):
        out.append("not by p_adjusted")
    return out
