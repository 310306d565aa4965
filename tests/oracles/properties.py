#!/usr/bin/env python3
"""Random journeys through the built binary against plain references (reference_*.py).

usage: properties.py [--seed N] [--actors N] [--only FAMILY]… [--funnels N] [--trends N] …

One import, then one call or two per random question; each family of questions has its own file
(properties_*.py). Exit status: 0 all equal, 1 a difference, 77 no engine.
"""
import argparse
import json
import os
import random
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import journeys
import properties_attribution
import properties_conformance
import properties_explain
import properties_flow
import properties_funnel
import properties_groups
import properties_paths
import properties_process
import properties_retention
import properties_trend
import properties_visits
import sextant

# option: (questions by default, tool, random question, check)
FAMILIES = {
    "funnels": (40, "run_funnel", properties_funnel.random_question, properties_funnel.check),
    "plain_funnels": (12, "run_funnel", properties_funnel.random_plain, properties_funnel.check),
    "plain_texts": (12, "run_funnel", properties_funnel.random_texts, properties_funnel.check),
    "times": (8, "run_funnel", properties_funnel.random_times, properties_funnel.check_times),
    "funnel_trends": (12, "run_funnel", properties_funnel.random_trend,
                      properties_funnel.check_trend),
    "explanations": (24, "explain_funnel", properties_explain.random_question,
                     properties_explain.check),
    "retentions": (24, "retention_matrix", properties_retention.random_question,
                   properties_retention.check),
    "trends": (30, "run_trend", properties_trend.random_question, properties_trend.check),
    "packed_trends": (20, "run_trend", properties_trend.random_packed, properties_trend.check),
    "text_trends": (20, "run_trend", properties_trend.random_texts, properties_trend.check),
    "paths": (24, "run_paths", properties_paths.random_question, properties_paths.check),
    "paths_apart": (24, "run_paths", properties_paths.random_question,
                    properties_paths.check_apart),
    "lifecycles": (12, "lifecycle", properties_visits.random_question,
                   properties_visits.check_lifecycle),
    "stickiness": (12, "stickiness", properties_visits.random_stickiness,
                   properties_visits.check_stickiness),
    "attributions": (24, "attribute_conversions", properties_attribution.random_question,
                     properties_attribution.check),
    "values": (12, "property_values", properties_groups.random_values,
               properties_groups.check_values),
    "groups": (12, "compare_groups", properties_groups.random_groups,
               properties_groups.check_groups),
    "variants": (30, "process_variants", properties_process.random_variants,
                 properties_process.check_variants),
    "sequences": (24, "conformance_check", properties_conformance.random_sequence,
                  properties_conformance.check),
    "edges": (12, "conformance_check", properties_conformance.random_edges,
              properties_conformance.check),
    "rules": (24, "conformance_check", properties_conformance.random_rules,
              properties_conformance.check),
    "profiles": (16, "conformance_check", properties_conformance.random_temporal,
                 properties_conformance.check),
    "timelines": (16, "case_timeline", properties_process.random_timeline,
                  properties_process.check_timeline),
    "rework": (24, "rework_report", properties_flow.random_rework, properties_flow.check_rework),
    "throughput": (24, "throughput", properties_flow.random_throughput,
                   properties_flow.check_throughput),
    "maps": (30, "process_map", properties_process.random_map, properties_process.check_map),
    "bottlenecks": (24, "bottlenecks", properties_process.random_bottlenecks,
                    properties_process.check_bottlenecks),
    "handovers": (20, "handover_network", properties_process.random_once,
                  properties_process.check_handover),
    "operators": (20, "operator_report", properties_process.random_once,
                  properties_process.check_operators),
}


class Report:
    def __init__(self):
        self.passed, self.failed = 0, 0

    def ask(self, family, rnd, store, actors, is_verbose):
        _, tool, question, check = FAMILIES[family]
        arguments = question(rnd)
        try:
            out = check(rnd, store, actors, arguments)
        except (sextant.ToolError, RuntimeError, LookupError, ValueError, StopIteration) as error:
            out = [f"{type(error).__name__}: {error}"]
        self.passed, self.failed = self.passed + (not out), self.failed + bool(out)
        if out or is_verbose:
            print(f"{'DIFFERENT' if out else 'same'} {tool} {json.dumps(arguments)}", *out[:8],
                  sep="\n    ", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--actors", type=int, default=300)
    parser.add_argument("--verbose", action="store_true", help="print every question")
    parser.add_argument("--only", action="append", choices=sorted(FAMILIES))
    for name, (count, *_) in FAMILIES.items():
        parser.add_argument(f"--{name.replace('_', '-')}", type=int, default=count)
    options = parser.parse_args()
    actors = journeys.random_actors(random.Random(options.seed), options.actors)
    report = Report()
    with tempfile.TemporaryDirectory(prefix="sextant-properties-") as folder, \
            sextant.Store(os.path.join(folder, "store"), os.path.join(folder, "config.json")) as store:
        with open(store.config, "w", encoding="utf-8") as config:
            json.dump(journeys.CONFIG, config)
        missing = sextant.missing_engine(store)
        if missing:
            print(f"skipped: {missing}")
            return 77
        for source in (journeys.SOURCE, journeys.SPANS, journeys.LOOSE, journeys.COUNTED,
                       journeys.APART):
            told = journeys.apart(actors) if source == journeys.APART else actors
            path = os.path.join(folder, f"{source}.jsonl")
            journeys.write(path, told)
            store.load(source, path, *journeys.COLUMNS)
        for family in options.only or FAMILIES:
            # a seed of its own: other families' numbers do not change its questions
            rnd = random.Random(f"{options.seed} {family}")
            for _ in range(getattr(options, family)):
                report.ask(family, rnd, store, actors, options.verbose)
    print(f"properties, seed {options.seed}: {report.passed} passed, {report.failed} failed")
    return 1 if report.failed else 0


if __name__ == "__main__":
    sys.exit(main())
