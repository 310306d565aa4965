/* The SQL of path runs. An event becomes one number, so that sorting an array of them puts the
 * events of many actors in order, and neighbours are one pass over it. Its fields, highest first:
 *     actor within its array, microseconds since `from`, [46 bits of import order,]
 *     code of the node, is an end, is a start
 * in 128 bits, with a code of 16 bits, or packed into 64 bits, without the import order and with a
 * code as short as the nodes allow, which takes about half the time and memory. That is exact as
 * long as no actor has two nodes at one time; if one has, the packed statement answers nothing.
 * A path is one number, too: the codes of its first nodes, the first one highest. */
#include "paths.h"

#include <stdio.h>

#include "json.h"
#include "segment.h"
#include "sql_text.h"

void paths_done(struct paths *p)
{
    buf_done(&p->rows);
    buf_done(&p->codes);
    buf_done(&p->edges);
}

/* --- codes ----------------------------------------------------------------------------------- */

static int build_names(struct paths *p, struct buf *out, struct err *ret_err)
{
    struct buf all = {0};
    int rc = p->is_packed ? paths_add_all_rows(p, &all, ret_err) : 0;
    if (rc == 0)
        rc = query_render_to(
            p->q, &sql_run_paths_names,
            (const struct query_fragment[]){{"key", p->has_number ? "_key" : "toUInt32(0)"},
                                            {"rows", buf_text(p->is_packed ? &all : &p->rows)},
                                            {0}},
            out, ret_err);
    buf_done(&all);
    return rc;
}

/* Of 64 bits, two are flags; those of the code and the time leave the rest to the actor. */
static int build_codes(struct paths *p, struct err *ret_err)
{
    static const char needed[] = "toUInt8(ceil(log2(length(names) + 2))) AS needed_bits, "
                                 "least(needed_bits, intDiv(64, {steps:UInt8}))";
    struct buf names = {0};
    int rc = build_names(p, &names, ret_err);
    if (rc == 0)
        rc = query_render_to(
            p->q, &sql_run_paths_codes,
            (const struct query_fragment[]){
                {"names", buf_text(&names)},
                {"bits", p->is_packed ? needed : "toUInt8(16)"},
                {"shift", p->is_packed ? "toUInt8(bits + 2)" : "toUInt8(64)"},
                {"key_bits", p->is_packed ? "toUInt8(greatest(62 - {time_bits:UInt8} - bits, 0))"
                                          : "toUInt8(64 - {time_bits:UInt8})"},
                {0}},
            &p->codes, ret_err);
    if (rc == 0 && p->is_packed) {
        buf_puts(&p->codes, ",\n");
        rc = query_render_to(p->q, &sql_run_paths_fit,
                             (const struct query_fragment[]){{"rows", buf_text(&p->rows)}, {0}},
                             &p->codes, ret_err);
    }
    buf_done(&names);
    return rc;
}

/* --- runs ------------------------------------------------------------------------------------ */

/* The number of an event; `within`: which of the actors of one array it is, "" = there is only
 * one. */
static void event_number(const struct paths *p, const char *within, struct buf *out)
{
    buf_printf(out, "bitShiftLeft(%s(%stoUInt64(_us - ", p->is_packed ? "toUInt64" : "toUInt128",
               within);
    query_bind_integer(p->q, out, p->zero_us);
    buf_printf(out, ")), shift) + %s", p->is_packed ? "" : "bitShiftLeft(toUInt64(_order), 18) + ");
    buf_printf(out,
               "bitShiftLeft(toUInt64("
               "transform(_node, names, arrayEnumerate(names), toUInt32(rare))), 2)%s%s",
               p->has_end ? " + 2 * _end" : "", p->has_start ? " + _start" : "");
}

