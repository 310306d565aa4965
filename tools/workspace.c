/* What runs share: the sources, time zones, and short-lived knowledge of what exists. Nothing here
 * carries a result from one call to the next; it only saves asking the same small question twice.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "look.h"
#include "run_internal.h"
#include "json.h"

enum { SOURCES_TTL_S = 30, BOUNDS_TTL_S = 5, SEEN_TTL_S = 60, SEEN_MAX = 20000 };

static int64_t seconds(void)
{
    return (int64_t)(uv_hrtime() / 1000000000);
}

static void on_idle(uv_idle_t *handle)
{
    struct workspace *w = handle->data;
    struct run_state *r = w->pending_first;
    w->pending_first = w->pending_last = NULL;
    uv_idle_stop(handle);
    while (r != NULL) {
        struct run_state *next = r->pending;
        r->pending = NULL;
        run_advance(r);
        r = next;
    }
}

void workspace_push(struct workspace *w, struct run_state *r)
{
    if (w->pending_last != NULL)
        w->pending_last->pending = r;
    else
        w->pending_first = r;
    w->pending_last = r;
    uv_idle_start(&w->idle, on_idle);
}

struct workspace *workspace_new(const struct workspace_options *options)
{
    struct workspace *w = calloc(1, sizeof *w);
    if (w == NULL)
        return NULL;
    w->db = options->db;
    w->config_sources = options->config_sources;
    w->seen = json_object();
    w->bounds = json_object();
    w->keys = json_object();
    if (w->seen == NULL || w->bounds == NULL || w->keys == NULL) {
        json_decref(w->keys);
        json_decref(w->seen);
        json_decref(w->bounds);
        free(w);
        return NULL;
    }
    uv_idle_init(w->db->loop, &w->idle); /* neither can fail */
    uv_timer_init(w->db->loop, &w->limit);
    w->idle.data = w->limit.data = w;
    w->open_handles = 2;
    return w;
}

static void on_closed(uv_handle_t *handle)
{
    struct workspace *w = handle->data;
    if (--w->open_handles == 0)
        free(w);
}

void workspace_free(struct workspace *w)
{
    if (w == NULL)
        return;
    workspace_forget_sources(w);
    workspace_look_forget(w);
    json_decref(w->keys);
    json_decref(w->seen);
    json_decref(w->bounds);
    while (w->zones != NULL) {
        struct zone_entry *entry = w->zones;
        w->zones = entry->next;
        zone_free(entry->zone);
        free(entry);
    }
    /* The loop gives the memory back: the handles lie inside. */
    uv_close((uv_handle_t *)&w->idle, on_closed);
    uv_close((uv_handle_t *)&w->limit, on_closed);
}

struct sources *workspace_sources(struct workspace *w)
{
    if (w->sources == NULL || uv_hrtime() - w->sources_at_ns > SOURCES_TTL_S * 1000000000ULL)
        return NULL;
    w->sources->refs++;
    return w->sources;
}

void workspace_keep_sources(struct workspace *w, struct sources *sources)
{
    workspace_forget_sources(w);
    sources->refs++;
    w->sources = sources;
    w->sources_at_ns = uv_hrtime();
}

void workspace_forget_sources(struct workspace *w)
{
    if (w->sources != NULL)
        sources_free(w->sources);
    w->sources = NULL;
}

const struct zone *workspace_zone(const struct workspace *w, const char *name)
{
    if (strcmp(name, zone_utc.name) == 0)
        return &zone_utc;
    for (const struct zone_entry *e = w->zones; e != NULL; e = e->next)
        if (strcmp(e->zone->name, name) == 0)
            return e->zone;
    return NULL;
}

const struct zone *workspace_keep_zone(struct workspace *w, struct zone *zone)
{
    struct zone_entry *entry = malloc(sizeof *entry);
    if (entry == NULL) {
        zone_free(zone);
        return NULL;
    }
    *entry = (struct zone_entry){.zone = zone, .next = w->zones};
    w->zones = entry;
    return zone;
}

bool workspace_bounds(const struct workspace *w, const char *source, struct bounds *ret)
{
    const json_t *entry = json_object_get(w->bounds, source);
    if (entry == NULL || seconds() - json_at_integer(entry, 4) > BOUNDS_TTL_S)
        return false;
    *ret = (struct bounds){json_at_integer(entry, 0), json_at_integer(entry, 1),
                           json_at_integer(entry, 2), json_at_integer(entry, 3)};
    return true;
}

void workspace_keep_bounds(struct workspace *w, const char *source, const struct bounds *b)
{
    json_object_set_new(w->bounds, source,
                        json_pack("[I,I,I,I,I]", (json_int_t)b->first_us, (json_int_t)b->last_us,
                                  (json_int_t)b->rows, (json_int_t)b->now_us,
                                  (json_int_t)seconds()));
}

/* Whole: names that only differ at their end are different names. The caller frees; NULL = out of
 * memory. */
static char *seen_key(const char *source, char kind, const char *name)
{
    struct buf key = {0};
    buf_printf(&key, "%s\n%c%s", source, kind, name);
    return buf_take(&key);
}

bool workspace_seen(const struct workspace *w, const char *source, char kind, const char *name,
                    int64_t *ret_first_us, int64_t *ret_last_us)
{
    char *key = seen_key(source, kind, name);
    const json_t *entry = key != NULL ? json_object_get(w->seen, key) : NULL;
    free(key);
    if (entry == NULL || seconds() - json_at_integer(entry, 2) > SEEN_TTL_S)
        return false;
    *ret_first_us = json_at_integer(entry, 0);
    *ret_last_us = json_at_integer(entry, 1);
    return true;
}

void workspace_keep_seen(struct workspace *w, const char *source, char kind, const char *name,
                         int64_t first_us, int64_t last_us)
{
    char *key = seen_key(source, kind, name);
    if (key == NULL)
        return;
    if (json_object_size(w->seen) >= SEEN_MAX)
        json_object_clear(w->seen);
    json_object_set_new(
        w->seen, key,
        json_pack("[I,I,I]", (json_int_t)first_us, (json_int_t)last_us, (json_int_t)seconds()));
    free(key);
}

static char *map_key(const char *source, const char *column, const char *key)
{
    struct buf name = {0};
    buf_printf(&name, "%s\n", source);
    sql_identifier(&name, column);
    buf_printf(&name, " %s", key);
    return buf_take(&name);
}

bool workspace_has_key(const struct workspace *w, const char *source, const char *column,
                       const char *key)
{
    char *name = map_key(source, column, key);
    bool has = name != NULL && json_object_get(w->keys, name) != NULL;
    free(name);
    return has;
}

void workspace_keep_key(struct workspace *w, const char *source, const char *column,
                        const char *key)
{
    char *name = map_key(source, column, key);
    if (json_object_size(w->keys) >= SEEN_MAX)
        json_object_clear(w->keys);
    if (name != NULL)
        json_object_set_new(w->keys, name, json_null());
    free(name);
}
