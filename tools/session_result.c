#include "session_result.h"

#include <stdio.h>
#include <string.h>

#include "rpc.h"
#include "text.h"
#include "json.h"

enum {
    PAGES_MAX = 100,
    FRUSTRATIONS_MAX = 50,
    ERRORS_MAX = 50,
    PROBLEMS_MAX = 50,
    HEAT_BUCKETS = 60
};

static const int64_t same_error_us = 1000000;

static json_int_t at_ms(const struct session *s, int64_t at_us)
{
    return (at_us - s->first_us) / 1000;
}

static void set_text(json_t *object, const char *key, const char *text)
{
    if (text != NULL && text[0] != '\0')
        json_object_set_new(object, key, rpc_text(text));
}

/* --- summary ---------------------------------------------------------------------------------- */

static json_t *pages_json(const struct session *s)
{
    json_t *pages = json_array();
    for (size_t i = 0; i < s->page_count && i < PAGES_MAX; i++) {
        const struct page_visit *page = &s->pages[i];
        json_array_append_new(pages, json_pack("{s:s, s:I, s:f}", "url", page->url, "entered_ms",
                                               at_ms(s, page->entered_us), "stayed_s",
                                               (double)(page->left_us - page->entered_us) / 1e6));
    }
    return pages;
}

static json_t *counts_json(const struct session_counts *c, size_t pages)
{
    const struct {
        const char *name;
        int64_t value;
    } all[] = {
        {"pages", (int64_t)pages},     {"clicks", c->clicks},
        {"inputs", c->inputs},         {"scrolls", c->scrolls},
        {"errors", c->errors},         {"console_errors", c->console_errors},
        {"requests", c->requests},     {"failed_requests", c->failed_requests},
        {"custom", c->custom},         {"vitals", c->vitals},
        {"spans", c->spans},           {"replay_events", c->events},
        {"mouse_moves", c->moves},     {"mutations", c->mutations},
        {"snapshots", c->snapshots},   {"media", c->media},
        {"selections", c->selections}, {"resizes", c->resizes},
    };
    json_t *counts = json_object();
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        json_object_set_new(counts, all[i].name, json_integer(all[i].value));
    return counts;
}

static json_t *frustration_json(const struct session *s)
{
    json_t *list = json_array();
    for (size_t i = 0; i < s->frustration_count && i < FRUSTRATIONS_MAX; i++) {
        const struct frustration *f = &s->frustrations[i];
        json_t *item = json_pack("{s:s, s:I}", "kind", frustration_names[f->kind], "at_ms",
                                 at_ms(s, f->at_us));
        set_text(item, "target", f->target);
        json_array_append_new(list, item);
    }
    return list;
}

/* What a failed entry says in one line. */
static void failure_text(const struct entry *e, char *out, size_t size)
{
    if (e->kind == ENTRY_NETWORK && e->status > 0)
        snprintf(out, size, "%s %s %lld", e->text != NULL ? e->text : "",
                 e->url != NULL ? e->url : "", (long long)e->status);
    else if (e->kind == ENTRY_NETWORK)
        snprintf(out, size, "%s %s failed", e->text != NULL ? e->text : "",
                 e->url != NULL ? e->url : "");
    else
        snprintf(out, size, "%s", e->text != NULL ? e->text : entry_kind_names[e->kind]);
}

static bool is_error(const struct entry *e)
{
    return e->is_failure &&
           (e->kind == ENTRY_ERROR || e->kind == ENTRY_CONSOLE || e->kind == ENTRY_NETWORK);
}

/* An exception is often told again on the console a moment later: once is enough. */
static json_t *errors_json(const struct session *s)
{
    json_t *list = json_array();
    const struct entry *last = NULL;
    for (size_t i = 0; i < s->entry_count && json_array_size(list) < ERRORS_MAX; i++) {
        const struct entry *e = &s->entries[i];
        char message[600];
        if (!is_error(e))
            continue;
        if (last != NULL && e->at_us - last->at_us <= same_error_us && e->text != NULL &&
            last->text != NULL && e->kind != ENTRY_NETWORK &&
            (strstr(e->text, last->text) != NULL || strstr(last->text, e->text) != NULL))
            continue;
        failure_text(e, message, sizeof message);
        json_t *item = json_pack("{s:I}", "at_ms", at_ms(s, e->at_us));
        json_object_set_new(item, "message", rpc_text(message)); /* may be cut in a character */
        json_array_append_new(list, item);
        last = e;
    }
    return list;
}

