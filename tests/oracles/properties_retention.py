"""Random retention and its actors."""
import journeys as j
import reference_retention as reference
from calendar_of import Calendar
from cases_actors import check_actors
from report import close

SPANS = {"hour": 20, "day": 12, "week": 40, "month": 80}  # hours, then days


def random_question(rnd):
    interval = rnd.choice(["hour", "day", "week", "month"])
    arguments = {"start": j.random_matcher(rnd), "interval": interval,
                 "kind": rnd.choice(["recurring", "first_time", "first_ever"]),
                 "periods": rnd.choice([3, 6, 11])}
    if rnd.random() < 0.7:
        arguments["returning"] = j.random_matcher(rnd)
    if rnd.random() < 0.4:
        arguments["breakdown"] = ["plan"]
        arguments["breakdown_limit"] = rnd.choice([2, 100])
    if rnd.random() < 0.3:
        arguments["mode"] = "on_or_after"
    if rnd.random() < 0.3:
        arguments["clock"] = "rolling"
    if rnd.random() < 0.3:
        arguments["brackets"] = rnd.choice([[1, 3, 7], [2, 2], [1, 1, 1], [5]])
        del arguments["periods"]
    if rnd.random() < 0.3:
        arguments["min_times"] = rnd.choice([2, 3])
    if rnd.random() < 0.3:
        arguments["tz"] = rnd.choice(["America/New_York", "Asia/Kolkata"])
    if interval == "week" and rnd.random() < 0.5:
        arguments["week_start"] = "sunday"
    j.restrict(rnd, arguments)
    # periods that begin and end inside an interval, too
    begin = rnd.randint(0, 8) * j.US["hour" if interval == "hour" else "day"]
    end = begin + SPANS[interval] * j.US["hour" if interval == "hour" else "day"]
    arguments.update({"from": j.iso(begin), "to": j.iso(end)})
    return arguments


def check(rnd, store, actors, arguments):
    out = []
    asked = {**arguments, "source": j.SOURCE}
    calendar = Calendar(arguments["interval"], arguments.get("tz", "UTC"),
                        arguments.get("week_start", "monday"))
    begin, end = j.us_of(arguments["from"]), j.us_of(arguments["to"]) + 1
    starts = calendar.starts(begin, end)
    bounds = starts + [calendar.next(starts[-1])]  # whole intervals
    result = store.call("retention_matrix", asked)
    cells = reference.retention(arguments, selected(arguments, actors, end, bounds), bounds)
    cells = folded(arguments, cells)
    cohorts = [calendar.us_of(c["cohort"]) for c in result["cohorts"]]
    if cohorts != starts if not arguments.get("breakdown") else set(cohorts) - set(starts):
        labels = [c["cohort"] for c in result["cohorts"]]
        out.append(f"cohorts {labels}, expected {list(map(j.iso, starts))}")
        return out
    got = compare_cells(result, cohorts, cells, starts, out)
    compare_complete(arguments, result, bounds, got, out)
    if cells and not out:
        labels = {at: c["cohort"] for at, c in zip(cohorts, result["cohorts"])}
        check_cell(rnd, store, asked, cells, starts, labels, out)
    return out


def folded(arguments, cells):
    """The values with fewest starts are one, (other)."""
    if not arguments.get("breakdown"):
        return cells
    sizes = {}
    for (value, _, column), who in cells.items():
        sizes[value] = sizes.get(value, 0) + (len(who) if column == 0 else 0)
    told, found = j.fold(sizes, arguments["breakdown_limit"]), {}
    for (value, cohort, column), who in cells.items():
        found.setdefault((told[value], cohort, column), {}).update(who)
    return found


def selected(arguments, actors, end, bounds):
    """Segments look back from the end that was asked for."""
    if "segment" in arguments:
        actors = {a: e for a, e in actors.items() if j.in_segment(arguments["segment"], e, end)}
    return j.selected({k: v for k, v in arguments.items() if k != "segment"}, actors, bounds[-1])


def compare_cells(result, cohorts, cells, starts, out):
    """{(value, cohort, column): the result's cell}, compared with the reference."""
    got = {}
    for us, cohort in zip(cohorts, result["cohorts"]):
        at = starts.index(us)
        value = tuple(cohort.get("breakdown", []))
        size = len(cells.get((value, at, 0), {}))
        if cohort["size"] != size:
            out.append(f"size of {value} {cohort['cohort']}: {cohort['size']}, expected {size}")
        for cell in cohort["cells"]:
            got[value, at, cell["period"]] = {**cell, "size": size}
            if size and not close(cell.get("rate"), cell["count"] / size):
                out.append(f"rate of {value} {cohort['cohort']}: {cell}, of {size}")
    for key in sorted(set(got) | set(cells)):
        count, want = got.get(key, {}).get("count", 0), len(cells.get(key, {}))
        if count != want:
            out.append(f"cell {key}: {count}, expected {want}")
    return got


def compare_complete(arguments, result, bounds, got, out):
    until = j.us_of(result["meta"]["period"]["complete_until"])
    totals = {}
    for (value, cohort, column), cell in got.items():
        want = reference.is_complete(arguments, bounds, until, cohort, column)
        if cell["complete"] != want:
            out.append(f"cell {value, cohort, column}: complete {cell['complete']}")
        if want and cell["size"]:
            total = totals.setdefault(column, [0, 0, 0])
            totals[column] = [total[0] + cell["count"], total[1] + cell["size"], total[2] + 1]
    average = {a["period"]: a for a in result["average"]}
    for column in sorted(set(totals) | set(average)):
        if column == 0:
            continue
        count, size, cohorts = totals.get(column, [0, 0, 0])
        item = average.get(column)
        if size == 0:
            if item and item["cohorts"]:
                out.append(f"average of {column}: {item}, expected none")
            continue
        low, high = j.wilson(count, size)
        want = {"rate": count / size, "cohorts": cohorts, "ci_low": low, "ci_high": high}
        if not item or not all(close(item[k], v) for k, v in want.items()):
            out.append(f"average of {column}: {item}, expected {want}")


def check_cell(rnd, store, asked, cells, starts, labels, out):
    value, cohort, column = rnd.choice(sorted(cells))
    cell = {"cohort": labels[starts[cohort]], "period": column}
    if asked.get("breakdown"):
        cell["breakdown"] = list(value)
    want = cells[value, cohort, column]
    for item in check_actors(store, "retention_matrix", asked, cell, want, out):
        entry = want.get(item["actor"])
        if entry and j.us_of(item["entered_at"]) != entry.us:
            out.append(f"{item['actor']}: {item['entered_at']}, expected {j.iso(entry.us)}")
