#pragma once
/* The answer of rework_report as text, and what it stands on; internal to it.
 *
 * An event is a repeat when its case has had its activity before. A repeat comes right behind the
 * same activity (a self-loop), or behind another one, `from`: then the case goes back to `to`, and
 * the edge from → to is the end of a loop. So each repeat is in one self-loop or loop:
 * extra_occurrences of an activity are its self_loops and the counts of the loops that lead to it.
 * A B A B has two loops: B → A, and A → B, as B has been before; a loop that is gone through n
 * times more shows as n repeats of all its activities.
 * What repeats cost is the time from the event of the case just before to the repeat. Summed, no
 * second is there twice: of A B C A B C it is the second round, from the first C on. */
#include "run.h"

/* Columns of sql/rework.sql. The first row is of all cases, `count` being how many, `took` what
 * they take from begin to end; in rows with from = 0 `cases` are those with the activity `to`, and
 * the four after it tell of its repeats; the others are edges that lead to a repeat. */
enum {
    REWORK_FROM,
    REWORK_TO,
    REWORK_COUNT,
    REWORK_CASES,
    REWORK_AGAIN, /* cases with a repeat of `to` */
    REWORK_EXTRA, /* repeats of `to` */
    REWORK_SELF_LOOPS,
    REWORK_TOOK,
    REWORK_EXTRA_TOOK,
    REWORK_REPEATING, /* of all: cases with any repeat */
    REWORK_NAMES,
    REWORK_UNFINISHED,
};

enum {
    REWORK_MAX_ASKED = 20000, /* activities, and edges: so many are compared */
    REWORK_MAX = 1000,        /* of a list that are told */
};

/* What the period before had, NULL without compare: {activity: extra}, {from: {to: count}}. */
struct rework_before {
    json_t *activities, *loops;
    bool is_whole; /* what is not there was not there */
};

/* `took_s`: what all cases take. */
void rework_write_text(struct run *run, json_int_t cases, double took_s,
                       const struct rework_before *before);
