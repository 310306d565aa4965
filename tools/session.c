#include "session.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *const entry_kind_names[ENTRY_KINDS + 1] = {
    [ENTRY_NAVIGATION] = "navigation",
    [ENTRY_CLICK] = "click",
    [ENTRY_INPUT] = "input",
    [ENTRY_SCROLL] = "scroll",
    [ENTRY_CONSOLE] = "console",
    [ENTRY_NETWORK] = "network",
    [ENTRY_ERROR] = "error",
    [ENTRY_VITALS] = "vitals",
    [ENTRY_CUSTOM] = "custom",
    [ENTRY_IDLE] = "idle",
    [ENTRY_KINDS] = NULL,
};

const char *const frustration_names[] = {"rage_click", "dead_click", "quick_back"};

#define MS     ((int64_t)1000)
#define SECOND (1000 * MS)

static const int64_t idle_us = 10 * SECOND;     /* as players count inactivity */
static const int64_t same_click_us = SECOND;    /* a span and a recorded click are one */
static const int64_t same_page_us = 2 * SECOND; /* likewise a page that is opened */
static const int64_t same_message_us = SECOND;  /* likewise a message */
static const int64_t burst_us = 5 * SECOND;     /* typing and scrolling in one place go together */
static const int64_t rage_us = 2 * SECOND;
static const int64_t dead_us = SECOND;
static const int64_t quick_back_us = 15 * SECOND;

enum { RAGE_CLICKS = 4 };

void session_init(struct session *s)
{
    *s = (struct session){.first_us = INT64_MAX,
                          .last_us = INT64_MIN,
                          .replay_first_us = INT64_MAX,
                          .replay_last_us = INT64_MIN};
}

static void entry_release(struct entry *e)
{
    /* The analyzer loses track of entries that drop_marked() moves.
     * NOLINTBEGIN(clang-analyzer-unix.Malloc) */
    free(e->text);
    free(e->target);
    free(e->url);
    /* NOLINTEND(clang-analyzer-unix.Malloc) */
    e->text = e->target = e->url = NULL;
}

void session_done(struct session *s)
{
    for (size_t i = 0; i < s->entry_count; i++)
        entry_release(&s->entries[i]);
    free(s->entries);
    free(s->moments);
    free(s->incomplete);
    free(s->frustrations);
    free(s->pages);
    *s = (struct session){0};
}

/* The items with room for one more at the end, perhaps moved; NULL when out of memory. */
static void *with_room(struct session *s, void *items, size_t count, size_t *size,
                       size_t item_bytes)
{
    if (count < *size)
        return items;
    size_t more = *size == 0 ? 64 : *size * 2;
    void *grown = realloc(items, more * item_bytes);
    if (grown == NULL)
        s->failed = true;
    else
        *size = more;
    return grown;
}

void session_seen(struct session *s, int64_t at_us)
{
    if (at_us < s->first_us)
        s->first_us = at_us;
    if (at_us > s->last_us)
        s->last_us = at_us;
}

struct entry *session_add(struct session *s, int64_t at_us, enum entry_kind kind)
{
    struct entry *items = with_room(s, s->entries, s->entry_count, &s->entry_size, sizeof *items);
    if (items == NULL)
        return NULL;
    s->entries = items;
    struct entry *e = &items[s->entry_count++];
    *e = (struct entry){.at_us = at_us,
                        .order = s->entry_count,
                        .kind = kind,
                        .node = -1,
                        .end_us = at_us,
                        .duration_ms = -1,
                        .times = 1};
    session_seen(s, at_us);
    return e;
}

void session_text(struct session *s, char **slot, const char *text)
{
    if (text == NULL || text[0] == '\0')
        return;
    free(*slot);
    *slot = strdup(text);
    if (*slot == NULL)
        s->failed = true;
}

void session_note(struct session *s, int64_t at_us, enum moment_kind kind, size_t times)
{
    session_seen(s, at_us);
    struct moment *items =
        with_room(s, s->moments, s->moment_count, &s->moment_size, sizeof *items);
    if (items == NULL)
        return;
    s->moments = items;
    items[s->moment_count++] = (struct moment){.at_us = at_us, .kind = kind, .times = times};
}

