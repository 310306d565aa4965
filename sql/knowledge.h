#pragma once
/* What a team knows about its source, beside where the fields are. Members of the mapping JSON, all
 * optional:
 *   "events":   {"order_placed": {"description": "…", "synonyms": ["purchase"], "hidden": true,
 *                                 "renamed_from": ["orderPlaced"]}}
 *   "fields":   {"plan": {"description": "…", "synonyms": ["tier"], "hidden": true}}
 *   "matchers": {"checkout": "order_placed" | ["order_placed", …] | {event, any_of, where}}
 *   "segments": {"buyers": {did, did_not, filters}}
 * A synonym stands for the name in every argument. Rows with an earlier name of an event count as
 * that event. Something hidden can be used like any other, but is not listed unless its exact name
 * is searched. A matcher's name stands wherever an event is expected, before an event of that name;
 * inside a matcher only events are meant. */
#include <stdbool.h>

#include <jansson.h>

#include "err.h"

struct source;

struct knowledge {
    json_t *events, *fields;     /* {name: {description, synonyms, hidden, renamed_from}} */
    json_t *meant[2];            /* {lower-case synonym or earlier name: name}: events, fields */
    json_t *old_names;           /* earlier names of events, and beside each the present one */
    json_t *new_names;           /* NULL = no event was renamed */
    json_t *matchers, *segments; /* {name: as the arguments of tools take it} */
};

enum knowledge_kind { KNOWLEDGE_EVENT, KNOWLEDGE_FIELD };

/* Reads and checks the members above; needs the fields of the source, since matchers and segments
 * are tried. Errors name the key: "events.order_placed.renamed_from[0]". */
int knowledge_read(struct source *s, const json_t *mapping, struct err *ret_err);
void knowledge_done(struct knowledge *k);

/* What is known of one name; NULL or false = nothing. */
const char *knowledge_description(const struct knowledge *k, enum knowledge_kind kind,
                                  const char *name);
bool knowledge_is_hidden(const struct knowledge *k, enum knowledge_kind kind, const char *name);

/* The name that a synonym (whatever its case) or an earlier name stands for, or NULL. */
const char *knowledge_meant(const struct knowledge *k, enum knowledge_kind kind, const char *name);

/* Names whose description, synonyms or earlier names contain `search`, whatever its case. New
 * reference to an array. */
json_t *knowledge_search(const struct knowledge *k, enum knowledge_kind kind, const char *search);

/* Names that are hidden and are not exactly `search`. New reference to an array. */
json_t *knowledge_hidden(const struct knowledge *k, enum knowledge_kind kind, const char *search);
