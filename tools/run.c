#include "run.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bind.h"
#include "json.h"
#include "period.h"
#include "rpc.h"
#include "run_internal.h"
#include "sql_text.h"

/* --- queries of a round -------------------------------------------------------------------- */

static void run_free(struct run_state *r);

static void query_release(struct run_query *q)
{
    query_done(&q->query);
    rows_done(&q->rows);
    q->started = NULL;
}

static void round_release(struct run_state *r)
{
    for (size_t i = 0; i < r->query_count; i++)
        query_release(&r->queries[i]);
    r->query_count = 0;
}

int run_query(struct run *run, struct query *q, const struct sql_text *text,
              const struct query_fragment *fragments, size_t max_rows, struct err *ret_err)
{
    struct run_state *r = run_state_of(run);
    if (r->query_count == RUN_MAX_QUERIES)
        return err_set(ret_err, ERR_INTERNAL, NULL, "too many queries in one round");
    int rc = query_render(q, text, fragments, ret_err);
    if (rc < 0)
        return rc;
    struct run_query *slot = &r->queries[r->query_count];
    *slot = (struct run_query){.run = run, .name = text->name, .query = *q};
    query_init(q);
    rows_init(&slot->rows, max_rows != 0 ? max_rows : 10000, RUN_MAX_BYTES);
    return (int)r->query_count++;
}

bool run_has_asked(const struct run *run)
{
    return run_state_of_const(run)->query_count > 0;
}

void run_set_argument(struct run *run, const char *name, json_t *value)
{
    json_object_set_new(run_state_of(run)->bound, name, value);
}

const json_t *run_rows(const struct run *run, int index)
{
    return run_state_of_const(run)->queries[index].rows.items;
}

bool run_rows_truncated(const struct run *run, int index)
{
    return run_state_of_const(run)->queries[index].rows.is_truncated;
}

static int on_data(void *user, const char *bytes, size_t len)
{
    struct run_query *q = user;
    return run_state_of(q->run)->is_answered ? -1 : rows_feed(&q->rows, bytes, len);
}

static void cancel_queries(struct run_state *r)
{
    for (size_t i = 0; i < r->query_count; i++)
        if (r->queries[i].started != NULL)
            db_cancel(r->run.workspace->db, r->queries[i].started);
}

static void note_failure(struct run_state *r, const struct err *err)
{
    if (r->failure.code == ERR_OK)
        r->failure = *err;
    cancel_queries(r);
}

/* Of a run that has been answered before: counts the end of a query, frees after the last one. */
static bool forget_answered(struct run_state *r)
{
    if (!r->is_answered)
        return false;
    if (--r->running == 0)
        run_free(r);
    return true;
}

static int start_query(struct run_state *r, struct run_query *q, struct err *ret_err);

/* A database may bound how long a query of this user may take: then that is how long it takes. */
static bool start_again(struct run_state *r, struct run_query *q, const struct err *err)
{
    enum { SETTING_CONSTRAINT_VIOLATION = 452 }; /* of ClickHouse's error codes */
    if (err == NULL || err->engine_code != SETTING_CONSTRAINT_VIOLATION || q->time_ms == 0 ||
        r->is_cancelled || r->failure.code != ERR_OK)
        return false;
    r->query_ms = q->time_ms = 0;
    return start_query(r, q, NULL) == 0;
}

static void on_done(void *user, const struct err *err, const struct db_stats *stats)
{
    struct run_query *q = user;
    struct run_state *r = run_state_of(q->run);
    if (forget_answered(r))
        return;
    q->started = NULL;
    if (start_again(r, q, err))
        return;
    q->stats = *stats;
    r->stats.rows_read += stats->rows_read;
    r->stats.bytes_read += stats->bytes_read;
    struct err failure = {0};
    /* Reading stops when a cap is hit, which is a result and not an error, or at a broken row. */
    bool is_own_stop =
        err != NULL && err->code == ERR_LIMIT && (q->rows.is_truncated || q->rows.failed);
    if (err != NULL && !is_own_stop)
        note_failure(r, err);
    else if (rows_end(&q->rows, &failure) < 0)
        note_failure(r, &failure);
    if (--r->running == 0 && !r->is_starting)
        run_advance(r);
}

