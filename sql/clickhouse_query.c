#include "clickhouse.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    KILL_TIMEOUT_MS = 3000,
    CODE_UNKNOWN_SETTING = 115,
    CODE_READONLY = 164,
    CODE_CONSTRAINT = 452,
    CODE_ACCESS_DENIED = 497,
};

static const uint64_t rests_ms[CLICKHOUSE_ATTEMPTS_MAX - 1] = {100, 400};

struct db_query *clickhouse_query_free(struct db_query *q)
{
    if (q == NULL)
        return NULL;
    if (q->headers != NULL)
        curl_uv_library(q->ch->curl)->slist_free_all(q->headers);
    clickhouse_request_done(&q->request);
    clickhouse_reply_done(&q->reply);
    free(q->format);
    free(q);
    return NULL;
}

struct db_query *clickhouse_query_new(struct clickhouse *ch, const struct db_request *request,
                                      struct err *ret_err)
{
    struct db_query *q = calloc(1, sizeof *q);
    if (q == NULL) {
        err_set(ret_err, ERR_MEMORY, NULL, "out of memory");
        return NULL;
    }
    q->ch = ch;
    q->limits = db_limits_or_default(&request->limits);
    q->is_write = request->is_write;
    q->on_done = request->on_done;
    q->user = request->user;
    snprintf(q->tag, sizeof q->tag, "%s", request->tag != NULL ? request->tag : "query");
    clickhouse_reply_init(&q->reply, request);
    q->reply.limit = q->limits;
    if (request->format != NULL && (q->format = strdup(request->format)) == NULL) {
        err_set(ret_err, ERR_MEMORY, NULL, "out of memory");
        return clickhouse_query_free(q);
    }
    if (clickhouse_request_init(&q->request, request, ret_err) < 0)
        return clickhouse_query_free(q);
    return q;
}

void clickhouse_query_append(struct clickhouse *ch, struct db_query *q)
{
    struct db_query **at = &ch->queries;
    while (*at != NULL)
        at = &(*at)->next;
    *at = q;
}

static void query_remove(struct db_query *q)
{
    struct db_query **at = &q->ch->queries;
    while (*at != NULL && *at != q)
        at = &(*at)->next;
    if (*at == q)
        *at = q->next;
}

/* Ends a statement, whatever its state; the last thing that happens to it. */
void clickhouse_query_finish(struct db_query *q, const struct err *err)
{
    struct clickhouse *ch = q->ch;
    query_remove(q);
    if (!q->is_internal && q->state == QUERY_WAITING)
        ch->waiting_count--;
    else if (!q->is_internal)
        ch->running_count--;
    q->on_done(q->user, err, &q->reply.stats);
    clickhouse_query_free(q);
    clickhouse_wake(ch);
}

/* --- stopping what runs in the server --------------------------------------------------------- */

static void on_killed(void *user, const struct err *err, const struct db_stats *stats)
{
    struct clickhouse *ch = user;
    (void)stats;
    if (err != NULL &&
        (err->engine_code == CODE_READONLY || err->engine_code == CODE_ACCESS_DENIED))
        ch->db.info.may_kill = false;
}

/* A dropped connection alone stops a query only when the server next reports progress. Nobody waits
 * for this, and when it fails there is still max_execution_time. */
void clickhouse_query_kill(const struct db_query *q)
{
    struct clickhouse *ch = q->ch;
    if (!ch->db.info.may_kill || q->is_internal)
        return;
    const struct db_param id = {"id", q->query_id};
    const struct db_request request = {
        .sql = "KILL QUERY WHERE query_id = {id:String} ASYNC",
        .params = &id,
        .param_count = 1,
        .limits = {.time_ms = KILL_TIMEOUT_MS},
        .tag = "kill",
        .is_write = true,
        .on_done = on_killed,
        .user = ch,
    };
    (void)clickhouse_start_internal(ch, &request, NULL);
}

/* --- the end of an attempt -------------------------------------------------------------------- */

/* Only a read of which no byte of an answer came may be sent again. A gateway's own "try later"
 * counts as no answer: the statement did not reach the engine. */
