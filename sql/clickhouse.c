#include "clickhouse.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    CONNECT_TIMEOUT_MS = 10000,
    CLOSE_GRACE_MS = 1500, /* how long closing waits for its KILLs to be answered */
};

static void on_pump(uv_timer_t *timer);

/* --- the pump -------------------------------------------------------------------------------- */

static void query_cancel_now(struct db_query *q)
{
    struct err err;
    if (q->transfer != NULL) {
        curl_uv_drop(q->transfer);
        q->transfer = NULL;
        clickhouse_query_kill(q);
    }
    err_set(&err, ERR_CANCELLED, NULL, "the query was cancelled");
    clickhouse_query_finish(q, &err);
}

static void query_launch(struct db_query *q)
{
    struct clickhouse *ch = q->ch;
    struct err err;
    if (!q->is_internal && q->state == QUERY_WAITING) {
        ch->waiting_count--;
        ch->running_count++;
    }
    q->state = QUERY_RUNNING;
    q->attempts++;
    if (ch->quotes_integers && q->reply.is_rows && !q->is_internal) {
        q->reply.unquote = unquote_new();
        q->reply.limit.result_rows = q->limits.result_rows + 2; /* names and types */
        if (q->reply.unquote == NULL) {
            err_set(&err, ERR_MEMORY, NULL, "out of memory");
            clickhouse_query_finish(q, &err);
            return;
        }
    }
    if (clickhouse_send(q, &err) < 0)
        clickhouse_query_finish(q, &err);
}

static bool is_due(const struct db_query *q)
{
    const struct clickhouse *ch = q->ch;
    if (q->state == QUERY_RESTING)
        return uv_now(ch->db.loop) >= q->rest_until_ms;
    if (q->state != QUERY_WAITING)
        return false;
    return q->is_internal || (ch->state == CLICKHOUSE_READY && ch->running_count < DB_MAX_RUNNING);
}

/* One step: the oldest statement with something to do. Callbacks may change the list, so that the
 * search starts again each time. */
static bool pump_step(struct clickhouse *ch)
{
    for (struct db_query *q = ch->queries; q != NULL; q = q->next) {
        if (q->is_cancelled) {
            query_cancel_now(q);
            return true;
        }
        if (is_due(q)) {
            query_launch(q);
            return true;
        }
    }
    return false;
}

static int ensure_curl(struct clickhouse *ch, struct err *ret_err)
{
    if (ch->curl == NULL)
        ch->curl = curl_uv_new(ch->db.loop, ret_err);
    return ch->curl != NULL ? 0 : -(int)ERR_UNAVAILABLE;
}

void clickhouse_fail_waiting(struct clickhouse *ch, const struct err *err)
{
    struct err copy = *err;
    /* Those that a callback starts meanwhile stay: they bring a probe of their own. */
    for (size_t n = ch->waiting_count; n > 0; n--) {
        struct db_query *q = ch->queries;
        while (q != NULL && (q->is_internal || q->state != QUERY_WAITING))
            q = q->next;
        if (q == NULL)
            break;
        clickhouse_query_finish(q, &copy);
    }
}

static void start_probe(struct clickhouse *ch)
{
    struct err err;
    if (ch->curl == NULL || ch->state != CLICKHOUSE_UNKNOWN || ch->waiting_count == 0 ||
        ch->is_closing)
        return;
    if (clickhouse_probe_start(ch, &err) < 0)
        clickhouse_fail_waiting(ch, &err);
}

static void on_curl_closed(void *user)
{
    struct clickhouse *ch = user;
    void (*closed)(void *) = ch->closed;
    void *closed_user = ch->closed_user;
    free(ch->host);
    free(ch->user);
    free(ch->password);
    free(ch->database);
    free(ch->role);
    free(ch->ca_file);
    free(ch->proxy_path);
    free(ch->base_url);
    buf_done(&ch->probe);
    free(ch);
    if (closed != NULL)
        closed(closed_user);
}

static void on_pump_closed(uv_handle_t *handle)
{
    struct clickhouse *ch = handle->data;
    if (ch->curl != NULL)
        curl_uv_close(ch->curl, on_curl_closed, ch);
    else
        on_curl_closed(ch);
}

