#include <stdio.h>

#include "args.h"
#include "json.h"
#include "nameless.h"
#include "rows_where.h"
#include "text.h"

static const struct param params[] = {
    ARG_PERIOD,
    {.name = "field",
     .role = "field",
     .is_required = true,
     .max_length = 256,
     .description = "Whose values: a property or another field."},
    {.name = "event",
     .type = VALUE_OBJECT,
     .fields = arg_matcher_fields,
     .shorthand = "event",
     .description = "Only on this event."},
    {.name = "prefix",
     .max_length = 256,
     .fallback = "\"\"",
     .description = "Only values that begin with this, case ignored."},
    ARG_SCOPE,
    ARG_LIMIT("100"),
    ARG_CURSOR,
    ARG_OUTPUT,
    {0},
};

static const struct field value_fields[] = {
    {"value", "As filters take it.", VALUE_STRING},
    {"count", "Events that have it.", VALUE_INTEGER},
    {"actors", "Distinct actors that have it.", VALUE_INTEGER},
    {0},
};

static const struct field fields[] = {
    {"values", "Most frequent first.", VALUE_OBJECT, .is_list = true, .fields = value_fields},
    {"other", "Events whose value comes after those listed.", VALUE_INTEGER},
    {"cursor", "Where the next page begins.", VALUE_STRING, .is_optional = true},
    {0},
};

static int plan(struct run *run, struct err *ret_err)
{
    const json_t *arguments = run->arguments;
    int64_t limit, offset;
    int rc = run_page(run, 100, &limit, &offset, ret_err);
    if (rc < 0)
        return rc;
    return rows_plan_values(run, json_get_string(arguments, "field", ""),
                            json_get_string(arguments, "prefix", ""),
                            json_object_get(arguments, "event"), limit + 1, offset, ret_err);
}

static void write_headline(struct run *run, const json_t *rows, bool is_first_page)
{
    const char *field = json_get_string(run->arguments, "field", "");
    const char *prefix = json_get_string(run->arguments, "prefix", "");
    const json_t *top = json_array_get(rows, 0);
    if (top == NULL) {
        const char *event = json_get_string(json_object_get(run->arguments, "event"), "event", "");
        buf_printf(&run->text, "No event%s%.100s%s%s of the period has a value of '%.100s'",
                   event[0] != '\0' ? " '" : "", event, event[0] != '\0' ? "'" : "",
                   nameless_restriction(run), field);
        if (prefix[0] != '\0')
            buf_printf(&run->text, " that begins with '%.100s'", prefix);
        buf_puts(&run->text, is_first_page ? ".\n" : " beyond those listed before.\n");
        return;
    }
    char count[48], share[32], distinct[48];
    double events = json_at_number(top, 4);
    text_things(distinct, sizeof distinct, json_at_number(top, 3), "value");
    text_things(count, sizeof count, events, "event");
    text_percent(share, sizeof share, json_at_number(top, 1) / events);
    buf_printf(&run->text, "%s of '%.100s' on %s", distinct, field, count);
    if (is_first_page)
        buf_printf(&run->text, "; the most frequent is '%.100s' (%s of them)",
                   json_at_string(top, 0), share);
    buf_puts(&run->text, ".\n");
}

static json_t *write_values(struct run *run, const json_t *rows, size_t count, json_int_t *ret_sum)
{
    json_t *values = json_array();
    double events = json_at_number(json_array_get(rows, 0), 4);
    if (count > 0)
        text_table(&run->text, (const char *const[]){"value", "events", "share", "actors", NULL});
    for (size_t i = 0; i < count; i++) {
        const json_t *row = json_array_get(rows, i);
        char n[32], share[32], actors[32], value[160];
        json_int_t with = json_at_integer(row, 1);
        *ret_sum += with;
        snprintf(value, sizeof value, "%.150s", json_at_string(row, 0));
        text_row(&run->text,
                 (const char *const[]){value, text_count(n, sizeof n, (double)with),
                                       text_percent(share, sizeof share, (double)with / events),
                                       text_count(actors, sizeof actors, json_at_number(row, 2))},
                 4);
        json_array_append_new(values, json_pack("{s:O, s:I, s:O}", "value", json_array_get(row, 0),
                                                "count", with, "actors", json_array_get(row, 2)));
    }
    return values;
}

static int shape(struct run *run, struct err *ret_err)
{
    int64_t limit, offset;
    int rc = run_page(run, 100, &limit, &offset, ret_err);
    if (rc < 0)
        return rc;
    const json_t *rows = run_rows(run, 0);
    size_t count = json_array_size(rows);
    bool has_more = (int64_t)count > limit;
    if (has_more)
        count = (size_t)limit;
    write_headline(run, rows, offset == 0);
    json_int_t listed = 0;
    json_object_set_new(run->result, "values", write_values(run, rows, count, &listed));
    json_int_t after = json_at_integer(json_array_get(rows, 0), 5);
    json_object_set_new(run->result, "other", json_integer(count > 0 ? after - listed : 0));
    if (has_more) {
        run_set_cursor(run, offset + limit);
        run_truncated(run, "rows", limit, "continue with the cursor, or use prefix");
    }
    if (count > 0)
        run_suggest(run, "anomaly_scan",
                    json_pack("{s:s, s:s, s:s, s:O}", "source", run->source->name, "metric",
                              "event_count", "interval", "day", "by",
                              json_object_get(run->arguments, "field")),
                    "whether one of the values behaves unusually");
    return 0;
}

static const struct step steps[] = {{plan, shape}, {0}};

const struct tool tool_property_values = {
    .name = "property_values",
    .title = "Values of a property",
    .description = "The values of a field with the events and actors that have each, for filters "
                   "and breakdowns; by prefix where there are many.",
    .toolset = "analytics",
    .params = params,
    .fields = fields,
    .steps = steps,
};