/* What has ended counts as read in full. */
static void on_progress(void *user, const struct db_stats *so_far)
{
    struct run_query *q = user;
    struct run_state *r = run_state_of(q->run);
    if (r->progress == NULL || r->is_answered)
        return;
    q->stats = *so_far;
    uint64_t done = r->stats.rows_read, total = done;
    for (size_t i = 0; i < r->query_count; i++) {
        const struct db_stats *stats = &r->queries[i].stats;
        if (r->queries[i].started == NULL)
            continue;
        done += stats->rows_read;
        total += stats->rows_total > stats->rows_read ? stats->rows_total : stats->rows_read;
    }
    r->progress(r->user, (double)done, total > done ? (double)total : 0);
}

static int start_query(struct run_state *r, struct run_query *q, struct err *ret_err)
{
    struct db_request request = {
        .format = "JSONCompactEachRow",
        /* The reader's own cap comes first: it keeps what came. */
        .limits = {.result_bytes = (uint64_t)2 * RUN_MAX_BYTES, .time_ms = q->time_ms},
        .tag = r->run.tool->name,
        .on_data = on_data,
        .on_progress = r->progress != NULL ? on_progress : NULL,
        .on_done = on_done,
        .user = q};
    return query_start(r->run.workspace->db, &q->query, &request, &q->started, ret_err);
}

static void start_round(struct run_state *r)
{
    r->is_starting = true;
    for (size_t i = 0; i < r->query_count && r->failure.code == ERR_OK; i++) {
        struct err err = {0};
        r->queries[i].time_ms = r->query_ms;
        if (start_query(r, &r->queries[i], &err) < 0)
            note_failure(r, &err);
        else
            r->running++;
    }
    r->is_starting = false;
    /* Nothing could be started: move on from the loop, never from inside the caller. */
    if (r->running == 0)
        workspace_push(r->run.workspace, r);
}

/* --- explain only --------------------------------------------------------------------------- */

static bool wants(const struct run_state *r, const char *explain)
{
    return strcmp(json_get_string(r->run.arguments, "explain", "none"), explain) == 0;
}

static void keep_explained(struct run_state *r)
{
    for (size_t i = 0; i < r->query_count; i++)
        json_array_append_new(r->explained, meta_query(&r->queries[i]));
}

/* Turns the round's queries into EXPLAIN ESTIMATE of themselves. */
static void explain_round(struct run_state *r)
{
    for (size_t i = 0; i < r->query_count; i++) {
        struct buf sql = {0};
        buf_printf(&sql, "EXPLAIN ESTIMATE %s", buf_text(&r->queries[i].query.sql));
        buf_done(&r->queries[i].query.sql);
        r->queries[i].query.sql = sql;
    }
}

/* EXPLAIN ESTIMATE gives (database, table, parts, rows, marks); bytes are those of whole rows, an
 * upper bound. */
static void keep_estimates(struct run_state *r)
{
    for (size_t i = 0; i < r->query_count; i++) {
        json_int_t rows = 0;
        double bytes_per_row = r->run.source != NULL ? r->run.source->bytes_per_row : 0;
        const json_t *items = r->queries[i].rows.items;
        for (size_t k = 0; k < json_array_size(items); k++)
            rows += json_integer_value(json_array_get(json_array_get(items, k), 3));
        json_object_set_new(json_array_get(r->explained, i), "estimate",
                            json_pack("{s:I, s:I}", "rows", rows, "bytes",
                                      (json_int_t)((double)rows * bytes_per_row)));
    }
}

/* --- the end --------------------------------------------------------------------------------- */

static void run_free(struct run_state *r)
{
    round_release(r);
    if (r->run.state_free != NULL)
        r->run.state_free(r->run.state);
    json_decref(r->run.result);
    buf_done(&r->run.text);
    if (r->sources != NULL)
        sources_free(r->sources);
    json_decref(r->bound);
    json_decref(r->events);
    json_decref(r->fields);
    json_decref(r->paths);
    json_decref(r->warnings);
    json_decref(r->next);
    json_decref(r->explained);
    json_decref(r->truncated);
    free(r);
}

