"""Random questions about rework and throughput; every actor is a case."""
import statistics

import journeys as j
import properties_process as process
import reference_flow as reference
from calendar_of import Calendar
from cases_actors import check_actors
from report import close
from reference_process import took

POINTS = 100
INTERVALS = 800
QUANTILES = {"min_s": 0, "p5_s": 0.05, "p25_s": 0.25, "p50_s": 0.5, "p75_s": 0.75, "p90_s": 0.9,
             "p95_s": 0.95, "p99_s": 0.99, "max_s": 1}


def random_rework(rnd):
    return process.random_question(rnd)


def random_throughput(rnd):
    arguments = process.random_question(rnd)
    arguments.pop("compare", None)
    if rnd.random() < 0.7:
        arguments["sla_s"] = rnd.choice([0, 60, 3600, 86400.5, 86400 * 7])
    if rnd.random() < 0.7:
        arguments["interval"] = rnd.choice(["hour", "day", "week", "month"])
    if rnd.random() < 0.4:
        arguments["tz"] = rnd.choice(["Europe/Berlin", "America/St_Johns"])
        arguments.pop("from", None)
        arguments.pop("to", None)
    if rnd.random() < 0.2:
        arguments["week_start"] = "sunday"
    return arguments


# --- rework ------------------------------------------------------------------------------------------

def check_rework(rnd, store, actors, arguments):
    out = []
    cases, before, last_us = process.cases_of(arguments, actors)
    result = store.call("rework_report", arguments)
    want = reference.activities_of(cases)
    compare_activities(result["activities"], want, before, out)
    loops = reference.loops_of(cases)
    compare_loops(result["loops"], loops, before, out)
    repeats = reference.repeats_of(cases)
    repeating = len({r[0] for r in repeats})
    overall = {"cases_with_any_repeat": repeating, "extra_events": len(repeats),
               "share": repeating / len(cases) if cases else 0, "extra_s": sum(r[4] for r in repeats)}
    if any(not close(result["overall"][name], value) for name, value in overall.items()):
        out.append(f"{result['overall']}, expected {overall}")
    process.check_warning(result, cases, last_us, out)
    if want and not out:
        check_rework_cells(rnd, store, arguments, cases, out)
    return out


def compare_activities(listed, want, before, out):
    order = [(-a["extra_occurrences"], a["activity"]) for a in listed]
    if order != sorted(order) or {a["activity"] for a in listed} != set(want):
        out.append(f"{order}, expected {sorted(want)}")
    then = reference.activities_of(before) if before is not None else None
    for a in listed:
        figures = want.get(a["activity"], (0,) * 5)
        got = (a["cases"], a["cases_with_repeat"], a["extra_occurrences"], a["self_loops"])
        if got != figures[:4] or not close(a["extra_s"], figures[4]):
            out.append(f"{a}, expected {figures}")
        if then is not None:
            process.check_change(a, a["extra_occurrences"], then.get(a["activity"], (0, 0, 0))[2], out)


def compare_loops(listed, want, before, out):
    order = [-loop["count"] for loop in listed]
    if order != sorted(order) or len(listed) != len(want):
        out.append(f"{len(listed)} loops, expected {len(want)} in order")
    then = reference.loops_of(before) if before is not None else None
    for loop in listed:
        key = loop["from"], loop["to"]
        cases, count, seconds = want.get(key, (0, 0, 0))
        if (loop["cases"], loop["count"]) != (cases, count) or not close(loop["extra_s"], seconds):
            out.append(f"{loop}, expected {want.get(key)}")
        if then is not None:
            process.check_change(loop, count, then.get(key, (0, 0, 0))[1], out)