/* Only KILLs are left while closing, and they get a moment. */
static void close_step(struct clickhouse *ch)
{
    if (ch->queries != NULL && uv_now(ch->db.loop) >= ch->close_until_ms) {
        for (struct db_query *q = ch->queries; q != NULL; q = q->next)
            q->is_cancelled = true;
        clickhouse_wake(ch);
    } else if (ch->queries == NULL && !uv_is_closing((uv_handle_t *)&ch->pump)) {
        uv_close((uv_handle_t *)&ch->pump, on_pump_closed);
    }
}

/* When the next statement has rested, or closing has waited long enough. */
static void pump_sleep(struct clickhouse *ch)
{
    uint64_t now = uv_now(ch->db.loop), next = UINT64_MAX;
    for (const struct db_query *q = ch->queries; q != NULL; q = q->next) {
        if (q->state == QUERY_RESTING && q->rest_until_ms < next)
            next = q->rest_until_ms;
    }
    if (ch->is_closing && ch->close_until_ms < next)
        next = ch->close_until_ms;
    if (next != UINT64_MAX)
        uv_timer_start(&ch->pump, on_pump, next > now ? next - now : 0, 0);
}

static void on_pump(uv_timer_t *timer)
{
    struct clickhouse *ch = timer->data;
    struct err err;
    if (ch->queries != NULL && ensure_curl(ch, &err) < 0)
        clickhouse_fail_waiting(ch, &err);
    start_probe(ch);
    while (pump_step(ch))
        ;
    if (ch->is_closing)
        close_step(ch);
    if (!uv_is_closing((uv_handle_t *)timer) && !uv_is_active((uv_handle_t *)timer))
        pump_sleep(ch);
}

void clickhouse_wake(struct clickhouse *ch)
{
    if (!uv_is_closing((uv_handle_t *)&ch->pump))
        uv_timer_start(&ch->pump, on_pump, 0, 0);
}

/* --- db_ops ---------------------------------------------------------------------------------- */

int clickhouse_start_internal(struct clickhouse *ch, const struct db_request *request,
                              struct err *ret_err)
{
    struct err err;
    struct db_query *q = clickhouse_query_new(ch, request, &err);
    if (q == NULL) {
        if (ret_err != NULL)
            *ret_err = err;
        return -(int)err.code;
    }
    q->is_internal = true;
    clickhouse_query_append(ch, q);
    clickhouse_wake(ch);
    return 0;
}

static int clickhouse_start(struct db *db, const struct db_request *request,
                            struct db_query **ret_query, struct err *ret_err)
{
    struct clickhouse *ch = (struct clickhouse *)db;
    if (ch->is_closing)
        return err_set(ret_err, ERR_CANCELLED, NULL, "the connection to ClickHouse is closing");
    /* Both, since what waits may only not have been looked at yet. */
    if (ch->running_count + ch->waiting_count >= DB_MAX_RUNNING + DB_MAX_WAITING)
        return err_set(ret_err, ERR_BUSY, NULL,
                       "%d queries run and %d wait already: try again in a few seconds",
                       DB_MAX_RUNNING, DB_MAX_WAITING);
    struct err err;
    struct db_query *q = clickhouse_query_new(ch, request, &err);
    if (q == NULL) {
        if (ret_err != NULL)
            *ret_err = err;
        return -(int)err.code;
    }
    ch->waiting_count++;
    clickhouse_query_append(ch, q);
    clickhouse_wake(ch);
    if (ret_query != NULL)
        *ret_query = q;
    return 0;
}

static void clickhouse_cancel(struct db_query *query)
{
    query->is_cancelled = true;
    clickhouse_wake(query->ch);
}

static void clickhouse_close(struct db *db, void (*closed)(void *user), void *user)
{
    struct clickhouse *ch = (struct clickhouse *)db;
    ch->is_closing = true;
    ch->closed = closed;
    ch->closed_user = user;
    ch->close_until_ms = uv_now(ch->db.loop) + CLOSE_GRACE_MS;
    for (struct db_query *q = ch->queries; q != NULL; q = q->next)
        q->is_cancelled = q->is_cancelled || strcmp(q->tag, "kill") != 0;
    clickhouse_wake(ch);
}

/* --- constructor ----------------------------------------------------------------------------- */

static const struct db_ops ops = {clickhouse_start, clickhouse_cancel, clickhouse_close};

static char *copy(const char *text, bool *ret_failed)
{
    if (text == NULL)
        return NULL;
    char *result = strdup(text);
    if (result == NULL)
        *ret_failed = true;
    return result;
}