/* Bytes of a text, and of the notes that may end it. */
enum { TEXT_MAX = 25000, NOTES_MAX = 4000 };

/* Cuts at a line, so that no row is half; a single line is cut where it must. */
static void cut_text(struct buf *text, size_t max)
{
    size_t len = max;
    while (len > 0 && text->data[len] != '\n')
        len--;
    text->len = len > max / 2 ? len : max;
    text->data[text->len] = '\0';
}

/* Which period an answer is about stands in its first line. */
static void name_period(const struct run_state *r, struct buf *text)
{
    const struct run *run = &r->run;
    if (run->source == NULL || !run_takes(run->subject, "from"))
        return;
    const char *whole = buf_text(text);
    size_t first = strcspn(whole, "\n");
    char period[128];
    period_text(run->period.from_us, run->period.to_us, run->period.zone, period, sizeof period);
    struct buf named = {0};
    buf_printf(&named, "%.*s%sPeriod: %s.%s", (int)first, whole, first > 0 ? " " : "", period,
               whole + first);
    buf_done(text);
    *text = named;
}

/* The table gives way to the notes: they say what the figures do not. */
static json_t *final_text(struct run_state *r)
{
    struct buf *text = &r->run.text;
    struct buf notes = {0};
    name_period(r, text);
    size_t i;
    json_t *item;
    json_array_foreach (r->warnings, i, item)
        if (notes.len < NOTES_MAX)
            buf_printf(&notes, "\nNote: %s", json_string_value(item));
    if (text->len + notes.len > TEXT_MAX) {
        cut_text(text, TEXT_MAX - notes.len - 120);
        buf_puts(text, "\n… cut: ask for fewer rows (limit) or a narrower period");
    }
    buf_puts(text, text->len > 0 || notes.len == 0 ? buf_text(&notes) : buf_text(&notes) + 1);
    buf_done(&notes);
    return rpc_text(buf_text(text)); /* names may be cut inside a character */
}

static void answer(struct run_state *r)
{
    struct run_result result = {.err = r->failure};
    if (r->is_cancelled && result.err.code == ERR_OK)
        err_set(&result.err, ERR_CANCELLED, NULL, "the call was cancelled");
    if (result.err.code == ERR_OK) {
        json_object_set_new(r->run.result, "meta", meta_build(r));
        if ((r->run.tool->flags & TOOL_WHOLE_RESULT) == 0)
            meta_cap(r);
        result.structured = r->run.result;
        result.text = final_text(r);
    }
    r->done(r->user, &result);
    json_decref(result.text);
}

static void end_run(struct run_state *r)
{
    r->phase = RUN_ENDED;
    limit_forget(r);
    answer(r);
    run_free(r);
}

/* An engine may need its time to stop, and the caller has waited long enough. */
void run_expire(struct run_state *r)
{
    limit_forget(r);
    if (r->failure.code != ERR_OK || r->is_cancelled)
        return;
    err_set(&r->failure, ERR_TIMEOUT, NULL, "the call was stopped");
    limit_advise(r);
    cancel_queries(r);
    if (r->running == 0)
        return; /* run_advance() is on its way */
    r->is_answered = true;
    answer(r);
}

/* --- steps ------------------------------------------------------------------------------------ */

static int plan_step(struct run_state *r, struct err *ret_err)
{
    const struct step *step = &r->run.tool->steps[r->step];
    if (step->plan == NULL) {
        if (wants(r, "only"))
            buf_puts(&r->run.text, "Nothing to explain: this call needs no query.");
        return 0;
    }
    int rc = step->plan(&r->run, ret_err);
    if (rc < 0)
        return rc;
    if (!wants(r, "none"))
        keep_explained(r);
    if (wants(r, "only"))
        explain_round(r);
    return 1;
}

static int shape_step(struct run_state *r, struct err *ret_err)
{
    if (wants(r, "only")) {
        keep_estimates(r);
        buf_puts(&r->run.text, "Not run. The queries, their parameters and the rows they would "
                               "read are in meta.queries.");
        r->step = SIZE_MAX;
        return 0;
    }
    const struct step *step = &r->run.tool->steps[r->step];
    int rc = step->shape != NULL ? step->shape(&r->run, ret_err) : 0;
    r->step++;
    return rc;
}

