#pragma once
/* The clock of the server, which has none of its own: tells it now and then to end what has
 * outlived its time. */
#include <uv.h>

#include "server.h"

struct sweep {
    uv_timer_t timer; /* first. Its `data` belongs to the owner, who closes it */
    struct server *server;
};

void sweep_start(struct sweep *sweep, uv_loop_t *loop, struct server *server);
