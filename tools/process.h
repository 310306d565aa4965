#pragma once
/* What the process tools share: which cases a call selects, and the order of events inside one.
 *
 * A case belongs to a period by its first event, and with all its events; the filters hold for it
 * as some event passes them. Inside a case events are in order of time, then of import; where a
 * table has no order of import, in that of the names of activities.
 *
 * An event is one number, so that sorting an array of them puts the events of many cases in order.
 * Its parts, highest first, are which case of the array (from 1), the microseconds since `zero_us`
 * in `time_bits`, the order of import and the code of the activity: 128 bits, of which 64 are case
 * and time. "Narrow" numbers have 64 bits in all, without the order of import, which takes about
 * half the time; they are exact as long as no case has two activities at one time. If one has, the
 * narrow statement says so, and the wide one is asked (process_is_told()).
 *
 * Sorted, both become two arrays of equal length, with one event at each place:
 *     t  Array(UInt64): case << time_bits | microseconds since zero_us
 *     c  Array(UInt16): code of the activity, 1, 2, … in the order of the names; `rare` for what
 *        is not told apart; 0, in an array of one event, stands for what is not exact
 *     r  Array(UInt16), where asked for: code of the resource among `resources`, 0 = none; 65535,
 *        as all codes there are not, for one that is not told apart
 *     s  Array(Int64), where asked for: microseconds of its service, `unknown` = not known
 * A new case begins where t xor the t before is 1 << time_bits or more; the next array, too. Where
 * cases have numbers (native tables) thousands of them share an array, else each has its own.
 *
 * On this stand two questions that most tools ask: process_plan_variants() and
 * process_plan_edges(). One that needs another one puts its text around `arrays`. */
#include "run.h"

enum {
    PROCESS_MAX_ACTIVITIES = 65534, /* distinct ones that are told apart, the most frequent */
    PROCESS_MAX_EDGES = 20000,      /* pairs of activities that are told, beginnings included */
    PROCESS_MAX_TRACE = 1000,       /* activities of a variant that are told */
    PROCESS_MAX_COMPARED = 100000,  /* variants of a period that are compared with another one's */
    PROCESS_EXACT_ROWS = 20000000,  /* of a table beyond which quantiles are approximate */
};

extern const char process_other[]; /* what activities that are not told apart are called */

/* What a statement is asked about. */
struct process_ask {
    bool is_previous; /* the period of equal length just before the one asked for */
    bool is_wide;     /* even where a narrow one may do */
    /* Of variants, so many activities are told, and one more where there are more; 0 =
     * PROCESS_MAX_TRACE. */
    int64_t max_trace;
    bool is_uncounted; /* of edges, not in how many cases they are: that is half of the work */
    /* The arrays also have, of each event, who did it and how long it took; such are wide. */
    bool has_resources;
    enum source_service service;
};

/* SQL on one query; all its placeholders are bound. */
struct process_log {
    const struct run *run;
    struct query *q;
    struct process_ask ask;
    bool has_number, has_order; /* of cases; of import */
    bool is_narrow;
    int64_t from_us, to_us; /* of the period that is asked about */
    int64_t zero_us;        /* what the times in t count from */
    int time_bits;
    struct buf key;    /* a row's case, to count and to group by: UInt32 or String */
    struct buf who;    /* the same as text */
    struct buf rows;   /* the selected cases' events: see process_add_rows() */
    struct buf codes;  /* for WITH: names Array(String), bits, rare, share_bits */
    struct buf arrays; /* SELECT _array, t, c */
};

/* Whether a narrow statement is worth asking; else all are wide. */
bool process_may_be_narrow(const struct run *run);

/* Whether the call has compare: previous. */
bool process_is_compared(const struct run *run);

/* process_log_done() after either outcome. */
int process_log_init(struct process_log *l, const struct run *run, struct query *q,
                     struct process_ask ask, struct err *ret_err);
void process_log_done(struct process_log *l);

/* Appends SELECT of the events of the selected cases: _key, what a case is counted by, _who, its
 * text, _us, _order, _label, the activity, and _session; where asked for _resource, its name, and
 * _service, microseconds. `among`: SELECT of the only keys that are
 * wanted, or NULL. */
int process_add_rows(struct process_log *l, const char *among, struct buf *out,
                     struct err *ret_err);

/* What `s` holds where it is not known, as SQL. */
#define PROCESS_UNKNOWN "toInt64(-9223372036854775808)"

/* The case of an event or a row of traces as SQL: its number, or its text. `t` is an element of t.
 */
void process_case_of(const struct process_log *l, const char *t, struct buf *out);

/* The traces of cases, which process_traces.sql describes, of the codes in `array`, c or r; repeats
 * of an activity are one where the call has collapse_repeats. */
int process_add_traces(struct process_log *l, const char *array, struct buf *out,
                       struct err *ret_err);

/* --- two questions, as queries of a round; each returns its index ---------------------------- */

/* Rows (trace [code], cases, median_s, p90_s, example, names, counts, median_length). The first one
 * has no trace and tells of all cases: the names of the codes, counts = [cases, events, variants,
 * fewest events, most events, unfinished cases], median events. The others: most frequent first, by
 * codes then. `example` is the case, a number where cases have one: see process_plan_texts(). */
int process_plan_variants(struct run *run, struct process_ask ask, int64_t limit,
                          struct err *ret_err);

/* Rows (from, to, count, cases, cases that have `to`, total_s, min_s, median_s, p95_s, max_s,
 * names, unfinished, saving_s). The first one is of all cases: how many, and what they take from
 * begin to end, with the names of the codes. Then those whose `from` is 0: cases begin with `to`.
 * Then the edges, most frequent first. */
int process_plan_edges(struct run *run, struct process_ask ask, struct err *ret_err);

