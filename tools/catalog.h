#pragma once
/* The list of tools, in name order, NULL-terminated. */
#include "run.h"

extern const struct tool *const catalog[];

const struct tool *catalog_find(const char *name); /* NULL if there is none */

/* Not offered to agents: what resources, completion and prompts are made of. */
extern const struct tool tool_source_names; /* {} → sources[{name, …}], nothing is counted */
extern const struct tool tool_complete_values, tool_complete_sessions,
    tool_complete_fields; /* {source, prefix, limit} → values[], total */
/* {source, case, from, …, format, part} → events, cases, part, parts, keys, text */
extern const struct tool tool_export_log;
extern const struct tool tool_export_replay; /* {session, part} → events, part, parts, blob */
