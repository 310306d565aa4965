#include "session_spans.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "sql_text.h"
#include "json.h"

/* What session_span_columns() adds. */
enum column {
    COLUMN_AT,
    COLUMN_EVENT,
    COLUMN_URL,
    COLUMN_STATUS,
    COLUMN_DURATION,
    COLUMN_COMPONENT,
    COLUMN_REQUEST_URL,
    COLUMN_METHOD,
    COLUMN_HTTP_STATUS,
    COLUMN_MESSAGE,
    COLUMN_ERROR,
    COLUMN_LEVEL,
    COLUMN_ELEMENT,
    COLUMN_XPATH,
    COLUMN_DEVICE,
    COLUMN_BROWSER,
    COLUMN_COUNTRY,
    COLUMN_LCP,
    COLUMN_CLS,
    COLUMN_INP,
    COLUMN_FID,
    COLUMN_LONGTASK,
    COLUMN_SCOPE,
    COLUMN_TRACE,
};

/* The property keys of one question, in the order of the columns; the first that has a value wins.
 */
static const char *const wanted[][5] = {
    {"component"},
    {"http.url", "url.full", "http.target"},
    {"http.method", "http.request.method"},
    {"http.status_code", "http.response.status_code"},
    {"message", "exception.message"},
    {"error.message", "$exception_message"},
    {"level"},
    {"target_element", "$el_text"},
    {"target_xpath"},
    {"device.type", "device_type", "device", "$device_type"},
    {"browser.name", "browser", "$browser"},
    {"geo.country", "country", "geo.country_iso_code", "$geoip_country_code"},
    {"lcp"},
    {"cls"},
    {"inp"},
    {"fid"},
    {"longtask.duration"},
};

enum { WANTED = sizeof wanted / sizeof wanted[0] };
_Static_assert(WANTED == COLUMN_SCOPE - COLUMN_COMPONENT, "a row for each column");

/* --- the query -------------------------------------------------------------------------------- */

/* One property of the row, '' where the source has no such thing. */
static void property(const struct source *s, struct query *q, const char *key, struct buf *out)
{
    char field[96];
    snprintf(field, sizeof field, "%s%s", s->event_properties >= 0 ? "event." : "", key);
    if (s->property_count == 0 || source_text(s, q, field, out, NULL) < 0)
        buf_puts(out, "''");
}

static void first_property(const struct source *s, struct query *q, const char *const *keys,
                           struct buf *out)
{
    if (keys[1] == NULL) {
        property(s, q, keys[0], out);
        return;
    }
    buf_puts(out, "coalesce(");
    for (size_t i = 0; i < 5 && keys[i] != NULL; i++) {
        buf_puts(out, "nullIf(");
        property(s, q, keys[i], out);
        buf_puts(out, ", ''), ");
    }
    buf_puts(out, "'')");
}

static void logical(const struct source *s, struct query *q, enum source_field field,
                    const char *fallback, struct buf *out)
{
    if (s->fields[field].count == 0)
        buf_puts(out, fallback);
    else
        source_logical(s, q, field, out, NULL);
}

/* A plain column that ClickStack's table has and others may lack. */
static void column_or_empty(const struct source *s, const char *name, struct buf *out)
{
    if (json_object_get(s->columns, name) != NULL)
        sql_identifier(out, name);
    else
        buf_puts(out, "''");
}

void session_span_columns(const struct source *s, struct query *q, struct buf *out)
{
    source_time_us(s, out);
    buf_puts(out, " AS _at_us, ");
    logical(s, q, SOURCE_EVENT, "''", out);
    buf_puts(out, ", ");
    logical(s, q, SOURCE_URL, "''", out);
    buf_puts(out, ", ");
    logical(s, q, SOURCE_STATUS, "''", out);
    buf_puts(out, ", ");
    if (s->fields[SOURCE_DURATION].count == 0 || source_number(s, q, "duration_ms", out, NULL) < 0)
        buf_puts(out, "NULL");
    for (size_t i = 0; i < WANTED; i++) {
        buf_puts(out, ", ");
        first_property(s, q, wanted[i], out);
    }
    buf_puts(out, ", ");
    column_or_empty(s, "ScopeName", out);
    buf_puts(out, ", ");
    column_or_empty(s, "TraceId", out);
}

