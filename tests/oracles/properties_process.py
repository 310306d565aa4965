"""Random questions about the cases of a process: every actor is a case."""
import statistics

import journeys as j
import reference_process as reference
from cases_actors import check_actors
from report import close

DAYS = ["2026-03-02", "2026-03-03", "2026-03-06", "2026-03-12", "2026-03-20", "2026-04-05"]
FOREVER = 1 << 60
# The plans there are: numbers with the order of import, where it matters and where it does not,
# texts, and those without an order.
SOURCES = [j.SOURCE, j.APART, j.SPANS, j.COUNTED, j.LOOSE]


def random_question(rnd):
    arguments = {"source": rnd.choice(SOURCES)}
    if rnd.random() < 0.5:
        arguments["from"], arguments["to"] = sorted(rnd.sample(DAYS, 2))
        if rnd.random() < 0.5:
            arguments["compare"] = "previous"
        elif rnd.random() < 0.5:
            del arguments[rnd.choice(["from", "to"])]
    j.restrict(rnd, arguments)
    return arguments


def random_variants(rnd):
    arguments = random_question(rnd)
    if rnd.random() < 0.4:
        arguments["collapse_repeats"] = True
    return arguments


def random_map(rnd):
    arguments = random_question(rnd)
    if rnd.random() < 0.3:
        arguments["min_share"] = rnd.choice([0.02, 0.1, 0.5])
    return arguments


def random_bottlenecks(rnd):
    arguments = random_question(rnd)
    if rnd.random() < 0.6:
        arguments["rank"] = rnd.choice(["mean", "total", "p95"])
    if rnd.random() < 0.6:
        arguments["min_count"] = rnd.choice([1, 3, 5])
    return arguments


def random_once(rnd):
    arguments = random_question(rnd)
    arguments.pop("compare", None)
    return arguments


def period(arguments):
    start = j.us_of(arguments["from"]) if "from" in arguments else -FOREVER
    end = j.us_of(arguments["to"]) + j.US["day"] if "to" in arguments else FOREVER
    return start, end


def cases_of(arguments, actors):
    """The cases of the period, and of the one before or None."""
    source = arguments["source"]
    if source == j.APART:
        actors = j.apart(actors)
    is_imported = source not in (j.COUNTED, j.LOOSE)
    start, end = period(arguments)
    last_us = max(e.us for events in actors.values() for e in events)
    until = min(end, last_us + 1)
    now = reference.cases_of(arguments, actors, start, end, until, is_imported)
    before = None
    if arguments.get("compare") == "previous":
        before = reference.cases_of(arguments, actors, 2 * start - end, start, end, is_imported)
    return now, before, last_us


def check_change(item, now, before, out):
    change = (now - before) / before if before else None
    if item.get("previous") != before or (change is None) != ("change" not in item) or \
            (change is not None and not close(item["change"], change)):
        out.append(f"{item}: expected previous {before}, change {change}")


def check_warning(result, cases, last_us, out):
    want = reference.unfinished(cases, last_us) if cases else 0
    said = [w for w in result["meta"].get("warnings", []) if "unfinished" in w]
    if want in (0, len(cases)):
        if said:
            out.append(f"{said}, expected none")
    elif not said or not said[0].startswith(f"{want} case"):
        out.append(f"{said}, expected {want} unfinished")