def check_rework_cells(rnd, store, arguments, cases, out):
    repeats = reference.repeats_of(cases)
    _, one, two, _, _ = rnd.choice(repeats)
    for cell, wanted in (({"activity": two}, lambda r: r[2] == two),
                         ({"from": one, "to": two}, lambda r: r[1:3] == (one, two))):
        found = check_actors(store, "rework_report", arguments, cell,
                             {r[0] for r in repeats if wanted(r)}, out)
        for actor in found:
            events = cases[actor["actor"]]
            names = [e.name for e in events]
            first = names.index(two)
            last = next(i for i in range(first + 1, len(names)) if names[i] == two and
                        ("from" not in cell or names[i - 1] == one))
            if (j.us_of(actor["entered_at"]), j.us_of(actor["last_step_at"])) != \
                    (events[first].us, events[last].us) or actor["last_event"] != two:
                out.append(f"{cell} {actor}, expected {events[first]} to {events[last]}")


# --- throughput --------------------------------------------------------------------------------------

def check_throughput(rnd, store, actors, arguments):
    out = []
    cases, _, last_us = process.cases_of(arguments, actors)
    result = store.call("throughput", arguments)
    taken = {who: took(events) for who, events in cases.items()}
    still = reference.open_of(cases, last_us) if cases else set()
    compare_durations(result["duration"], list(taken.values()), out)
    if result["in_progress"] != len(still):
        out.append(f"{result['in_progress']} in progress, expected {len(still)}")
    late = {who for who, s in taken.items() if s > arguments.get("sla_s", 0)}
    if result.get("breaches") != (len(late) if "sla_s" in arguments else None):
        out.append(f"{result.get('breaches')} breaches, expected {len(late)}")
    compare_intervals(result, arguments, cases, still, out)
    compare_survival(result["survival"], reference.curve_of(cases, last_us) if cases else [], out)
    process.check_warning(result, cases, last_us, out)
    if not out and "sla_s" in arguments:
        check_actors(store, "throughput", arguments, {"breach": True}, late, out)
    if not out:
        check_actors(store, "throughput", arguments, {"in_progress": True}, still, out)
    return out


def compare_durations(got, taken, out):
    want = {"mean_s": statistics.fmean(taken) if taken else 0}
    for name, p in QUANTILES.items():
        want[name] = j.quantile(taken, p) if taken else 0
    if set(got) != set(want) or any(not close(got[name], value) for name, value in want.items()):
        out.append(f"{got}, expected {want}")


def compare_intervals(result, arguments, cases, still, out):
    calendar = Calendar(arguments.get("interval", "month"), arguments.get("tz", "UTC"),
                        arguments.get("week_start", "monday"))
    times = [row["time"] for row in result["started"]]
    starts = [calendar.us_of(time) for time in times]
    if times != [row["time"] for row in result["finished"]]:
        out.append("not the same intervals")
    is_cut = result["meta"].get("truncated", {}).get("reason") == "intervals"
    if is_cut and len(times) != INTERVALS:
        out.append(f"{len(times)} intervals, cut")
    if starts and starts != calendar.starts(starts[0], starts[-1] + 1):
        out.append(f"gaps in {times}")
    for name, moments in (("started", [events[0].us for events in cases.values()]),
                          ("finished", [events[-1].us for who, events in cases.items()
                                        if who not in still])):
        want = {}
        for us in moments:
            if not is_cut or us >= starts[0]:
                want[calendar.start(us)] = want.get(calendar.start(us), 0) + 1
        got = {start: row["cases"] for start, row in zip(starts, result[name]) if row["cases"]}
        if got != want:
            out.append(f"{name} {got}, expected {want}")


def compare_survival(got, want, out):
    if len(got) != min(len(want), POINTS):
        out.append(f"{len(got)} points of {len(want)}")
    picked = [want[len(want) * (i + 1) // len(got) - 1 + bool(len(want) * (i + 1) % len(got))]
              for i in range(len(got))] if got else []
    for point, (s, share) in zip(got, picked):
        if not close(point["s"], s) or abs(point["share"] - share) > 1e-9:
            out.append(f"{point}, expected {s} {share}")
