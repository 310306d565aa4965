#include "session_replay.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "text.h"
#include "json.h"

/* --- base64 ----------------------------------------------------------------------------------- */

static int sextet(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* The engine wrote it, so it is well formed; what is not ends the text. Room for len * 3 / 4. */
static size_t decode_base64(const char *text, size_t len, char *out)
{
    size_t out_len = 0;
    uint32_t bits = 0;
    int have = 0;
    for (size_t i = 0; i < len; i++) {
        int value = sextet(text[i]);
        if (value < 0)
            break;
        bits = bits << 6 | (uint32_t)value;
        have += 6;
        if (have >= 8) {
            have -= 8;
            out[out_len++] = (char)(bits >> have & 0xff);
        }
    }
    return out_len;
}

/* --- chunks ----------------------------------------------------------------------------------- */

/* A row of session_rows.sql; strings are borrowed. */
struct row {
    const char *instance;
    int64_t at_us, event, position, chunk, chunks, type, source;
    bool is_left_out;
    const char *body; /* base64 */
    size_t body_len;
};

/* An event whose rows are being collected. Offset minus chunk is the same for all chunks of an
 * event, and tells two tabs apart that lack a script instance. */
struct pending {
    const char *instance;
    int64_t at_us, event, group, expected;
    const struct row *first;
    const struct row **parts; /* in the order of their numbers */
    size_t part_count;
    bool is_ambiguous; /* two different texts for one chunk */
};

/* One page load or tab, and the page it shows. */
struct instance {
    const char *name;
    struct rrweb_page *page; /* NULL before its first snapshot */
    char href[RRWEB_TEXT_MAX];
};

struct reader {
    struct session *session;
    struct row *rows;
    size_t row_count;
    struct pending *pending; /* all of one instant */
    size_t pending_count, pending_size;
    struct instance *instances;
    size_t instance_count;
    struct rrweb_page *latest; /* the page of the latest snapshot; borrowed */
    struct recorded *recorded; /* not NULL: the texts are kept here instead of being read */
};

static int out_of_memory(struct err *ret_err)
{
    return err_set(ret_err, ERR_MEMORY, NULL, "out of memory");
}

static struct row read_row(const json_t *cells)
{
    const json_t *body = json_array_get(cells, 9);
    const char *instance = json_at_string(cells, 0);
    return (struct row){
        .instance = instance != NULL ? instance : "",
        .at_us = json_at_integer(cells, 1),
        .event = json_at_integer(cells, 2),
        .position = json_at_integer(cells, 3),
        .chunk = json_at_integer(cells, 4),
        .chunks = json_at_integer(cells, 5),
        .type = json_at_integer(cells, 6),
        .source = json_at_integer(cells, 7),
        .is_left_out = json_at_integer(cells, 8) != 0,
        .body = json_string_value(body),
        .body_len = json_string_length(body),
    };
}

static bool is_same_body(const struct row *a, const struct row *b)
{
    return a->body_len == b->body_len &&
           (a->body_len == 0 || memcmp(a->body, b->body, a->body_len) == 0);
}

static struct pending *find_pending(struct reader *r, const struct row *row, int64_t group)
{
    for (size_t i = 0; i < r->pending_count; i++) {
        struct pending *p = &r->pending[i];
        if (row->event != 0 && p->event == row->event && p->group == group &&
            strcmp(p->instance, row->instance) == 0 &&
            /* whole events that share a number are two events unless they are equal */
            (p->expected > 1 || row->chunks > 1 || is_same_body(p->first, row)))
            return p;
    }
    return NULL;
}

static struct pending *add_pending(struct reader *r, const struct row *row, int64_t group)
{
    if (r->pending_count == r->pending_size) {
        size_t size = r->pending_size == 0 ? 16 : r->pending_size * 2;
        struct pending *grown = realloc(r->pending, size * sizeof *grown);
        if (grown == NULL)
            return NULL;
        r->pending = grown;
        r->pending_size = size;
    }
    struct pending *p = &r->pending[r->pending_count++];
    *p = (struct pending){.instance = row->instance,
                          .at_us = row->at_us,
                          .event = row->event,
                          .group = group,
                          .expected = row->chunks,
                          .first = row};
    return p;
}

static int add_part(struct reader *r, const struct row *row, struct err *ret_err)
{
    int64_t group = row->position != 0 ? row->position - row->chunk : 0;
    struct pending *p = find_pending(r, row, group);
    if (p == NULL)
        p = add_pending(r, row, group);
    if (p == NULL)
        return out_of_memory(ret_err);
    for (size_t i = 0; i < p->part_count; i++) {
        if (p->parts[i]->chunk != row->chunk)
            continue;
        if (is_same_body(p->parts[i], row))
            r->session->counts.repeated_rows++;
        else
            p->is_ambiguous = true;
        return 0;
    }
    const struct row **parts = realloc(p->parts, (p->part_count + 1) * sizeof(struct row *));
    if (parts == NULL)
        return out_of_memory(ret_err);
    p->parts = parts;
    size_t at = p->part_count++;
    while (at > 0 && parts[at - 1]->chunk > row->chunk) {
        parts[at] = parts[at - 1];
        at--;
    }
    parts[at] = row;
    if (row->chunks > p->expected)
        p->expected = row->chunks;
    return 0;
}

/* --- what an event says ------------------------------------------------------------------------
 */

static void add_custom(struct session *s, int64_t at_us, const char *name, const char *text)
{
    char both[64 + RRWEB_TEXT_MAX + 4];
    snprintf(both, sizeof both, "%s%s%s", name, name[0] != '\0' && text[0] != '\0' ? ": " : "",
             text);
    struct entry *e = session_add(s, at_us, ENTRY_CUSTOM);
    if (e == NULL)
        return;
    e->is_recorded = true;
    session_text(s, &e->text, both[0] != '\0' ? both : "custom event");
    s->counts.custom++;
}

static void add_log(struct session *s, int64_t at_us, const struct rrweb_event *event)
{
    char text[64 + RRWEB_TEXT_MAX + 4];
    snprintf(text, sizeof text, "%s: %s", event->name[0] != '\0' ? event->name : "log",
             event->text);
    struct entry *e = session_add(s, at_us, ENTRY_CONSOLE);
    if (e == NULL)
        return;
    e->is_recorded = true;
    e->is_failure = strcmp(event->name, "error") == 0 || strcmp(event->name, "assert") == 0;
    session_text(s, &e->text, text);
}

static void add_page(struct session *s, int64_t at_us, const char *href, struct instance *instance)
{
    /* Recorders repeat it with every regular snapshot. */
    if (href[0] == '\0' || strcmp(instance->href, href) == 0)
        return;
    snprintf(instance->href, sizeof instance->href, "%s", href);
    struct entry *e = session_add(s, at_us, ENTRY_NAVIGATION);
    if (e == NULL)
        return;
    e->is_recorded = true;
    session_text(s, &e->url, href);
}

/* An entry about an element. */
static struct entry *add_on_node(struct session *s, int64_t at_us, enum entry_kind kind,
                                 const struct rrweb_page *page, int64_t node)
{
    char label[RRWEB_LABEL_MAX];
    struct entry *e = session_add(s, at_us, kind);
    if (e == NULL)
        return NULL;
    e->is_recorded = true;
    e->node = node;
    if (node >= 0)
        session_text(s, &e->target, rrweb_label(page, node, label, sizeof label));
    return e;
}

static void add_input(struct session *s, int64_t at_us, const struct rrweb_page *page,
                      const struct rrweb_event *event)
{
    /* The value may be anything that was typed: its length says enough. */
    char text[64], count[48];
    size_t characters = 0;
    for (const char *c = event->text; *c != '\0'; c++)
        characters += ((unsigned char)*c & 0xc0) != 0x80 ? 1 : 0;
    struct entry *e = add_on_node(s, at_us, ENTRY_INPUT, page, event->node);
    if (e != NULL && e->target != NULL && strncmp(e->target, "select", 6) == 0)
        snprintf(text, sizeof text, "chose from");
    else if (event->is_checked)
        snprintf(text, sizeof text, "ticked");
    else if (characters == 0)
        snprintf(text, sizeof text, "cleared");
    else
        snprintf(text, sizeof text, "typed %s",
                 text_things(count, sizeof count, (double)characters, "character"));
    if (e != NULL)
        session_text(s, &e->text, text);
    s->counts.inputs++;
}

static void add_scroll(struct session *s, int64_t at_us, const struct rrweb_page *page,
                       const struct rrweb_event *event)
{
    char text[64];
    snprintf(text, sizeof text, "scrolled to %lld px", (long long)event->y);
    struct entry *e = add_on_node(s, at_us, ENTRY_SCROLL, page, event->node);
    if (e == NULL)
        return;
    if (e->target != NULL && strncmp(e->target, "document", 8) == 0) { /* goes without saying */
        free(e->target);
        e->target = NULL;
    }
    session_text(s, &e->text, event->y >= 0 ? text : "scrolled");
    s->counts.scrolls++;
}

static void add_media(struct session *s, int64_t at_us, const struct rrweb_page *page,
                      const struct rrweb_event *event)
{
    static const char *const actions[] = {"played", "paused", "sought in", "changed the volume of",
                                          "changed the speed of"};
    size_t action = event->mouse >= 0 && event->mouse < 5 ? (size_t)event->mouse : 0;
    struct entry *e = add_on_node(s, at_us, ENTRY_CUSTOM, page, event->node);
    if (e != NULL)
        session_text(s, &e->text, actions[action]);
    session_note(s, at_us, MOMENT_EFFECT, 1);
    s->counts.media++;
}

static void add_increment(struct session *s, int64_t at_us, const struct rrweb_page *page,
                          const struct rrweb_event *event)
{
    struct entry *e;
    switch (event->source) {
    case RRWEB_MUTATION:
        s->counts.mutations++;
        if (event->changes > 0)
            session_note(s, at_us, MOMENT_EFFECT, event->changes);
        return;
    case RRWEB_MOUSE:
        session_note(s, at_us, MOMENT_ACTIVITY, 1);
        if (event->mouse != RRWEB_CLICK)
            return;
        s->counts.clicks++;
        e = add_on_node(s, at_us, ENTRY_CLICK, page, event->node);
        if (e != NULL)
            e->takes_focus = rrweb_is_field(page, event->node);
        return;
    case RRWEB_SCROLL:
        add_scroll(s, at_us, page, event);
        return;
    case RRWEB_INPUT:
        add_input(s, at_us, page, event);
        return;
    case RRWEB_MEDIA:
        add_media(s, at_us, page, event);
        return;
    case RRWEB_LOG:
        add_log(s, at_us, event);
        return;
    case RRWEB_RESIZE:
        s->counts.resizes++;
        return;
    case RRWEB_SELECTION:
        s->counts.selections++;
        session_note(s, at_us, MOMENT_ACTIVITY, 1);
        return;
    case RRWEB_MOUSE_MOVE:
    case RRWEB_TOUCH_MOVE:
    case RRWEB_DRAG:
        s->counts.moves++;
        session_note(s, at_us, MOMENT_ACTIVITY, 1);
        return;
    default:
        return;
    }
}

static void add_event(struct session *s, int64_t at_us, struct instance *instance,
                      const struct rrweb_page *page, const struct rrweb_event *event)
{
    switch (event->type) {
    case RRWEB_SNAPSHOT:
        s->counts.snapshots++;
        return;
    case RRWEB_META:
        add_page(s, at_us, event->text, instance);
        return;
    case RRWEB_CUSTOM:
        add_custom(s, at_us, event->name, event->text);
        return;
    case RRWEB_PLUGIN:
        if (event->source == RRWEB_LOG)
            add_log(s, at_us, event);
        else
            add_custom(s, at_us, event->name, event->text);
        return;
    case RRWEB_INCREMENT:
        add_increment(s, at_us, page, event);
        return;
    default: /* load events say nothing, unless something else uses their number */
        if (event->text[0] != '\0')
            add_custom(s, at_us, "", event->text);
        return;
    }
}

/* --- events in their order ----------------------------------------------------------------------
 */

static struct instance *find_instance(struct reader *r, const char *name)
{
    for (size_t i = 0; i < r->instance_count; i++)
        if (strcmp(r->instances[i].name, name) == 0)
            return &r->instances[i];
    struct instance *grown = realloc(r->instances, (r->instance_count + 1) * sizeof *grown);
    if (grown == NULL)
        return NULL;
    r->instances = grown;
    grown[r->instance_count] = (struct instance){.name = name};
    return &grown[r->instance_count++];
}

/* Reads one whole event. A page load whose snapshot is missing borrows the latest page known. */
static int read_event(struct reader *r, const struct pending *p, struct instance *instance,
                      const char *text, size_t len, struct err *ret_err)
{
    struct rrweb_event event;
    int rc = rrweb_read(instance->page, text, len, &event);
    if (instance->page == NULL && event.type == RRWEB_SNAPSHOT) {
        instance->page = rrweb_page_new();
        if (instance->page == NULL)
            return out_of_memory(ret_err);
        rc = rrweb_read(instance->page, text, len, &event);
    } else if (instance->page == NULL && event.type == RRWEB_INCREMENT && r->latest != NULL) {
        rc = rrweb_read(r->latest, text, len, &event);
    }
    if (event.type == RRWEB_SNAPSHOT)
        r->latest = instance->page;
    if (rc < 0)
        session_incomplete(r->session, &(struct incomplete){p->at_us, p->event, "parse-error",
                                                            (int64_t)p->part_count, p->expected});
    else
        add_event(r->session, p->at_us, instance,
                  instance->page != NULL ? instance->page : r->latest, &event);
    return 0;
}

/* Keeps the text as it was recorded, if it is an event that a player takes. */
static int keep_event(struct reader *r, const struct pending *p, const char *text, size_t len,
                      struct err *ret_err)
{
    struct recorded *out = r->recorded;
    json_t *event = json_loadb(text, len, JSON_ALLOW_NUL, NULL);
    const json_t *time = json_object_get(event, "timestamp");
    bool is_good = json_is_integer(json_object_get(event, "type")) && json_is_number(time);
    double at_ms = json_number_value(time);
    json_decref(event);
    if (!is_good) {
        session_incomplete(r->session, &(struct incomplete){p->at_us, p->event, "parse-error",
                                                            (int64_t)p->part_count, p->expected});
        return 0;
    }
    if (out->count == out->size) {
        size_t size = out->size == 0 ? 256 : out->size * 2;
        struct recorded_event *grown = realloc(out->items, size * sizeof *grown);
        if (grown == NULL)
            return out_of_memory(ret_err);
        out->items = grown;
        out->size = size;
    }
    out->items[out->count] = (struct recorded_event){at_ms, out->count, out->text.len, len};
    out->count++;
    buf_add(&out->text, text, len);
    return buf_failed(&out->text) ? out_of_memory(ret_err) : 0;
}

/* What is known without the text. */
static void count_left_out(struct session *s, const struct pending *p)
{
    const struct row *row = p->first;
    s->counts.left_out++;
    if (row->type == RRWEB_SNAPSHOT) {
        s->counts.snapshots++;
    } else if (row->type == RRWEB_INCREMENT && row->source == RRWEB_MUTATION) {
        s->counts.mutations++;
        session_note(s, p->at_us, MOMENT_EFFECT, 1);
    }
}

static int read_pending(struct reader *r, const struct pending *p, struct err *ret_err)
{
    struct session *s = r->session;
    size_t len = 0;
    bool is_left_out = false;
    for (size_t i = 0; i < p->part_count; i++) {
        len += p->parts[i]->body_len;
        is_left_out = is_left_out || p->parts[i]->is_left_out;
    }
    s->counts.events++;
    s->counts.chunks += (int64_t)p->part_count;
    session_seen(s, p->at_us);
    struct instance *instance = find_instance(r, p->instance);
    if (instance == NULL)
        return out_of_memory(ret_err);
    if (p->is_ambiguous || (int64_t)p->part_count < p->expected) {
        session_incomplete(
            s, &(struct incomplete){p->at_us, p->event,
                                    p->is_ambiguous ? "duplicate-chunk" : "incomplete-event",
                                    (int64_t)p->part_count, p->expected});
        return 0;
    }
    if (is_left_out) {
        count_left_out(s, p);
        return 0;
    }
    char *text = malloc(len + 1);
    if (text == NULL)
        return out_of_memory(ret_err);
    len = 0;
    for (size_t i = 0; i < p->part_count; i++)
        len += decode_base64(p->parts[i]->body, p->parts[i]->body_len, text + len);
    int rc = r->recorded != NULL ? keep_event(r, p, text, len, ret_err)
                                 : read_event(r, p, instance, text, len, ret_err);
    free(text);
    return rc;
}

/* Reads the events of one instant, unless reading has failed before (rc), and forgets them. */
static int flush(struct reader *r, int rc, struct err *ret_err)
{
    for (size_t i = 0; i < r->pending_count; i++) {
        /* The analyzer takes writes of decoded bytes for writes to anything, and so for leaks. */
        if (rc == 0) /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc) */
            rc = read_pending(r, &r->pending[i], ret_err);
        free(r->pending[i].parts);
    }
    r->pending_count = 0;
    return rc;
}