def check_variants(rnd, store, actors, arguments):
    out = []
    cases, before, last_us = cases_of(arguments, actors)
    is_collapsed = arguments.get("collapse_repeats", False)
    want = reference.variants_of(cases, is_collapsed)
    then = reference.variants_of(before, is_collapsed) if before is not None else None
    result = store.call("process_variants", {**arguments, "limit": 1000})
    compare_variants(result["variants"], want, then, cases, out)
    lengths = [len(events) for events in cases.values()]
    got = (result["cases"], result["events"], result["distinct_variants"])
    if got != (len(cases), sum(lengths), len(want)):
        out.append(f"{got}, expected {len(cases)} cases, {sum(lengths)} events, {len(want)}")
    if lengths:
        for name, value in (("mean", statistics.fmean(lengths)), ("min", min(lengths)),
                            ("max", max(lengths)), ("median", statistics.median(lengths))):
            if not close(result["case_length"][name], value):
                out.append(f"length {name}: {result['case_length'][name]}, expected {value}")
    check_warning(result, cases, last_us, out)
    if want and not out:
        trace = rnd.choice(sorted(want))
        found = check_actors(store, "process_variants", arguments, {"activities": list(trace)},
                             want[trace], out)
        for actor in found:
            events = cases[actor["actor"]]
            if (j.us_of(actor["entered_at"]), j.us_of(actor["last_step_at"])) != \
                    (events[0].us, events[-1].us) or actor["last_event"] != events[-1].name:
                out.append(f"{actor}, expected {events[0]} to {events[-1]}")
    return out


def compare_variants(listed, want, then, cases, out):
    counts = [(-v["cases"], v["activities"]) for v in listed]
    if counts != sorted(counts) or len(listed) != len(want):
        out.append(f"{len(listed)} variants, expected {len(want)} in order")
    total = 0
    for v in listed:
        members = want.get(tuple(v["activities"]), [])
        taken = [reference.took(cases[who]) for who in members]
        total += len(members)
        if v["cases"] != len(members) or v["example_case"] not in members or \
                not close(v["share"], len(members) / len(cases)) or \
                not close(v["cumulative_share"], total / len(cases)) or \
                not close(v["median_s"], j.quantile(taken, 0.5)) or \
                not close(v["p90_s"], j.quantile(taken, 0.9)):
            out.append(f"{v}, expected {len(members)}: {members[:3]} {sorted(taken)[:9]}")
        if then is not None:
            check_change(v, len(members), len(then.get(tuple(v["activities"]), [])), out)


def check_map(rnd, store, actors, arguments):
    out = []
    cases, before, last_us = cases_of(arguments, actors)
    result = store.call("process_map", arguments)
    edges = reference.edges_of(cases)
    then = reference.edges_of(before) if before is not None else None
    least = arguments.get("min_share", 0) * len(cases)
    kept = {key: found for key, found in edges.items() if len({who for who, _ in found}) >= least}
    compare_edges(result["edges"], kept, then, out)
    compare_activities(result["activities"], reference.activities_of(cases),
                       reference.activities_of(before) if before is not None else None, out)
    check_warning(result, cases, last_us, out)
    if edges and not out:
        check_cells(rnd, store, arguments, cases, edges, out)
    return out


def check_cells(rnd, store, arguments, cases, edges, out):
    one, two = rnd.choice(sorted(edges))
    found = check_actors(store, "process_map", arguments, {"from": one, "to": two},
                         {who for who, _ in edges[one, two]}, out)
    for actor in found:
        events = cases[actor["actor"]]
        first = next(i for i in range(1, len(events))
                     if (events[i - 1].name, events[i].name) == (one, two))
        if (j.us_of(actor["entered_at"]), j.us_of(actor["last_step_at"])) != \
                (events[first - 1].us, events[first].us) or actor["last_event"] != two or \
                actor.get("session") != events[first].session:
            out.append(f"{actor}, expected {events[first - 1]} to {events[first]}")
    check_actors(store, "process_map", arguments, {"activity": two},
                 {who for who, events in cases.items() if any(e.name == two for e in events)}, out)


def compare_edges(listed, want, then, out):
    if len(listed) != len(want):
        out.append(f"{len(listed)} edges, expected {len(want)}")
    for edge in listed:
        found = want.get((edge["from"], edge["to"]), [])
        taken = [s for _, s in found]
        if edge["count"] != len(found) or edge["cases"] != len({who for who, _ in found}):
            out.append(f"{edge}, expected {len(found)}")
            continue
        for name, value in (("mean_s", statistics.fmean(taken)), ("total_s", sum(taken)),
                            ("median_s", j.quantile(taken, 0.5)), ("p95_s", j.quantile(taken, 0.95)),
                            ("min_s", min(taken)), ("max_s", max(taken))):
            if not close(edge[name], value):
                out.append(f"{edge} {name}: expected {value}")
        if then is not None:
            check_change(edge, len(found), len(then.get((edge["from"], edge["to"]), [])), out)


