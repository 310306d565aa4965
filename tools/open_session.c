/* open_session: what happened in one session, from its spans and its recording. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "args.h"
#include "json.h"
#include "period.h"
#include "run.h"
#include "session.h"
#include "session_place.h"
#include "session_replay.h"
#include "session_result.h"
#include "session_spans.h"
#include "sql_text.h"

enum {
    SPANS_MAX = 5000,
    ROWS_MAX = 60000,    /* of the recording, pointer movement apart */
    SECONDS_MAX = 40000, /* of pointer movement: 4 h by kind */
    GAPS_MAX = 50,
    RECORDED_BYTES_MAX = 25000000, /* of event texts */
    PAGE_ENTRIES = 200,
};

/* The kinds one may ask for are those of entry_kind_names but the last. */
static const char *const kinds[] = {"navigation", "click", "input",  "scroll", "console",
                                    "network",    "error", "vitals", "custom", NULL};

static const struct param params[] = {
    ARG_SOURCE,
    ARG_TZ,
    {.name = "session",
     .is_required = true,
     .max_length = 512,
     .role = "session",
     .description = "Session id, as other results name it."},
    {.name = "at",
     .max_length = 64,
     .description = "A moment: offset from the start (83.5s) or ISO 8601."},
    {.name = "around_s",
     .type = VALUE_NUMBER,
     .min = 0.1,
     .max = 14400,
     .fallback = "30",
     .description = "With at: seconds before and after it."},
    {.name = "detail",
     .choices = (const char *const[]){"overview", "timeline", NULL},
     .fallback = "\"overview\"",
     .description = "overview: summary and highlights; timeline: everything, in pages."},
    {.name = "include",
     .is_list = true,
     .choices = kinds,
     .max_items = 9,
     .description = "Kinds of timeline entries; default all."},
    ARG_CURSOR,
    ARG_FORMAT,
    ARG_EXPLAIN,
    {0},
};

static const struct field page_fields[] = {
    {"url", "Address.", VALUE_STRING},
    {"entered_ms", "Milliseconds after the start.", VALUE_INTEGER},
    {"stayed_s", "Seconds until the next page or the end.", VALUE_NUMBER},
    {0},
};

static const struct field frustration_fields[] = {
    {"kind",
     "rage_click: 4 or more on one target within 2 s; dead_click: nothing changed within "
     "1 s; quick_back: back within 15 s.",
     VALUE_STRING},
    {"at_ms", "Milliseconds after the start.", VALUE_INTEGER},
    {"target", "Element, or the page left at once.", VALUE_STRING, .is_optional = true},
    {0},
};

static const struct field error_fields[] = {
    {"at_ms", "Milliseconds after the start.", VALUE_INTEGER},
    {"message", "What was said.", VALUE_STRING},
    {0},
};

static const struct field summary_fields[] = {
    {"session", "Id.", VALUE_STRING},
    {"actor", "Last known.", VALUE_STRING, .is_optional = true},
    {"device", "Kind of device.", VALUE_STRING, .is_optional = true},
    {"browser", "Name.", VALUE_STRING, .is_optional = true},
    {"country", "Code.", VALUE_STRING, .is_optional = true},
    {"started_at", "First event or recorded event.", VALUE_STRING},
    {"duration_s", "To the last one.", VALUE_NUMBER},
    {"pages", "In order of visit.", VALUE_OBJECT, .is_list = true, .fields = page_fields},
    {"counts", "How often what happened.", VALUE_OBJECT},
    {"frustration", "In order of time.", VALUE_OBJECT, .is_list = true,
     .fields = frustration_fields},
    {"errors", "Errors, failed requests and console errors.", VALUE_OBJECT, .is_list = true,
     .fields = error_fields},
    {0},
};

static const struct field heat_fields[] = {
    {"at_ms", "Start of the stretch.", VALUE_INTEGER},
    {"weight", "Activity, 1 = the most in this session.", VALUE_NUMBER},
    {0},
};

