#pragma once
/* A finished session → the result of open_session, structured and as text. Internal to it. */
#include "run.h"
#include "session.h"
#include "session_spans.h"

struct session_view {
    const char *session, *actor; /* actor "" = unknown */
    struct session_person person;
    bool is_timeline; /* all entries; else the highlights */
    bool include[ENTRY_KINDS];
    int64_t from_us, to_us; /* of the timeline, inclusive */
    int64_t limit, offset;
    const json_t *gaps; /* rows of session_gaps.sql, or NULL */
    json_t *traces;     /* array, borrowed */
};

/* What an entry says in one line: its words, target, address and status. May be cut in a character.
 */
void session_entry_line(const struct entry *e, char *out, size_t size);

int session_result(struct run *run, const struct session *s, const struct session_view *view,
                   struct err *ret_err);
