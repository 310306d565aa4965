/* Which keys of Maps the rows of a round have, asked before its queries: an index of the keys tells
 * which ones no row has, and a question that looks for them anyway reads the whole Map. One
 * question for each Map names the first row with any of its keys, and is asked again for the others
 * as long as there is such a row.
 *
 * A key that rows once had is not asked for again, and one that could not be asked for counts as
 * there: to look for it in vain takes longer and is not wrong. */
#include <stdlib.h>
#include <string.h>

#include "json.h"
#include "run_internal.h"
#include "sql_text.h"

struct run_ask {
    struct run_state *r;
    const struct query *of; /* whose rows they are */
    const struct query_key *first;
    json_t *keys; /* {key: null}: those that no row had so far */
    struct query query;
    struct rows rows;
    struct db_query *started;
    struct run_ask *next;
};

static bool has_same(const struct query *q, const struct query_param *p)
{
    for (size_t i = 0; i < q->param_count; i++)
        if (strcmp(q->params[i].name, p->name) == 0)
            return strcmp(q->params[i].value, p->value) == 0;
    return false;
}

/* Whether a key of `q` is one of the same rows' and the same Map. */
static bool is_of(const struct run_ask *ask, const struct query *q, const struct query_key *key)
{
    if (strcmp(key->column, ask->first->column) != 0 ||
        strcmp(key->within, ask->first->within) != 0)
        return false;
    for (size_t i = 0; i < q->param_count; i++) {
        char placeholder[sizeof q->params[i].name + 2];
        snprintf(placeholder, sizeof placeholder, "{%s:", q->params[i].name);
        if (strstr(key->within, placeholder) != NULL && !has_same(ask->of, &q->params[i]))
            return false;
    }
    return true;
}

static void end_query(struct run_ask *ask)
{
    query_done(&ask->query);
    rows_done(&ask->rows);
    ask->started = NULL;
}

void keys_release(struct run_state *r)
{
    while (r->asks != NULL) {
        struct run_ask *next = r->asks->next;
        end_query(r->asks);
        json_decref(r->asks->keys);
        free(r->asks);
        r->asks = next;
    }
}

void keys_cancel(struct run_state *r)
{
    for (struct run_ask *ask = r->asks; ask != NULL; ask = ask->next)
        if (ask->started != NULL)
            db_cancel(r->run.workspace->db, ask->started);
}

/* --- what is to be asked ---------------------------------------------------------------------- */

static struct run_ask *ask_about(struct run_state *r, const struct query *q,
                                 const struct query_key *key)
{
    for (struct run_ask *ask = r->asks; ask != NULL; ask = ask->next)
        if (is_of(ask, q, key))
            return ask;
    struct run_ask *ask = calloc(1, sizeof *ask);
    json_t *keys = json_object();
    if (ask == NULL || keys == NULL) {
        free(ask);
        json_decref(keys);
        return NULL;
    }
    *ask = (struct run_ask){.r = r, .of = q, .first = key, .keys = keys, .next = r->asks};
    r->asks = ask;
    return ask;
}

static void collect(struct run_state *r, const struct query *q)
{
    for (size_t i = 0; i < q->key_count; i++) {
        const struct query_key *key = &q->keys[i];
        if (workspace_has_key(r->run.workspace, r->run.source->name, key->column, key->key))
            continue;
        struct run_ask *ask = ask_about(r, q, key);
        if (ask != NULL)
            json_object_set_new(ask->keys, key->key, json_null());
    }
}

/* --- answers ---------------------------------------------------------------------------------- */

static void lack_keys(struct run_ask *ask)
{
    struct run_state *r = ask->r;
    for (size_t i = 0; i < r->query_count; i++) {
        struct query *q = &r->queries[i].query;
        for (size_t k = 0; k < q->key_count; k++)
            if (is_of(ask, q, &q->keys[k]) && json_object_get(ask->keys, q->keys[k].key) != NULL)
                query_lacks_key(q, &q->keys[k]);
    }
}

static void keep_keys(struct run_ask *ask, const json_t *found)
{
    for (size_t i = 0; i < json_array_size(found); i++) {
        const char *key = json_at_string(found, i);
        workspace_keep_key(ask->r->run.workspace, ask->r->run.source->name, ask->first->column,
                           key);
        json_object_del(ask->keys, key);
    }
}

static int start(struct run_ask *ask);

/* Takes the answer; true: it is asked again, for the rest of the keys. */
static bool goes_on(struct run_ask *ask, const struct err *err)
{
    const struct run_state *r = ask->r;
    bool has_answer = err == NULL && rows_end(&ask->rows, NULL) == 0;
    json_t *found =
        json_incref(json_array_get(json_array_get(has_answer ? ask->rows.items : NULL, 0), 0));
    end_query(ask);
    if (has_answer && found == NULL)
        lack_keys(ask);
    size_t before = json_object_size(ask->keys);
    keep_keys(ask, found);
    size_t left = json_object_size(ask->keys);
    bool is_more = left > 0 && left < before && !r->is_cancelled && r->failure.code == ERR_OK;
    json_decref(found);
    return is_more && start(ask) == 0;
}

static int on_data(void *user, const char *bytes, size_t len)
{
    struct run_ask *ask = user;
    return ask->r->is_answered ? -1 : rows_feed(&ask->rows, bytes, len);
}

static void on_done(void *user, const struct err *err, const struct db_stats *stats)
{
    struct run_ask *ask = user;
    struct run_state *r = ask->r;
    ask->started = NULL;
    if (run_forget_answered(r))
        return;
    r->stats.rows_read += stats->rows_read;
    r->stats.bytes_read += stats->bytes_read;
    if (!goes_on(ask, err) && --r->running == 0 && !r->is_starting)
        round_start_queries(r);
}

static int start(struct run_ask *ask)
{
    const struct query_key *key = ask->first;
    struct buf map = {0};
    query_init(&ask->query);
    rows_init(&ask->rows, 1, RUN_MAX_BYTES);
    sql_identifier(&map, key->column);
    json_t *keys = json_array();
    const char *name;
    json_t *value;
    json_object_foreach (ask->keys, name, value)
        json_array_append_new(keys, json_string(name));
    query_set_texts(&ask->query, "keys", keys);
    json_decref(keys);
    query_bind_same(&ask->query, ask->of, key->within);
    int rc = query_render(
        &ask->query, &sql_map_keys,
        (const struct query_fragment[]){{"map", buf_text(&map)}, {"within", key->within}, {0}},
        NULL);
    struct db_request request = round_request(ask->r, ask->r->query_ms);
    request.on_data = on_data;
    request.on_done = on_done;
    request.user = ask;
    if (rc == 0)
        rc = query_start(ask->r->run.workspace->db, &ask->query, &request, &ask->started, NULL);
    buf_done(&map);
    if (rc < 0)
        end_query(ask);
    return rc;
}

void keys_start(struct run_state *r)
{
    for (size_t i = 0; i < r->query_count; i++)
        collect(r, &r->queries[i].query);
    for (struct run_ask *ask = r->asks; ask != NULL; ask = ask->next)
        if (start(ask) == 0)
            r->running++;
}
