"""Paths by the letter of the contract, one operation after the other."""
import re

from journeys import matches


def node_of(arguments, event):
    node = arguments.get("node", "event")
    name = event.name if node == "event" else event.props.get(node.removeprefix("event."), "")
    for rule in arguments.get("clean", []):
        name = re.sub(rule["regex"], rule["alias"], name)
    return name


def is_point(point, event, name):
    """Whether an event is the start or end that was asked for: a node's name, or a matcher."""
    return name == point if isinstance(point, str) else matches(point, event)


def runs_of(arguments, events):
    """[[(us, event, node)]] of one actor; events in order."""
    gap = int(arguments.get("session_gap_s", 1800) * 10**6)
    runs = []
    for event in events:
        if arguments.get("include") and not any(matches(m, event) for m in arguments["include"]):
            continue
        if any(matches(m, event) for m in arguments.get("exclude", [])):
            continue
        name = node_of(arguments, event)
        if not name:
            continue
        if not runs or event.us - runs[-1][-1][0] >= gap:
            runs.append([])
        runs[-1].append((event.us, event, name))
    return runs


def cut(arguments, run):
    """The run between start and end, or None: it lacks one of them."""
    if "start" in arguments:
        at = [i for i, (_, e, name) in enumerate(run) if is_point(arguments["start"], e, name)]
        if not at:
            return None
        run = run[at[0]:]
    if "end" in arguments:
        at = [i for i, (_, e, name) in enumerate(run) if is_point(arguments["end"], e, name)]
        if not at:
            return None
        run = run[:at[0] + 1]
    return run


def limited(arguments, run):
    """(nodes [(us, name)] that are kept, whether the last of them is the last there is)"""
    nodes = [(us, name) for us, _, name in run]
    if arguments.get("collapse_repeats"):  # the last of equal neighbours stays
        nodes = [n for n, after in zip(nodes, nodes[1:] + [(None, None)]) if n[1] != after[1]]
    steps = arguments.get("steps", 5)
    if "end" in arguments and "start" not in arguments:
        return nodes[-steps:], False  # the end is where it ends: nobody drops off
    return nodes[:steps], len(nodes) < steps and "end" not in arguments


def paths(arguments, actors):
    """edges {(step, from, to): {"runs": [(actor, seconds or None)]}}, {(step, node): runs there},
    {path: runs}, all runs."""
    edges, stands, journeys, total = {}, {}, {}, 0
    for actor, events in actors.items():
        for run in runs_of(arguments, events):
            run = cut(arguments, run)
            if not run:
                continue
            nodes, is_over = limited(arguments, run)
            total += 1
            path = tuple(name for _, name in nodes)
            journeys[path] = journeys.get(path, 0) + 1
            for step, ((us, name), (then, after)) in enumerate(zip(nodes, nodes[1:]), 1):
                edges.setdefault((step, name, after), []).append((actor, (then - us) / 1e6))
            if is_over:
                edges.setdefault((len(nodes), nodes[-1][1], "(drop-off)"), []).append((actor, None))
    for (step, name, _), found in edges.items():
        stands[step, name] = stands.get((step, name), 0) + len(found)
    return edges, stands, journeys, total
