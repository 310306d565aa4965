"""Random funnels and their actors."""
import statistics

import journeys as j
import reference_funnel as reference
from calendar_of import Calendar
from cases_actors import check_actors
from report import close

# the whole journeys lie in the period; segments look back from its end
ALL = {"source": j.SOURCE, "from": "2026-01-01", "to": "2026-05-31"}
END = j.us_of("2026-06-01")


def random_steps(rnd):
    count = rnd.choice([1, 2, 2, 3, 3, 4, 4, 5])
    if rnd.random() < 0.4 and count <= len(j.NAMES):
        return [{"event": n} for n in rnd.sample(j.NAMES, count)]
    return [j.random_matcher(rnd) for _ in range(count)]


def random_question(rnd):
    steps = random_steps(rnd)
    count = len(steps)
    value, unit = rnd.choice([(0, "second"), (1, "second"), (2.5, "second"), (5, "hour"),
                              (3, "day"), (14, "day"), (10, "week")])
    arguments = {"steps": steps, "order": rnd.choice(["ordered", "ordered", "strict", "unordered"]),
                 "within": {"value": value, "unit": unit}}
    j.restrict(rnd, arguments)
    if rnd.random() < 0.6:
        attribution = rnd.choice(["first_touch", "last_touch", "all_events", "step"])
        arguments["attribution"] = attribution
        # events of one time share `shift`: which of them serves a step is then no matter
        arguments["breakdown"] = ["shift"] if attribution == "step" else \
            rnd.choice([["plan"], ["plan", "n"]])
        # an actor has one value then: who are the others is no question
        is_single = attribution in ("first_touch", "last_touch")
        arguments["breakdown_limit"] = rnd.choice([2, 100]) if is_single else 100
        if attribution == "step":
            arguments["attribution_step"] = rnd.randint(1, count)
    add_options(rnd, arguments)
    return arguments


def random_plain(rnd):
    """What numbered actors answer by a plan of its own: steps that no event shares, in order."""
    arguments = random_question(rnd)
    steps = [{"event": n} for n in rnd.sample(j.NAMES, rnd.randint(2, len(j.NAMES)))]
    if rnd.random() < 0.3:
        steps[0]["where"] = [{"field": "n", "op": "eq", "value": rnd.choice(["1", "2"])}]
    return {**{k: v for k, v in arguments.items() if k in ("within", "filters", "segment")},
            "steps": steps, "order": "ordered"}


def random_texts(rnd):
    """The same of actors who are texts: their numbers are made from hashes."""
    return {**random_plain(rnd), **rnd.choice([{"source": j.SPANS}, {"actor": "actor"}])}


def is_same(matcher, step):
    """What serves a step cannot be excluded before it."""
    return all(matcher.get(k) == step.get(k) for k in ("event", "any_of", "where"))


def add_options(rnd, arguments):
    steps, count = arguments["steps"], len(arguments["steps"])
    is_free = arguments["order"] == "unordered"
    at = arguments.get("attribution_step")
    if rnd.random() < 0.35 and not is_free and count > 1:
        for number in rnd.sample(range(2, count + 1), rnd.randint(1, count - 1)):
            if number != at:
                steps[number - 1]["optional"] = True
    if rnd.random() < 0.35 and count > 1:
        exclusions = []
        for _ in range(rnd.choice([1, 1, 2])):
            low, high = (1, count) if is_free else sorted(rnd.sample(range(1, count + 1), 2))
            matcher = {"event": rnd.choice(j.NOISE)} if rnd.random() < 0.7 else \
                j.random_matcher(rnd)
            if is_free or not any(is_same(matcher, step) for step in steps[low:high]):
                exclusions.append({**matcher, "from_step": low, "to_step": high})
        arguments["exclusions"] = exclusions
    if rnd.random() < 0.25:
        arguments["hold_constant"] = rnd.choice([["cart"], ["n"], ["cart", "n"], ["session"]])
    if rnd.random() < 0.25 and not is_free and count > 1:
        gap = {"step": rnd.randint(2, count)}
        low, high = sorted([rnd.choice([0, 0.5, 1, 3600]), rnd.choice([1, 2, 7200, 86400 * 3])])
        if rnd.random() < 0.6:
            gap["min_s"] = low
        if rnd.random() < 0.6 or len(gap) == 1:
            gap["max_s"] = high
        arguments["step_gaps"] = [gap]


