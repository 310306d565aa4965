#include "sweep.h"

/* The server says when it wants to be called, but not when it changes its mind. */
enum { LEAST_MS = 10, MOST_MS = 1000 };

static void on_timer(uv_timer_t *timer)
{
    struct sweep *sweep = (struct sweep *)timer;
    uint64_t ms = server_sweep(sweep->server);
    ms = ms < LEAST_MS ? LEAST_MS : ms > MOST_MS ? MOST_MS : ms;
    uv_timer_start(timer, on_timer, ms, 0);
}

void sweep_start(struct sweep *sweep, uv_loop_t *loop, struct server *server)
{
    sweep->server = server;
    uv_timer_init(loop, &sweep->timer);
    uv_timer_start(&sweep->timer, on_timer, MOST_MS, 0);
}
