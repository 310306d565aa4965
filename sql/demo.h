#pragma once
/* The demo data set: a web shop in ClickStack's tables, generated inside the database from hashes,
 * so that every run and every engine makes the same rows. It is built in `demo_new` and takes the
 * place of `demo` table by table with EXCHANGE, so that readers never miss a table. */
#include <stddef.h>

#include "db.h"
#include "err.h"

struct demo;

struct demo_events {
    /* One statement has ended: what it made, how long it took, how many of all are done. */
    void (*progress)(void *user, const char *what, double seconds, size_t done, size_t total);
    /* Once, at the end; `err` is NULL on success. The demo object is gone after it. */
    void (*done)(void *user, const struct err *err);
    void *user;
};

/* Starts filling; everything arrives on the loop of `db`. */
int demo_start(struct db *db, const struct demo_events *events, struct demo **ret_demo,
               struct err *ret_err);

/* Stops; done() follows with ERR_CANCELLED. The old demo, if there was one, stays. */
void demo_cancel(struct demo *demo);
