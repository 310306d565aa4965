/* The SQL of the arrays that process.h describes. */
#include <string.h>

#include "json.h"
#include "process.h"
#include "sql_text.h"

const char process_other[] = "(other)";

enum { SAMPLE = 20000 }; /* rows that are searched for two activities at one time */

/* Where the columns of times begin: what lies between it and 2300 fits into 54 bits. */
static const int64_t year_1900_us = INT64_C(-2208988800000000);
static const int64_t hour_us = INT64_C(3600000000);

static bool has_number(const struct run *run)
{
    return source_actor_number(run->source, "case", json_get_string(run->arguments, "case", NULL),
                               NULL);
}

bool process_may_be_narrow(const struct run *run)
{
    return has_number(run) || run->source->order == NULL;
}

bool process_is_compared(const struct run *run)
{
    return strcmp(json_get_string(run->arguments, "compare", "none"), "previous") == 0;
}

static bool has_extras(const struct process_log *l)
{
    return l->ask.has_resources || l->ask.service != SOURCE_NO_SERVICE;
}

void process_log_done(struct process_log *l)
{
    struct buf *all[] = {&l->key, &l->who, &l->rows, &l->codes, &l->arrays};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        buf_done(all[i]);
}

/* The times there are, from the period's on where it has a beginning, and an hour more at both ends
 * for rows that arrived since the bounds were asked for. */
static void set_times(struct process_log *l)
{
    const struct period *p = &l->run->period;
    int64_t length_us = p->to_us - p->from_us;
    l->from_us = l->ask.is_previous ? p->from_us - length_us : p->from_us;
    l->to_us = l->ask.is_previous ? p->from_us : p->to_us;
    bool has_from = p->from_given || l->ask.is_previous;
    l->zero_us = p->data_from_us - hour_us;
    if (has_from && l->from_us > l->zero_us)
        l->zero_us = l->from_us;
    if (l->zero_us < year_1900_us)
        l->zero_us = year_1900_us;
    int64_t last_us = p->data_to_us + hour_us - l->zero_us;
    l->time_bits = last_us > 0 ? 64 - __builtin_clzll((unsigned long long)last_us) : 1;
}

/* The names that get a code: of all rows that may be among the selected ones. */
static int add_codes(struct process_log *l, struct err *ret_err)
{
    const struct source *s = l->run->source;
    struct query_scope outer = query_scope_begin(l->q);
    struct buf label = {0}, from = {0}, where = {0};
    int rc = source_logical(s, l->q, SOURCE_EVENT, &label, ret_err);
    /* Without a condition the engine may have counted them already. */
    source_time_between(s, l->q, l->run->period.from_given ? l->zero_us : INT64_MIN, INT64_MAX,
                        &where);
    source_from(s, l->q, &from);
    if (rc == 0)
        rc = query_render_to(
            l->q, &sql_process_codes,
            (const struct query_fragment[]){
                {"label", buf_text(&label)},
                {"from", buf_text(&from)},
                {"where", buf_text(&where)},
                {"bits", l->is_narrow ? "toUInt8(ceil(log2(length(names) + 2)))" : "toUInt8(16)"},
                {"room", l->is_narrow ? "64 - bits" : "64"},
                {0}},
            &l->codes, ret_err);
    if (rc == 0 && l->ask.has_resources) {
        buf_reset(&label);
        rc = source_logical(s, l->q, SOURCE_RESOURCE, &label, ret_err);
        if (rc == 0)
            rc = query_render_to(l->q, &sql_process_resources,
                                 (const struct query_fragment[]){{"resource", buf_text(&label)},
                                                                 {"from", buf_text(&from)},
                                                                 {"where", buf_text(&where)},
                                                                 {0}},
                                 &l->codes, ret_err);
    }
    buf_done(&label);
    buf_done(&from);
    buf_done(&where);
    query_scope_end(l->q, outer);
    return rc;
}

/* Appends that no case has two activities at one time: of all cases that have a number, so that
 * nothing but the first rows is read. */
static int add_sample(struct process_log *l, struct err *ret_err)
{
    const struct source *s = l->run->source;
    struct query_scope outer = query_scope_begin(l->q);
    struct buf rows = {0}, label = {0}, from = {0};
    int rc = source_logical(s, l->q, SOURCE_EVENT, &label, ret_err);
    buf_printf(&rows, "SELECT %s AS _key, ", buf_text(&l->key));
    source_time_us(s, &rows);
    source_from(s, l->q, &from);
    buf_printf(&rows, " AS _us, %s AS _label FROM %s", buf_text(&label), buf_text(&from));
    query_set_integer(l->q, "sample", SAMPLE);
    if (rc == 0)
        rc = query_render_to(l->q, &sql_process_fit,
                             (const struct query_fragment[]){{"rows", buf_text(&rows)}, {0}},
                             &l->codes, ret_err);
    buf_done(&rows);
    buf_done(&label);
    buf_done(&from);
    query_scope_end(l->q, outer);
    return rc;
}

/* fits: whether narrow numbers have room for the activities, and as many bits for cases as are
 * worth it, and seem to be exact. */
static int add_fit(struct process_log *l, struct err *ret_err)
{
    buf_puts(&l->codes, ",\n");
    buf_puts(&l->codes, l->has_number ? "share_bits >= 3" : "bits + {time_bits:UInt8} < 64");
    int rc = 0;
    if (l->has_order) {
        buf_puts(&l->codes, " AND ");
        rc = add_sample(l, ret_err);
    }
    buf_puts(&l->codes, " AS fits");
    return rc;
}