int session_plan_spans(struct run *run, const char *session, int64_t from_us, int64_t to_us,
                       size_t max_rows, struct err *ret_err)
{
    const struct source *s = run->source;
    struct query q;
    struct buf columns = {0}, order = {0}, in_session = {0}, in_time = {0}, table = {0};
    query_init(&q);
    session_span_columns(s, &q, &columns);
    if (s->order != NULL)
        sql_identifier(&order, s->order);
    else
        buf_puts(&order, "1");
    logical(s, &q, SOURCE_SESSION, "''", &in_session);
    source_time_between(s, &q, from_us, to_us + 1, &in_time);
    source_table(s, &table);
    query_set_text(&q, "session", session);
    query_set_integer(&q, "limit", (int64_t)max_rows + 1);
    int rc = run_query(run, &q, &sql_session_spans,
                       (const struct query_fragment[]){{"columns", buf_text(&columns)},
                                                       {"order", buf_text(&order)},
                                                       {"session", buf_text(&in_session)},
                                                       {"in_time", buf_text(&in_time)},
                                                       {"table", buf_text(&table)},
                                                       {0}},
                       max_rows, ret_err);
    struct buf *all[] = {&columns, &order, &in_session, &in_time, &table};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        buf_done(all[i]);
    query_done(&q);
    return rc;
}

/* --- the rows --------------------------------------------------------------------------------- */

static const char *text_of(const json_t *row, enum column column)
{
    const char *text = json_at_string(row, column);
    return text != NULL ? text : "";
}

static bool is_any(const char *text, const char *const *list)
{
    for (size_t i = 0; list[i] != NULL; i++)
        if (strcasecmp(text, list[i]) == 0)
            return true;
    return false;
}

static const char *first_of(const char *a, const char *b, const char *c)
{
    return a[0] != '\0' ? a : b[0] != '\0' ? b : c;
}

static const char *const page_events[] = {"documentLoad", "routeChange", "pageview",    "$pageview",
                                          "page_view",    "page_viewed", "screen_view", NULL};
static const char *const click_events[] = {"click", "$autocapture", "button_click",
                                           "element_clicked", NULL};
/* What the recorder and the loader say about themselves. */
static const char *const noise_events[] = {"record init",   "record stop",   "record resume",
                                           "resourceFetch", "documentFetch", NULL};
static const char *const request_components[] = {"fetch", "xml-http-request", "xhr", NULL};

static enum entry_kind kind_of(const json_t *row)
{
    const char *event = text_of(row, COLUMN_EVENT), *component = text_of(row, COLUMN_COMPONENT);
    if (strcmp(component, "error") == 0 || strcmp(event, "exception") == 0 ||
        text_of(row, COLUMN_ERROR)[0] != '\0')
        return ENTRY_ERROR;
    if (strcmp(component, "console") == 0 || strncmp(event, "console.", 8) == 0)
        return ENTRY_CONSOLE;
    if (is_any(event, page_events))
        return ENTRY_NAVIGATION;
    if (is_any(component, request_components) || text_of(row, COLUMN_HTTP_STATUS)[0] != '\0' ||
        strncmp(event, "HTTP ", 5) == 0)
        return ENTRY_NETWORK;
    if (is_any(event, click_events))
        return ENTRY_CLICK;
    if (strcmp(component, "user-interaction") == 0)
        return ENTRY_INPUT;
    if (strcmp(event, "webvitals") == 0 || strcmp(event, "longtask") == 0)
        return ENTRY_VITALS;
    return ENTRY_CUSTOM;
}

static void add_vitals(struct session *s, const json_t *row, struct entry *e)
{
    static const struct {
        enum column column;
        const char *name, *unit;
    } vitals[] = {{COLUMN_LCP, "LCP", " ms"},
                  {COLUMN_INP, "INP", " ms"},
                  {COLUMN_FID, "FID", " ms"},
                  {COLUMN_CLS, "CLS", ""},
                  {COLUMN_LONGTASK, "long task", " ms"}};
    char text[160] = "";
    for (size_t i = 0; i < sizeof vitals / sizeof vitals[0]; i++) {
        const char *value = text_of(row, vitals[i].column);
        size_t len = strlen(text);
        if (value[0] != '\0')
            snprintf(text + len, sizeof text - len, "%s%s %.20s%s", len > 0 ? ", " : "",
                     vitals[i].name, value, vitals[i].unit);
    }
    session_text(s, &e->text, text[0] != '\0' ? text : text_of(row, COLUMN_EVENT));
    s->counts.vitals++;
}

static void add_request(struct session *s, const json_t *row, struct entry *e)
{
    char text[32];
    const char *method = text_of(row, COLUMN_METHOD), *event = text_of(row, COLUMN_EVENT);
    snprintf(text, sizeof text, "%.12s",
             method[0] == '\0' && strncmp(event, "HTTP ", 5) == 0 ? event + 5 : method);
    session_text(s, &e->text, text);
    session_text(s, &e->url,
                 first_of(text_of(row, COLUMN_REQUEST_URL), text_of(row, COLUMN_URL), ""));
    long status = strtol(text_of(row, COLUMN_HTTP_STATUS), NULL, 10);
    e->status = status > 0 && status < 1000 ? status : 0;
    e->is_failure = e->is_failure || e->status >= 400;
    s->counts.requests++;
    s->counts.failed_requests += e->is_failure ? 1 : 0;
}