static void reader_done(struct reader *r)
{
    for (size_t i = 0; i < r->instance_count; i++)
        rrweb_page_free(r->instances[i].page);
    free(r->instances);
    free(r->pending);
    free(r->rows);
}

static int read_rows(struct session *s, const json_t *rows, struct recorded *recorded,
                     struct err *ret_err)
{
    struct reader r = {.session = s, .recorded = recorded};
    int rc = 0;
    r.row_count = json_array_size(rows);
    r.rows = malloc((r.row_count + 1) * sizeof *r.rows);
    if (r.rows == NULL)
        return out_of_memory(ret_err);
    for (size_t i = 0; i < r.row_count && rc == 0; i++) {
        r.rows[i] = read_row(json_array_get(rows, i));
        if (i > 0 && r.rows[i].at_us != r.rows[i - 1].at_us)
            rc = flush(&r, 0, ret_err);
        if (rc == 0) /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): as in flush() */
            rc = add_part(&r, &r.rows[i], ret_err);
    }
    rc = flush(&r, rc, ret_err);
    s->instances = r.instance_count;
    reader_done(&r);
    return rc;
}

int session_read_rows(struct session *s, const json_t *rows, struct err *ret_err)
{
    return read_rows(s, rows, NULL, ret_err);
}

static int compare_events(const void *a, const void *b)
{
    const struct recorded_event *x = a, *y = b;
    if (x->at_ms != y->at_ms)
        return x->at_ms < y->at_ms ? -1 : 1;
    return x->order < y->order ? -1 : x->order > y->order;
}

