#include "rrweb_page.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    NODES_MAX = 400000, /* beyond these a page keeps what it has */
    NAMES_BYTES_MAX = 16 << 20,
    FRAMES_MAX = 4096, /* depth of elements that is followed */
    NAME_BYTES = 64,   /* of a name that is kept */
    CLIMB_MAX = 5,     /* from the node hit up to the thing meant */
    VISIT_MAX = 200,   /* nodes looked at for the text of one element */
};

#define NOWHERE UINT32_MAX

/* Where a name came from: a smaller number is better. */
enum name_rank {
    NAME_ARIA,
    NAME_TEXT,
    NAME_PLACEHOLDER,
    NAME_TITLE,
    NAME_NAME,
    NAME_VALUE,
    NAME_ID,
    NAME_CLASS,
    NAME_NONE
};

struct node {
    int64_t id;
    uint32_t parent, first, last, next; /* indices, or NOWHERE */
    uint32_t tag, name;                 /* offsets in the pool; 0 = none */
    uint8_t rank;                       /* enum name_rank */
    bool is_text, is_removed, has_button_role;
};

struct rrweb_page {
    struct node *nodes;
    uint32_t count, size;
    uint32_t *slots; /* open addressing by id: index + 1, 0 = free */
    uint32_t slot_count;
    char *pool;
    uint32_t pool_len, pool_size;
    bool is_known;
};

struct rrweb_page *rrweb_page_new(void)
{
    return calloc(1, sizeof(struct rrweb_page));
}

struct rrweb_page *rrweb_page_free(struct rrweb_page *page)
{
    if (page != NULL) {
        free(page->nodes);
        free(page->slots);
        free(page->pool);
        free(page);
    }
    return NULL;
}

bool rrweb_page_is_known(const struct rrweb_page *page)
{
    return page->is_known;
}

/* --- storage --------------------------------------------------------------------------------- */

/* The offset of a copy, 0 when there is no room: a name is then simply missing. */
static uint32_t keep(struct rrweb_page *p, const char *text, size_t len)
{
    if (len == 0 || p->pool_len + len + 2 > NAMES_BYTES_MAX)
        return 0;
    if (p->pool_len + len + 2 > p->pool_size) {
        uint32_t size = p->pool_size == 0 ? 4096 : p->pool_size * 2;
        char *pool = realloc(p->pool, size);
        if (pool == NULL)
            return 0;
        p->pool = pool;
        p->pool_size = size;
    }
    if (p->pool_len == 0)
        p->pool[p->pool_len++] = '\0';
    uint32_t at = p->pool_len;
    memcpy(p->pool + at, text, len);
    p->pool[at + len] = '\0';
    p->pool_len += (uint32_t)len + 1;
    return at;
}

static const char *kept(const struct rrweb_page *p, uint32_t at)
{
    return at == 0 ? "" : p->pool + at;
}

static uint32_t slot_of(const struct rrweb_page *p, int64_t id)
{
    uint64_t hash = (uint64_t)id * 0x9e3779b97f4a7c15u;
    uint32_t at = (uint32_t)(hash >> 32) & (p->slot_count - 1);
    while (p->slots[at] != 0 && p->nodes[p->slots[at] - 1].id != id)
        at = (at + 1) & (p->slot_count - 1);
    return at;
}

static uint32_t find(const struct rrweb_page *p, int64_t id)
{
    if (p->slot_count == 0 || id < 0)
        return NOWHERE;
    uint32_t slot = p->slots[slot_of(p, id)];
    return slot == 0 ? NOWHERE : slot - 1;
}

static bool grow(struct rrweb_page *p)
{
    if (p->count == NODES_MAX)
        return false;
    if (p->count == p->size) {
        uint32_t size = p->size == 0 ? 256 : p->size * 2;
        struct node *nodes = realloc(p->nodes, size * sizeof *nodes);
        if (nodes == NULL)
            return false;
        p->nodes = nodes;
        p->size = size;
    }
    if (p->slot_count >= (p->count + 1) * 2)
        return true;
    uint32_t *slots = calloc((size_t)p->size * 4, sizeof *slots);
    if (slots == NULL)
        return false;
    free(p->slots);
    p->slots = slots;
    p->slot_count = p->size * 4;
    for (uint32_t i = 0; i < p->count; i++)
        p->slots[slot_of(p, p->nodes[i].id)] = i + 1;
    return true;
}

