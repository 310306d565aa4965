#pragma once
/* Connecting ahead of the first call, and whether the engine answers: what /readyz tells. */
#include "app.h"

struct warm {
    struct app *app;
    bool is_running; /* a probe is on its way */
    bool is_ready;   /* what the last one found */
    uint64_t ended_ms;
    struct err err;
};

/* Sends SELECT 1 in the background, unless one is on its way. */
void warm_probe(struct warm *warm);

/* A struct http_options ready function; `user` is a struct warm. Answers from the last probe and
 * starts another when that one is old or failed. */
bool warm_is_ready(void *user, char *why, size_t size);
