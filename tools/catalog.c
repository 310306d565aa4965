#include "catalog.h"

#include <string.h>

/* clang-format off */
#define CATALOG(tool) \
    tool(anomaly_scan) \
    tool(attribute_conversions) \
    tool(bottlenecks) \
    tool(case_timeline) \
    tool(compare_groups) \
    tool(conformance_check) \
    tool(data_quality) \
    tool(describe_source) \
    tool(explain_funnel) \
    tool(handover_network) \
    tool(lifecycle) \
    tool(list_actors) \
    tool(list_events) \
    tool(list_sources) \
    tool(object_contention) \
    tool(object_map) \
    tool(object_summary) \
    tool(open_session) \
    tool(operator_report) \
    tool(process_map) \
    tool(process_variants) \
    tool(property_values) \
    tool(retention_matrix) \
    tool(rework_report) \
    tool(run_funnel) \
    tool(run_paths) \
    tool(run_trend) \
    tool(stickiness) \
    tool(throughput) \
    tool(usage_report) \
    tool(user_journey)
/* clang-format on */

#define DECLARE(name) extern const struct tool tool_##name;
CATALOG(DECLARE)

#define LIST(name) &tool_##name,
const struct tool *const catalog[] = {CATALOG(LIST) NULL};

const struct tool *catalog_find(const char *name)
{
    for (size_t i = 0; catalog[i] != NULL; i++)
        if (strcmp(catalog[i]->name, name) == 0)
            return catalog[i];
    return NULL;
}
