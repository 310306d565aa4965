#pragma once
/* Whether the data changed since one looked the last time: sources that came or went, columns, new
 * rows. A look costs one small query of system tables; views and distributed tables do not tell how
 * many rows they have, so only a change of their definition is seen. */
#include "run.h"

/* What a look found; borrowed during the call. */
struct look_result {
    bool is_list_changed;  /* other sources than before */
    const json_t *sources; /* array: names of those that say something else now */
};

/* Looks, unless a look is under way. `found` runs later on the loop, and only if something changed
 * since the look before; the first one only remembers. An engine that fails is asked again the next
 * time. */
void workspace_look(struct workspace *workspace,
                    void (*found)(void *user, const struct look_result *result), void *user);
/* The next look is the first again. */
void workspace_look_forget(struct workspace *workspace);
