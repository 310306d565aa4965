#pragma once
/* The words of a result: compact tables and human numbers for the text that stands alone. */
#include <stdint.h>

#include <jansson.h>

#include "buf.h"

/* A table in Markdown. `columns` is NULL-terminated; text_row takes as many cells. */
void text_table(struct buf *out, const char *const *columns);
void text_row(struct buf *out, const char *const *cells, size_t count);

/* The line under a table that leaves rows of the result out: how many of `count` were not `shown`.
 * Nothing where all are. */
void text_more(struct buf *out, size_t count, size_t shown);

/* A source's replay_url with {session} (percent-encoded) and {at} (unix milliseconds) filled in.
 * New reference. */
json_t *text_replay_url(const char *template, const char *session, int64_t at_us);

/* Short forms into a caller's buffer, which is returned. */
char *text_count(char *out, size_t size, double n); /* 1,234,567 */
/* 1 actor, 1,234 actors, 2 anomalies: `thing` names one, in two letters or more. */
char *text_things(char *out, size_t size, double n, const char *thing);
char *text_percent(char *out, size_t size, double share);    /* 0.1234 → 12.3 % */
char *text_duration(char *out, size_t size, double seconds); /* 95 → 1 min 35 s */
char *text_number(char *out, size_t size, double value);     /* 0.1234, 12.34, 1,234 */

/* The word that agrees with so many: text_verb(n, "lies", "lie"). */
const char *text_verb(double n, const char *of_one, const char *of_many);

/* "did you mean 'nearest'? LEAD: a, b, c", at most `most` of the others, "LEAD none" where
 * there are none at all. `nearest` is one of the names or NULL. Returns how many were left out. */
size_t text_names(struct buf *out, const char *lead, const char *nearest, const char *const *names,
                  size_t count, size_t most);

/* Copies a text; one that does not fit ends in "…" after its last whole character. `tail` always
 * fits behind it: `size` has room for it and "…". Both return `out`. */
char *text_fit(char *out, size_t size, const char *text);
char *text_fit_tail(char *out, size_t size, const char *text, const char *tail);

/* Makes one line of a name that somebody gave: control characters become spaces. Returns it. */
char *text_line(char *text);
