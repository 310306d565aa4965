#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "args.h"
#include "json.h"
#include "nameless.h"
#include "period.h"
#include "quality.h"
#include "rpc.h"
#include "sql_text.h"
#include "text.h"

static const char *const check_names[] = {"gaps",   "duplicates", "similar_names", "nulls", "clock",
                                          "schema", NULL};
static const char *const severities[] = {"high", "medium", "low"};

static const struct param params[] = {
    ARG_PERIOD,
    {.name = "checks",
     .is_list = true,
     .choices = check_names,
     .max_items = 6,
     .description = "Default: all of them."},
    ARG_SCOPE,
    ARG_LIMIT("50"),
    ARG_CURSOR,
    ARG_OUTPUT,
    {0},
};

static const struct field issue_fields[] = {
    {"kind", "The check that found it.", VALUE_STRING},
    {"severity", "high: figures are wrong; medium: some may be; low: worth knowing.", VALUE_STRING},
    {"field", "The field, property or event that it is about.", VALUE_STRING},
    {"evidence", "What was found, with its figures.", VALUE_STRING},
    {"fix", "What helps.", VALUE_STRING},
    {0},
};

static const struct field fields[] = {
    {"issues", "Worst first.", VALUE_OBJECT, .is_list = true, .fields = issue_fields},
    {"cursor", "Where the next page begins.", VALUE_STRING, .is_optional = true},
    {0},
};

/* --- findings ------------------------------------------------------------------------------- */

struct state {
    json_t *queries; /* {name: index} */
    json_t *found;   /* issues with "_severity" and "_weight" beside what is shown */
};

static void state_free(void *user)
{
    struct state *st = user;
    json_decref(st->queries);
    json_decref(st->found);
    free(st);
}

void quality_note(struct run *run, const char *name, int query)
{
    struct state *st = run->state;
    json_object_set_new(st->queries, name, json_integer(query));
}

int quality_query(const struct run *run, const char *name)
{
    const struct state *st = run->state;
    return (int)json_get_integer(st->queries, name, -1);
}

void quality_say_cut(struct run *run, int64_t most, const char *what)
{
    static const char hint[] = "take a shorter period, or filter by event";
    run_truncated(run, "rows", most, hint);
    run_warn(run, "only the first %lld %s: %s", (long long)most, what, hint);
}

bool quality_cut(struct run *run, const char *name, int64_t most, const char *what)
{
    int query = quality_query(run, name);
    bool is_cut = query >= 0 && run_rows_truncated(run, query);
    if (is_cut)
        quality_say_cut(run, most, what);
    return is_cut;
}

int64_t quality_every(const struct run *run, int64_t rows)
{
    return run->source->rows > rows ? (run->source->rows + rows - 1) / rows : 1;
}

void quality_sample(const struct run *run, struct query *q, int64_t rows, struct buf *out)
{
    int64_t every = quality_every(run, rows);
    if (every == 1) {
        buf_putc(out, '1');
        return;
    }
    buf_puts(out, "cityHash64(");
    sql_identifier(out, run->source->time.column);
    buf_puts(out, ") % ");
    query_bind_integer(q, out, every);
    buf_puts(out, " = 0");
}

void quality_add(struct run *run, const char *kind, enum quality_severity severity,
                 const char *field, double weight, const char *fix, const char *fmt, ...)
{
    struct state *st = run->state;
    struct buf evidence = {0};
    va_list ap;
    va_start(ap, fmt);
    buf_vprintf(&evidence, fmt, ap);
    va_end(ap);
    json_t *text = rpc_text(buf_text(&evidence)); /* names may be cut in a character */
    json_array_append_new(st->found,
                          json_pack("{s:s, s:s, s:s, s:o, s:s, s:i, s:f}", "kind", kind, "severity",
                                    severities[severity], "field", field, "evidence", text, "fix",
                                    fix, "_severity", (int)severity, "_weight", weight));
    buf_done(&evidence);
}

/* --- the checks ------------------------------------------------------------------------------ */

struct check {
    const char *name;
    int (*plan)(struct run *run, struct err *ret_err);
    void (*shape)(struct run *run);
};

/* Those of one name belong together; what two of them ask, the first one plans. */
static const struct check checks[] = {
    {"gaps", quality_gaps_plan, quality_gaps_shape},
    {"duplicates", quality_duplicates_plan, quality_duplicates_shape},
    {"similar_names", quality_names_plan, quality_names_shape},
    {"nulls", quality_nulls_plan, quality_nulls_shape},
    {"nulls", quality_properties_plan, quality_coverage_shape},
    {"clock", quality_clock_plan, quality_clock_shape},
    {"schema", quality_properties_plan, quality_types_shape},
};

static bool is_wanted(const struct run *run, const char *check)
{
    const json_t *wanted = json_object_get(run->arguments, "checks");
    return json_array_size(wanted) == 0 || json_list_has(wanted, check);
}

static int plan(struct run *run, struct err *ret_err)
{
    struct state *st = calloc(1, sizeof *st);
    if (st == NULL)
        return err_set(ret_err, ERR_MEMORY, NULL, "out of memory");
    st->queries = json_object();
    st->found = json_array();
    run->state = st;
    run->state_free = state_free;
    for (size_t i = 0; i < sizeof checks / sizeof checks[0]; i++) {
        int rc = is_wanted(run, checks[i].name) ? checks[i].plan(run, ret_err) : 0;
        if (rc < 0)
            return rc;
    }
    return 0;
}