int session_keep_rows(struct session *s, const json_t *rows, struct recorded *out,
                      struct err *ret_err)
{
    int rc = read_rows(s, rows, out, ret_err);
    if (rc == 0 && out->count > 1)
        qsort(out->items, out->count, sizeof *out->items, compare_events);
    return rc;
}

void recorded_done(struct recorded *recorded)
{
    buf_done(&recorded->text);
    free(recorded->items);
}

void session_read_moves(struct session *s, const json_t *rows)
{
    for (size_t i = 0; i < json_array_size(rows); i++) {
        const json_t *row = json_array_get(rows, i);
        int64_t first_us = json_at_integer(row, 0);
        int64_t last_us = json_at_integer(row, 1);
        int64_t source = json_at_integer(row, 2);
        int64_t count = json_at_integer(row, 3);
        s->counts.events += count;
        s->counts.chunks += count;
        session_seen(s, first_us);
        session_seen(s, last_us);
        if (source != RRWEB_MOUSE_MOVE && source != RRWEB_TOUCH_MOVE && source != RRWEB_DRAG)
            continue;
        s->counts.moves += count;
        session_note(s, first_us, MOMENT_ACTIVITY, (size_t)count);
        session_note(s, last_us, MOMENT_ACTIVITY, 0);
    }
}
