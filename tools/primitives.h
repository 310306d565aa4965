#pragma once
/* Every ClickHouse function that our SQL uses: who uses it for what, and an example to try. */
#include <jansson.h>

struct primitive {
    const char *function;
    const char *use;
    const char *example; /* one statement that runs anywhere */
};

extern const struct primitive primitive_list[]; /* in name order, ends with {0} */

/* For each of the list who uses it: names of tools, or "every tool", "demo", "import", …;
 * comma-separated. Read from the SQL at build time by embed_users.py. */
extern const char *const primitive_users[];

/* {"functions": [{function, used_by[], use, example}]}. New reference; NULL = no memory. */
json_t *primitives_json(void);