void session_incomplete(struct session *s, const struct incomplete *what)
{
    struct incomplete *items =
        with_room(s, s->incomplete, s->incomplete_count, &s->incomplete_size, sizeof *items);
    if (items == NULL)
        return;
    s->incomplete = items;
    items[s->incomplete_count++] = *what;
}

/* --- one order ------------------------------------------------------------------------------- */

static int compare_entries(const void *a, const void *b)
{
    const struct entry *x = a, *y = b;
    if (x->at_us != y->at_us)
        return x->at_us < y->at_us ? -1 : 1;
    return x->order < y->order ? -1 : x->order > y->order;
}

static int compare_moments(const void *a, const void *b)
{
    const struct moment *x = a, *y = b;
    return x->at_us < y->at_us ? -1 : x->at_us > y->at_us;
}

static void sort(struct session *s)
{
    if (s->entry_count > 0)
        qsort(s->entries, s->entry_count, sizeof *s->entries, compare_entries);
    if (s->moment_count > 0)
        qsort(s->moments, s->moment_count, sizeof *s->moments, compare_moments);
}

/* --- what both told --------------------------------------------------------------------------- */

static bool is_same(const char *a, const char *b)
{
    return a != NULL && b != NULL && strcmp(a, b) == 0;
}

/* Both absent is the same too. */
static bool is_same_or_absent(const char *a, const char *b)
{
    return (a == NULL && b == NULL) || is_same(a, b);
}

/* A span's message repeats the recording's, often with words in front ("Uncaught …"). */
static bool is_message_of(const char *a, const char *b)
{
    return a != NULL && b != NULL && (strstr(a, b) != NULL || strstr(b, a) != NULL);
}

static bool tells_the_same(const struct entry *span, const struct entry *recorded, int64_t apart)
{
    if (span->kind != recorded->kind)
        return false;
    switch (span->kind) {
    case ENTRY_CLICK:
        return apart <= same_click_us;
    case ENTRY_NAVIGATION:
        return apart <= same_page_us && is_same(span->url, recorded->url);
    case ENTRY_CONSOLE:
        return apart <= same_message_us && is_message_of(span->text, recorded->text);
    default:
        return false;
    }
}

/* Of a click the recording says more (which element), of all else the span does. */
static void drop_told_twice(struct session *s)
{
    for (size_t i = 0; i < s->entry_count; i++) {
        struct entry *span = &s->entries[i];
        if (span->is_recorded || span->is_dropped)
            continue;
        size_t from = i;
        while (from > 0 && span->at_us - s->entries[from - 1].at_us <= same_page_us)
            from--;
        for (size_t k = from; k < s->entry_count; k++) {
            struct entry *recorded = &s->entries[k];
            int64_t apart = recorded->at_us - span->at_us;
            if (apart > same_page_us)
                break;
            /* `times` is still 1: it marks a recorded click that a span has already claimed */
            if (!recorded->is_recorded || recorded->is_dropped || recorded->times != 1 ||
                !tells_the_same(span, recorded, apart < 0 ? -apart : apart))
                continue;
            if (span->kind == ENTRY_CLICK) {
                span->is_dropped = true;
                recorded->times = 0;
            } else {
                recorded->is_dropped = true;
            }
            break;
        }
    }
    for (size_t i = 0; i < s->entry_count; i++)
        if (s->entries[i].times == 0)
            s->entries[i].times = 1;
}

/* Typing into one field, scrolling one area: one entry. */
static void join_bursts(struct session *s)
{
    struct entry *last[ENTRY_KINDS] = {NULL};
    for (size_t i = 0; i < s->entry_count; i++) {
        struct entry *e = &s->entries[i];
        if (e->is_dropped || (e->kind != ENTRY_INPUT && e->kind != ENTRY_SCROLL))
            continue;
        struct entry *before = last[e->kind];
        if (before != NULL && before->node == e->node &&
            is_same_or_absent(before->target, e->target) && e->at_us - before->end_us <= burst_us) {
            char *text = before->text; /* the latest says how far it went */
            before->text = e->text;
            e->text = text;
            before->end_us = e->at_us;
            before->times++;
            e->is_dropped = true;
        } else {
            last[e->kind] = e;
        }
    }
}

