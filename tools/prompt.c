#include "prompt.h"

#include <ctype.h>
#include <string.h>
#include <time.h>

#include "json.h"
#include "rpc.h"
#include "text.h"
#include "trend.h"

#define ARG_SOURCE_NAME                                                                            \
    {                                                                                              \
        "source", "Source", "Which data; may be left out when there is one source.", "source"      \
    }
#define ARG_BEGIN                                                                                  \
    {                                                                                              \
        "from", "From",                                                                            \
            "Start: a date, ISO 8601, or -30d before the newest data. Default: 30 "                \
            "days of data.",                                                                       \
            NULL                                                                                   \
    }
#define ARG_END                                                                                    \
    {                                                                                              \
        "to", "To", "End, like from; a date is included. Default: the newest data.", NULL          \
    }

const struct prompt prompt_list[] = {
    {"investigate_drop",
     (const struct prompt_argument[]){
         {"steps", "Steps",
          "Event names of the flow in order, separated by commas. Default: chosen "
          "from the events there are.",
          "events"},
         {"actor", "Counted",
          "What goes through the flow: user (default), session, case or a field.", "field"},
         {"field", "Suspected field", "A field that may tell who drops out: device, version, …",
          "field"},
         ARG_SOURCE_NAME,
         ARG_BEGIN,
         ARG_END,
         {0}}},
    {"why_did_it_change",
     (const struct prompt_argument[]){
         {"event", "Event", "The event whose number changed. Default: all events.", "event"},
         {"metric", "Metric", "event_count (default), actors, error_rate or latency_p95.",
          "metric"},
         {"when", "When", "About when it changed: a date or a time.", NULL},
         {"field", "Suspected field", "A field that may tell which part of the data carries it.",
          "field"},
         ARG_SOURCE_NAME,
         ARG_BEGIN,
         ARG_END,
         {0}}},
    {"review_sessions",
     (const struct prompt_argument[]){
         {"session", "Session", "Review this session alone.", "session"},
         {"start_event", "They did", "Sessions with this event …", "event"},
         {"end_event", "They did not", "… and without this one afterwards.", "event"},
         {"field", "Field", "Only where this field …", "field"},
         {"value", "Value", "… has this value.", "value"},
         {"count", "How many", "Sessions to read (5).", NULL},
         ARG_SOURCE_NAME,
         ARG_BEGIN,
         ARG_END,
         {0}}},
    {"audit_process",
     (const struct prompt_argument[]){
         {"sequence", "Rule",
          "The activities in the order they should happen, separated by commas. "
          "Default: proposed from the names.",
          "events"},
         {"case", "Case", "Case field; may be left out when the source has one.", "case"},
         ARG_SOURCE_NAME,
         ARG_BEGIN,
         ARG_END,
         {0}}},
    {"weekly_report",
     (const struct prompt_argument[]){
         {"events", "Key events",
          "From intent to success, separated by commas: the funnel of the "
          "report. Default: chosen from the events there are.",
          "events"},
         {"to", "Last day", "Last day of the week, like 2026-03-29. Default: the newest data.",
          NULL},
         ARG_SOURCE_NAME,
         {0}}},
    {0},
};

const char *const prompt_metrics[] = {"event_count", "actors", "error_rate", "latency_p95", NULL};

const struct page *prompt_page(const struct prompt *prompt)
{
    const struct page *page = page_prompts;
    while (page->name != NULL && strcmp(page->name, prompt->name) != 0)
        page++;
    return page;
}

/* --- what may stand in a text ------------------------------------------------------------------
 *
 * {{name}}           the argument or one of the names below
 * {{json name}}      the same as a JSON string
 * {{list name}}      "a, b" as a JSON array of strings; {{first name}} its first item,
 * {{series name}}    as many as run_trend takes
 * {{path name}}      for people: `a` → `b`
 * {{, name}}         a comma in front, if it is not empty
 * {{if name}} … {{else}} … {{end}}
 *
 * Names beside the arguments, members of a call's JSON object without braces: `where` (source),
 * `scope` (source, from, to), `who` (actor), `filter` (event, field and value), `case_arg` (case);
 * `case_actor` (the case as an actor), `facts`, `week_from`, `week_to`, `before_from`, `before_to`.
 */

struct filling {
    json_t *values; /* {name: text} */
    struct buf *out;
};

static const char *value_of(const struct filling *f, const char *name)
{
    return json_get_string(f->values, name, "");
}

/* Facts may be cut inside a character. */
static void set(struct filling *f, const char *name, const char *value)
{
    json_object_set_new(f->values, name, rpc_text(value));
}

static void add_json(struct buf *out, const json_t *value)
{
    if (value != NULL)
        json_add(out, value, JSON_ENCODE_ANY);
    else
        buf_puts(out, "null");
}

