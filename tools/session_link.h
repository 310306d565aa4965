#pragma once
/* The way from a row of a result to the replay of its session. */
#include "run.h"

/* The members that session_link() adds, as rows of a table of fields. */
#define SESSION_LINK_FIELDS                                                                        \
    {"session", "Its session.", VALUE_STRING, .is_optional = true},                                \
        {"replay_at", "Pass to open_session as at, with session.", VALUE_STRING,                   \
         .is_optional = true},                                                                     \
    {                                                                                              \
        "replay_url", "The team's own player.", VALUE_STRING, .is_optional = true                  \
    }

/* Adds what is known of them for the moment `at_us`; nothing without a
 * session (NULL or ""). */
void session_link(const struct run *run, json_t *item, const json_t *session, int64_t at_us);

/* Suggests to open the replay that an item leads to; nothing where it leads to none. */
void session_link_suggest(struct run *run, const json_t *item, const char *why);