static void drop_marked(struct session *s)
{
    size_t kept = 0;
    for (size_t i = 0; i < s->entry_count; i++) {
        struct entry *e = &s->entries[i];
        if (e->is_dropped) {
            entry_release(e);
            continue;
        }
        struct entry released = s->entries[kept];
        s->entries[kept] = *e;
        if (&s->entries[kept] != e)
            *e = released;
        kept++;
    }
    s->entry_count = kept;
}

/* --- pages ------------------------------------------------------------------------------------ */

static void find_pages(struct session *s)
{
    s->page_count = 0;
    for (size_t i = 0; i < s->entry_count; i++) {
        const struct entry *e = &s->entries[i];
        if (e->kind != ENTRY_NAVIGATION || e->url == NULL)
            continue;
        struct page_visit *last = s->page_count > 0 ? &s->pages[s->page_count - 1] : NULL;
        if (last != NULL && is_same(last->url, e->url))
            continue;
        if (last != NULL)
            last->left_us = e->at_us;
        struct page_visit *items =
            with_room(s, s->pages, s->page_count, &s->page_size, sizeof *items);
        if (items == NULL)
            return;
        s->pages = items;
        items[s->page_count++] = (struct page_visit){e->url, e->at_us, s->last_us};
    }
}

/* --- frustration ------------------------------------------------------------------------------ */

static void add_frustration(struct session *s, enum frustration_kind kind, int64_t at_us,
                            const char *target, size_t times)
{
    struct frustration *items =
        with_room(s, s->frustrations, s->frustration_count, &s->frustration_size, sizeof *items);
    if (items == NULL)
        return;
    s->frustrations = items;
    items[s->frustration_count++] = (struct frustration){kind, at_us, target, times};
}

static size_t next_click(const struct session *s, size_t from)
{
    while (from < s->entry_count && s->entries[from].kind != ENTRY_CLICK)
        from++;
    return from;
}

static bool is_same_target(const struct entry *a, const struct entry *b)
{
    /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): see entry_release() */
    return a->node == b->node && is_same_or_absent(a->target, b->target);
}

/* How many clicks from `first` on hit one target with less than rage_us over any RAGE_CLICKS of
 * them; *ret_last is the last. */
static size_t rage_at(const struct session *s, size_t first, size_t *ret_last)
{
    int64_t times[RAGE_CLICKS]; /* of the latest clicks, a ring */
    size_t clicks = 0;
    for (size_t i = first; i < s->entry_count; i = next_click(s, i + 1)) {
        const struct entry *e = &s->entries[i];
        if (!is_same_target(&s->entries[first], e))
            break;
        int64_t reference = clicks >= RAGE_CLICKS - 1
                                ? times[(clicks - RAGE_CLICKS + 1) % RAGE_CLICKS]
                                : s->entries[first].at_us;
        if (e->at_us - reference > rage_us)
            break;
        times[clicks++ % RAGE_CLICKS] = e->at_us;
        *ret_last = i;
    }
    return clicks;
}

/* Rage clicks become one entry that tells their number. */
static void find_rage(struct session *s)
{
    size_t last = 0;
    for (size_t i = next_click(s, 0); i < s->entry_count; i = next_click(s, i + 1)) {
        size_t clicks = rage_at(s, i, &last);
        if (clicks < RAGE_CLICKS)
            continue;
        struct entry *e = &s->entries[i];
        add_frustration(s, RAGE_CLICK, e->at_us, e->target, clicks);
        e->times = clicks;
        e->end_us = s->entries[last].at_us;
        for (size_t k = next_click(s, i + 1); k <= last; k = next_click(s, k + 1))
            s->entries[k].is_dropped = true;
        i = last;
    }
}

/* Did the page react in (from, to]? */
static bool has_effect(const struct session *s, size_t click, int64_t to_us)
{
    int64_t from_us = s->entries[click].at_us;
    for (size_t i = click + 1; i < s->entry_count && s->entries[i].at_us <= to_us; i++) {
        enum entry_kind kind = s->entries[i].kind;
        if (kind == ENTRY_NAVIGATION || kind == ENTRY_NETWORK || kind == ENTRY_SCROLL ||
            kind == ENTRY_INPUT)
            return true;
    }
    size_t low = 0, high = s->moment_count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (s->moments[middle].at_us < from_us)
            low = middle + 1;
        else
            high = middle;
    }
    for (; low < s->moment_count && s->moments[low].at_us <= to_us; low++)
        if (s->moments[low].kind == MOMENT_EFFECT)
            return true;
    return false;
}

