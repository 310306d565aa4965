"""Random groups compared, values listed."""
import journeys as j
import reference_groups as reference
from report import close

PERIOD = {"source": j.SOURCE, "from": "2026-03-01", "to": "2026-04-15"}
END = j.us_of("2026-04-16")


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
    arguments = {"field": rnd.choice(j.FIELDS), "limit": rnd.choice([1, 2, 100])}
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
    begin, end = rnd.choice([("2026-03-01", "2026-04-15"), ("2026-03-03", "2026-03-09")])
    arguments = {"a": j.random_segment(rnd), "b": j.random_segment(rnd), "from": begin, "to": end}
    if rnd.random() < 0.2:
        arguments["filters"] = [j.random_filter(rnd)]
    # Left to the tool, fields with up to 100 values count: of few events, the names of users too.
    is_whole = begin == "2026-03-01" and "filters" not in arguments
    if not is_whole or rnd.random() < 0.6:
        arguments["fields"] = rnd.sample(["event", *j.FIELDS], rnd.randint(1, 3))
    return arguments


def check_actors(rnd, store, asked, groups, having, out):
    key, side = rnd.choice(sorted(having)), rnd.choice("ab")
    cell = {"field": key[0], "value": key[1], "group": side}
    _, found = pages(store, "list_actors",
                     {"of": "compare_groups", "arguments": asked, "cell": cell, "limit": 1000}, "actors")
    got, want = sorted(a["actor"] for a in found), sorted(having[key] & groups[side])
    if got != want:
        out.append(f"actors of {cell}: {got}, expected {want}")


def check_groups(rnd, store, actors, arguments):
    out, fields = [], arguments.get("fields", ["event", *j.FIELDS])
    begin, end = j.us_of(arguments["from"]), j.us_of(arguments["to"]) + j.US["day"]
    shown = {actor: [e for e in events if e.us >= begin] for actor, events in j.selected(
        {k: v for k, v in arguments.items() if k == "filters"}, actors, end).items()}
    groups = {side: {actor for actor, events in shown.items()
                     if events and j.in_segment(arguments[side], actors[actor], end)}
              for side in "ab"}
    asked = {**arguments, "source": j.SOURCE, "limit": 1000}
    result, found = pages(store, "compare_groups", asked, "differences")
    sizes = result["size_a"], result["size_b"], result["overlap"]
    a, b = groups["a"], groups["b"]
    if sizes != (len(a), len(b), len(a & b)):
        return [f"sizes and overlap {sizes}, expected {len(a), len(b), len(a & b)}"]
    if not a or not b:
        return out
    want = reference.differences(a, b, shown, fields)
    got = {(d["field"], d["value"]): d for d in found}
    for key in sorted(set(got) | set(want)):
        item, (share_a, share_b, score) = got.get(key), want.get(key, (0, 0, 0))
        if item is None or not (close(item["a_share"], share_a) and
                                close(item["b_share"], share_b) and
                                close(item["difference"], share_a - share_b) and
                                close(abs(item["score"]), score)):
            out.append(f"{key}: {item}, expected {share_a}, {share_b}, score {score}")
    order = [(-abs(d["score"]), -round(abs(d["difference"]), 12)) for d in found]
    if order != sorted(order):
        out.append("not by score")
    having = reference.value_actors({k: shown[k] for k in a | b}, fields)
    if having:
        check_actors(rnd, store, asked, groups, having, out)
    return out