static json_t *summary_json(const struct run *run, const struct session *s,
                            const struct session_view *view)
{
    json_t *summary = json_pack("{s:s}", "session", view->session);
    set_text(summary, "actor", view->actor);
    set_text(summary, "device", view->person.device);
    set_text(summary, "browser", view->person.browser);
    set_text(summary, "country", view->person.country);
    json_object_set_new(summary, "started_at", run_time(run, s->first_us));
    json_object_set_new(summary, "duration_s", json_real((double)(s->last_us - s->first_us) / 1e6));
    json_object_set_new(summary, "pages", pages_json(s));
    json_object_set_new(summary, "counts", counts_json(&s->counts, s->page_count));
    json_object_set_new(summary, "frustration", frustration_json(s));
    json_object_set_new(summary, "errors", errors_json(s));
    return summary;
}

/* --- heat ------------------------------------------------------------------------------------- */

/* How much a thing weighs against one movement of the pointer. */
static double weight_of(const struct entry *e)
{
    static const double weights[ENTRY_KINDS] = {
        [ENTRY_NAVIGATION] = 5, [ENTRY_CLICK] = 4,   [ENTRY_INPUT] = 2,  [ENTRY_SCROLL] = 2,
        [ENTRY_CONSOLE] = 1,    [ENTRY_NETWORK] = 1, [ENTRY_CUSTOM] = 3,
    };
    return e->is_failure ? 10 : weights[e->kind] * (double)e->times;
}

static json_t *heat_json(const struct session *s)
{
    double weights[HEAT_BUCKETS] = {0}, most = 0;
    int64_t width_us = (s->last_us - s->first_us) / HEAT_BUCKETS + 1;
    if (width_us < 1000000)
        width_us = 1000000;
    for (size_t i = 0; i < s->entry_count; i++)
        weights[(s->entries[i].at_us - s->first_us) / width_us] += weight_of(&s->entries[i]);
    for (size_t i = 0; i < s->moment_count; i++)
        if (s->moments[i].kind == MOMENT_ACTIVITY)
            weights[(s->moments[i].at_us - s->first_us) / width_us] += (double)s->moments[i].times;
    for (size_t i = 0; i < HEAT_BUCKETS; i++)
        most = weights[i] > most ? weights[i] : most;
    json_t *heat = json_array();
    for (size_t i = 0; i < HEAT_BUCKETS; i++)
        if (weights[i] > 0) {
            /* two decimals are enough for a strip of colour */
            double share = (double)(int)(weights[i] / most * 100 + 0.5) / 100;
            json_array_append_new(heat, json_pack("{s:I, s:f}", "at_ms",
                                                  (json_int_t)((int64_t)i * width_us / 1000),
                                                  "weight", share));
        }
    return heat;
}

/* --- timeline --------------------------------------------------------------------------------- */

/* The words of an entry, without its target and address. */
static void entry_words(const struct entry *e, char *out, size_t size)
{
    const char *text = e->text != NULL ? e->text : "";
    double span_s = (double)(e->end_us - e->at_us) / 1e6;
    switch (e->kind) {
    case ENTRY_NAVIGATION:
        snprintf(out, size, "opened");
        break;
    case ENTRY_CLICK:
        if (e->times > 1)
            snprintf(out, size, "clicked %zu times in %.1f s", e->times, span_s);
        else
            snprintf(out, size, "clicked");
        break;
    default:
        snprintf(out, size, "%s", text[0] != '\0' ? text : entry_kind_names[e->kind]);
        break;
    }
}

static json_t *entry_json(const struct session *s, const struct entry *e)
{
    char words[600];
    entry_words(e, words, sizeof words);
    json_t *item = json_pack("{s:I, s:s, s:o}", "at_ms", at_ms(s, e->at_us), "kind",
                             entry_kind_names[e->kind], "text", rpc_text(words));
    set_text(item, "target", e->target);
    set_text(item, "url", e->url);
    if (e->status > 0)
        json_object_set_new(item, "status", json_integer(e->status));
    if (e->duration_ms >= 0)
        json_object_set_new(item, "duration_ms", json_real(e->duration_ms));
    return item;
}