/* Only the recording shows that nothing changed, and only where it goes on after the click. */
static void find_dead(struct session *s)
{
    for (size_t i = next_click(s, 0); i < s->entry_count; i = next_click(s, i + 1)) {
        const struct entry *e = &s->entries[i];
        if (e->is_recorded && !e->takes_focus && e->times < RAGE_CLICKS &&
            e->at_us + dead_us <= s->replay_last_us && !has_effect(s, i, e->at_us + dead_us))
            add_frustration(s, DEAD_CLICK, e->at_us, e->target, 1);
    }
}

static void find_quick_backs(struct session *s)
{
    for (size_t i = 2; i < s->page_count; i++) {
        const struct page_visit *back = &s->pages[i];
        if (is_same(back->url, s->pages[i - 2].url) &&
            back->entered_us - s->pages[i - 1].entered_us <= quick_back_us)
            add_frustration(s, QUICK_BACK, back->entered_us, s->pages[i - 1].url, 1);
    }
}

static int compare_frustrations(const void *a, const void *b)
{
    const struct frustration *x = a, *y = b;
    if (x->at_us != y->at_us)
        return x->at_us < y->at_us ? -1 : 1;
    return (int)x->kind - (int)y->kind;
}

/* --- idle time -------------------------------------------------------------------------------- */

static bool is_activity(enum entry_kind kind)
{
    return kind == ENTRY_NAVIGATION || kind == ENTRY_CLICK || kind == ENTRY_INPUT ||
           kind == ENTRY_SCROLL || kind == ENTRY_CUSTOM;
}

static void add_idle(struct session *s, int64_t from_us, int64_t to_us)
{
    struct entry *e = session_add(s, from_us, ENTRY_IDLE);
    if (e == NULL)
        return;
    char text[48];
    snprintf(text, sizeof text, "\u2026 %lld s idle",
             (long long)((to_us - from_us + SECOND / 2) / SECOND));
    session_text(s, &e->text, text);
    e->end_us = to_us;
    e->duration_ms = (double)(to_us - from_us) / 1000;
    e->order = SIZE_MAX; /* after what happened at that instant */
}

/* Entries and moments are both in order: one walk over the two. */
static void find_idle(struct session *s)
{
    size_t entry = 0, moment = 0, entries = s->entry_count;
    int64_t last_us = INT64_MAX;
    while (entry < entries || moment < s->moment_count) {
        bool is_entry = moment == s->moment_count ||
                        (entry < entries && s->entries[entry].at_us <= s->moments[moment].at_us);
        int64_t at_us = is_entry ? s->entries[entry].at_us : s->moments[moment].at_us;
        int64_t until_us = is_entry ? s->entries[entry].end_us : at_us;
        bool counts = is_entry ? is_activity(s->entries[entry].kind)
                               : s->moments[moment].kind == MOMENT_ACTIVITY;
        entry += is_entry ? 1 : 0;
        moment += is_entry ? 0 : 1;
        if (!counts)
            continue;
        if (last_us != INT64_MAX && at_us - last_us >= idle_us)
            add_idle(s, last_us, at_us);
        if (last_us == INT64_MAX || until_us > last_us)
            last_us = until_us;
    }
}

int session_finish(struct session *s, struct err *ret_err)
{
    sort(s);
    drop_told_twice(s);
    join_bursts(s);
    drop_marked(s);
    find_pages(s);
    find_rage(s);
    drop_marked(s);
    if (s->has_recording)
        find_dead(s);
    find_quick_backs(s);
    if (s->frustration_count > 0)
        qsort(s->frustrations, s->frustration_count, sizeof *s->frustrations, compare_frustrations);
    find_idle(s);
    sort(s);
    if (s->failed)
        return err_set(ret_err, ERR_MEMORY, NULL, "out of memory");
    return 0;
}