static const struct field timeline_fields[] = {
    {"at_ms", "Milliseconds after the start.", VALUE_INTEGER},
    {"kind", "navigation, click, input, scroll, console, network, error, vitals, custom or idle.",
     VALUE_STRING},
    {"text", "What happened.", VALUE_STRING},
    {"target", "The element.", VALUE_STRING, .is_optional = true},
    {"url", "Page or request.", VALUE_STRING, .is_optional = true},
    {"status", "HTTP status.", VALUE_INTEGER, .is_optional = true},
    {"duration_ms", "Of the request, page load or idle time.", VALUE_NUMBER, .is_optional = true},
    {0},
};

static const struct field incomplete_fields[] = {
    {"at_ms", "Milliseconds after the start.", VALUE_INTEGER},
    {"event", "The recorder's number of the event.", VALUE_INTEGER},
    {"reason", "incomplete-event, duplicate-chunk or parse-error.", VALUE_STRING},
    {"chunks", "That arrived.", VALUE_INTEGER},
    {"expected", "That were sent.", VALUE_INTEGER},
    {0},
};

static const struct field gap_fields[] = {
    {"from_ms", "Last event before the gap.", VALUE_INTEGER},
    {"to_ms", "First event after it.", VALUE_INTEGER},
    {"missing_events", "By the recorder's own count.", VALUE_INTEGER},
    {0},
};

static const struct field replay_fields[] = {
    {"events", "Recorded.", VALUE_INTEGER},
    {"chunks", "Rows that carry them; rows delivered twice count once.", VALUE_INTEGER},
    {"incomplete", "Events that could not be read.", VALUE_OBJECT, .is_list = true,
     .fields = incomplete_fields},
    {"tabs", "Page loads and tabs that recorded.", VALUE_INTEGER},
    {"gaps", "Events that never arrived.", VALUE_OBJECT, .is_list = true, .fields = gap_fields},
    {"first_ms", "Where the recording begins.", VALUE_INTEGER, .is_optional = true},
    {"url", "The team's own player.", VALUE_STRING, .is_optional = true},
    {0},
};

static const struct field fields[] = {
    {"summary", "The session at a glance.", VALUE_OBJECT, .fields = summary_fields},
    {"heat", "Where something was going on.", VALUE_OBJECT, .is_list = true, .fields = heat_fields},
    {"timeline", "What happened, in order.", VALUE_OBJECT, .is_list = true,
     .fields = timeline_fields},
    {"replay", "The recording; absent when there is none.", VALUE_OBJECT, .is_optional = true,
     .fields = replay_fields},
    {"trace_ids", "Traces of its requests, failed ones first.", VALUE_STRING, .is_list = true},
    {"cursor", "Where the next page of the timeline begins.", VALUE_STRING, .is_optional = true},
    {0},
};

/* --- between the rounds ------------------------------------------------------------------------
 */

struct state {
    struct session_place place;
    bool at_is_offset;
    int64_t at_us; /* offset or instant; INT64_MIN = not given */
    int rows_index, moves_index, gaps_index, spans_index; /* -1 = not asked */
    struct session session;
    json_t *traces;
};

static void state_free(void *user)
{
    struct state *st = user;
    session_place_done(&st->place);
    session_done(&st->session);
    json_decref(st->traces);
    free(st);
}

/* "83.5s", "83.5", or a point in time. */
static int read_at(struct run *run, struct state *st, struct err *ret_err)
{
    const char *text = json_get_string(run->arguments, "at", "");
    st->at_us = INT64_MIN;
    if (text[0] == '\0')
        return 0;
    char *end;
    double seconds = strtod(text, &end);
    if (end != text && (strcmp(end, "s") == 0 || *end == '\0')) {
        if (!(seconds >= 0 && seconds <= 86400))
            return err_set(ret_err, ERR_ARGUMENT, "at", "an offset lies between 0s and 86400s");
        st->at_is_offset = true;
        st->at_us = (int64_t)(seconds * 1e6);
        return 0;
    }
    return period_parse(text, "at", false, run->period.complete_until_us, run->period.zone,
                        &st->at_us, ret_err);
}