static uint32_t append(struct rrweb_page *p, uint32_t parent)
{
    if (!grow(p))
        return NOWHERE;
    uint32_t at = p->count++;
    p->nodes[at] = (struct node){.id = -1,
                                 .parent = parent,
                                 .first = NOWHERE,
                                 .last = NOWHERE,
                                 .next = NOWHERE,
                                 .rank = NAME_NONE};
    if (parent != NOWHERE) {
        struct node *above = &p->nodes[parent];
        if (above->last == NOWHERE)
            above->first = at;
        else
            p->nodes[above->last].next = at;
        above->last = at;
    }
    return at;
}

/* The id comes after the children in a node's text; a later node of the same id replaces it. */
static void set_id(struct rrweb_page *p, uint32_t at, int64_t id)
{
    if (id < 0)
        return;
    uint32_t slot = slot_of(p, id);
    if (p->slots[slot] != 0)
        p->nodes[p->slots[slot] - 1].id = -1;
    p->nodes[at].id = id;
    p->slots[slot] = at + 1;
}

/* --- reading nodes ---------------------------------------------------------------------------- */

static void set_name(struct rrweb_page *p, uint32_t at, enum name_rank rank, struct span value)
{
    char text[NAME_BYTES];
    if ((uint8_t)rank >= p->nodes[at].rank)
        return;
    size_t len = span_text(value, text, sizeof text);
    uint32_t name = keep(p, text, len);
    if (name != 0) {
        p->nodes[at].name = name;
        p->nodes[at].rank = (uint8_t)rank;
    }
}

/* `at` may be NOWHERE: the text is only read past. */
static bool read_attributes(struct rrweb_page *p, uint32_t at, struct scan *s)
{
    static const struct {
        const char *key;
        enum name_rank rank;
    } names[] = {{"aria-label", NAME_ARIA}, {"alt", NAME_ARIA},   {"placeholder", NAME_PLACEHOLDER},
                 {"title", NAME_TITLE},     {"name", NAME_NAME},  {"value", NAME_VALUE},
                 {"id", NAME_ID},           {"class", NAME_CLASS}};
    struct span key, value;
    int rc = 0;
    if (scan_peek(s) != SCAN_OBJECT)
        return scan_skip(s);
    scan_enter(s);
    while ((rc = scan_member(s, &key)) == 1) {
        if (!scan_string(s, &value))
            return false;
        if (at == NOWHERE || value.len == 0)
            continue;
        for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
            if (span_is(key, names[i].key))
                set_name(p, at, names[i].rank, value);
        if (span_is(key, "role") && span_is(value, "button"))
            p->nodes[at].has_button_role = true;
    }
    return rc == 0;
}

static bool read_tag(struct rrweb_page *p, uint32_t at, struct scan *s)
{
    struct span tag;
    char text[24];
    if (!scan_string(s, &tag))
        return false;
    if (at != NOWHERE)
        p->nodes[at].tag = keep(p, text, span_text(tag, text, sizeof text));
    return true;
}

static bool read_text(struct rrweb_page *p, uint32_t at, struct scan *s)
{
    struct span text;
    if (!scan_string(s, &text))
        return false;
    if (at != NOWHERE) {
        p->nodes[at].is_text = true;
        p->nodes[at].rank = NAME_NONE;
        set_name(p, at, NAME_TEXT, text);
    }
    return true;
}

static bool read_id(struct rrweb_page *p, uint32_t at, struct scan *s)
{
    int64_t id = -1;
    if (!scan_integer(s, -1, &id))
        return false;
    if (at != NOWHERE)
        set_id(p, at, id);
    return true;
}

/* The elements whose object is open, innermost last: indices of nodes, or NOWHERE. */
struct frames {
    uint32_t *at;
    size_t depth;
};

static void open_node(struct rrweb_page *p, uint32_t parent, struct frames *f, struct scan *s)
{
    scan_enter(s);
    f->at[f->depth++] = p != NULL ? append(p, parent) : NOWHERE;
}

/* Inside childNodes of the innermost element: goes into the next child, if there is one. Returns
 * 1, 0 = the list ended, -1 = broken. */
static int next_child(struct rrweb_page *p, struct frames *f, struct scan *s)
{
    int rc;
    while ((rc = scan_item(s)) == 1) {
        if (scan_peek(s) == SCAN_OBJECT) {
            open_node(p, f->at[f->depth - 1], f, s);
            return 1;
        }
        if (!scan_skip(s))
            return -1;
    }
    return rc;
}

/* The innermost object ended: on to its next sibling, or out to where there is one. */
static bool close_node(struct rrweb_page *p, struct frames *f, struct scan *s)
{
    /* Of an outer element other members may follow its list of children. */
    f->depth--;
    return f->depth == 0 || next_child(p, f, s) >= 0;
}