/* --- a question on both periods of the call --------------------------------------------------- */

/* Plans the query of one: process_plan_edges(), or a tool's own. Returns its index. */
typedef int process_question(struct run *run, struct process_ask ask, struct err *ret_err);

/* Narrow statements first, where they may do, then wide ones in place of those that did not tell.
 */
struct process_periods {
    process_question *question;
    struct process_ask ask; /* beside which period, and whether wide */
    json_t *now, *before;   /* rows; the second NULL without compare */
    int now_at, before_at;  /* queries of the round, -1 = not asked */
};
int process_plan_periods(struct run *run, struct process_periods *p, struct err *ret_err);
int process_plan_periods_wide(struct run *run, struct process_periods *p, struct err *ret_err);
/* Takes the rows of a round that one of the two planned. */
void process_keep_periods(const struct run *run, struct process_periods *p);
void process_periods_done(struct process_periods *p);

/* The same as steps of a tool whose state they are: the first plan() ends in
 * process_start_periods(); process_plan_wide() is the second; process_keep() shapes both. */
int process_start_periods(struct run *run, process_question *question, struct err *ret_err);
int process_plan_wide(struct run *run, struct err *ret_err);
int process_keep(struct run *run, struct err *ret_err);

/* --- more questions --------------------------------------------------------------------------- */

/* Which of the two ways the source knows how long work takes, as a query of the round; its index.
 * process_service_of() reads it. */
int process_plan_services(struct run *run, struct err *ret_err);
enum source_service process_service_of(const struct run *run, int query);

/* Rows (from, to, count, total_s, median_s, p95_s), most time first: with `from` 0, the service of
 * the activity `to`; else the time from the end of the one to the begin of the other. The codes are
 * those of process_plan_edges(). */
enum { TIME_FROM, TIME_TO, TIME_COUNT, TIME_TOTAL, TIME_MEDIAN, TIME_P95 };
int process_plan_times(struct run *run, enum source_service service, struct err *ret_err);

/* Exact or estimated, as the size of the table has it: the name of an aggregate. */
const char *process_quantiles(const struct run *run);

/* Whether rows tell the truth: not where a narrow statement met two activities of a case at one
 * time, or answers nothing. Then the wide one is to be asked. */
bool process_is_told(const json_t *rows);

/* The name of a code. `names` is of the first row. */
const char *process_name(const json_t *names, json_int_t code);

/* Names of codes. New reference. */
json_t *process_names(const json_t *names, const json_t *codes);

/* The texts of cases by their numbers: rows (number as text, case). Nothing is asked where cases
 * have no numbers, or none is wanted; returns 1 where it is asked. */
int process_plan_texts(struct run *run, const json_t *numbers, struct err *ret_err);
/* {number: case}, of the round that asked for them, as its first query. New reference. */
json_t *process_read_texts(const struct run *run);

/* --- what tools say of all cases -------------------------------------------------------------- */

/* Warns of unfinished cases. */
void process_warn_unfinished(struct run *run, int64_t cases, int64_t unfinished);
/* Warns that activities are not told apart. */
void process_warn_names(struct run *run, const json_t *names);
/* Both, and that quantiles are estimates. */
void process_warn(struct run *run, int64_t cases, int64_t unfinished, const json_t *names);

/* Links to the log of the selected cases as CSV and as XES. */
void process_link_log(struct run *run);

/* Why there is no case: asked, and told in the text. */
int process_plan_empty(struct run *run, struct err *ret_err);
void process_shape_empty(struct run *run);

/* (now - before) / before into `item` as previous and change, where there was something before. */
void process_set_change(json_t *item, json_int_t now, json_int_t before);

/* With compare: in one line that `what`, a clause, where nothing else was told since the text had
 * `len` bytes. */
void process_write_unchanged(struct run *run, size_t len, const char *what);

/* plan_actors() of a tool: the cases of a cell {activities}, {from, to} or {activity}. */
int process_plan_actors(struct run *run, const json_t *cell, struct err *ret_err);

/* Which cases another cell has, and the places in the events of a case where it begins and ends. */
struct process_place {
    struct buf trace;       /* condition on _trace, codes of a case's activities in order */
    struct buf first, last; /* of `events`, (time, order, activity, session), from 1 */
    bool is_of_resources;   /* _trace has the codes of resources, and `events` a fifth part */
};
void process_place_done(struct process_place *p);
/* The codes of activities as SQL; of one that has none, that of all such. */
void process_add_codes(struct query *q, const json_t *activities, struct buf *out);
int process_check_activity(const json_t *value, const char *path, struct err *ret_err);

/* The query of plan_actors() for such a place, and for cases by a SELECT of their _key. */
int process_plan_place(struct run *run, struct query *q, const struct process_place *p,
                       struct err *ret_err);
int process_plan_members(struct run *run, struct process_log *l, const char *keys,
                         const char *first, const char *last, struct err *ret_err);

/* --- fragments for statements with a group for each case -------------------------------------- */

/* SQL fragments on one query; all bound to its parameters. */
struct process {
    struct buf case_id;  /* String */
    struct buf event;    /* the activity */
    struct buf time_us;  /* Int64 */
    struct buf order;    /* breaks ties of time: import order, or the activity */
    struct buf selected; /* HAVING: first event in the period, filters matched by some event */
    struct buf segment;  /* WHERE: the argument `segment`, of cases */
    struct buf from;     /* after FROM */
};

int process_init(struct process *p, const struct run *run, struct query *q, struct err *ret_err);
void process_done(struct process *p);

/* Adds process_cases.sql as a query of the round; returns its index. */
int process_plan_cases(struct run *run, struct err *ret_err);

/* Reads it: writes `cases` to the result where asked, warns of unfinished ones. */
int64_t process_shape_cases(struct run *run, int query);
