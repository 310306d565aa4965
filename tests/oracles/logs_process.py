"""Variants, maps, rework and times of process logs, against the figures of oracles/*.json.

Each check takes a store, a source and an oracle, and returns {figure: [differences]}.
"""
import json

from report import close

def decoded(value):
    """Some members of the files are JSON kept as text."""
    return json.loads(value) if isinstance(value, str) and value[:1] in "[{" else value


def pages(store, tool, arguments, member):
    """All rows of a list, page by page, and the first result."""
    first = result = store.call(tool, {**arguments, "limit": 1000})
    rows = list(result[member])
    while "cursor" in result:
        result = store.call(tool, {**arguments, "limit": 1000, "cursor": result["cursor"]})
        rows += result[member]
    return rows, first


def check_variants(store, source, oracle):
    rows, first = pages(store, "process_variants", {"source": source}, "variants")
    out = {"variants_top20": [], "n_variants": [], "case_length": []}
    for got, want in zip(rows, decoded(oracle["variants_top20"])):
        if got["activities"] != want["activities"] or got["cases"] != want["count"] or \
                abs(got["share"] - want["share"]) > 1e-6:
            out["variants_top20"].append(f"{got}, expected {want}")
    for name, got, want in (("n_variants", first["distinct_variants"], oracle["n_variants"]),
                            ("n_variants", len(rows), oracle["n_variants"]),
                            ("n_variants", sum(r["cases"] for r in rows), oracle["n_cases"]),
                            ("case_length", first["cases"], oracle["n_cases"]),
                            ("case_length", first["events"], oracle["n_events"])):
        if got != want:
            out[name].append(f"{got}, expected {want}")
    for name, want in decoded(oracle["case_length"]).items():
        if not close(first["case_length"][name], want):
            out["case_length"].append(f"{name}: {first['case_length'][name]}, expected {want}")
    if rows and abs(rows[-1]["cumulative_share"] - 1) > 1e-9:
        out["n_variants"].append(f"cumulative share ends at {rows[-1]['cumulative_share']}")
    return out


def check_edges(edges, oracle):
    out = []
    wanted = {(e["source"], e["target"]): e for e in decoded(oracle["dfg"])}
    got = {(e["from"], e["to"]): e for e in edges}
    if "n_dfg_edges" in oracle and len(got) != oracle["n_dfg_edges"]:
        out.append(f"{len(got)} edges, expected {oracle['n_dfg_edges']}")
    for key, want in wanted.items():
        edge = got.get(key)
        if edge is None or edge["count"] != want["count"]:
            out.append(f"{key}: {edge}, expected {want}")
            continue
        for name, ours in (("mean", "mean_s"), ("median", "median_s"), ("p95", "p95_s"),
                           ("min", "min_s"), ("max", "max_s"), ("total", "total_s")):
            if name in want and not close(edge[ours], want[name]):
                out.append(f"{key} {ours}: {edge[ours]}, expected {want[name]}")
    return out


def check_map(store, source, oracle):
    result = store.call("process_map", {"source": source})
    by_name = {a["activity"]: a for a in result["activities"]}
    out = {"dfg": check_edges(result["edges"], oracle)}
    if "truncated" in result["meta"]:
        out["dfg"].append(f"truncated: {result['meta']['truncated']}")
    for figure, member in (("start_activities", "starts"), ("end_activities", "ends"),
                           ("activity_counts", "events")):
        want = decoded(oracle.get(figure)) or {}
        got = {name: a[member] for name, a in by_name.items() if a[member]}
        out[figure] = [] if got == want or figure not in oracle else [f"{got}, expected {want}"]
    return out


def check_bottlenecks(store, source, oracle):
    """The file tells the first ten by each figure: of edges that are passed often by the mean, of
    all by the total. Of those that are equal any may be first."""
    wanted = decoded(oracle["bottlenecks"])
    out = {"bottlenecks": []}
    for rank, ours, theirs in (("mean", "mean_s", "mean"), ("total", "total_s", "total")):
        result = store.call("bottlenecks", {"source": source, "rank": rank,
                                            **({"min_count": 1} if rank == "total" else {})})
        by_ends = {(e["from"], e["to"]): e for e in result["edges"]}
        least = min((e["count"] for e in result["edges"]), default=wanted["min_count"])
        if rank == "mean" and least < wanted["min_count"]:
            out["bottlenecks"].append(f"an edge of {least}, expected {wanted['min_count']} or more")
        for i, want in enumerate(wanted["by_" + rank]):
            edge = by_ends.get((want["source"], want["target"]))
            if edge is None or edge["count"] != want["count"] or \
                    not close(edge[ours], want[theirs]) or \
                    not close(result["edges"][i][ours], want[theirs]):
                out["bottlenecks"].append(f"{rank} {i}: {edge}, {result['edges'][i]}, expected {want}")
    for figure in ("service", "waiting"):
        if figure in oracle:
            out[figure] = check_times(result, figure, decoded(oracle[figure]))
        elif figure in result:
            out[figure] = [f"{figure} of a log without start times"]
    return out


