#pragma once
/* What a usage report can tell of a source: its sections, the names of events and fields that each
 * understands, and the statements that fill them. */
#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

#include "err.h"
#include "run.h"

enum { USAGE_KEYS = 3 };

/* What is made of the text of a section's value. */
enum usage_form { USAGE_TEXT, USAGE_PAGE, USAGE_HOST };

struct usage_section {
    const char *name;
    /* Names of the events that it is about; NULL = any. Where none of them occurs, any that has
     * the value. */
    const char *const *events;
    /* The value and what it is split by: a member of the items, and the fields that may hold it,
     * the first that is not empty. */
    struct usage_key {
        const char *member;
        const char *const *fields;
    } keys[USAGE_KEYS];
    enum usage_form form;
    const char *from_agent; /* the value as SQL of `_agent`, where no field holds it */
    bool is_last;           /* of a visit: the last value, not the first */
};

enum { USAGE_EVENT_SECTIONS = 6, USAGE_VISIT_SECTIONS = 7 };
extern const struct usage_section usage_of_events[USAGE_EVENT_SECTIONS];
extern const struct usage_section usage_of_visits[USAGE_VISIT_SECTIONS];

/* Lists of names, NULL-terminated: events, */
extern const char *const usage_views[], *const usage_interactions[], *const usage_session_ends[];
/* and fields: of a page, of the user agent, and of the event that ends a session. */
extern const char *const usage_pages[], *const usage_agents[];
extern const char *const usage_session_durations[], *const usage_session_pages[],
                                                        *const usage_session_interactions[];

/* Asks which of the names the events of the period bear: one row (keys, events). */
int usage_plan_names(struct run *run, struct err *ret_err);

/* With that row: queries 0 to 3, which are days (whole, at, events, actors, sessions), sections of
 * events (section, keys, n, sessions, actors, share), of visits (section, value, n, actors, share)
 * and sessions (durations[4], pages, interactions, n). */
enum { USAGE_DAYS, USAGE_EVENTS, USAGE_VISITS, USAGE_SESSIONS, USAGE_QUERIES };
int usage_plan_report(struct run *run, const json_t *names, int ret_queries[USAGE_QUERIES],
                      struct err *ret_err);