static int check_options(const struct clickhouse_options *o, struct err *ret_err)
{
    const char *texts[] = {o->user, o->password};
    if (o->host == NULL || o->host[0] == '\0' || strpbrk(o->host, "/?#@ \t\r\n") != NULL)
        return err_set(ret_err, ERR_ARGUMENT, "CLICKHOUSE_HOST",
                       "CLICKHOUSE_HOST must be a host name or address, without http:// and port");
    if (o->port < 0 || o->port > 65535)
        return err_set(ret_err, ERR_ARGUMENT, "CLICKHOUSE_PORT",
                       "CLICKHOUSE_PORT must be between 1 and 65535");
    for (size_t i = 0; i < 2; i++) {
        if (texts[i] != NULL && strpbrk(texts[i], "\r\n") != NULL)
            return err_set(ret_err, ERR_ARGUMENT,
                           i == 0 ? "CLICKHOUSE_USER" : "CLICKHOUSE_PASSWORD",
                           "%s must not contain line breaks",
                           i == 0 ? "CLICKHOUSE_USER" : "CLICKHOUSE_PASSWORD");
    }
    return 0;
}

/* scheme://host:port/prefix/ and host:port. */
static bool build_address(struct clickhouse *ch)
{
    const char *scheme = ch->is_secure ? "https" : "http";
    const char *path = ch->proxy_path != NULL ? ch->proxy_path : "";
    bool is_ipv6 = strchr(ch->host, ':') != NULL && ch->host[0] != '[';
    struct buf url;
    snprintf(ch->address, sizeof ch->address, "%s%.200s%s:%d", is_ipv6 ? "[" : "", ch->host,
             is_ipv6 ? "]" : "", ch->port);
    path += strspn(path, "/");
    buf_init(&url, 0);
    buf_printf(&url, "%s://%s%s%s:%d/", scheme, is_ipv6 ? "[" : "", ch->host, is_ipv6 ? "]" : "",
               ch->port);
    for (const char *p = path; *p != '\0'; p += strcspn(p, "/"), p += strspn(p, "/")) {
        clickhouse_url_encode(&url, p, strcspn(p, "/"));
        buf_putc(&url, '/');
    }
    ch->base_url = buf_take(&url);
    return ch->base_url != NULL;
}

struct db *clickhouse_new(uv_loop_t *loop, const struct clickhouse_options *options,
                          struct err *ret_err)
{
    bool failed = false;
    if (check_options(options, ret_err) < 0)
        return NULL;
    struct clickhouse *ch = calloc(1, sizeof *ch);
    if (ch == NULL) {
        err_set(ret_err, ERR_MEMORY, NULL, "out of memory");
        return NULL;
    }
    ch->host = copy(options->host, &failed);
    ch->user = copy(options->user != NULL && options->user[0] ? options->user : "default", &failed);
    ch->password = copy(options->password != NULL ? options->password : "", &failed);
    ch->database = copy(
        options->database != NULL && options->database[0] ? options->database : "default", &failed);
    ch->role = copy(options->role != NULL && options->role[0] ? options->role : NULL, &failed);
    ch->ca_file = copy(options->ca_file, &failed);
    ch->proxy_path = copy(options->proxy_path, &failed);
    ch->is_secure = options->is_secure;
    ch->skip_verify = options->skip_verify;
    ch->port = options->port != 0 ? options->port : options->is_secure ? 8443 : 8123;
    ch->connect_timeout_ms =
        options->connect_timeout_ms != 0 ? options->connect_timeout_ms : CONNECT_TIMEOUT_MS;
    ch->db.ops = &ops;
    ch->db.loop = loop;
    buf_init(&ch->probe, 4096);
    if (failed || !build_address(ch) || uv_timer_init(loop, &ch->pump) != 0) {
        err_set(ret_err, ERR_MEMORY, NULL, "out of memory");
        on_curl_closed(ch);
        return NULL;
    }
    ch->pump.data = ch;
    snprintf(ch->db.info.engine, sizeof ch->db.info.engine, "clickhouse");
    snprintf(ch->db.info.target, sizeof ch->db.info.target, "%s://%.240s",
             ch->is_secure ? "https" : "http", ch->address);
    snprintf(ch->db.info.database, sizeof ch->db.info.database, "%s", ch->database);
    return &ch->db;
}