def check_times(result, figure, wanted):
    if figure == "service":
        want = {(name,): item for name, item in wanted.items()}
        got = {(item["activity"],): item for item in result[figure]}
    else:
        want = {(item["source"], item["target"]): item for item in wanted}
        got = {(item["from"], item["to"]): item for item in result[figure]}
    if set(got) != set(want):
        return [f"{sorted(got)}, expected {sorted(want)}"]
    return [f"{key}: {got[key]}, expected {item}" for key, item in want.items()
            if got[key]["count"] != item["count"] or
            any(not close(got[key][name + "_s"], item[name])
                for name in ("mean", "median", "p95") if name in item)]


def check_handover(store, source, oracle):
    """Of pairs that are equally frequent any may be the last of the file's thirty."""
    if "handover" not in oracle:
        return {}
    wanted, out = decoded(oracle["handover"]), []
    rows, first = pages(store, "handover_network", {"source": source}, "handovers")
    counts = {(r["from"], r["to"]): r["count"] for r in rows}
    others = [r for r in rows if r["from"] != r["to"]]
    for name, got, want in (
            ("total_pairs", first["total"], wanted["total_pairs"]),
            ("distinct_pairs", (first["distinct_pairs"], len(rows)), (wanted["distinct_pairs"],) * 2),
            ("self_pairs", sum(r["count"] for r in rows if r["from"] == r["to"]), wanted["self_pairs"]),
            ("without_self_distinct", len(others), wanted["without_self_distinct"]),
            ("resources", len(first["resources"]), min(1000, oracle["n_resources"]))):
        if got != want:
            out.append(f"{name}: {got}, expected {want}")
    for figure, told in (("with_self_top30", rows), ("without_self_top30", others)):
        listed = wanted[figure]
        out += [f"{figure} {pair}: {counts.get((pair[0], pair[1]))}" for pair in listed
                if counts.get((pair[0], pair[1])) != pair[2]]
        if [r["count"] for r in told[:30]] != [pair[2] for pair in listed]:
            out.append(f"{figure}: {told[:30]}, expected {listed}")
    return {"handover": out}


def check_rework(store, source, oracle):
    result = store.call("rework_report", {"source": source})
    want = decoded(oracle["rework"])
    out = []
    got = {a["activity"]: {"cases_with_repeat": a["cases_with_repeat"],
                           "extra_occurrences": a["extra_occurrences"],
                           "self_loop_pairs": a["self_loops"]} for a in result["activities"]}
    if got != want["per_activity"]:
        out.append(f"{got}, expected {want['per_activity']}")
    for name, value in want["overall"].items():
        if abs(result["overall"][name] - value) > 1e-6:
            out.append(f"{name}: {result['overall'][name]}, expected {value}")
    loops = sum(loop["count"] for loop in result["loops"])
    selves = sum(a["self_loops"] for a in result["activities"])
    if loops + selves != result["overall"]["extra_events"] and "truncated" not in result["meta"]:
        out.append(f"{loops} loops, {selves} self-loops: not all repeats")
    return {"rework": out}


def check_throughput(store, source, oracle):
    result = store.call("throughput", {"source": source})
    out = {"throughput": [], "cases_started_per_month": []}
    want = decoded(oracle["throughput"])
    for name, value in want.items():
        ours = name + "_s"
        if not name.endswith("_chq") and not close(result["duration"][ours], value):
            out["throughput"].append(f"{name}: {result['duration'][ours]}, expected {value}")
    months = {row["time"][:7]: row["cases"] for row in result["started"]}
    want = decoded(oracle["cases_started_per_month"])
    if {month: n for month, n in months.items() if n} != want:
        out["cases_started_per_month"].append(f"{months}, expected {want}")
    finished = sum(row["cases"] for row in result["finished"])
    if finished + result["in_progress"] != sum(want.values()):
        out["cases_started_per_month"].append(f"{finished} finished, {result['in_progress']} open")
    return out


CHECKS = {"process_variants": check_variants, "process_map": check_map,
          "bottlenecks": check_bottlenecks, "handover_network": check_handover,
          "rework_report": check_rework, "throughput": check_throughput}