/* The number of an event. */
static void add_number(const struct process_log *l, struct buf *out)
{
    static const char code[] = "transform(_label, names, arrayEnumerate(names), toUInt32(rare))";
    buf_printf(out,
               "bitShiftLeft(%s(bitShiftLeft(toUInt64(%s), {time_bits:UInt8}) + toUInt64(_us - ",
               l->is_narrow ? "toUInt64" : "toUInt128",
               l->has_number ? "bitAnd(_key, bitShiftLeft(toUInt64(1), share_bits) - 1) + 1" : "1");
    query_bind_integer(l->q, out, l->zero_us);
    if (l->is_narrow)
        buf_printf(out, ")), bits) + %s", code);
    else
        buf_printf(out, ")), 64) + bitShiftLeft(toUInt64(%s), 16) + %s",
                   l->has_order ? "_order" : "0", code);
}

/* What arrays have beside t and c: gathered with the numbers, and put into their order. */
struct extras {
    struct buf gathered; /* a value for each row, one number of what is asked for */
    struct buf more;     /* the arrays made of it */
};

static void add_extras(const struct process_log *l, struct extras *e)
{
    static const char code[] = "toUInt16(transform(_resource, arrayPushFront(resources, ''), "
                               "range(toUInt32(length(resources) + 1)), toUInt32(65535)))";
    bool has_service = l->ask.service != SOURCE_NO_SERVICE;
    if (!has_extras(l))
        return;
    /* Equal numbers, which only a source without an order of import has, are told apart by what
     * they carry. */
    buf_printf(&e->gathered, ", arraySort((x, y) -> %s, groupArray(",
               l->has_order ? "y" : "(y, x)");
    if (l->ask.has_resources && has_service)
        buf_printf(&e->gathered, "bitShiftLeft(toUInt128(reinterpretAsUInt64(_service)), 16) + %s",
                   code);
    else
        buf_puts(&e->gathered, has_service ? "_service" : code);
    buf_puts(&e->gathered, "), n) AS e");
    if (l->ask.has_resources && has_service)
        buf_puts(&e->more, ", arrayMap(x -> toUInt16(bitAnd(x, 65535)), e) AS r, arrayMap(x -> "
                           "reinterpretAsInt64(toUInt64(bitShiftRight(x, 16))), e) AS s");
    else
        buf_puts(&e->more, has_service ? ", e AS s" : ", e AS r");
}

static int add_arrays(struct process_log *l, struct err *ret_err)
{
    /* What stands for an array that is not exact: an event that is none. */
    static const char checked[] =
        "if(arrayExists((x, y) -> x != y AND bitShiftRight(x, bits) = bitShiftRight(y, bits), p, "
        "arrayPushFront(arrayPopBack(p), toUInt64(0))), "
        "[bitShiftLeft(toUInt64(1), toUInt8(bits + {time_bits:UInt8}))], p)";
    struct buf number = {0};
    struct extras extras = {0};
    add_number(l, &number);
    add_extras(l, &extras);
    int rc = query_render_to(
        l->q, &sql_process_arrays,
        (const struct query_fragment[]){
            {"behind", l->is_narrow ? "bits" : "64"},
            {"code", l->is_narrow ? "bitAnd(x, rare)" : "bitAnd(toUInt64(x), 65535)"},
            {"checked", l->is_narrow && l->has_order ? checked : "p"},
            {"array", l->has_number ? "bitShiftRight(_key, share_bits)" : "_key"},
            {"number", buf_text(&number)},
            {"as", has_extras(l) ? " AS n" : ""},
            {"gathered", buf_text(&extras.gathered)},
            {"kept", has_extras(l) ? ", e" : ""},
            {"more", buf_text(&extras.more)},
            {"rows", buf_text(&l->rows)},
            {"fits", l->is_narrow ? "fits" : "1"},
            {0}},
        &l->arrays, ret_err);
    buf_done(&number);
    buf_done(&extras.gathered);
    buf_done(&extras.more);
    return rc;
}

int process_log_init(struct process_log *l, const struct run *run, struct query *q,
                     struct process_ask ask, struct err *ret_err)
{
    *l = (struct process_log){.run = run,
                              .q = q,
                              .has_number = has_number(run),
                              .has_order = run->source->order != NULL,
                              .ask = ask};
    l->is_narrow = !ask.is_wide && !has_extras(l) && process_may_be_narrow(run);
    set_times(l);
    query_set_integer(q, "time_bits", l->time_bits);
    query_set_integer(q, "max_activities", PROCESS_MAX_ACTIVITIES);
    int rc = process_add_rows(l, NULL, &l->rows, ret_err);
    if (rc == 0)
        rc = add_codes(l, ret_err);
    if (rc == 0 && l->is_narrow)
        rc = add_fit(l, ret_err);
    if (rc == 0)
        rc = add_arrays(l, ret_err);
    return rc;
}

void process_case_of(const struct process_log *l, const char *t, struct buf *out)
{
    if (l->has_number)
        buf_printf(out,
                   "bitShiftLeft(toUInt64(_array), share_bits) + bitShiftRight(%s, "
                   "{time_bits:UInt8}) - 1",
                   t);
    else
        buf_puts(out, "_array");
}

int process_add_traces(struct process_log *l, const char *array, struct buf *out,
                       struct err *ret_err)
{
    bool is_collapsed = json_get_bool(l->run->arguments, "collapse_repeats", false);
    return query_render_to(
        l->q, &sql_process_traces,
        (const struct query_fragment[]){
            {"arrays", buf_text(&l->arrays)},
            {"codes", array},
            {"traces", is_collapsed ? "arrayMap(x -> arrayCompact(x), traces)" : "traces"},
            {0}},
        out, ret_err);
}