static bool may_retry(const struct db_query *q, CURLcode code)
{
    if (q->is_write || q->is_cancelled || q->attempts >= CLICKHOUSE_ATTEMPTS_MAX ||
        q->ch->is_closing)
        return false;
    if (code == CURLE_OK)
        return (q->reply.status == 502 || q->reply.status == 503) && !q->reply.is_clickhouse;
    return !q->reply.has_bytes && (code == CURLE_COULDNT_CONNECT || code == CURLE_GOT_NOTHING ||
                                   code == CURLE_SEND_ERROR || code == CURLE_RECV_ERROR);
}

static void query_rest(struct db_query *q, uint64_t rest_ms)
{
    struct clickhouse_reply *r = &q->reply;
    buf_reset(&r->held);
    buf_reset(&r->error);
    r->status = 0;
    r->exception_code = 0;
    r->tag[0] = '\0';
    r->is_broken = r->has_bytes = false;
    r->unquote = unquote_free(r->unquote);
    q->state = QUERY_RESTING;
    q->rest_until_ms = uv_now(q->ch->db.loop) + rest_ms;
    clickhouse_wake(q->ch);
}

static enum transfer_stage stage_of(const struct clickhouse *ch, CURL *easy)
{
    const struct curl_library *lib = curl_uv_library(ch->curl);
    curl_off_t connected_us = 0, ready_us = 0;
    lib->easy_getinfo(easy, CURLINFO_CONNECT_TIME_T, &connected_us);
    lib->easy_getinfo(easy, CURLINFO_PRETRANSFER_TIME_T, &ready_us);
    if (ready_us > 0)
        return STAGE_READY;
    return connected_us > 0 && ch->is_secure ? STAGE_CONNECTED : STAGE_NOTHING;
}

/* What went wrong, as err; 0 when nothing did. */
static int verdict(struct db_query *q, CURL *easy, CURLcode code, struct err *ret_err)
{
    struct clickhouse_reply *r = &q->reply;
    bool is_aborted = r->is_stopped || r->is_over_limit;
    bool is_good =
        !is_aborted && !q->is_cancelled && clickhouse_reply_end(r, code == CURLE_OK) == 0;
    if (q->is_cancelled)
        return err_set(ret_err, ERR_CANCELLED, NULL, "the query was cancelled");
    if (r->is_over_limit) {
        *ret_err = r->limit_err;
        return -(int)ret_err->code;
    }
    if (r->is_stopped)
        return err_set(ret_err, ERR_LIMIT, NULL, "stopped by the reader");
    /* What the body says is wrong counts before the broken-off transfer that it comes with: an
     * exception, or the words of a server that resets the connection right after them. */
    if (!is_good &&
        (code == CURLE_OK || r->exception_code != 0 ||
         db_parse_error_code(buf_text(&r->error)) != 0 || (r->status >= 400 && r->error.len > 0)))
        return clickhouse_answer_error(q->ch, r, ret_err);
    if (code != CURLE_OK) {
        enum transfer_stage stage = stage_of(q->ch, easy);
        return clickhouse_transfer_error(q->ch, code, q->curl_text, stage, q, ret_err);
    }
    return 0;
}

/* Settings are checked before a statement begins: when one is refused, even a write has not run,
 * and can be sent again without that setting. */
static bool is_setting_refused(struct db_query *q, CURLcode code)
{
    const struct clickhouse_reply *r = &q->reply;
    const char *text = buf_text(&r->error);
    int engine_code = r->exception_code != 0 ? r->exception_code : db_parse_error_code(text);
    if (code != CURLE_OK || r->status == 200 || q->is_internal || q->is_cancelled)
        return false;
    return (engine_code == CODE_CONSTRAINT || engine_code == CODE_UNKNOWN_SETTING ||
            engine_code == CODE_READONLY) &&
           clickhouse_learn_refused(q->ch, text);
}

void clickhouse_query_sent(void *user, CURL *easy, CURLcode code)
{
    struct db_query *q = user;
    struct err err;
    q->transfer = NULL; /* freed by the caller */
    if (may_retry(q, code)) {
        query_rest(q, rests_ms[q->attempts - 1]);
        return;
    }
    if (is_setting_refused(q, code)) {
        q->attempts--;
        query_rest(q, 0);
        return;
    }
    int rc = verdict(q, easy, code, &err);
    if (rc < 0 && code != CURLE_OK && q->attempts > 0 && err.code != ERR_UNAVAILABLE)
        clickhouse_query_kill(q);
    clickhouse_query_finish(q, rc < 0 ? &err : NULL);
}