def compare_activities(listed, want, then, out):
    got = {a["activity"]: (a["events"], a["cases"], a["starts"], a["ends"]) for a in listed}
    if got != want or len(listed) != len(want):
        out.append(f"activities {got}, expected {want}")
    for item in listed if then is not None else ():
        check_change(item, item["events"], then.get(item["activity"], (0,))[0], out)


# --- one case -------------------------------------------------------------------------------------


def random_timeline(rnd):
    arguments = {"source": rnd.choice(SOURCES)}
    if rnd.random() < 0.5:
        arguments["limit"] = rnd.choice([1, 2, 3])
    return arguments


def check_timeline(rnd, store, actors, arguments):
    cases, _, _ = cases_of(arguments, actors)
    case = rnd.choice(sorted(cases))
    events, out = cases[case], []
    if arguments["source"] in (j.COUNTED, j.LOOSE):
        events = sorted(events, key=lambda e: (e.us, e.name, j.resource_of(e), e.session))
    page, listed = None, []
    while page is None or "cursor" in page:
        more = {"cursor": page["cursor"]} if page else {}
        page = store.call("case_timeline", {**arguments, "case_id": case, **more})
        if not close(page["duration_s"], reference.took(events)):
            out.append(f"{case} took {page['duration_s']}, expected {reference.took(events)}")
        listed += page["entries"]
    got = [(j.us_of(e["at"]), e["activity"], e.get("resource", ""), e["session"]) for e in listed]
    want = [(e.us, e.name, j.resource_of(e), e.session) for e in events]
    if got != want:
        out.append(f"{case}: {got}, expected {want}")
    gaps = [0] + [(b.us - a.us) / 1e6 for a, b in zip(events, events[1:])]
    if not all(close(e["gap_s"], gap) for e, gap in zip(listed, gaps)):
        out.append(f"{case}: {[e['gap_s'] for e in listed]}, expected {gaps}")
    return out


def check_bottlenecks(rnd, store, actors, arguments):
    out = []
    cases, before, last_us = cases_of(arguments, actors)
    result = store.call("bottlenecks", arguments)
    edges = reference.edges_of(cases)
    then = reference.edges_of(before) if before is not None else None
    least = arguments.get("min_count", 2 if len(cases) < 200 else 10)
    kept = {key: found for key, found in edges.items() if len(found) >= least}
    rank = {"total": "total_s", "p95": "p95_s"}.get(arguments.get("rank"), "mean_s")
    figures = [edge[rank] for edge in result["edges"]]
    if len(figures) != len(kept) or figures != sorted(figures, reverse=True):
        out.append(f"{len(figures)} edges, expected {len(kept)} in the order of {rank}")
    for edge in result["edges"]:
        found = kept.get((edge["from"], edge["to"]), [])
        taken = [s for _, s in found]
        if edge["count"] != len(found):
            out.append(f"{edge}, expected {len(found)}")
            continue
        median = j.quantile(taken, 0.5)
        for name, value in (("mean_s", statistics.fmean(taken)), ("total_s", sum(taken)),
                            ("median_s", median), ("p95_s", j.quantile(taken, 0.95)),
                            ("saving_if_median_s", sum(max(0, s - median) for s in taken))):
            if not close(edge[name], value):
                out.append(f"{edge} {name}: expected {value}")
        if then is not None:
            check_change(edge, len(found), len(then.get((edge["from"], edge["to"]), [])), out)
    compare_times(result, arguments, cases, out)
    check_warning(result, cases, last_us, out)
    if edges and not out:
        one, two = rnd.choice(sorted(edges))
        check_actors(store, "bottlenecks", arguments, {"from": one, "to": two},
                     {who for who, _ in edges[one, two]}, out)
    return out