/* What an overview shows of the timeline. */
static bool is_highlight(const struct entry *e)
{
    return e->kind == ENTRY_NAVIGATION || e->kind == ENTRY_CUSTOM || e->kind == ENTRY_IDLE ||
           is_error(e) || (e->kind == ENTRY_CLICK && e->times > 1);
}

static bool is_shown(const struct entry *e, const struct session_view *view)
{
    return e->at_us >= view->from_us && e->at_us <= view->to_us && view->include[e->kind] &&
           (view->is_timeline || is_highlight(e));
}

static void clock_text(int64_t ms, char *out, size_t size)
{
    snprintf(out, size, "%lld:%04.1f", (long long)(ms / 60000), (double)(ms % 60000) / 1000);
}

void session_entry_line(const struct entry *e, char *out, size_t size)
{
    char words[600], status[48] = "";
    entry_words(e, words, sizeof words);
    if (e->status > 0)
        snprintf(status, sizeof status, " %lld", (long long)e->status);
    const char *joint = e->target == NULL                        ? ""
                        : e->kind == ENTRY_CLICK && e->times > 1 ? " on "
                        : strncmp(words, "typed", 5) == 0        ? " into "
                                                                 : " ";
    snprintf(out, size, "%s%s%.200s%s%.400s%s", words, joint, e->target != NULL ? e->target : "",
             e->url != NULL ? " " : "", e->url != NULL ? e->url : "", status);
}

static void text_entry(struct buf *text, const struct session *s, const struct entry *e)
{
    char at[32], what[1400];
    clock_text(at_ms(s, e->at_us), at, sizeof at);
    session_entry_line(e, what, sizeof what);
    const char *cells[] = {at, entry_kind_names[e->kind], what};
    text_row(text, cells, 3);
}

static json_t *timeline_json(struct run *run, const struct session *s,
                             const struct session_view *view)
{
    json_t *timeline = json_array();
    int64_t nth = 0;
    static const char *const columns[] = {"at", "kind", "what", NULL};
    for (size_t i = 0; i < s->entry_count; i++) {
        const struct entry *e = &s->entries[i];
        if (!is_shown(e, view) || nth++ < view->offset)
            continue;
        if (nth > view->offset + view->limit) {
            run_set_cursor(run, view->offset + view->limit);
            break;
        }
        if (json_array_size(timeline) == 0) {
            text_table(&run->text, columns);
        }
        json_array_append_new(timeline, entry_json(s, e));
        text_entry(&run->text, s, e);
    }
    return timeline;
}

/* --- recording -------------------------------------------------------------------------------- */

static json_t *incomplete_json(const struct session *s)
{
    json_t *list = json_array();
    for (size_t i = 0; i < s->incomplete_count && i < PROBLEMS_MAX; i++) {
        const struct incomplete *p = &s->incomplete[i];
        json_array_append_new(list, json_pack("{s:I, s:I, s:s, s:I, s:I}", "at_ms",
                                              at_ms(s, p->at_us), "event", (json_int_t)p->event,
                                              "reason", p->reason, "chunks", (json_int_t)p->have,
                                              "expected", (json_int_t)p->expected));
    }
    return list;
}

static json_t *gaps_json(const struct session *s, const json_t *rows)
{
    json_t *list = json_array();
    for (size_t i = 0; i < json_array_size(rows); i++) {
        const json_t *row = json_array_get(rows, i);
        json_array_append_new(list, json_pack("{s:I, s:I, s:I}", "from_ms",
                                              at_ms(s, json_at_integer(row, 0)), "to_ms",
                                              at_ms(s, json_at_integer(row, 1)), "missing_events",
                                              json_at_integer(row, 2)));
    }
    return list;
}

static json_t *replay_json(const struct run *run, const struct session *s,
                           const struct session_view *view)
{
    json_t *replay =
        json_pack("{s:I, s:I, s:o, s:I, s:o}", "events", (json_int_t)s->counts.events, "chunks",
                  (json_int_t)s->counts.chunks, "incomplete", incomplete_json(s), "tabs",
                  (json_int_t)s->instances, "gaps", gaps_json(s, view->gaps));
    if (s->replay_first_us <= s->replay_last_us)
        json_object_set_new(replay, "first_ms", json_integer(at_ms(s, s->replay_first_us)));
    if (run->source->replay_url != NULL)
        json_object_set_new(replay, "url",
                            text_replay_url(run->source->replay_url, view->session, s->first_us));
    return replay;
}