static int plan_first(struct run *run, struct err *ret_err)
{
    struct state *st = calloc(1, sizeof *st);
    if (st == NULL)
        return err_set(ret_err, ERR_MEMORY, NULL, "out of memory");
    run->state = st;
    run->state_free = state_free;
    session_init(&st->session);
    st->traces = json_array();
    st->rows_index = st->moves_index = st->gaps_index = st->spans_index = -1;
    int rc = read_at(run, st, ret_err);
    return rc < 0 ? rc : session_place_plan(run, &st->place, ret_err);
}

static int shape_first(struct run *run, struct err *ret_err)
{
    return session_place_shape(run, &((struct state *)run->state)->place, ret_err);
}

static int plan_second(struct run *run, struct err *ret_err)
{
    return session_place_plan_recording(run, &((struct state *)run->state)->place, ret_err);
}

static int shape_second(struct run *run, struct err *ret_err)
{
    return session_place_shape_recording(run, &((struct state *)run->state)->place, ret_err);
}

/* --- third round: all of it
 * ----------------------------------------------------------------------- */

static int plan_third(struct run *run, struct err *ret_err)
{
    struct state *st = run->state;
    const struct session_place *place = &st->place;
    if (place->has_spans) {
        st->spans_index = session_plan_spans(run, place->id, place->spans_first_us,
                                             place->spans_last_us, SPANS_MAX, ret_err);
        if (st->spans_index < 0)
            return st->spans_index;
    }
    if (!place->has_recording)
        return 0;
    st->rows_index =
        session_place_query(run, place, &sql_session_rows, ROWS_MAX, RECORDED_BYTES_MAX, ret_err);
    if (st->rows_index >= 0)
        st->moves_index =
            session_place_query(run, place, &sql_session_moves, SECONDS_MAX, 0, ret_err);
    if (st->rows_index >= 0 && st->moves_index >= 0)
        st->gaps_index = session_place_query(run, place, &sql_session_gaps, GAPS_MAX, 0, ret_err);
    return st->rows_index < 0    ? st->rows_index
           : st->moves_index < 0 ? st->moves_index
           : st->gaps_index < 0  ? st->gaps_index
                                 : 0;
}

/* Whatever was cut is said. */
static void tell_cuts(struct run *run, const struct state *st)
{
    const struct session_counts *c = &st->session.counts;
    if (st->spans_index >= 0 && run_rows_truncated(run, st->spans_index))
        run_truncated(run, "events", SPANS_MAX, "only the first events of the session are told");
    if (st->rows_index >= 0 && run_rows_truncated(run, st->rows_index))
        run_truncated(run, "rows", ROWS_MAX, "only the first part of the recording is told");
    else if (c->left_out > 0)
        run_truncated(run, "bytes", RECORDED_BYTES_MAX,
                      "large parts of the recording were not read; some elements have no name");
    if (c->repeated_rows > 0)
        run_warn(run, "%lld rows of the recording were delivered twice and counted once",
                 (long long)c->repeated_rows);
    if (st->session.incomplete_count > 0)
        run_warn(run, "%zu recorded events could not be read: see replay.incomplete",
                 st->session.incomplete_count);
}

static int choose_window(const struct run *run, const struct state *st, struct session_view *view,
                         struct err *ret_err)
{
    const struct session *s = &st->session;
    view->from_us = s->first_us;
    view->to_us = s->last_us;
    if (st->at_us == INT64_MIN)
        return 0;
    int64_t at_us = st->at_is_offset ? s->first_us + st->at_us : st->at_us;
    if (at_us < s->first_us - 1000000 || at_us > s->last_us + 1000000) {
        char first[48], last[48];
        period_format(s->first_us, run->period.zone, first, sizeof first);
        period_format(s->last_us, run->period.zone, last, sizeof last);
        return err_set(ret_err, ERR_ARGUMENT, "at", "the session lasts from %s to %s (0s to %.1fs)",
                       first, last, (double)(s->last_us - s->first_us) / 1e6);
    }
    int64_t around_us = (int64_t)(json_get_number(run->arguments, "around_s", 30) * 1e6);
    view->from_us = at_us - around_us;
    view->to_us = at_us + around_us;
    return 0;
}