def options_of(arguments):
    """The options beside steps, order, within, breakdown: those that the schema must name."""
    names = {k for k in ("exclusions", "hold_constant", "step_gaps", "segment", "view")
             if k in arguments}
    if any("optional" in s for s in arguments["steps"]):
        names.add("optional")
    return names


# --- comparing ----------------------------------------------------------------------------------


def required_before(arguments, number):
    """The last required step before this one."""
    while number > 1:
        number -= 1
        if not arguments["steps"][number - 1].get("optional"):
            return number
    return None


def check_steps(label, arguments, steps, runs, out):
    for number, step in enumerate(steps, 1):
        reached = [run for run in runs if number in run]
        before = required_before(arguments, number)
        left = sum(before in run and number not in run for run in runs) if before else 0
        if step["count"] != len(reached) or step["dropped"] != left:
            out.append(f"{label}step {number}: {step['count']}, {step['dropped']} dropped, "
                       f"expected {len(reached)}, {left}")
            continue
        entered = sum(before in run for run in runs) if before else len(reached)
        for name, of in (("conversion", len(runs)), ("conversion_previous", entered)):
            if of and not close(step[name], len(reached) / of):
                out.append(f"{label}step {number}: {name} {step[name]}, "
                           f"expected {len(reached) / of}")
        if number > 1 and reached:
            taken = [(run[number] - max(us for n, us in run.items() if n < number)) / 1e6
                     for run in reached]
            for name, want in (("average_s", statistics.fmean(taken)),
                               ("median_s", j.quantile(taken, 0.5)),
                               ("p90_s", j.quantile(taken, 0.9))):
                if not close(step.get(name), want):
                    out.append(f"{label}step {number}: {name} {step.get(name)}, expected {want}")


def answers(arguments, actors, interval_of=None):
    """{value: {(actor, interval): run}}"""
    selected = j.selected(arguments, actors, END)
    values = {}
    for actor, events in selected.items():
        for value, interval, run in reference.journeys(arguments, events, interval_of):
            values.setdefault(value, {})[actor, interval] = run
    if not arguments.get("breakdown"):
        return values
    first = arguments.get("from_step", 1) if interval_of else 1
    # Those with most actors, however many intervals each of them enters in.
    told = j.fold({v: len({actor for (actor, _), run in runs.items() if first in run})
                   for v, runs in values.items()}, arguments["breakdown_limit"])
    folded = {}
    for value, runs in values.items():
        folded.setdefault(told[value], {}).update(runs)
    return folded


def check(rnd, store, actors, arguments):
    out = []
    asked = {**ALL, **arguments}
    result = store.call("run_funnel", asked)
    values = answers(arguments, actors)
    plain = {k: v for k, v in arguments.items() if k != "breakdown"}
    whole = answers(plain, actors) if plain != arguments else values
    check_steps("", arguments, result["steps"], list(whole.get(None, {}).values()), out)
    if arguments.get("breakdown"):
        found = {tuple(b["breakdown"]): b["steps"] for b in result["breakdowns"]}
        if set(found) != set(values):
            out.append(f"values {sorted(found)}, expected {sorted(values)}")
        for value in set(found) & set(values):
            check_steps(f"{value} ", arguments, found[value], list(values[value].values()), out)
    check_cell(rnd, store, actors, asked, values, out)
    return out


def in_cell(arguments, run, cell):
    step, before = cell["step"], required_before(arguments, cell["step"])
    if cell["outcome"] == "reached":
        return step in run
    return before in run and step not in run


