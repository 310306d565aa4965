#include "fake_db.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"

enum { PIECE = 7, LOG_MAX = 64 };

struct db_query {
    struct fake *fake;
    const struct fake_answer *answer;
    struct db_request request;
    uv_idle_t idle;
    size_t size, sent;
    bool is_cancelled;
};

struct fake {
    struct db db;
    const struct fake_answer *script;
    int started, ended;
    char *sql[LOG_MAX], *params[LOG_MAX];
};

static void on_closed(uv_handle_t *handle)
{
    free(handle->data);
}

static void finish(struct db_query *q, enum err_code code)
{
    struct db_stats stats = {.rows_read = 10, .bytes_read = 100};
    struct err err = {0};
    if (code != ERR_OK)
        err_set(&err, code, NULL, "fake %s", err_name(code));
    if (code == ERR_ACCESS)
        err.engine_code = 452; /* a limit beyond what the user may set */
    uv_idle_stop(&q->idle);
    q->fake->ended++;
    q->request.on_done(q->request.user, code != ERR_OK ? &err : NULL, &stats);
    uv_close((uv_handle_t *)&q->idle, on_closed);
}

static void on_idle(uv_idle_t *handle)
{
    struct db_query *q = handle->data;
    if (q->is_cancelled) {
        finish(q, ERR_CANCELLED);
        return;
    }
    if (q->answer->refuses_ms != 0 && q->request.limits.time_ms >= q->answer->refuses_ms) {
        finish(q, ERR_ACCESS);
        return;
    }
    if (q->answer->hangs)
        return;
    size_t left = q->size - q->sent, n = left < PIECE ? left : PIECE;
    if (n > 0 && q->request.on_data != NULL &&
        q->request.on_data(q->request.user, q->answer->rows + q->sent, n) < 0) {
        finish(q, ERR_LIMIT);
        return;
    }
    q->sent += n;
    if (left <= PIECE)
        finish(q, q->answer->err);
}

static bool answers(const struct fake_answer *a, const char *sql, const char *params)
{
    return strstr(sql, a->contains) != NULL &&
           (a->param == NULL || strstr(params, a->param) != NULL);
}

static int start(struct db *db, const struct db_request *request, struct db_query **ret_query,
                 struct err *ret_err)
{
    struct fake *fake = (struct fake *)db;
    struct buf params = {0};
    for (size_t i = 0; i < request->param_count; i++)
        buf_printf(&params, "%s=%s\n", request->params[i].name, request->params[i].value);
    const struct fake_answer *a = fake->script;
    while (a->contains != NULL && !answers(a, request->sql, buf_text(&params)))
        a++;
    if (a->contains == NULL || a->err == ERR_BUSY) {
        buf_done(&params);
        if (a->err == ERR_BUSY)
            return err_set(ret_err, ERR_BUSY, NULL, "busy, retry after 1 s");
        fprintf(stderr, "no answer for: %s\n", request->sql);
        return err_set(ret_err, ERR_INTERNAL, NULL, "the script has no answer");
    }
    struct db_query *q = calloc(1, sizeof *q);
    *q = (struct db_query){.fake = fake,
                           .answer = a,
                           .request = *request,
                           .size = a->rows != NULL ? strlen(a->rows) : 0};
    int slot = fake->started++ % LOG_MAX;
    free(fake->sql[slot]);
    free(fake->params[slot]);
    fake->sql[slot] = strdup(request->sql);
    fake->params[slot] = buf_take(&params);
    uv_idle_init(db->loop, &q->idle);
    q->idle.data = q;
    uv_idle_start(&q->idle, on_idle);
    *ret_query = q;
    return 0;
}

static void cancel(struct db_query *q)
{
    q->is_cancelled = true;
}

static const struct db_ops ops = {start, cancel, NULL};

struct db *fake_db_new(uv_loop_t *loop, const struct fake_answer *script)
{
    struct fake *fake = calloc(1, sizeof *fake);
    fake->db = (struct db){.ops = &ops, .loop = loop, .info = {.is_embedded = true}};
    fake->script = script;
    return &fake->db;
}

void fake_db_free(struct db *db)
{
    struct fake *fake = (struct fake *)db;
    for (int i = 0; i < LOG_MAX; i++) {
        free(fake->sql[i]);
        free(fake->params[i]);
    }
    free(fake);
}

int fake_db_started(const struct db *db)
{
    return ((const struct fake *)db)->started;
}

int fake_db_ended(const struct db *db)
{
    return ((const struct fake *)db)->ended;
}

static int find(const struct fake *fake, const char *text)
{
    for (int i = LOG_MAX - 1; i >= 0; i--)
        if (fake->sql[i] != NULL && strstr(fake->sql[i], text) != NULL)
            return i;
    return -1;
}

const char *fake_db_sql(const struct db *db, const char *text)
{
    const struct fake *fake = (const struct fake *)db;
    int i = find(fake, text);
    return i < 0 ? NULL : fake->sql[i];
}

const char *fake_db_params(const struct db *db, const char *text)
{
    const struct fake *fake = (const struct fake *)db;
    int i = find(fake, text);
    return i < 0 ? NULL : fake->params[i];
}
