"""Random groups compared, steps explained, values listed."""
import journeys as j
import properties_funnel
import reference_groups as reference
from report import close

FIELDS = ["plan", "n", "cart", "amount", "shift"]
PERIOD = {"source": j.SOURCE, "from": "2026-03-01", "to": "2026-04-15"}
BEGIN, END = j.us_of("2026-03-01"), j.us_of("2026-04-16")


def pages(store, tool, asked, member):
    found, cursor = [], None
    while True:
        result = store.call(tool, {**asked, **({"cursor": cursor} if cursor else {})})
        found += result[member]
        cursor = result.get("cursor")
        if not cursor:
            return result, found


# --- property_values --------------------------------------------------------------------------------


def random_values(rnd):
    arguments = {"field": rnd.choice(FIELDS), "limit": rnd.choice([1, 2, 100])}
    if rnd.random() < 0.4:
        arguments["event"] = j.random_matcher(rnd)
    if rnd.random() < 0.3:
        arguments["prefix"] = rnd.choice(["F", "p", "1", "-", "zz"])
    j.restrict(rnd, arguments)
    return arguments


def check_values(_rnd, store, actors, arguments):
    out = []
    want = {}
    for actor, events in j.selected(arguments, actors, END).items():
        for event in events:
            value = j.field_of(event, arguments["field"])
            if value and j.matches(arguments.get("event", {}), event) and \
                    value.lower().startswith(arguments.get("prefix", "").lower()):
                want.setdefault(value, []).append(actor)
    first = store.call("property_values", {**arguments, **PERIOD})
    _, found = pages(store, "property_values", {**arguments, **PERIOD}, "values")
    got = {v["value"]: (v["count"], v["actors"]) for v in found}
    expected = {v: (len(a), len(set(a))) for v, a in want.items()}
    if got != expected or len(found) != len(got):
        out.append(f"{found}, expected {expected}")
    counts = [v["count"] for v in found]
    if counts != sorted(counts, reverse=True):
        out.append(f"out of order: {found}")
    if first["other"] != sum(counts[len(first["values"]):]):
        out.append(f"other {first['other']}, expected {sum(counts[len(first['values']):])}")
    return out


# --- compare_groups ---------------------------------------------------------------------------------


def random_groups(rnd):
    arguments = {"a": j.random_segment(rnd), "b": j.random_segment(rnd),
                 "fields": rnd.sample(["event", "plan", "n", "cart", "shift"], rnd.randint(1, 3))}
    if rnd.random() < 0.2:
        arguments["filters"] = [j.random_filter(rnd)]
    return arguments


def check_groups(_rnd, store, actors, arguments):
    out = []
    shown = j.selected({k: v for k, v in arguments.items() if k == "filters"}, actors, END)
    a, b = ({actor for actor in shown if j.in_segment(arguments[side], actors[actor], END)}
            for side in ("a", "b"))
    result, found = pages(store, "compare_groups", {**arguments, **PERIOD, "limit": 1000},
                          "differences")
    sizes = result["size_a"], result["size_b"], result["overlap"]
    if sizes != (len(a), len(b), len(a & b)):
        return [f"sizes and overlap {sizes}, expected {len(a), len(b), len(a & b)}"]
    if not a or not b:
        return out
    want = reference.differences(a, b, shown, arguments["fields"])
    got = {(d["field"], d["value"]): d for d in found}
    for key in sorted(set(got) | set(want)):
        item, (share_a, share_b, score) = got.get(key), want.get(key, (0, 0, 0))
        if item is None or not (close(item["a_share"], share_a) and
                                close(item["b_share"], share_b) and
                                close(item["difference"], share_a - share_b) and
                                close(abs(item["score"]), score)):
            out.append(f"{key}: {item}, expected {share_a}, {share_b}, score {score}")
    return out


# --- explain_funnel ---------------------------------------------------------------------------------


def random_step(rnd):
    arguments = properties_funnel.random_question(rnd)
    while len(arguments["steps"]) < 2 or "breakdown" in arguments or \
            arguments["order"] == "unordered":
        arguments = properties_funnel.random_question(rnd)
    arguments["step"] = rnd.randint(2, len(arguments["steps"]))
    return arguments


def check_step(_rnd, store, actors, arguments):
    out = []
    selected = j.selected(arguments, actors, properties_funnel.END)
    counts, (won, lost) = reference.factors(arguments, selected, FIELDS)
    _, found = pages(store, "explain_funnel",
                     {**arguments, **properties_funnel.ALL, "limit": 1000}, "factors")
    got = {(f["field"].removeprefix("event."), f["value"]): f for f in found}
    least = 10 if won + lost >= 200 else 2
    if not won or not lost:
        return [f"{len(got)} factors, nobody to compare"] if got else []
    tables = {k: (x, y, won - x, lost - y) for k, (x, y) in counts.items()
              if least <= x + y < won + lost}  # what all have tells nothing
    ps = dict(zip(tables, reference.adjusted([reference.independence(*t)
                                              for t in tables.values()])))
    for key in sorted(set(got) | set(tables)):
        if key not in got or key not in tables:
            out.append(f"{key}: {got.get(key)}, expected (with, without) {tables.get(key)}")
            continue
        x, y, _, _ = tables[key]
        ratio, low, high = reference.odds(*tables[key])
        want = {"converted_share": x / won, "dropped_share": y / lost, "count": x + y,
                "lift": x / (x + y) / (won / (won + lost)), "odds_ratio": ratio, "ci_low": low,
                "ci_high": high, "p_adjusted": ps[key]}
        wrong = {k: (got[key][k], v) for k, v in want.items() if not close(got[key][k], v)}
        if wrong:
            out.append(f"{key}: (got, expected) {wrong}")
    return out
