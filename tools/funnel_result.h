#pragma once
/* From the rows of a funnel's queries to its result and its words, and the actors behind them. */
#include "funnel.h"
#include "run.h"

enum { FUNNEL_MAX_ROWS = 100000 };

/* Query 0: run_funnel_steps; query 1, with a breakdown: run_funnel_breakdown or _many. */
void funnel_shape_steps(struct run *run, const struct funnel *f);

/* What a step (0-based) is called in a text: its name, or "any 2 of 3". */
void funnel_step_label(const struct funnel *f, size_t step, char *out, size_t size);

/* Query 0: run_funnel_bins. */
void funnel_shape_histogram(struct run *run, const struct funnel *f);

/* Query 0: run_funnel_trend; query 1, with a breakdown: run_funnel_trend_breakdown. */
int funnel_shape_trend(struct run *run, const struct funnel *f, struct err *ret_err);

/* For list_actors: the actors of a cell (see struct tool). */
int funnel_plan_actors(struct run *run, const json_t *cell, struct err *ret_err);

/* The first step (from 1 on) that nobody reached; 0 = there is none that can be told. When it is
 * the first of all, the headline is left to funnel_shape_empty(). */
size_t funnel_unreached(const struct run *run);

/* Why so. Query 0: that of nameless_plan() for that step. */
void funnel_shape_empty(struct run *run, const struct funnel *f);
