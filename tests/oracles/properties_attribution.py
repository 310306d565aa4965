"""Random attributions."""
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
                                       {"value": 3, "unit": "day"}, {"value": 30, "unit": "day"}])}
    if rnd.random() < 0.6:
        arguments["touch"] = j.random_matcher(rnd)
    j.restrict(rnd, arguments)
    return arguments


def check(_rnd, store, actors, arguments):
    out = []
    result = store.call("attribute_conversions", {**arguments, **PERIOD})
    selected = j.selected(arguments, actors, END)
    found = reference.journeys(arguments, selected, BEGIN)
    want = reference.credits(arguments, found)
    conversions = sum(at is not None for _, _, at in found)
    touches = {}
    for events in selected.values():
        for event in events:
            if event.us >= BEGIN and reference.is_touch(arguments, event):
                channel = reference.channel_of(arguments, event)
                touches[channel] = touches.get(channel, 0) + 1
    got = {None if c["value"] == "(none)" else c["value"]: c for c in result["channels"]}
    for channel in sorted(set(got) | set(want) | set(touches), key=str):
        item = got.get(channel, {"touches": 0, "conversions": 0, "credit": 0})
        number, credit = want.get(channel, [0, 0.0])
        if item["touches"] != touches.get(channel, 0):
            out.append(f"{channel!r}: {item['touches']} touches, expected {touches.get(channel, 0)}")
        if not close(item["credit"], credit) or \
                (item["conversions"] != number and not (credit < 1e-12 and not item["credit"])):
            out.append(f"{channel!r}: {item['conversions']} conversions, credit {item['credit']}, "
                       f"expected {number}, {credit}")
        if conversions and channel in got and not close(item["share"], credit / conversions):
            out.append(f"{channel!r}: share {item['share']}, of {conversions}")
    total = sum(c["credit"] for c in result["channels"])
    if not close(total, conversions):
        out.append(f"credits add up to {total}, there are {conversions} conversions")
    return out