/* The runs as far as they are looked at: `carried` columns and r. */
static int add_runs(const struct paths *p, const char *carried, const char *runs, struct buf *out,
                    struct err *ret_err)
{
    static const char first_start[] = "arrayFirstIndex(x -> bitAnd(toUInt64(x), 1) = 1, run)";
    const char *ended = "started", *merged = "ended";
    char started[256] = "run";
    if (p->has_start)
        snprintf(started, sizeof started, "arraySlice(run, if(%s = 0, length(run) + 1, %s))",
                 first_start, first_start);
    if (p->has_end && p->has_start)
        ended = "arraySlice(started, 1, arrayFirstIndex((x, i) -> bitAnd(toUInt64(x), 2) = 2 AND "
                "i > 1, started, arrayEnumerate(started)))";
    else if (p->has_end)
        ended = "arraySlice(started, 1, arrayFirstIndex(x -> bitAnd(toUInt64(x), 2) = 2, started))";
    /* The last of the repeats stays. Nodes without a code of their own may differ. */
    if (json_get_bool(p->run->arguments, "collapse_repeats", false))
        merged = "arrayFilter((x, y) -> bitAnd(toUInt64(x), 4 * rare) != bitAnd(toUInt64(y), "
                 "4 * rare) OR bitAnd(toUInt64(x), 4 * rare) = 4 * rare, ended, "
                 "arrayShiftLeft(ended, 1))";
    return query_render_to(
        p->q, &sql_run_paths_runs,
        (const struct query_fragment[]){
            {"carried", carried},
            {"kept", p->has_end && !p->has_start ? "arraySlice(merged, -{steps:UInt8})" : "merged"},
            {"merged", merged},
            {"ended", ended},
            {"started", started},
            {"runs", runs},
            {0}},
        out, ret_err);
}

int paths_placed_runs(struct paths *p, struct buf *out, struct err *ret_err)
{
    struct buf event = {0}, runs = {0};
    event_number(p, "", &event);
    int rc = query_render_to(p->q, &sql_run_paths_placed,
                             (const struct query_fragment[]){
                                 {"event", buf_text(&event)}, {"rows", buf_text(&p->rows)}, {0}},
                             &runs, ret_err);
    if (rc == 0)
        rc = add_runs(p, "who, a, ", buf_text(&runs), out, ret_err);
    buf_done(&event);
    buf_done(&runs);
    return rc;
}

/* Many actors share an array where they have numbers: few large groups cost far less than one for
 * each actor. */
static int add_shared_runs(struct paths *p, struct buf *out, struct err *ret_err)
{
    /* An array with two nodes at one time becomes a run without nodes, which passes whatever cuts
     * runs and stands for that. */
    static const char checked[] =
        "if(arrayExists((x, y) -> x != y AND bitShiftRight(x, shift) = bitShiftRight(y, shift), "
        "p, arrayShiftRight(p, 1)), [toUInt64(3), 3], p)";
    static const char within[] =
        "bitShiftLeft(toUInt64(intDiv(_key, buckets)), {time_bits:UInt8}) + ";
    struct buf event = {0};
    event_number(p, p->has_number ? within : "", &event);
    int rc = query_render_to(
        p->q, &sql_run_paths_packed,
        (const struct query_fragment[]){{"checked", p->is_packed ? checked : "p"},
                                        {"event", buf_text(&event)},
                                        {"rows", buf_text(&p->rows)},
                                        {"condition", p->is_packed ? " WHERE fits" : ""},
                                        {"bucket", p->has_number ? "_key % buckets" : "_key"},
                                        {0}},
        out, ret_err);
    buf_done(&event);
    return rc;
}

/* --- edges ----------------------------------------------------------------------------------- */

static void write_path(const struct paths *p, struct buf *out)
{
    const char *type = p->is_packed ? "toUInt64" : p->steps <= 8 ? "toUInt128" : "toUInt256";
    for (json_int_t i = 1; i <= p->steps; i++)
        buf_printf(out,
                   "%sbitShiftLeft(%s(bitAnd(bitShiftRight(toUInt64(r[%lld]), 2), rare)), "
                   "toUInt8(%lld * bits))",
                   i > 1 ? " + " : "", type, (long long)i, (long long)(p->steps - i));
}