/* Names between commas, or a JSON array of them. New reference. */
static json_t *list_of(const char *text)
{
    json_t *list = text[0] == '[' ? json_loads(text, 0, NULL) : NULL;
    if (list != NULL)
        return list;
    list = json_array();
    while (*text != '\0') {
        size_t len = strcspn(text, ",");
        const char *begin = text, *end = text + len;
        text = *end == ',' ? end + 1 : end;
        while (begin < end && isspace((unsigned char)*begin))
            begin++;
        while (end > begin && isspace((unsigned char)end[-1]))
            end--;
        if (end > begin)
            json_array_append_new(list, json_stringn(begin, (size_t)(end - begin)));
    }
    return list;
}

/* One {{tag}} that is no condition. */
static void fill(const struct filling *f, const char *tag)
{
    const char *name = strchr(tag, ' ') != NULL ? strchr(tag, ' ') + 1 : tag;
    const char *value = value_of(f, name);
    json_t *item = NULL;
    if (strncmp(tag, ", ", 2) == 0) {
        buf_puts(f->out, value[0] != '\0' ? ", " : "");
        buf_puts(f->out, value);
    } else if (strncmp(tag, "json ", 5) == 0) {
        item = json_string(value);
        add_json(f->out, item);
    } else if (strncmp(tag, "list ", 5) == 0) {
        item = list_of(value);
        add_json(f->out, item);
    } else if (strncmp(tag, "series ", 7) == 0) {
        item = list_of(value);
        while (json_array_size(item) > TREND_MAX_SERIES)
            json_array_remove(item, json_array_size(item) - 1);
        add_json(f->out, item);
    } else if (strncmp(tag, "path ", 5) == 0) {
        item = list_of(value);
        for (size_t i = 0; i < json_array_size(item); i++)
            buf_printf(f->out, "%s`%s`", i > 0 ? " → " : "", json_at_string(item, i));
    } else if (strncmp(tag, "first ", 6) == 0) {
        item = list_of(value);
        add_json(f->out, json_array_get(item, 0));
    } else {
        buf_puts(f->out, value);
    }
    json_decref(item);
}

/* The tag after "{{" and what follows "}}". A condition alone on its line takes the line with it.
 */
static const char *read_tag(const char *begin, const char *at, char *tag, size_t size)
{
    const char *end = strstr(at, "}}");
    size_t len = end != NULL ? (size_t)(end - at - 2) : 0;
    if (len >= size)
        len = size - 1;
    memcpy(tag, at + 2, len);
    tag[len] = '\0';
    const char *after = end != NULL ? end + 2 : at + strlen(at);
    bool is_condition =
        strncmp(tag, "if ", 3) == 0 || strcmp(tag, "else") == 0 || strcmp(tag, "end") == 0;
    bool is_alone = (at == begin || at[-1] == '\n' || at[-1] == '}') && *after == '\n';
    return is_condition && is_alone ? after + 1 : after;
}

/* Fills until the end of the text or of the block; the tag that ended it is left in `stop`. */
static const char *fill_block(const struct filling *f, const char *begin, const char *at,
                              bool is_shown, char *stop, size_t size)
{
    stop[0] = '\0';
    while (*at != '\0') {
        const char *open = strstr(at, "{{");
        if (open != NULL)
            /* of three braces the first is text */
            while (open[2] == '{')
                open++;
        size_t len = open != NULL ? (size_t)(open - at) : strlen(at);
        if (is_shown)
            buf_add(f->out, at, len);
        at += len;
        if (*at == '\0')
            break;
        char tag[64];
        at = read_tag(begin, at, tag, sizeof tag);
        if (strcmp(tag, "else") == 0 || strcmp(tag, "end") == 0) {
            memcpy(stop, tag, strlen(tag) + 1);
            return at;
        }
        if (strncmp(tag, "if ", 3) != 0) {
            if (is_shown)
                fill(f, tag);
            continue;
        }
        bool holds = value_of(f, tag + 3)[0] != '\0';
        at = fill_block(f, begin, at, is_shown && holds, stop, size);
        if (strcmp(stop, "else") == 0)
            at = fill_block(f, begin, at, is_shown && !holds, stop, size);
        stop[0] = '\0';
    }
    return at;
}

/* --- names made of the arguments ------------------------------------------------------------- */

static void add_member(struct buf *out, const char *name, const char *value)
{
    if (value[0] == '\0')
        return;
    json_t *text = json_string(value);
    buf_printf(out, "%s\"%s\": ", out->len > 0 ? ", " : "", name);
    add_json(out, text);
    json_decref(text);
}

static void set_members(struct filling *f, const char *name, const char *const *members)
{
    struct buf text = {0};
    for (; members[0] != NULL; members += 2)
        add_member(&text, members[0], value_of(f, members[1]));
    set(f, name, buf_text(&text));
    buf_done(&text);
}