def check_cell(rnd, store, actors, asked, values, out):
    """Who stands in a random cell, and when they entered and came to their last step."""
    if not values:
        return
    value = rnd.choice(sorted(values, key=str))
    cell = {"step": rnd.randint(1, len(asked["steps"])),
            "outcome": rnd.choice(["reached", "dropped"])}
    if value is not None:
        cell["breakdown"] = list(value)
    want = {actor: run for (actor, _), run in values[value].items() if in_cell(asked, run, cell)}
    found = check_actors(store, "run_funnel", asked, cell, want, out)
    compare_entries(actors, found, want, out)


def compare_entries(actors, found, want, out):
    for item in found:
        run = want.get(item["actor"])
        if run is None:
            continue
        times = sorted(run.values())
        got = j.us_of(item["entered_at"]), j.us_of(item["last_step_at"])
        if got != (times[0], times[-1]):
            out.append(f"{item['actor']}: {item['entered_at']}, {item['last_step_at']}, expected "
                       f"{j.iso(times[0])}, {j.iso(times[-1])}")
            continue
        sessions = {e.session for e in actors[item["actor"]] if e.us == times[-1]}
        if item.get("session") not in sessions:
            out.append(f"{item['actor']}: session {item.get('session')}, expected {sessions}")


# --- times to convert -------------------------------------------------------------------------------


def random_times(rnd):
    arguments = random_question(rnd)
    while len(arguments["steps"]) < 2 or "breakdown" in arguments:
        arguments = random_question(rnd)
    low, high = sorted(rnd.sample(range(1, len(arguments["steps"]) + 1), 2))
    arguments.update(view="time_to_convert", from_step=low, to_step=high)
    if rnd.random() < 0.7:
        arguments["bins"] = rnd.randint(1, 12)
    return arguments


def check_times(rnd, store, actors, arguments):
    out = []
    asked = {**arguments, **ALL}
    low, high = arguments["from_step"], arguments["to_step"]
    runs = answers(arguments, actors).get(None, {})
    done = {actor: run for (actor, _), run in runs.items() if low in run and high in run}
    taken = [(run[high] - run[low]) / 1e6 for run in done.values()]
    result = store.call("run_funnel", asked)
    bins, overall = result["bins"], result["overall"]
    entered = sum(low in run for run in runs.values())
    if (overall["entered"], overall["converted"]) != (entered, len(done)):
        out.append(f"{overall['entered']}, {overall['converted']} converted, "
                   f"expected {entered}, {len(done)}")
    if taken:
        for name, want in (("average_s", statistics.fmean(taken)),
                           ("median_s", j.quantile(taken, 0.5))):
            if not close(overall.get(name), want):
                out.append(f"{name} {overall.get(name)}, expected {want}")
    check_bins(bins, taken, arguments.get("bins"), out)
    found = check_actors(store, "run_funnel", asked, {"step": high, "outcome": "reached"},
                         [actor for (actor, _), run in runs.items() if high in run], out)
    compare_entries(actors, found, {}, out)
    return out


def check_bins(bins, taken, asked, out):
    if not taken:
        if sum(b["count"] for b in bins):
            out.append(f"bins {bins}, nobody converted")
        return
    widths = {round(b["to_s"] - b["from_s"], 6) for b in bins}
    if len(widths) != 1 or widths.pop() % 1 != 0 or (asked and len(bins) != asked):
        out.append(f"bins {[(b['from_s'], b['to_s']) for b in bins]}: widths, or not {asked}")
    if bins[0]["from_s"] > min(taken) or bins[-1]["to_s"] < max(taken):
        out.append(f"bins from {bins[0]['from_s']} to {bins[-1]['to_s']}, expected "
                   f"{min(taken)} to {max(taken)}")
    for i, item in enumerate(bins):
        is_last = i == len(bins) - 1
        want = sum(item["from_s"] <= s < item["to_s"] or (is_last and s == item["to_s"])
                   for s in taken)
        if item["count"] != want:
            out.append(f"bin {item}: expected {want}")


# --- over time --------------------------------------------------------------------------------------


