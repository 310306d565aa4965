#include "look.h"

#include <stdlib.h>

#include "rows.h"
#include "run_internal.h"
#include "sql_text.h"
#include "json.h"

enum { TABLES_MAX = 5000 };

/* One look on its way. */
struct look {
    struct workspace *workspace; /* NULL once it is gone, or wants to forget */
    struct rows rows;
    json_t *tables; /* {"database\ntable": [identity, rows]} */
    void (*found)(void *user, const struct look_result *result);
    void *user;
};

static void look_free(struct look *look)
{
    if (look->workspace != NULL)
        look->workspace->look = NULL;
    rows_done(&look->rows);
    json_decref(look->tables);
    free(look);
}

void workspace_look_forget(struct workspace *w)
{
    if (w->look != NULL)
        w->look->workspace = NULL;
    w->look = NULL;
    json_decref(w->seen_tables);
    json_decref(w->seen_sources);
    w->seen_tables = w->seen_sources = NULL;
}

/* --- what is compared ------------------------------------------------------------------------ */

static json_t *table_key(const char *database, const char *table)
{
    return json_sprintf("%s\n%s", database, table);
}

static json_t *tables_of(const json_t *rows)
{
    json_t *tables = json_object();
    for (size_t i = 0; i < json_array_size(rows); i++) {
        const json_t *row = json_array_get(rows, i);
        json_t *key = table_key(json_at_string(row, 0), json_at_string(row, 1));
        json_object_set_new(tables, json_string_value(key),
                            json_pack("[O, O]", json_array_get(row, 2), json_array_get(row, 3)));
        json_decref(key);
    }
    return tables;
}

/* {name: [keys of its tables]} */
static json_t *sources_of(const struct sources *sources)
{
    json_t *names = json_object();
    for (size_t i = 0; i < sources->count; i++) {
        const struct source *s = sources->items[i];
        json_t *keys = json_pack("[o]", table_key(s->database, s->table));
        if (s->replay_table != NULL)
            json_array_append_new(keys, table_key(s->database, s->replay_table));
        json_object_set_new(names, s->name, keys);
    }
    return names;
}

/* Whether tables came or went or are other ones: then the list of sources may be another. */
static bool is_other_set(const json_t *before, const json_t *now)
{
    const char *key;
    json_t *entry;
    if (json_object_size(before) != json_object_size(now))
        return true;
    json_object_foreach ((json_t *)now, key, entry)
        if (!json_equal(json_array_get(json_object_get(before, key), 0), json_array_get(entry, 0)))
            return true;
    return false;
}

static bool is_list_changed(const json_t *before, const json_t *now)
{
    const char *name;
    json_t *keys;
    if (json_object_size(before) != json_object_size(now))
        return true;
    json_object_foreach ((json_t *)now, name, keys)
        if (json_object_get(before, name) == NULL)
            return true;
    return false;
}

/* Names of the sources that one has read before and that would say something else now. */
static json_t *changed_sources(const struct workspace *w, const json_t *sources,
                               const json_t *tables)
{
    json_t *changed = json_array();
    const char *name;
    json_t *keys;
    json_object_foreach ((json_t *)sources, name, keys) {
        bool is_changed = !json_equal(json_object_get(w->seen_sources, name), keys);
        for (size_t i = 0; i < json_array_size(keys); i++) {
            const char *key = json_at_string(keys, i);
            is_changed = is_changed || !json_equal(json_object_get(w->seen_tables, key),
                                                   json_object_get(tables, key));
        }
        if (is_changed)
            json_array_append_new(changed, json_string(name));
    }
    json_object_foreach ((json_t *)w->seen_sources, name, keys)
        if (json_object_get(sources, name) == NULL)
            json_array_append_new(changed, json_string(name));
    return changed;
}

/* --- a look ---------------------------------------------------------------------------------- */

/* Remembers what is there now, and tells what is different. Takes `sources`. */
static void conclude(struct look *look, json_t *sources)
{
    struct workspace *w = look->workspace;
    bool is_first = w->seen_sources == NULL;
    json_t *changed = changed_sources(w, sources, look->tables);
    struct look_result result = {
        .is_list_changed = is_list_changed(w->seen_sources, sources),
        .sources = changed,
    };
    for (size_t i = 0; i < json_array_size(changed); i++)
        json_object_del(w->bounds, json_at_string(changed, i));
    json_decref(w->seen_tables);
    json_decref(w->seen_sources);
    w->seen_tables = json_incref(look->tables);
    w->seen_sources = sources;
    bool is_news = !is_first && (result.is_list_changed || json_array_size(changed) > 0);
    void (*found)(void *, const struct look_result *) = look->found;
    void *user = look->user;
    look_free(look);
    if (is_news)
        found(user, &result);
    json_decref(changed);
}

static void on_sources(void *user, struct sources *sources, const struct err *err)
{
    (void)err;
    struct look *look = user;
    if (sources == NULL || look->workspace == NULL) {
        look_free(look);
    } else {
        workspace_keep_sources(look->workspace, sources);
        conclude(look, sources_of(sources));
    }
    if (sources != NULL)
        sources_free(sources);
}

static void on_tables(void *user, const struct err *err, const struct db_stats *stats)
{
    (void)stats;
    struct look *look = user;
    struct workspace *w = look->workspace;
    if (err != NULL || rows_end(&look->rows, NULL) < 0 || w == NULL) {
        look_free(look);
        return;
    }
    look->tables = tables_of(look->rows.items);
    if (w->seen_sources == NULL || is_other_set(w->seen_tables, look->tables)) {
        if (sources_load(w->db, w->config_sources, on_sources, look, NULL) < 0)
            look_free(look);
        return;
    }
    conclude(look, json_incref(w->seen_sources));
}

static int on_data(void *user, const char *bytes, size_t len)
{
    struct look *look = user;
    return rows_feed(&look->rows, bytes, len);
}

static int start(struct look *look, struct err *ret_err)
{
    struct workspace *w = look->workspace;
    struct query q;
    query_init(&q);
    query_set_integer(&q, "everywhere", w->db->info.is_embedded);
    json_t *databases = sources_databases(w->config_sources);
    query_set_texts(&q, "databases", databases);
    json_decref(databases);
    int rc = query_render(&q, &sql_watch_tables, NULL, ret_err);
    struct db_query *started = NULL;
    if (rc == 0)
        rc = query_start(w->db, &q,
                         &(struct db_request){.format = "JSONCompactEachRow",
                                              .tag = "watch",
                                              .on_data = on_data,
                                              .on_done = on_tables,
                                              .user = look},
                         &started, ret_err);
    query_done(&q);
    return rc;
}

void workspace_look(struct workspace *w,
                    void (*found)(void *user, const struct look_result *result), void *user)
{
    struct look *look = w->look == NULL ? calloc(1, sizeof *look) : NULL;
    if (look == NULL)
        return;
    *look = (struct look){.workspace = w, .found = found, .user = user};
    rows_init(&look->rows, TABLES_MAX, 32 << 20);
    w->look = look;
    if (start(look, NULL) < 0)
        look_free(look);
}
