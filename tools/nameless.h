#pragma once
/* Nobody is counted: because nothing happened, or because the events do not say who it was? */
#include "run.h"

/* Adds the question, for the events of the period that pass the filters and `matcher`. */
int nameless_plan(struct run *run, const json_t *matcher, struct err *ret_err);

/* Whether there are such events and none names the actor: a warning and the headline say it. */
bool nameless_shape(struct run *run, const char *what);
