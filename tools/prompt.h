#pragma once
/* Prompts: whole analyses written down call by call, with the arguments of the person filled in.
 * The texts are prompt/NAME.md, see prompt.c for what may stand in them. */
#include <jansson.h>

#include "buf.h"
#include "err.h"
#include "pages.h"

struct prompt_argument {
    const char *name, *title, *description;
    /* What it names, for completion: "source", "event", "events" (a list), "field", "value" (of the
     * argument field), "session", "case", "metric"; NULL = nothing. */
    const char *role;
};

/* No argument is required: what is left out, the one who follows the prompt chooses. */
struct prompt {
    const char *name;
    const struct prompt_argument *arguments; /* ends with {0} */
};

extern const struct prompt prompt_list[]; /* ends with {0} */

/* Values of the role "metric". NULL-terminated. */
extern const char *const prompt_metrics[];

const struct page *prompt_page(const struct prompt *prompt);

/* The text for these arguments (strings; empty = left out). `facts` is what prompt_facts() found,
 * or "", `case_fields` what prompt_case_fields() found. ERR_ARGUMENT names an argument that cannot
 * be used. */
int prompt_render(const struct prompt *prompt, const json_t *arguments, const json_t *case_fields,
                  const char *facts, struct buf *out, struct err *ret_err);

/* The case fields of the one source that is meant, or NULL. Borrowed from `sources`, the result of
 * list_sources or NULL. */
const json_t *prompt_case_fields(const json_t *sources, const char *source);

/* What is known of the data, from results of list_sources and list_events (either may be NULL). */
void prompt_facts(const json_t *sources, const json_t *events, const char *source, struct buf *out);