/* What the steps of a path took in all, microseconds; it means nothing behind its end. */
static void write_times(const struct paths *p, struct buf *out)
{
    for (json_int_t i = 1; i < p->steps; i++)
        buf_printf(out,
                   ", sum(toFloat64(bitShiftRight(r[%lld], shift) - bitShiftRight(r[%lld], "
                   "shift)))",
                   (long long)i + 1, (long long)i);
}

/* The commonest paths with their counts, ties in the order of the paths. A number that sorts so
 * costs a tenth of a tuple. */
static void write_commonest(const struct paths *p, struct buf *out)
{
    buf_printf(out,
               p->is_packed
                   ? "arrayMap(x -> (bitNot(toUInt64(bitShiftRight(x, 64))), toUInt64(x)), "
                     "groupArraySortedIf(%d)(bitShiftLeft(toUInt128(bitNot(n)), 64) + path, step = "
                     "0))"
                   : "arrayMap(x -> (toUInt64(-x.1), x.2), "
                     "groupArraySortedIf(%d)((-toInt64(n), path), step = 0))",
               PATHS_JOURNEYS);
}

static int build_edges(struct paths *p, struct err *ret_err)
{
    struct buf shared = {0}, runs = {0}, path = {0}, times = {0}, commonest = {0};
    write_path(p, &path);
    write_times(p, &times);
    write_commonest(p, &commonest);
    int rc = add_shared_runs(p, &shared, ret_err);
    if (rc == 0)
        rc = add_runs(p, "", buf_text(&shared), &runs, ret_err);
    if (rc == 0)
        rc = query_render_to(p->q, &sql_run_paths_edges,
                             (const struct query_fragment[]){{"path", buf_text(&path)},
                                                             {"times", buf_text(&times)},
                                                             {"commonest", buf_text(&commonest)},
                                                             {"runs", buf_text(&runs)},
                                                             {0}},
                             &p->edges, ret_err);
    struct buf *all[] = {&shared, &runs, &path, &times, &commonest};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        buf_done(all[i]);
    return rc;
}

/* --- all of it ------------------------------------------------------------------------------- */

/* Where the columns of times begin and end: what is between fits into 54 bits. */
static const int64_t year_1900_us = INT64_C(-2208988800000000);
static const int64_t year_2300_us = INT64_C(10413792000000000);

/* How many bits the times of a period need, and a pause behind it: the last event of one actor is
 * so as far from the first one of the next. */
static int time_bits(const struct paths *p, int64_t to_us, int64_t gap_us)
{
    int64_t last_us = (to_us < year_2300_us ? to_us : year_2300_us) - p->zero_us + gap_us;
    int bits = 1;
    while (bits < 62 && last_us >> bits > 0)
        bits++;
    return bits;
}

int paths_init(struct paths *p, const struct run *run, struct query *q, bool is_packed,
               struct err *ret_err)
{
    const json_t *arguments = run->arguments;
    const struct period *period = &run->period;
    int64_t gap_us = json_get_integer(arguments, "session_gap_s", 1800) * 1000000;
    *p = (struct paths){.run = run,
                        .q = q,
                        .steps = json_get_integer(arguments, "steps", 5),
                        /* 1 is the first time there may be */
                        .zero_us =
                            (period->from_us > year_1900_us ? period->from_us : year_1900_us) - 1,
                        .is_packed = is_packed,
                        .has_number = scope_has_number(run),
                        .has_start = json_object_get(arguments, "start") != NULL,
                        .has_end = json_object_get(arguments, "end") != NULL};
    query_set_integer(q, "steps", p->steps);
    query_set_integer(q, "has_end", p->has_end);
    query_set_integer(q, "edge_limit", json_get_integer(arguments, "edge_limit", 50));
    query_set_integer(q, "gap_us", gap_us);
    query_set_integer(q, "time_bits", time_bits(p, period->to_us, gap_us));
    int rc = paths_add_rows(p, &p->rows, ret_err);
    if (rc == 0)
        rc = build_codes(p, ret_err);
    if (rc == 0)
        rc = build_edges(p, ret_err);
    return rc;
}