def random_trend(rnd):
    arguments = random_question(rnd)
    while len(arguments["steps"]) < 2:
        arguments = random_question(rnd)
    required = [i for i, s in enumerate(arguments["steps"], 1) if not s.get("optional")]
    low, high = sorted(rnd.choices(required, k=2))
    low = 1 if arguments["order"] == "unordered" else low
    arguments.update(view="trend", interval=rnd.choice(["hour", "day", "week", "month"]))
    if arguments["interval"] == "week" and rnd.random() < 0.5:
        arguments["week_start"] = "sunday"
    if rnd.random() < 0.5 and low < high:
        arguments.update(from_step=low, to_step=high)
    if rnd.random() < 0.4:
        arguments["tz"] = rnd.choice(["America/New_York", "Asia/Kolkata"])
    return arguments


def check_trend(rnd, store, actors, arguments):
    out = []
    calendar = Calendar(arguments["interval"], arguments.get("tz", "UTC"),
                        arguments.get("week_start", "monday"))
    asked = {**arguments, "source": j.SOURCE, "from": "2026-03-02",
             "to": "2026-03-05" if arguments["interval"] == "hour" else "2026-04-12"}
    begin, end = period(asked)
    inside = {actor: kept for actor, events in actors.items()
              if (kept := [e for e in events if begin <= e.us < end])}
    if "segment" in arguments:  # it looks at all that was before, too
        inside = {a: e for a, e in inside.items()
                  if j.in_segment(arguments["segment"], actors[a], end)}
    plain = {k: v for k, v in arguments.items() if k != "segment"}
    low, high = arguments.get("from_step", 1), arguments.get("to_step", len(arguments["steps"]))
    result = store.call("run_funnel", asked)
    values = answers(plain, inside, calendar.start)
    starts = calendar.starts(begin, end)
    got = {}
    for point in result["trend"]:
        got.setdefault(tuple(point.get("breakdown", [])), []).append(point)
    if not arguments.get("breakdown"):
        values = {(): values.get(None, {})}
    for value, runs in values.items():
        points = got.get(value, [])
        if not points and value and not any(low in run for run in runs.values()):
            continue  # nobody entered with it
        if [calendar.us_of(p["time"]) for p in points] != starts:
            out.append(f"{value}: {[p['time'] for p in points][:5]}… ({len(points)} intervals), "
                       f"expected {len(starts)} from {j.iso(starts[0])}")
            continue
        for start, point in zip(starts, points):
            entered = [run for (_, at), run in runs.items() if at == start and low in run]
            converted = sum(high in run for run in entered)
            if (point["entered"], point["converted"]) != (len(entered), converted):
                out.append(f"{value} {point['time']}: {point['entered']}, {point['converted']}, "
                           f"expected {len(entered)}, {converted}")
            elif not close(point.get("conversion", 0), converted / max(len(entered), 1)):
                out.append(f"{value} {point['time']}: conversion {point.get('conversion')}")
    for value in set(got) - set(values):
        if any(p["entered"] for p in got[value]):
            out.append(f"value {value} is not expected")
    if not out:
        labels = dict(zip(starts, (p["time"] for p in next(iter(got.values()), []))))
        check_entrants(rnd, store, asked, values, (low, high), labels, out)
    return out


def period(asked):
    """[begin, end) of whole local days."""
    day = Calendar("day", asked.get("tz", "UTC"))
    noon = 43200 * 10**6
    return (day.start(j.us_of(asked["from"]) + noon),
            day.next(day.start(j.us_of(asked["to"]) + noon)))


def check_entrants(rnd, store, asked, values, steps, labels, out):
    found = [(value, start) for value, runs in values.items() for _, start in runs]
    if not found:
        return
    value, start = rnd.choice(sorted(found))
    outcome = rnd.choice(["reached", "dropped"])
    cell = {"time": labels[start], "outcome": outcome}
    if value:
        cell["breakdown"] = list(value)
    want = [actor for (actor, at), run in values[value].items()
            if at == start and steps[0] in run and (steps[1] in run) == (outcome == "reached")]
    check_actors(store, "run_funnel", asked, cell, want, out)