static int compare(const void *a, const void *b)
{
    const json_t *x = *(json_t *const *)a, *y = *(json_t *const *)b;
    json_int_t by = json_get_integer(x, "_severity", 0) - json_get_integer(y, "_severity", 0);
    if (by != 0)
        return by < 0 ? -1 : 1;
    double more = json_get_number(y, "_weight", 0) - json_get_number(x, "_weight", 0);
    if (more < 0 || more > 0)
        return more < 0 ? -1 : 1;
    return strcmp(json_get_string(x, "evidence", ""), json_get_string(y, "evidence", ""));
}

/* Worst first; what they were ordered by is not shown. New reference. */
static json_t *sorted(const json_t *found)
{
    size_t count = json_array_size(found);
    json_t **items = calloc(count + 1, sizeof(json_t *)), *list = json_array();
    for (size_t i = 0; items != NULL && i < count; i++)
        items[i] = json_array_get(found, i);
    if (items != NULL)
        qsort(items, count, sizeof(json_t *), compare);
    for (size_t i = 0; items != NULL && i < count; i++) {
        json_array_append(list, items[i]);
        json_object_del(items[i], "_severity");
        json_object_del(items[i], "_weight");
    }
    free(items);
    return list;
}

static void write_headline(struct run *run, const json_t *issues)
{
    size_t count = json_array_size(issues), of[3] = {0};
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < 3; k++)
            of[k] += strcmp(json_get_string(json_array_get(issues, i), "severity", ""),
                            severities[k]) == 0;
    const json_t *worst = json_array_get(issues, 0);
    char found[48];
    if (count > 0)
        buf_printf(&run->text, "%s (%zu high, %zu medium, %zu low). The worst: %s\n",
                   text_things(found, sizeof found, (double)count, "issue"), of[0], of[1], of[2],
                   json_get_string(worst, "evidence", ""));
}

static int shape(struct run *run, struct err *ret_err)
{
    int64_t limit, offset;
    int rc = run_page(run, 50, &limit, &offset, ret_err);
    if (rc < 0)
        return rc;
    for (size_t i = 0; i < sizeof checks / sizeof checks[0]; i++)
        if (is_wanted(run, checks[i].name))
            checks[i].shape(run);
    json_t *all = sorted(((struct state *)run->state)->found), *page = json_array();
    write_headline(run, all);
    if (json_array_size(all) > 0)
        text_table(&run->text,
                   (const char *const[]){"severity", "kind", "about", "evidence", "fix", NULL});
    for (size_t i = (size_t)offset; i < json_array_size(all) && i < (size_t)(offset + limit); i++) {
        json_t *issue = json_array_get(all, i);
        json_array_append(page, issue);
        text_row(&run->text,
                 (const char *const[]){
                     json_get_string(issue, "severity", ""), json_get_string(issue, "kind", ""),
                     json_get_string(issue, "field", ""), json_get_string(issue, "evidence", ""),
                     json_get_string(issue, "fix", "")},
                 5);
    }
    if ((int64_t)json_array_size(all) > offset + limit) {
        run_set_cursor(run, offset + limit);
        run_truncated(run, "rows", limit, "continue with the cursor, or ask for fewer checks");
    }
    json_decref(all);
    json_object_set_new(run->result, "issues", page);
    return 0;
}

/* --- nothing found --------------------------------------------------------------------------- */

static bool is_clean(const struct run *run)
{
    return json_array_size(((struct state *)run->state)->found) == 0;
}

static int plan_clean(struct run *run, struct err *ret_err)
{
    if (!is_clean(run))
        return 0;
    struct query q;
    query_init(&q);
    int rc = quality_plan_rows(run, "events", &sql_quality_events, false, &q,
                               (const struct query_fragment[]){{0}}, 1, ret_err);
    query_done(&q);
    return rc;
}

/* No issue among no events is not a clean bill. */
static int shape_clean(struct run *run, struct err *ret_err)
{
    (void)ret_err;
    if (!is_clean(run))
        return 0;
    const json_t *rows = run_rows(run, quality_query(run, "events"));
    double events = json_at_number(json_array_get(rows, 0), 0);
    char count[48], first[48], last[48];
    if (events > 0) {
        buf_printf(&run->text, "No issue found in %s.\n",
                   text_things(count, sizeof count, events, "event"));
        return 0;
    }
    period_format(run->period.data_from_us, run->period.zone, first, sizeof first);
    period_format(run->period.complete_until_us, run->period.zone, last, sizeof last);
    buf_printf(&run->text,
               "Nothing could be checked: no event%s lies in this period; the data of the source "
               "are from %s to %s.\n",
               nameless_restriction(run), first, last);
    return 0;
}

static const struct step steps[] = {{plan, shape}, {plan_clean, shape_clean}, {0}};

const struct tool tool_data_quality = {
    .name = "data_quality",
    .title = "Check the data",
    .description = "What is wrong with the events themselves: gaps, duplicates, similar names, "
                   "missing actors and values, impossible times, properties that change type. Ask "
                   "before trusting a surprising figure.",
    .toolset = "analytics",
    .params = params,
    .fields = fields,
    .steps = steps,
};