static void add_message(struct session *s, const json_t *row, struct entry *e)
{
    const char *level = text_of(row, COLUMN_LEVEL), *event = text_of(row, COLUMN_EVENT);
    if (level[0] == '\0' && strncmp(event, "console.", 8) == 0)
        level = event + 8;
    char text[RRWEB_TEXT_MAX + 32];
    snprintf(text, sizeof text, "%.20s%s%.250s", level, level[0] != '\0' ? ": " : "",
             first_of(text_of(row, COLUMN_MESSAGE), event, ""));
    session_text(s, &e->text, text);
    e->is_failure = strcasecmp(level, "error") == 0;
}

static void add_interaction(struct session *s, const json_t *row, struct entry *e)
{
    char target[160];
    const char *element = text_of(row, COLUMN_ELEMENT), *xpath = text_of(row, COLUMN_XPATH);
    snprintf(target, sizeof target, "%.60s%s%.90s", element,
             element[0] != '\0' && xpath[0] != '\0' ? " " : "", xpath);
    session_text(s, &e->target, target);
    if (e->kind == ENTRY_INPUT) {
        session_text(s, &e->text, text_of(row, COLUMN_EVENT));
        s->counts.inputs++;
    }
}

void session_add_span(struct session *s, const json_t *row)
{
    int64_t at_us = json_at_integer(row, COLUMN_AT);
    const char *event = text_of(row, COLUMN_EVENT);
    s->counts.spans++;
    session_seen(s, at_us);
    if (is_any(event, noise_events))
        return;
    struct entry *e = session_add(s, at_us, kind_of(row));
    if (e == NULL)
        return;
    /* "Error", "STATUS_CODE_ERROR" */
    e->is_failure = strcasestr(text_of(row, COLUMN_STATUS), "error") != NULL;
    const json_t *duration = json_array_get(row, COLUMN_DURATION);
    if (json_is_number(duration) && json_number_value(duration) > 0)
        e->duration_ms = json_number_value(duration);
    switch (e->kind) {
    case ENTRY_NAVIGATION:
        session_text(s, &e->url, text_of(row, COLUMN_URL));
        break;
    case ENTRY_NETWORK:
        add_request(s, row, e);
        break;
    case ENTRY_CONSOLE:
        add_message(s, row, e);
        break;
    case ENTRY_ERROR:
        e->is_failure = true;
        session_text(s, &e->text,
                     first_of(text_of(row, COLUMN_ERROR), text_of(row, COLUMN_MESSAGE), event));
        break;
    case ENTRY_CLICK:
    case ENTRY_INPUT:
        add_interaction(s, row, e);
        break;
    case ENTRY_VITALS:
        add_vitals(s, row, e);
        break;
    default:
        session_text(s, &e->text, event);
        s->counts.custom++;
        break;
    }
}

static bool is_failed_row(const json_t *row)
{
    return strcasestr(text_of(row, COLUMN_STATUS), "error") != NULL ||
           strtol(text_of(row, COLUMN_HTTP_STATUS), NULL, 10) >= 400;
}

enum { TRACES_MAX = 50 };

/* Traces of requests lead to the services behind; other spans have traces of their own. */
static void add_traces(const json_t *rows, bool failed, json_t *seen, json_t *traces)
{
    for (size_t i = 0; i < json_array_size(rows); i++) {
        const json_t *row = json_array_get(rows, i);
        const char *trace = text_of(row, COLUMN_TRACE);
        if (trace[0] == '\0' || is_failed_row(row) != failed ||
            (!failed && kind_of(row) != ENTRY_NETWORK) || json_object_get(seen, trace) != NULL ||
            json_array_size(traces) >= TRACES_MAX)
            continue;
        json_object_set_new(seen, trace, json_true());
        json_array_append_new(traces, json_string(trace));
    }
}

void session_read_spans(struct session *s, const json_t *rows, struct session_person *ret_person,
                        json_t *ret_traces)
{
    *ret_person = (struct session_person){"", "", ""};
    for (size_t i = 0; i < json_array_size(rows); i++) {
        const json_t *row = json_array_get(rows, i);
        session_add_span(s, row);
        ret_person->device = first_of(ret_person->device, text_of(row, COLUMN_DEVICE), "");
        ret_person->browser = first_of(ret_person->browser, text_of(row, COLUMN_BROWSER), "");
        ret_person->country = first_of(ret_person->country, text_of(row, COLUMN_COUNTRY), "");
    }
    json_t *seen = json_object();
    add_traces(rows, true, seen, ret_traces);
    add_traces(rows, false, seen, ret_traces);
    json_decref(seen);
}