/* Plans the phase; 1 = its queries run, 0 = go on to the next phase, negative = failed. */
static int enter_phase(struct run_state *r, struct err *ret_err)
{
    switch (r->phase) {
    case RUN_SOURCES:
        return prelude_source(r, ret_err);
    case RUN_ZONE:
        return r->run.source != NULL ? prelude_zone(r, ret_err) : 0;
    case RUN_BOUNDS:
        return r->run.source != NULL ? prelude_bounds(r, ret_err) : 0;
    case RUN_NAMES:
        return r->run.source != NULL ? prelude_names(r, ret_err) : 0;
    case RUN_NEAREST:
        return prelude_nearest(r, ret_err);
    case RUN_STEPS:
        return r->step == SIZE_MAX ? 0 : plan_step(r, ret_err);
    case RUN_ENDED:
        return 0;
    }
    return 0;
}

static int read_phase(struct run_state *r, struct err *ret_err)
{
    switch (r->phase) {
    case RUN_ZONE:
        return prelude_zone_rows(r, ret_err);
    case RUN_BOUNDS:
        return prelude_bounds_rows(r, ret_err);
    case RUN_NAMES:
        return prelude_names_rows(r, ret_err);
    case RUN_NEAREST:
        return prelude_nearest_rows(r, ret_err);
    case RUN_STEPS:
        return shape_step(r, ret_err);
    case RUN_SOURCES:
    case RUN_ENDED:
        return 0;
    }
    return 0;
}

static void sources_arrived(void *user, struct sources *sources, const struct err *err)
{
    struct run_state *r = user;
    if (r->is_answered && sources != NULL)
        sources_free(sources);
    if (forget_answered(r))
        return;
    r->running = 0;
    if (err != NULL) {
        r->failure = *err;
    } else {
        r->sources = sources;
        workspace_keep_sources(r->run.workspace, sources);
    }
    run_advance(r);
}

static int want_sources(struct run_state *r, struct err *ret_err)
{
    if (r->sources != NULL)
        return 0;
    r->sources = workspace_sources(r->run.workspace);
    /* A name that is not in the cached list may be new. */
    const char *name = json_get_string(r->run.arguments, "source", NULL);
    if (r->sources != NULL && name != NULL && sources_find(r->sources, name, NULL) == NULL) {
        sources_free(r->sources);
        r->sources = NULL;
    }
    if (r->sources != NULL && !(r->run.tool->flags & TOOL_NO_SOURCE))
        return 0;
    if (r->sources != NULL)
        sources_free(r->sources);
    r->sources = NULL;
    int rc = sources_load(r->run.workspace->db, r->run.workspace->config_sources, sources_arrived,
                          r, ret_err);
    r->running = rc == 0 ? 1 : 0;
    return rc < 0 ? rc : 1;
}

enum { BAD_ARGUMENTS = 36, CANNOT_COMPILE_REGEXP = 427 }; /* of ClickHouse's error codes */

static bool is_bad_regex(const struct err *err)
{
    /* What replaces says it with the code of all bad arguments. */
    return err->engine_code == CANNOT_COMPILE_REGEXP ||
           (err->engine_code == BAD_ARGUMENTS &&
            (strstr(err->raw, "re2 pattern") != NULL || strstr(err->raw, "Substitution") != NULL));
}

/* "…: REGEX, error: …", "…: REGEX: …" */
static bool is_named_in(const char *raw, const char *regex)
{
    size_t len = strlen(regex);
    for (const char *at = strstr(raw, regex); at != NULL; at = strstr(at + 1, regex))
        if (at - raw >= 2 && strncmp(at - 2, ": ", 2) == 0 && (at[len] == ':' || at[len] == ','))
            return true;
    return false;
}

/* The path of a regular expression, of a filter or of a rule that cleans texts: the first one that
 * stands in `raw`, what the engine says; NULL = the first. */
