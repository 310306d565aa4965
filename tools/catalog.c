#include "catalog.h"

#include <string.h>

extern const struct tool tool_anomaly_scan, tool_conformance_check, tool_describe_source,
    tool_list_actors, tool_list_events, tool_list_sources, tool_open_session, tool_retention_matrix,
    tool_run_funnel, tool_run_trend, tool_usage_report;

const struct tool *const catalog[] = {
    &tool_anomaly_scan, &tool_conformance_check, &tool_describe_source, &tool_list_actors,
    &tool_list_events,  &tool_list_sources,      &tool_open_session,    &tool_retention_matrix,
    &tool_run_funnel,   &tool_run_trend,         &tool_usage_report,    NULL,
};

const struct tool *catalog_find(const char *name)
{
    for (size_t i = 0; catalog[i] != NULL; i++)
        if (strcmp(catalog[i]->name, name) == 0)
            return catalog[i];
    return NULL;
}