static void choose_kinds(const struct run *run, struct session_view *view)
{
    const json_t *include = json_object_get(run->arguments, "include");
    for (size_t kind = 0; kind < ENTRY_KINDS; kind++)
        view->include[kind] = json_array_size(include) == 0 || kind == ENTRY_IDLE ||
                              json_list_has(include, entry_kind_names[kind]);
}

/* Numbers that follow from the merged entries. */
static void count_entries(struct session *s)
{
    int64_t clicks = 0;
    for (size_t i = 0; i < s->entry_count; i++) {
        const struct entry *e = &s->entries[i];
        s->counts.errors += e->kind == ENTRY_ERROR ? 1 : 0;
        s->counts.console += e->kind == ENTRY_CONSOLE ? 1 : 0;
        s->counts.console_errors += e->kind == ENTRY_CONSOLE && e->is_failure ? 1 : 0;
        s->counts.navigations += e->kind == ENTRY_NAVIGATION ? 1 : 0;
        clicks += e->kind == ENTRY_CLICK ? (int64_t)e->times : 0;
    }
    s->counts.clicks = clicks;
}

static int shape_third(struct run *run, struct err *ret_err)
{
    struct state *st = run->state;
    struct session *s = &st->session;
    struct session_view view = {.session = st->place.id,
                                .actor = st->place.actor,
                                .person = {"", "", ""},
                                .limit = PAGE_ENTRIES,
                                .traces = st->traces};
    int rc = 0;
    s->has_recording = st->place.has_recording;
    if (st->rows_index >= 0) {
        s->replay_first_us = st->place.replay_first_us;
        s->replay_last_us = st->place.replay_last_us;
        rc = session_read_rows(s, run_rows(run, st->rows_index), ret_err);
        session_read_moves(s, run_rows(run, st->moves_index));
        view.gaps = run_rows(run, st->gaps_index);
    }
    if (rc == 0 && st->spans_index >= 0)
        session_read_spans(s, run_rows(run, st->spans_index), &view.person, st->traces);
    if (rc == 0)
        rc = session_finish(s, ret_err);
    if (rc == 0 && s->first_us > s->last_us)
        rc = err_set(ret_err, ERR_NOT_FOUND, "session", "session '%.80s' has no event with a time",
                     st->place.id);
    if (rc == 0)
        rc = choose_window(run, st, &view, ret_err);
    if (rc == 0)
        rc = run_page(run, PAGE_ENTRIES, &view.limit, &view.offset, ret_err);
    if (rc < 0)
        return rc;
    run->period.from_us = s->first_us;
    run->period.to_us = s->last_us + 1;
    count_entries(s);
    choose_kinds(run, &view);
    /* A moment that was asked for is wanted whole. */
    view.is_timeline =
        strcmp(json_get_string(run->arguments, "detail", "overview"), "timeline") == 0 ||
        st->at_us != INT64_MIN;
    tell_cuts(run, st);
    return session_result(run, s, &view, ret_err);
}

const struct tool tool_open_session = {
    .name = "open_session",
    .title = "Open a session",
    .description = "What one person did in one session: pages, clicks, typing, errors, requests "
                   "and signs of frustration, from its events and its recording. Give `at` to "
                   "look closely at a moment.",
    .toolset = "core",
    .flags = TOOL_CORE | TOOL_WHOLE_PERIOD,
    .params = params,
    .fields = fields,
    .tables = (const char *const[]){"timeline", NULL},
    .steps =
        (const struct step[]){
            {plan_first, shape_first}, {plan_second, shape_second}, {plan_third, shape_third}, {0}},
};
