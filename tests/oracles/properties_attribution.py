"""Random attributions, with few channels kept and the actors behind one of them."""
import journeys as j
import reference_attribution as reference
from report import close

MODELS = ["first", "last", "linear", "position", "decay", "nearest", "markov", "probabilistic"]
BEGIN, END = j.us_of("2026-03-03"), j.us_of("2026-03-21")
PERIOD = {"source": j.SOURCE, "from": "2026-03-03", "to": "2026-03-20"}


def random_question(rnd):
    arguments = {"conversion": j.random_matcher(rnd), "field": rnd.choice(["plan", "shift", "cart"]),
                 "model": rnd.choice(MODELS),
                 "within": rnd.choice([{"value": 2, "unit": "second"}, {"value": 5, "unit": "hour"},
                                       {"value": 3, "unit": "day"}, {"value": 30, "unit": "day"}]),
                 "breakdown_limit": rnd.choice([1, 2, 25])}
    if rnd.random() < 0.6:
        arguments["touch"] = j.random_matcher(rnd)
    j.restrict(rnd, arguments)
    return arguments


def touches_of(arguments, selected):
    touches = {}
    for events in selected.values():
        for event in events:
            if event.us >= BEGIN and reference.is_touch(arguments, event):
                channel = reference.channel_of(arguments, event)
                touches[channel] = touches.get(channel, 0) + 1
    return touches


def check_actors(rnd, store, asked, found, out):
    """Who stands behind a channel: those with a conversion that it is credited for."""
    who = {}
    for actor, channels, _, at in found:
        if at is not None:
            for channel in set(channels) or {"(none)"}:
                who.setdefault(channel, set()).add(actor)
    if not who:
        return
    channel = rnd.choice(sorted(who))
    listed = store.call("list_actors", {"of": "attribute_conversions", "arguments": asked,
                                        "cell": {"value": channel}, "limit": 1000})
    got = {a["actor"] for a in listed["actors"]}
    if got != who[channel] or listed["total"] != len(got):
        out.append(f"actors of {channel!r}: {sorted(got)}, expected {sorted(who[channel])}")


def check(rnd, store, actors, arguments):
    out, asked = [], {**arguments, **PERIOD}
    result = store.call("attribute_conversions", asked)
    selected = j.selected(arguments, actors, END)
    touches = touches_of(arguments, selected)
    found = reference.credited(arguments, reference.journeys(arguments, selected, BEGIN))
    told = reference.kept(found, touches, arguments["breakdown_limit"])
    found = [(actor, [told[c] for c in channels], times, at) for actor, channels, times, at in found]
    want = reference.credits(arguments, found)
    conversions = sum(at is not None for *_, at in found)
    folded = {}
    for channel, count in touches.items():
        folded[told[channel]] = folded.get(told[channel], 0) + count
    got = {None if c["value"] == "(none)" else c["value"]: c for c in result["channels"]}
    for channel in sorted(set(got) | set(want) | set(folded), key=str):
        item = got.get(channel, {"touches": 0, "conversions": 0, "credit": 0})
        number, credit = want.get(channel, [0, 0.0])
        if item["touches"] != folded.get(channel, 0):
            out.append(f"{channel!r}: {item['touches']} touches, expected {folded.get(channel, 0)}")
        if item["conversions"] != number or not close(item["credit"], credit):
            out.append(f"{channel!r}: {item['conversions']} conversions, credit {item['credit']}, "
                       f"expected {number}, {credit}")
        if conversions and channel in got and not close(item["share"], credit / conversions):
            out.append(f"{channel!r}: share {item['share']}, of {conversions}")
    total = sum(c["credit"] for c in result["channels"])
    if not close(total, conversions):
        out.append(f"credits add up to {total}, there are {conversions} conversions")
    check_actors(rnd, store, asked, found, out)
    return out
