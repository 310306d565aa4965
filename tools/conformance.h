#pragma once
/* What the files of conformance_check share.
 *
 * A model is asked about groups of cases: those that have the same in common of what the model
 * looks at, the sequence of activities and more where that is not enough. So the engine reads the
 * cases and only what differs comes here. */
#include "process.h"

enum {
    CONFORMANCE_MAX_GROUPS = 500000,
    CONFORMANCE_MAX_DEVIATIONS = 50,
    CONFORMANCE_LABEL = 84,  /* bytes of a name in a sentence */
    CONFORMANCE_WORDS = 400, /* of a deviation in words: two names and more */
};

/* The columns of the rows, which are the groups, most cases first. */
enum conformance_column {
    GROUP_ACTIVITIES,  /* numbers: 1 = the first name; of a temporal profile, of its pairs */
    GROUP_CASES,       /* how many */
    GROUP_EXAMPLE,     /* one of them; of conformance_traces.sql by number, where cases have one */
    GROUP_DURATION_MS, /* of all of them */
    GROUP_EXTRA,       /* what the model asked for beside */
    GROUP_IDS,         /* the first of them by name, as many as asked for */
    GROUP_STATUS,      /* enum conformance_status */
    GROUP_NAMES,       /* of one row: all activities, sorted; other rows: [] */
    GROUP_PROFILE,     /* of one row of a temporal profile: see conformance_temporal.sql */
    GROUP_COUNTS = GROUP_PROFILE, /* of one row of conformance_traces.sql */
};

enum conformance_status {
    STATUS_CHECKED,
    STATUS_TOO_LONG, /* more events than the model can look at */
    STATUS_OF_ALL,   /* no group: it tells of all cases */
};

struct conformance_group {
    const json_t *row;
    size_t number;
    const uint32_t *trace;
    size_t len;
    int64_t cases, duration_ms;
    const char *example;
};

enum conformance_kind {
    DEVIATION_SKIPPED,
    DEVIATION_INSERTED,
    DEVIATION_SWAPPED,
    DEVIATION_EDGE,
    DEVIATION_RULE,
    DEVIATION_LATE,
};

/* `a` and `b` are what the model takes them for; a group counts once, however often it deviates. */
struct deviation {
    enum conformance_kind kind;
    uint32_t a, b;
    int64_t cases, duration_ms;
    const char *example;
    size_t last_group;
};

struct deviations {
    struct deviation *items;
    size_t count, size;
    uint32_t *slots; /* a hash table of index + 1 */
    size_t slot_count;
};

static const uint32_t no_activity = UINT32_MAX;

struct conformance_model;

struct conformance {
    const json_t *arguments;
    const struct conformance_model *model;
    const json_t *names, *profile; /* of the rows, borrowed */
    const char **others;           /* names beyond those: of the arguments, never seen */
    size_t name_count, other_count;
    struct deviations deviations;
    uint32_t *trace;
    size_t trace_size;
    int64_t *histogram;
    size_t histogram_size;
    int64_t cases, conforming, total_cost, duration_ms;
    double fitness_sum;
    size_t next;      /* row to look at */
    json_t *variants; /* the first of them, as the result has them */
    void *state;      /* the model's own */
};

/* What is told of a group. */
struct verdict {
    int64_t cost;
    double fitness; /* mean of its cases */
};

struct conformance_model {
    const char *argument; /* that gives it */
    /* Whether its arguments go together. NULL: they always do. */
    int (*validate)(const struct run *run, struct err *ret_err);
    /* Adds the query of the groups, each with its first `ids` cases. NULL: they are sequences. */
    int (*plan)(struct run *run, int64_t ids, struct err *ret_err);
    /* Whether, with these arguments, plan is needed; NULL: where there is one. */
    bool (*needs_plan)(const struct run *run);
    int (*init)(struct conformance *c); /* negative: out of memory */
    int (*check)(struct conformance *c, const struct conformance_group *group,
                 struct verdict *ret_verdict); /* negative: out of memory */
    void (*done)(struct conformance *c);
    /* A deviation: the activity at fault, its members beside those that all have, and in words. */
    const char *(*activity)(const struct conformance *c, const struct deviation *d);
    void (*describe)(const struct conformance *c, const struct deviation *d, json_t *item);
    void (*words)(const struct conformance *c, const struct deviation *d,
                  char out[static CONFORMANCE_WORDS]);
    /* What else the result has. NULL: nothing. */
    void (*result)(struct run *run, const struct conformance *c);
    size_t max_events; /* of a case; longer ones are left out */
    bool has_variants; /* whether a group is a sequence */
};