static bool find_regex(const json_t *value, const char *raw, const char *path, char *ret_path,
                       size_t size)
{
    bool is_filter = strcmp(json_get_string(value, "op", ""), "regex") == 0;
    const char *member = is_filter ? "value" : "regex";
    const char *regex = json_get_string(value, member, NULL);
    if (regex != NULL && (raw == NULL || is_named_in(raw, regex))) {
        snprintf(ret_path, size, "%s.%s", path, member);
        return true;
    }
    char at[sizeof((struct err *)NULL)->field];
    for (size_t i = 0; i < json_array_size(value); i++) {
        snprintf(at, sizeof at, "%s[%zu]", path, i);
        if (find_regex(json_array_get(value, i), raw, at, ret_path, size))
            return true;
    }
    const char *key;
    json_t *child;
    json_object_foreach ((json_t *)value, key, child) {
        snprintf(at, sizeof at, "%s%s%s", path, path[0] != '\0' ? "." : "", key);
        if (find_regex(child, raw, at, ret_path, size))
            return true;
    }
    return false;
}

/* Bad arguments of a nested kind and errors of the engine alike end here. */
static void translate_failure(struct run_state *r)
{
    if (r->phase == RUN_ZONE && r->failure.code == ERR_ENGINE)
        err_set(&r->failure, ERR_ARGUMENT, "tz", "'%.60s' is no IANA time zone, like Europe/Berlin",
                json_get_string(r->run.arguments, "tz", ""));
    char path[sizeof r->failure.field];
    if (is_bad_regex(&r->failure) &&
        (find_regex(r->run.arguments, r->failure.raw, "", path, sizeof path) ||
         find_regex(r->run.arguments, NULL, "", path, sizeof path)))
        err_set(&r->failure, ERR_ARGUMENT, path,
                "not a valid regular expression, or its alias names a group that it lacks; RE2 "
                "syntax is allowed, like ^/checkout/[0-9]+$");
    if (r->failure.code == ERR_TIMEOUT && r->failure.engine_code != 0)
        limit_advise(r);
    /* A source that changed under us: look again next time. */
    if (r->failure.code == ERR_NOT_FOUND)
        workspace_forget_sources(r->run.workspace);
}

/* A plan or shape function said that it failed; the next turn of run_advance() ends the run. */
static void fail_run(struct run_state *r)
{
    if (r->failure.code == ERR_OK)
        err_set(&r->failure, ERR_INTERNAL, NULL, "%s failed without a reason", r->run.tool->name);
    round_release(r);
}

/* Moves on as far as possible without waiting: called when a round has ended, or at the start. */
void run_advance(struct run_state *r)
{
    while (true) {
        if (r->running > 0)
            return;
        if (r->is_cancelled || r->failure.code != ERR_OK) {
            translate_failure(r);
            end_run(r);
            return;
        }
        int rc = 0;
        if (r->query_count > 0) {
            enum run_phase phase = r->phase;
            rc = read_phase(r, &r->failure);
            round_release(r);
            if (rc >= 0 && phase != RUN_STEPS)
                r->phase++;
        }
        if (rc >= 0 && r->phase == RUN_SOURCES) {
            rc = want_sources(r, &r->failure);
            if (rc == 1)
                return;
        }
        if (rc >= 0)
            rc = enter_phase(r, &r->failure);
        if (rc >= 0 && r->query_count > 0) {
            start_round(r);
            return;
        }
        if (rc == 0 && r->phase == RUN_STEPS) {
            end_run(r);
            return;
        }
        if (rc > 0 && r->phase == RUN_STEPS)
            rc = shape_step(r, &r->failure); /* a plan that needed no query */
        else if (rc >= 0)
            r->phase++;
        if (rc < 0)
            fail_run(r);
    }
}

struct run *run_start(struct workspace *workspace, const struct tool *tool, const json_t *arguments,
                      const char *call_id, void (*progress)(void *user, double done, double total),
                      void (*done)(void *user, const struct run_result *result), void *user)
{
    struct run_state *r = calloc(1, sizeof *r);
    if (r == NULL)
        return NULL;
    r->run = (struct run){.tool = tool, .workspace = workspace, .result = json_object()};
    r->run.period.zone = &zone_utc;
    snprintf(r->call_id, sizeof r->call_id, "%s", call_id);
    r->progress = progress;
    r->done = done;
    r->user = user;
    r->started_ns = uv_hrtime();
    r->next_offset = -1;
    r->events = json_array();
    r->fields = json_array();
    r->paths = json_object();
    r->warnings = json_array();
    r->next = json_array();
    r->explained = json_array();
    r->run.subject = tool;
    if (bind_arguments(tool->params, arguments, &r->bound, &r->failure) == 0)
        r->run.arguments = r->bound;
    else if (tool->refused != NULL)
        tool->refused(arguments, &r->failure);
    json_t *delegated;
    if (r->run.arguments != NULL && tool->delegate != NULL &&
        tool->delegate(r->bound, &r->run.subject, &delegated, &r->failure) == 0) {
        json_decref(r->bound);
        r->bound = delegated;
        r->run.arguments = delegated;
    }
    workspace_push(workspace, r);
    return &r->run;
}

