#pragma once
/* What happened in one browser session, from spans and from its recording, put in one order.
 * Fill it with session_add() and session_note(), then session_finish() merges what both sources
 * told twice and finds pages, idle time and frustration. Internal to tools about one session. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "err.h"
#include "rrweb.h"

enum entry_kind {
    ENTRY_NAVIGATION,
    ENTRY_CLICK,
    ENTRY_INPUT,
    ENTRY_SCROLL,
    ENTRY_CONSOLE,
    ENTRY_NETWORK,
    ENTRY_ERROR,
    ENTRY_VITALS,
    ENTRY_CUSTOM,
    ENTRY_IDLE,
    ENTRY_KINDS
};

extern const char *const entry_kind_names[ENTRY_KINDS + 1]; /* NULL-terminated */

struct entry {
    int64_t at_us;
    size_t order; /* of arrival: decides inside one microsecond */
    enum entry_kind kind;
    bool is_recorded;          /* from the recording, not from a span */
    bool is_failure;           /* an error, a failed request, a console error */
    bool is_dropped;           /* told by another entry */
    bool takes_focus;          /* a click on something that is typed into: that is its effect */
    char *text, *target, *url; /* owned; NULL = absent */
    int64_t node;              /* of a recorded event, -1 = unknown */
    int64_t status;            /* HTTP, 0 = none */
    int64_t end_us;            /* of the last event that it stands for */
    double duration_ms;        /* negative = none */
    size_t times;              /* events that it stands for */
};

/* Things that are no entry of their own. */
enum moment_kind {
    MOMENT_ACTIVITY, /* the person did something: pointer, key, touch */
    MOMENT_EFFECT,   /* the page changed: mutation, media, focus */
};

struct moment {
    int64_t at_us;
    enum moment_kind kind;
    size_t times;
};

enum frustration_kind { RAGE_CLICK, DEAD_CLICK, QUICK_BACK };

extern const char *const frustration_names[];

struct frustration {
    enum frustration_kind kind;
    int64_t at_us;
    const char *target; /* borrowed from the entry; may be NULL */
    size_t times;
};

struct page_visit {
    const char *url; /* borrowed */
    int64_t entered_us, left_us;
};

/* What became of one recorded event that is not as it should be. */
struct incomplete {
    int64_t at_us, event;
    const char *reason; /* incomplete-event, duplicate-chunk, parse-error: a constant */
    int64_t have, expected;
};

struct session_counts {
    int64_t events, chunks; /* of the recording */
    int64_t spans;
    int64_t clicks, inputs, scrolls, moves, mutations, snapshots, navigations, console_errors,
        console, requests, failed_requests, errors, custom, vitals, media, selections, resizes;
    int64_t repeated_rows, left_out; /* delivered twice; texts beyond the cap */
};

struct session {
    struct entry *entries;
    size_t entry_count, entry_size;
    struct moment *moments;
    size_t moment_count, moment_size;
    struct incomplete *incomplete;
    size_t incomplete_count, incomplete_size;
    struct frustration *frustrations;
    size_t frustration_count, frustration_size;
    struct page_visit *pages;
    size_t page_count, page_size;
    struct session_counts counts;
    int64_t first_us, last_us;               /* of everything; first > last: nothing */
    int64_t replay_first_us, replay_last_us; /* of the recording */
    size_t instances;                        /* page loads and tabs that recorded */
    bool has_recording;
    bool failed; /* out of memory somewhere */
};

void session_init(struct session *s);
void session_done(struct session *s);

/* A new entry, or NULL (s->failed is set). Text is copied with session_text(). */
struct entry *session_add(struct session *s, int64_t at_us, enum entry_kind kind);
void session_text(struct session *s, char **slot, const char *text); /* "" and NULL: absent */
void session_note(struct session *s, int64_t at_us, enum moment_kind kind, size_t times);
void session_seen(struct session *s, int64_t at_us); /* widens first_us … last_us */
void session_incomplete(struct session *s, const struct incomplete *what);

int session_finish(struct session *s, struct err *ret_err);
