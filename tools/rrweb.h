#pragma once
/* Session recordings: one rrweb event of JSON text in, what happened out. A page keeps the elements
 * that snapshots and mutations named, so that a click's node id becomes `button "Pay now"`.
 * Numbers as in rrweb's own type tables. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum rrweb_type {
    RRWEB_NONE = -1, /* the text is not an rrweb event */
    RRWEB_DOM_LOADED = 0,
    RRWEB_LOAD = 1,
    RRWEB_SNAPSHOT = 2,
    RRWEB_INCREMENT = 3,
    RRWEB_META = 4,
    RRWEB_CUSTOM = 5,
    RRWEB_PLUGIN = 6,
};

enum rrweb_source {
    RRWEB_MUTATION = 0,
    RRWEB_MOUSE_MOVE = 1,
    RRWEB_MOUSE = 2,
    RRWEB_SCROLL = 3,
    RRWEB_RESIZE = 4,
    RRWEB_INPUT = 5,
    RRWEB_TOUCH_MOVE = 6,
    RRWEB_MEDIA = 7,
    RRWEB_STYLE_RULE = 8,
    RRWEB_CANVAS = 9,
    RRWEB_FONT = 10,
    RRWEB_LOG = 11,
    RRWEB_DRAG = 12,
    RRWEB_STYLE = 13,
    RRWEB_SELECTION = 14,
    RRWEB_STYLE_SHEET = 15,
};

enum rrweb_mouse {
    RRWEB_MOUSE_UP = 0,
    RRWEB_MOUSE_DOWN = 1,
    RRWEB_CLICK = 2,
    RRWEB_CONTEXT_MENU = 3,
    RRWEB_DOUBLE_CLICK = 4,
    RRWEB_FOCUS = 5,
    RRWEB_BLUR = 6,
    RRWEB_TOUCH_START = 7,
    RRWEB_TOUCH_END = 9,
    RRWEB_TOUCH_CANCEL = 10,
};

enum { RRWEB_TEXT_MAX = 256, RRWEB_LABEL_MAX = 128 };

struct rrweb_event {
    int type;        /* enum rrweb_type */
    int source;      /* enum rrweb_source of an increment, else -1 */
    int mouse;       /* enum rrweb_mouse; of RRWEB_MEDIA 0 play, 1 pause, 2 seek, …; else -1 */
    int64_t time_ms; /* the event's own timestamp, or -1 */
    int64_t node;    /* id, or -1 */
    int64_t x, y, width, height; /* -1 where absent */
    bool is_checked;
    size_t changes; /* of a mutation: nodes added and removed, texts and attributes changed */
    char name[64];  /* tag of a custom event, name of a plugin, console level of a log */
    /* href of a Meta, value of an input, message of a log, payload of a custom event, or of a body
     * that is no rrweb its words */
    char text[RRWEB_TEXT_MAX];
};

struct rrweb_page;

/* NULL when out of memory. */
struct rrweb_page *rrweb_page_new(void);
struct rrweb_page *rrweb_page_free(struct rrweb_page *page);

/* Reads one event's text; `page` (may be NULL) learns from snapshots and mutations. Returns 0, or
 * -1 when the text begins like JSON but is broken: ret_event then has type RRWEB_NONE. */
int rrweb_read(struct rrweb_page *page, const char *body, size_t len,
               struct rrweb_event *ret_event);

/* Has a snapshot been seen? */
bool rrweb_page_is_known(const struct rrweb_page *page);

/* What a person would call the node: `button "Pay now"`, `input "postal-code"`, `div#menu`;
 * "node 118" when it was never seen. Returns `out`. */
char *rrweb_label(const struct rrweb_page *page, int64_t node, char *out, size_t size);

/* Is it, or does it lie in, something that one types into or chooses from? */
bool rrweb_is_field(const struct rrweb_page *page, int64_t node);
