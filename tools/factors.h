#pragma once
/* What sets two groups of actors apart: values of fields, each with how many of either group have
 * it, judged against chance and ranked. */
#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

#include "err.h"
#include "run.h"
#include "statistics.h"

/* Below this p a difference is taken for more than chance. */
static const double factors_alpha = 0.05;

struct factor {
    const char *field, *value; /* borrowed from the factors */
    struct two_by_two t;       /* actors: with = have the value, yes = of the first group */
    double p;                  /* that chance makes such a difference: adjusted for all of them */
    double score;              /* the tool's own measure */
    double rank[2];            /* larger ones come first */
};

struct factors {
    json_t *fields; /* array of names; one more, `event`, may follow as a number */
    json_t *rows;   /* keeps the values alive */
    double yes, no; /* actors of either group */
    struct factor *items;
    size_t count;
};

/* Makes empty ones the state of the run; frees with it. */
int factors_init(struct run *run, struct err *ret_err);
struct factors *factors_of(const struct run *run);

/* Takes the rows (number of the field from 1, value, actors of the first group, of the second, …),
 * of which the first has all actors. Only what `is_kept` says (NULL = all) counts among what was
 * tried; nothing does when a group is empty. Gives the p-values. `fields` must be set. */
int factors_read(struct factors *f, const json_t *rows,
                 bool (*is_kept)(const struct factors *f, const struct factor *factor),
                 struct err *ret_err);

/* Sorts by rank, then by name. */
void factors_sort(struct factors *f);

/* How a tool lists them. */
struct factor_list {
    const char *name;           /* of the result's member */
    const char *const *columns; /* of the text's table, NULL-terminated */
    json_t *(*item)(const struct factors *f, const struct factor *factor);
    void (*write)(struct run *run, const struct factors *f, const struct factor *factor);
};

/* The page that the call asks for, in the result and (its beginning) in the text. */
int factors_list(struct run *run, const struct factors *f, const struct factor_list *list,
                 struct err *ret_err);