void run_cancel(struct run *run)
{
    struct run_state *r = run_state_of(run);
    r->is_cancelled = true;
    cancel_queries(r);
}

/* --- notes ------------------------------------------------------------------------------------ */

void run_warn(struct run *run, const char *fmt, ...)
{
    char text[512];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    json_t *warnings = run_state_of(run)->warnings, *warning = rpc_text(text);
    for (size_t i = 0; i < json_array_size(warnings); i++)
        if (json_equal(json_array_get(warnings, i), warning)) { /* it is said already */
            json_decref(warning);
            return;
        }
    json_array_append_new(warnings, warning);
}

void run_suggest(struct run *run, const char *tool, json_t *arguments, const char *why)
{
    json_array_append_new(run_state_of(run)->next, json_pack("{s:s, s:o, s:s}", "tool", tool,
                                                             "arguments", arguments, "why", why));
}

void run_truncated(struct run *run, const char *reason, int64_t limit, const char *hint)
{
    struct run_state *r = run_state_of(run);
    json_decref(r->truncated);
    r->truncated =
        json_pack("{s:s, s:I, s:s}", "reason", reason, "limit", (json_int_t)limit, "hint", hint);
}

bool run_takes(const struct tool *tool, const char *param)
{
    const struct param *p = tool->params;
    while (p->name != NULL && strcmp(p->name, param) != 0)
        p++;
    return p->name != NULL;
}

json_t *run_same_arguments(const struct run *run)
{
    json_t *same = json_object();
    const struct param *p;
    for (p = run->tool->params; p->name != NULL; p++) {
        json_t *value = json_object_get(run->arguments, p->name);
        if (value == NULL || strcmp(p->name, "limit") == 0 || strcmp(p->name, "cursor") == 0 ||
            strcmp(p->name, "format") == 0 || strcmp(p->name, "explain") == 0)
            continue;
        json_t *fallback =
            p->fallback != NULL ? json_loads(p->fallback, JSON_DECODE_ANY, NULL) : NULL;
        if (fallback == NULL || !json_equal(fallback, value))
            json_object_set(same, p->name, value);
        json_decref(fallback);
    }
    return same;
}

int run_page(const struct run *run, int64_t fallback_limit, int64_t *ret_limit, int64_t *ret_offset,
             struct err *ret_err)
{
    const char *cursor = json_get_string(run->arguments, "cursor", NULL);
    *ret_limit = json_get_integer(run->arguments, "limit", fallback_limit);
    *ret_offset = 0;
    if (cursor == NULL || cursor[0] == '\0')
        return 0;
    char *end;
    long long offset = cursor[0] == 'o' ? strtoll(cursor + 1, &end, 10) : -1;
    if (offset < 0 || offset > 1000000000 || *end != '\0')
        return err_set(ret_err, ERR_ARGUMENT, "cursor",
                       "'%.40s' is no cursor of this tool; pass the one of the last result",
                       cursor);
    *ret_offset = offset;
    return 0;
}

void run_set_cursor(struct run *run, int64_t next_offset)
{
    json_object_set_new(run->result, "cursor", json_sprintf("o%lld", (long long)next_offset));
}

json_t *run_time(const struct run *run, int64_t unix_us)
{
    char text[48];
    period_format(unix_us, run->period.zone, text, sizeof text);
    return json_string(text);
}

json_t *run_date(const struct run *run, int64_t unix_us)
{
    char text[48];
    period_format_date(unix_us, run->period.zone, text, sizeof text);
    return json_string(text);
}