def compare_times(result, arguments, cases, out):
    is_started = arguments["source"] not in (j.SPANS, j.LOOSE, j.COUNTED)
    is_imported = arguments["source"] not in (j.COUNTED, j.LOOSE)
    for name, want in zip(("service", "waiting"),
                          reference.times_of(cases, is_started, is_imported)):
        got = {(i["activity"],) if name == "service" else (i["from"], i["to"]): i
               for i in result.get(name, [])}
        if set(got) != set(want):
            out.append(f"{name} of {sorted(got)}, expected {sorted(want)}")
            continue
        for key, taken in want.items():
            figures = (len(taken), statistics.fmean(taken), j.quantile(taken, 0.5),
                       j.quantile(taken, 0.95))
            told = tuple(got[key][n] for n in ("count", "mean_s", "median_s", "p95_s"))
            if not all(close(a, b) for a, b in zip(told, figures)):
                out.append(f"{name} of {key}: {told}, expected {figures}")


def check_handover(rnd, store, actors, arguments):
    out = []
    cases, _, last_us = cases_of(arguments, actors)
    pairs, resources = reference.handovers_of(cases, arguments["source"] not in (j.COUNTED, j.LOOSE))
    result = store.call("handover_network", {**arguments, "limit": 1000})
    got = {(h["from"], h["to"]): h for h in result["handovers"]}
    if set(got) != set(pairs) or result["total"] != sum(map(len, pairs.values())):
        out.append(f"{sorted(got)} {result['total']}, expected {sorted(pairs)}")
        return out
    for key, taken in pairs.items():
        seconds = [s for _, s in taken]
        if got[key]["count"] != len(taken) or not close(got[key]["total_s"], sum(seconds)) or \
                not close(got[key]["median_s"], j.quantile(seconds, 0.5)) or \
                not close(got[key]["p95_s"], j.quantile(seconds, 0.95)):
            out.append(f"{got[key]}, expected {len(taken)}: {sorted(seconds)[:9]}")
    told = {r["resource"]: (r["events"], r["cases"], r["activities"]) for r in result["resources"]}
    if told != {name: (len(done), len({w for w, _ in done}), len({n for _, n in done}))
                for name, done in resources.items()}:
        out.append(f"resources {told}, expected others")
    check_warning(result, cases, last_us, out)
    if pairs and not out:
        one, two = rnd.choice(sorted(pairs))
        check_actors(store, "handover_network", arguments, {"from": one, "to": two},
                     {who for who, _ in pairs[one, two]}, out)
    return out


def check_operators(rnd, store, actors, arguments):
    out = []
    cases, _, last_us = cases_of(arguments, actors)
    operators, activities, days = reference.operators_of(
        cases, arguments["source"] not in (j.COUNTED, j.LOOSE))
    result = store.call("operator_report", arguments)
    for name, key, volume, want in (("operators", "operator", "events", operators),
                                    ("automation", "activity", "daily_volume", activities)):
        got = {item[key]: item for item in result[name]}
        if set(got) != set(want):
            out.append(f"{name} {sorted(got)}, expected {sorted(want)}")
            continue
        for who, done in want.items():
            known = [s for s, _ in done if s is not None]
            rework = sum(again for _, again in done) / len(done)
            item = got[who]
            score = len(done) / days * statistics.fmean(known) * (1 + rework) if known else None
            events = len(done) if name == "operators" else len(done) / days
            if not close(item[volume], events) or \
                    not close(item.get("rework_share", item.get("rework_rate")), rework) or \
                    known and not close(item.get("score", item.get("automation_score")), score) or \
                    known and name == "operators" and not close(item["median_s"], j.quantile(known, 0.5)) or \
                    known and name == "automation" and not close(item["mean_s"], statistics.fmean(known)) or \
                    not known and ("score" in item or "automation_score" in item):
                out.append(f"{item}, expected {len(done)} {rework} {score}")
    check_warning(result, cases, last_us, out)
    return out