static void set_filter(struct filling *f)
{
    json_t *filters = json_array();
    struct buf text = {0};
    if (value_of(f, "event")[0] != '\0')
        json_array_append_new(
            filters, json_pack("{s:s, s:s}", "field", "event", "value", value_of(f, "event")));
    if (value_of(f, "field")[0] != '\0' && value_of(f, "value")[0] != '\0')
        json_array_append_new(filters, json_pack("{s:s, s:s}", "field", value_of(f, "field"),
                                                 "value", value_of(f, "value")));
    if (json_array_size(filters) > 0) {
        buf_puts(&text, "\"filters\": ");
        add_json(&text, filters);
    }
    set(f, "filter", buf_text(&text));
    buf_done(&text);
    json_decref(filters);
}

/* Of several case fields one has to be chosen: the calls say so where it belongs. */
static void set_case(struct filling *f, const json_t *case_fields)
{
    struct buf choices = {0};
    size_t count = json_array_size(case_fields);
    for (size_t i = 0; count > 1 && i < count; i++)
        buf_printf(&choices, "%s%s", i == 0 ? "‹case field: " : " or ",
                   json_at_string(case_fields, i));
    if (count > 1)
        buf_puts(&choices, "›");
    set(f, "case_choice",
        value_of(f, "case")[0] != '\0' ? value_of(f, "case") : buf_text(&choices));
    buf_done(&choices);
    set_members(f, "case_arg", (const char *const[]){"case", "case_choice", NULL});
    set(f, "case_actor",
        value_of(f, "case_choice")[0] != '\0' ? value_of(f, "case_choice") : "case");
}

static void set_day(struct filling *f, const char *name, time_t day)
{
    struct tm tm;
    char text[32] = "";
    if (gmtime_r(&day, &tm) != NULL)
        strftime(text, sizeof text, "%Y-%m-%d", &tm);
    set(f, name, text);
}

/* The week that ends on the day `to`, and the one before it. */
static int set_weeks(struct filling *f, struct err *ret_err)
{
    static const time_t day_s = 86400;
    const char *to = value_of(f, "to");
    if (to[0] == '\0') {
        set(f, "week_from", "-7d");
        set(f, "week_to", "now");
        set(f, "before_from", "-14d");
        set(f, "before_to", "-7d");
        return 0;
    }
    struct tm tm = {0};
    const char *end = strptime(to, "%Y-%m-%d", &tm);
    time_t last = end != NULL && *end == '\0' ? timegm(&tm) : -1;
    if (last == -1)
        return err_set(ret_err, ERR_ARGUMENT, "to", "expected a day like 2026-03-29");
    set_day(f, "week_from", last - 6 * day_s);
    set_day(f, "week_to", last);
    set_day(f, "before_from", last - 13 * day_s);
    set_day(f, "before_to", last - 7 * day_s);
    return 0;
}

static void set_defaults(struct filling *f)
{
    if (value_of(f, "metric")[0] == '\0')
        set(f, "metric", "event_count");
    if (value_of(f, "count")[0] == '\0')
        set(f, "count", "5");
}

/* --- a prompt ----------------------------------------------------------------------------------
 */

/* The text behind title and summary. */
static const char *body_of(const struct page *page)
{
    const char *summary = strstr(page->text, page->summary);
    const char *body = summary != NULL ? summary + strlen(page->summary) : page->text;
    return body + strspn(body, "\n");
}

static bool is_metric(const char *value)
{
    size_t i = 0;
    while (prompt_metrics[i] != NULL && strcmp(prompt_metrics[i], value) != 0)
        i++;
    return prompt_metrics[i] != NULL;
}

static int refuse_metric(const char *argument, const char *value, struct err *ret_err)
{
    struct buf choices = {0};
    for (size_t i = 0; prompt_metrics[i] != NULL; i++)
        buf_printf(&choices, "%s%s", i > 0 ? ", " : "", prompt_metrics[i]);
    int rc = err_set(ret_err, ERR_ARGUMENT, argument, "'%.60s' is not one of: %s", value,
                     buf_text(&choices));
    buf_done(&choices);
    return rc;
}

static int check_arguments(const struct prompt *prompt, const json_t *arguments,
                           struct err *ret_err)
{
    for (const struct prompt_argument *a = prompt->arguments; a->name != NULL; a++) {
        const char *value = json_get_string(arguments, a->name, "");
        if (a->role != NULL && strcmp(a->role, "metric") == 0 && value[0] != '\0' &&
            !is_metric(value))
            return refuse_metric(a->name, value, ret_err);
        json_t *list = a->role != NULL && strcmp(a->role, "events") == 0 ? list_of(value) : NULL;
        bool is_good = true;
        for (size_t i = 0; i < json_array_size(list); i++)
            is_good = is_good && json_is_string(json_array_get(list, i));
        json_decref(list);
        if (!is_good)
            return err_set(ret_err, ERR_ARGUMENT, a->name,
                           "expected event names separated by commas, or a JSON array of them");
    }
    return 0;
}

