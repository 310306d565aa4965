#pragma once
/* Every ClickHouse function that our SQL uses: who uses it for what, and an example to try. */
#include <jansson.h>

struct primitive {
    const char *function;
    const char *used_by; /* names of tools, or "every tool", "demo", "import", …; comma-separated */
    const char *use;
    const char *example; /* one statement that runs anywhere */
};

extern const struct primitive primitive_list[]; /* in name order, ends with {0} */

/* {"functions": [{function, used_by[], use, example}]}. New reference; NULL = no memory. */
json_t *primitives_json(void);