static bool read_node_member(struct rrweb_page *p, struct frames *f, struct span key,
                             struct scan *s)
{
    uint32_t at = f->at[f->depth - 1];
    if (span_is(key, "childNodes") && scan_peek(s) == SCAN_ARRAY && f->depth < FRAMES_MAX) {
        scan_enter(s);
        return next_child(p, f, s) >= 0;
    }
    if (span_is(key, "id"))
        return read_id(p, at, s);
    if (span_is(key, "tagName"))
        return read_tag(p, at, s);
    if (span_is(key, "attributes"))
        return read_attributes(p, at, s);
    if (span_is(key, "textContent"))
        return read_text(p, at, s);
    return scan_skip(s);
}

/* One serialized node with all below it. The children are followed with frames instead of
 * recursion; beyond FRAMES_MAX they are read past. */
static bool read_node(struct rrweb_page *p, uint32_t parent, struct scan *s)
{
    if (scan_peek(s) != SCAN_OBJECT)
        return scan_skip(s);
    struct frames f = {.at = malloc(FRAMES_MAX * sizeof *f.at)};
    if (f.at == NULL)
        return scan_skip(s);
    bool is_fine = true;
    struct span key;
    open_node(p, parent, &f, s);
    while (f.depth > 0 && is_fine) {
        int rc = scan_member(s, &key);
        is_fine = rc == 1 ? read_node_member(p, &f, key, s) : rc == 0 && close_node(p, &f, s);
    }
    free(f.at);
    return is_fine;
}

bool page_snapshot(struct rrweb_page *page, struct span node)
{
    struct scan s;
    scan_init(&s, node.text, node.len);
    if (page != NULL) {
        page->count = 0;
        page->pool_len = 0;
        if (page->slots != NULL)
            memset(page->slots, 0, page->slot_count * sizeof *page->slots);
        page->is_known = true;
    }
    return read_node(page, NOWHERE, &s);
}

/* --- mutations ---------------------------------------------------------------------------------
 */

/* One item of a mutation's list: its ids, and the raw node or value. */
struct change {
    int64_t id, parent;
    struct span node, value, attributes;
};

static bool read_change(struct scan *s, struct change *c)
{
    static const struct span none = {"", 0};
    *c = (struct change){-1, -1, none, none, none};
    struct span key;
    int rc = 0;
    if (scan_peek(s) != SCAN_OBJECT)
        return scan_skip(s);
    scan_enter(s);
    while ((rc = scan_member(s, &key)) == 1) {
        bool is_fine = span_is(key, "id")           ? scan_integer(s, -1, &c->id)
                       : span_is(key, "parentId")   ? scan_integer(s, -1, &c->parent)
                       : span_is(key, "node")       ? scan_raw(s, &c->node)
                       : span_is(key, "value")      ? scan_string(s, &c->value)
                       : span_is(key, "attributes") ? scan_raw(s, &c->attributes)
                                                    : scan_skip(s);
        if (!is_fine)
            return false;
    }
    return rc == 0;
}

static bool apply_add(struct rrweb_page *p, const struct change *c)
{
    struct scan s;
    scan_init(&s, c->node.text, c->node.len);
    return c->node.len == 0 || read_node(p, p != NULL ? find(p, c->parent) : NOWHERE, &s);
}

static bool apply_remove(struct rrweb_page *p, const struct change *c)
{
    uint32_t at = p != NULL ? find(p, c->id) : NOWHERE;
    if (at != NOWHERE)
        p->nodes[at].is_removed = true;
    return true;
}

static bool apply_text(struct rrweb_page *p, const struct change *c)
{
    uint32_t at = p != NULL ? find(p, c->id) : NOWHERE;
    if (at != NOWHERE) {
        p->nodes[at].rank = NAME_NONE;
        set_name(p, at, NAME_TEXT, c->value);
    }
    return true;
}

static bool apply_attributes(struct rrweb_page *p, const struct change *c)
{
    struct scan s;
    uint32_t at = p != NULL ? find(p, c->id) : NOWHERE;
    scan_init(&s, c->attributes.text, c->attributes.len);
    return c->attributes.len == 0 || at == NOWHERE || read_attributes(p, at, &s);
}

static bool apply(struct rrweb_page *p, struct span list,
                  bool (*one)(struct rrweb_page *p, const struct change *c), size_t *changes)
{
    struct scan s;
    struct change c;
    int rc = 0;
    scan_init(&s, list.text, list.len);
    if (list.len == 0 || scan_peek(&s) != SCAN_ARRAY)
        return true;
    scan_enter(&s);
    while ((rc = scan_item(&s)) == 1) {
        if (!read_change(&s, &c) || !one(p, &c))
            return false;
        (*changes)++;
    }
    return rc == 0;
}