extern const char *const conformance_matches[], *const conformance_rule_kinds[];
extern const struct conformance_model conformance_sequence, conformance_edges, conformance_rules,
    conformance_temporal;

/* The model of the call; an error unless it is one. */
const struct conformance_model *conformance_model_of(const struct run *run, struct err *ret_err);

/* conformance_groups.c */
/* Adds the query of the model's groups as the round's first, after looking at the arguments. `ids`
 * cases of each group are wanted; `is_wide`: see process.h. */
int conformance_plan(struct run *run, int64_t ids, bool is_wide, struct err *ret_err);
/* Whether the groups are those of conformance_traces.sql. */
bool conformance_is_of_traces(const struct run *run);
/* SQL of one query: all activities, sorted, which are numbered by their places; the cases with
 * their events in order (see conformance_cases.sql); the first cases of a group by name. */
struct conformance_parts {
    struct buf names, cases;
    const char *ids;
};
/* `extra`, an aggregate of the rows of one case, NULL = none, is bound to `q`; of a case
 * `max_events` are looked at; `ids` cases of a group are wanted. */
int conformance_parts_init(struct conformance_parts *p, const struct run *run, struct query *q,
                           const char *extra, size_t max_events, int64_t ids, struct err *ret_err);
void conformance_parts_done(struct conformance_parts *p);
/* Adds the query of groups by the sequence of activities and `extra`. */
int conformance_plan_sequences(struct run *run, struct query *q, const char *extra, int64_t ids,
                               struct err *ret_err);

/* conformance_rows.c */
/* For the rows of that query; negative: out of memory. Needs conformance_done() either way. */
int conformance_init(struct conformance *c, const struct run *run, const json_t *rows);
void conformance_done(struct conformance *c);
enum conformance_status conformance_status(const json_t *row);
/* Asks the model about the groups from c->next on, counts them and hands each to `seen`, who may
 * refuse by a negative number. RUN_AGAIN where time for a slice is over before the last one;
 * negative: out of memory, or refused. */
typedef int conformance_seen(void *user, json_t *row, const struct conformance_group *group,
                             const struct verdict *verdict);
int conformance_check_rows(struct conformance *c, const json_t *rows, conformance_seen *seen,
                           void *user);

/* conformance_names.c */
/* The number of an activity, of one that no event has, too; no_activity when out of memory. */
uint32_t conformance_code(struct conformance *c, const char *name);
const char *conformance_name(const struct conformance *c, uint32_t code);
/* Its name for a sentence: one line, and short. `out` has room for CONFORMANCE_LABEL bytes. */
char *conformance_label(const struct conformance *c, uint32_t code, char *out);

/* conformance_deviations.c */
/* Counts the group to that deviation. Negative: out of memory. */
int deviations_note(struct conformance *c, enum conformance_kind kind, uint32_t a, uint32_t b,
                    const struct conformance_group *group);
/* Whether the group, the last one noted, has it. */
bool deviations_has(const struct deviations *d, const struct deviation *wanted, size_t group);
void deviations_done(struct deviations *d);
/* Most cases first, then by kind and activities. Nothing may be noted afterwards. */
void deviations_sort(struct deviations *d);
/* Those that are told of, the first ones. */
size_t deviations_told(const struct deviations *d);
/* How much longer a case with it takes than one without, seconds; false where all have it. */
bool deviation_extra_s(const struct conformance *c, const struct deviation *d, double *ret_s);

/* conformance_result.c */
extern const struct field conformance_fields[];
/* `texts`: {example: case} of those that are numbers. */
void conformance_write(struct run *run, const struct conformance *c, const json_t *texts);

/* conformance_cells.c */
int conformance_plan_cell(struct run *run, struct err *ret_err);
int conformance_shape_cell(struct run *run, struct err *ret_err);
int conformance_plan_actors(struct run *run, const json_t *cell, struct err *ret_err);