int prompt_render(const struct prompt *prompt, const json_t *arguments, const json_t *case_fields,
                  const char *facts, struct buf *out, struct err *ret_err)
{
    int rc = check_arguments(prompt, arguments, ret_err);
    if (rc < 0)
        return rc;
    struct filling f = {.values = json_object(), .out = out};
    for (const struct prompt_argument *a = prompt->arguments; a->name != NULL; a++)
        set(&f, a->name, json_get_string(arguments, a->name, ""));
    set(&f, "facts", facts);
    set_defaults(&f);
    set_members(&f, "where", (const char *const[]){"source", "source", NULL});
    set_members(&f, "scope",
                (const char *const[]){"source", "source", "from", "from", "to", "to", NULL});
    set_members(&f, "who", (const char *const[]){"actor", "actor", NULL});
    set_case(&f, case_fields);
    set_filter(&f);
    if (strcmp(prompt->name, "weekly_report") == 0)
        rc = set_weeks(&f, ret_err);
    if (rc == 0) {
        char stop[8];
        const char *body = body_of(prompt_page(prompt));
        fill_block(&f, body, body, true, stop, sizeof stop);
    }
    json_decref(f.values);
    if (rc == 0 && buf_failed(out))
        rc = err_set(ret_err, ERR_MEMORY, NULL, "out of memory");
    return rc;
}

/* --- facts -------------------------------------------------------------------------------------
 */

enum { EVENTS_TOLD = 15 };

const json_t *prompt_case_fields(const json_t *sources, const char *source)
{
    const json_t *list = json_object_get(sources, "sources"), *found = NULL;
    size_t count = json_array_size(list);
    for (size_t i = 0; i < count; i++) {
        const json_t *item = json_array_get(list, i);
        if (source[0] == '\0' ? count == 1 : strcmp(json_get_string(item, "name", ""), source) == 0)
            found = json_object_get(item, "case_fields");
    }
    return found;
}

static void tell_source(const json_t *source, struct buf *out)
{
    char count[32];
    buf_printf(
        out, "- source `%s`: %s events", json_get_string(source, "name", ""),
        text_count(count, sizeof count, json_number_value(json_object_get(source, "events"))));
    if (json_object_get(source, "from") != NULL)
        buf_printf(out, " from %.10s to %.10s", json_get_string(source, "from", ""),
                   json_get_string(source, "to", ""));
    if (json_get_bool(source, "has_replay", false))
        buf_puts(out, ", with recordings");
    const json_t *cases = json_object_get(source, "case_fields");
    for (size_t i = 0; i < json_array_size(cases); i++)
        buf_printf(out, "%s`%s`", i == 0 ? ", cases: " : ", ", json_at_string(cases, i));
    const char *about = json_get_string(source, "description", "");
    buf_printf(out, "%s%.300s\n", about[0] != '\0' ? ". " : "", about);
}

static void tell_events(const json_t *events, struct buf *out)
{
    const json_t *list = json_object_get(events, "events");
    if (json_array_size(list) == 0)
        return;
    buf_puts(out, "- most frequent events of the last 30 days of data: ");
    for (size_t i = 0; i < json_array_size(list) && i < EVENTS_TOLD; i++) {
        const json_t *event = json_array_get(list, i);
        char count[32];
        buf_printf(
            out, "%s`%.100s` (%s)", i > 0 ? ", " : "", json_get_string(event, "event", ""),
            text_count(count, sizeof count, json_number_value(json_object_get(event, "count"))));
    }
    buf_puts(out, "\n");
}

void prompt_facts(const json_t *sources, const json_t *events, const char *source, struct buf *out)
{
    const json_t *list = json_object_get(sources, "sources");
    size_t count = json_array_size(list);
    if (count == 0) {
        buf_puts(out, "Begin with `list_sources {}`: which data there is.");
        return;
    }
    buf_puts(out, "Known about the data, looked up just now:\n\n");
    for (size_t i = 0; i < count; i++) {
        const json_t *item = json_array_get(list, i);
        if (source[0] == '\0' || strcmp(json_get_string(item, "name", ""), source) == 0)
            tell_source(item, out);
    }
    tell_events(events, out);
    if (source[0] == '\0' && count > 1)
        buf_puts(out, "\nThere are several sources: choose the one that the question is about, and "
                      "add `\"source\": \"‹its name›\"` to every call below.\n");
    /* the text goes on with a blank line of its own */
    if (out->len > 0 && out->data[out->len - 1] == '\n')
        out->data[--out->len] = '\0';
}