/* --- text ------------------------------------------------------------------------------------- */

static void headline(struct run *run, const struct session *s, const struct session_view *view)
{
    struct buf *t = &run->text;
    char duration[64];
    text_duration(duration, sizeof duration, (double)(s->last_us - s->first_us) / 1e6);
    buf_printf(t, "Session %s", view->session);
    if (view->actor[0] != '\0')
        buf_printf(t, " of %s", view->actor);
    const char *facts[] = {view->person.device, view->person.browser, view->person.country};
    size_t known = 0;
    for (size_t i = 0; i < 3; i++)
        if (facts[i][0] != '\0')
            buf_printf(t, "%s%s", known++ == 0 ? " (" : ", ", facts[i]);
    buf_puts(t, known > 0 ? ")" : "");
    const struct session_counts *c = &s->counts;
    char pages[48], clicks[48], errors[48];
    buf_printf(t, ": %s, %s, %s, %s.\n", duration,
               text_things(pages, sizeof pages, (double)s->page_count, "page"),
               text_things(clicks, sizeof clicks, (double)c->clicks, "click"),
               text_things(errors, sizeof errors, (double)c->errors, "error"));
    for (size_t i = 0; i < s->frustration_count && i < 8; i++) {
        const struct frustration *f = &s->frustrations[i];
        char at[32], times[32] = "";
        clock_text(at_ms(s, f->at_us), at, sizeof at);
        if (f->times > 1)
            snprintf(times, sizeof times, " (%zu clicks)", f->times);
        buf_printf(t, "- %s at %s: %s%s\n", frustration_names[f->kind], at,
                   f->target != NULL ? f->target : "", times);
    }
    if (s->has_recording)
        buf_printf(t, "Recording: %s in %s, %s or %s%s.\n",
                   text_things(pages, sizeof pages, (double)c->events, "event"),
                   text_things(clicks, sizeof clicks, (double)c->chunks, "row"),
                   text_things(errors, sizeof errors, (double)s->instances, "page load"),
                   text_verb((double)s->instances, "tab", "tabs"),
                   s->incomplete_count > 0 ? ", some events incomplete" : "");
}

/* --- next ---------------------------------------------------------------------------------------
 */

static void suggest_moment(struct run *run, const struct session *s,
                           const struct session_view *view, int64_t at_us, const char *why)
{
    json_t *arguments = run_same_arguments(run);
    char at[48];
    snprintf(at, sizeof at, "%.1fs", (double)(at_us - s->first_us) / 1e6);
    json_object_set_new(arguments, "session", json_string(view->session));
    json_object_set_new(arguments, "detail", json_string("timeline"));
    json_object_set_new(arguments, "at", json_string(at));
    json_object_set_new(arguments, "around_s", json_integer(15));
    run_suggest(run, "open_session", arguments, why);
}

static void suggest(struct run *run, const struct session *s, const struct session_view *view)
{
    if (view->is_timeline)
        return;
    if (s->frustration_count > 0) {
        suggest_moment(run, s, view, s->frustrations[0].at_us, "what led to the first frustration");
        return;
    }
    for (size_t i = 0; i < s->entry_count; i++)
        if (is_error(&s->entries[i])) {
            suggest_moment(run, s, view, s->entries[i].at_us, "what led to the first error");
            return;
        }
    json_t *arguments = run_same_arguments(run);
    json_object_set_new(arguments, "detail", json_string("timeline"));
    run_suggest(run, "open_session", arguments, "everything that happened, in order");
}

int session_result(struct run *run, const struct session *s, const struct session_view *view,
                   struct err *ret_err)
{
    headline(run, s, view);
    json_t *result = run->result;
    json_object_set_new(result, "summary", summary_json(run, s, view));
    json_object_set_new(result, "heat", heat_json(s));
    json_object_set_new(result, "timeline", timeline_json(run, s, view));
    if (s->has_recording)
        json_object_set_new(result, "replay", replay_json(run, s, view));
    json_object_set(result, "trace_ids", view->traces);
    suggest(run, s, view);
    if (json_object_get(result, "summary") == NULL || json_object_get(result, "timeline") == NULL)
        return err_set(ret_err, ERR_MEMORY, NULL, "out of memory");
    return 0;
}
