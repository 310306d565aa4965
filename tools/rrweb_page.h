#pragma once
/* The nodes of a recorded page. Internal to rrweb.c. */
#include "rrweb.h"
#include "scan.h"

/* Raw JSON of a mutation's lists; empty where absent. */
struct mutation {
    struct span adds, removes, texts, attributes;
};

/* Forgets the page and reads the document. Both accept a NULL page: the text is only checked.
 * False when the text is broken. */
bool page_snapshot(struct rrweb_page *page, struct span node);
bool page_mutate(struct rrweb_page *page, const struct mutation *mutation, size_t *ret_changes);