bool page_mutate(struct rrweb_page *page, const struct mutation *m, size_t *ret_changes)
{
    size_t changes = 0;
    bool is_fine = apply(page, m->removes, apply_remove, &changes) &&
                   apply(page, m->adds, apply_add, &changes) &&
                   apply(page, m->texts, apply_text, &changes) &&
                   apply(page, m->attributes, apply_attributes, &changes);
    *ret_changes = changes;
    return is_fine;
}

/* --- names for people ---------------------------------------------------------------------------
 */

static bool is_one_of(const char *text, const char *const *list)
{
    for (size_t i = 0; list[i] != NULL; i++)
        if (strcmp(text, list[i]) == 0)
            return true;
    return false;
}

static bool is_control(const struct rrweb_page *p, const struct node *n)
{
    static const char *const controls[] = {"a",        "button", "input", "select",
                                           "textarea", "option", "label", "summary",
                                           "video",    "audio",  NULL};
    return n->has_button_role || (n->tag != 0 && is_one_of(kept(p, n->tag), controls));
}

/* Controls whose text is not their name but what they hold. */
static const char *const fields[] = {"input", "select", "textarea", "option", NULL};

/* The control that the node is or lies in, else NOWHERE. */
static uint32_t control_of(const struct rrweb_page *p, uint32_t at)
{
    for (int i = 0; i < CLIMB_MAX && at != NOWHERE; i++, at = p->nodes[at].parent)
        if (is_control(p, &p->nodes[at]))
            return at;
    return NOWHERE;
}

/* The words below an element, in the order of the document. */
static size_t inner_text(const struct rrweb_page *p, uint32_t root, char *out, size_t size)
{
    size_t len = 0;
    uint32_t at = p->nodes[root].first;
    for (int visits = 0; at != NOWHERE && visits < VISIT_MAX && len + 1 < size; visits++) {
        const struct node *n = &p->nodes[at];
        if (n->is_text && !n->is_removed && n->name != 0) {
            struct span word = {kept(p, n->name), strlen(kept(p, n->name))};
            if (len > 0)
                out[len++] = ' ';
            if (len + 1 < size)
                len += span_text(word, out + len, size - len);
        }
        if (n->first != NOWHERE && !n->is_removed) {
            at = n->first;
            continue;
        }
        while (at != root && p->nodes[at].next == NOWHERE)
            at = p->nodes[at].parent;
        at = at == root ? NOWHERE : p->nodes[at].next;
    }
    while (len > 0 && out[len - 1] == ' ')
        len--;
    out[len] = '\0';
    return len;
}

char *rrweb_label(const struct rrweb_page *p, int64_t node, char *out, size_t size)
{
    uint32_t at = p != NULL ? find(p, node) : NOWHERE;
    if (at == NOWHERE) {
        snprintf(out, size, "node %lld", (long long)node);
        return out;
    }
    uint32_t control = control_of(p, at);
    if (control != NOWHERE)
        at = control;
    else if (p->nodes[at].is_text && p->nodes[at].parent != NOWHERE)
        at = p->nodes[at].parent;
    const struct node *n = &p->nodes[at];
    const char *tag = n->tag != 0 ? kept(p, n->tag) : n->is_text ? "text" : "document";
    char words[NAME_BYTES] = "";
    /* Text says more than any attribute but a label made for people, and containers have too much
     * of it. */
    if (n->rank > NAME_TEXT && n->first != NOWHERE && !is_one_of(tag, fields))
        inner_text(p, at, words, control != NOWHERE ? sizeof words : 40);
    if (words[0] != '\0')
        snprintf(out, size, "%s \"%s\"", tag, words);
    else if (n->rank == NAME_ID)
        snprintf(out, size, "%s#%s", tag, kept(p, n->name));
    else if (n->rank == NAME_CLASS)
        snprintf(out, size, "%s.%.*s", tag, (int)strcspn(kept(p, n->name), " "), kept(p, n->name));
    else if (n->rank != NAME_NONE)
        snprintf(out, size, "%s \"%s\"", tag, kept(p, n->name));
    else
        snprintf(out, size, "%s", tag);
    return out;
}

bool rrweb_is_field(const struct rrweb_page *p, int64_t node)
{
    uint32_t at = p != NULL ? find(p, node) : NOWHERE;
    uint32_t control = at != NOWHERE ? control_of(p, at) : NOWHERE;
    return control != NOWHERE && is_one_of(kept(p, p->nodes[control].tag), fields);
}
