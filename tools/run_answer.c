/* How a run ends: with its result and text, or with an error in the words of the call. */
#include <stdio.h>
#include <string.h>

#include "json.h"
#include "period.h"
#include "rpc.h"
#include "run_internal.h"

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
    json_decref(r->links);
    json_decref(r->explained);
    json_decref(r->truncated);
    free(r);
}

/* Of a run that has been answered before: counts the end of a query, frees after the last one. */
bool run_forget_answered(struct run_state *r)
{
    if (!r->is_answered)
        return false;
    if (--r->running == 0)
        run_free(r);
    return true;
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

/* The table gives way to the notes: they say what the figures do not, nor the text already. */
static json_t *final_text(struct run_state *r)
{
    struct buf *text = &r->run.text;
    struct buf notes = {0};
    name_period(r, text);
    size_t i;
    json_t *item;
    json_array_foreach (r->warnings, i, item)
        if (notes.len < NOTES_MAX && strstr(buf_text(text), json_string_value(item)) == NULL)
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
        result.links = r->links;
    }
    r->done(r->user, &result);
    json_decref(result.text);
}

void run_end(struct run_state *r)
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
    round_cancel(r);
    if (r->running == 0)
        return; /* run_advance() is on its way */
    r->is_answered = true;
    answer(r);
}

/* --- errors ---------------------------------------------------------------------------------- */

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
void run_translate_failure(struct run_state *r)
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
