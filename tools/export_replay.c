/* The recording of a session for a player: the ordered rrweb events as one JSON array. A recording
 * that is too long for one message comes in parts, each an array of its own. */
#include <stdlib.h>

#include "args.h"
#include "catalog.h"
#include "json.h"
#include "session_place.h"
#include "session_replay.h"
#include "sql_text.h"
#include "text.h"
#include "uri_template.h"

enum {
    PART_BYTES = 2500000,       /* of events; a third more as base64 */
    EVENT_BYTES_MAX = 8000000,  /* one page's snapshot may be longer than a part */
    TOTAL_BYTES_MAX = 40000000, /* as base64 below what the rows of a run may hold */
    ROWS_MAX = 200000,
};

static const struct param params[] = {
    ARG_SOURCE,
    {.name = "session", .is_required = true, .max_length = 512, .description = "Session id."},
    {.name = "part",
     .type = VALUE_INTEGER,
     .min = 1,
     .max = 1000,
     .description = "Which part; left out: the whole, if it fits into one."},
    {0},
};

static const struct field fields[] = {
    {"events", "In this part.", VALUE_INTEGER},
    {"part", "Which part this is, from 1.", VALUE_INTEGER},
    {"parts", "How many there are.", VALUE_INTEGER},
    {"incomplete", "Events of the recording that could not be read.", VALUE_INTEGER},
    {"blob", "The JSON array in base64.", VALUE_STRING},
    {0},
};

static void state_free(void *user)
{
    session_place_done(user);
    free(user);
}

static int plan_first(struct run *run, struct err *ret_err)
{
    run->state = calloc(1, sizeof(struct session_place));
    if (run->state == NULL)
        return err_set(ret_err, ERR_MEMORY, NULL, "out of memory");
    run->state_free = state_free;
    return session_place_plan(run, run->state, ret_err);
}

static int shape_first(struct run *run, struct err *ret_err)
{
    return session_place_shape(run, run->state, ret_err);
}

static int plan_second(struct run *run, struct err *ret_err)
{
    return session_place_plan_recording(run, run->state, ret_err);
}

static int shape_second(struct run *run, struct err *ret_err)
{
    const struct session_place *place = run->state;
    int rc = session_place_shape_recording(run, run->state, ret_err);
    if (rc < 0)
        return rc;
    if (!place->has_recording)
        return err_set(ret_err, ERR_NOT_FOUND, "recording",
                       "session '%.80s' of source '%s' has no recording; open_session tells what "
                       "its events say",
                       place->id, run->source->name);
    if (place->replay_bytes > TOTAL_BYTES_MAX)
        return err_set(ret_err, ERR_LIMIT, "session",
                       "the recording has %lld MB, more than the %d MB that can be read at a "
                       "time; look at it by moments, with open_session and at, or read the rows "
                       "of this session from the table %s.%s",
                       (long long)(place->replay_bytes / 1000000), TOTAL_BYTES_MAX / 1000000,
                       run->source->database, run->source->replay_table);
    return 0;
}

static int plan_third(struct run *run, struct err *ret_err)
{
    int rc = session_place_query(run, run->state, &sql_session_export, ROWS_MAX, 0, ret_err);
    return rc < 0 ? rc : 0;
}

/* --- parts ------------------------------------------------------------------------------------ */

/* The event after the last of the part that begins with `first`. */
static size_t end_of_part(const struct recorded *all, size_t first)
{
    size_t end = first, bytes = 0;
    while (end < all->count && (end == first || bytes + all->items[end].len < PART_BYTES))
        bytes += all->items[end++].len + 1;
    return end;
}

static size_t count_parts(const struct recorded *all)
{
    size_t count = 0;
    for (size_t first = 0; first < all->count; first = end_of_part(all, first))
        count++;
    return count;
}

static void add_base64(struct buf *out, const char *bytes, size_t len)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < len; i += 3) {
        uint32_t bits = (uint32_t)(unsigned char)bytes[i] << 16;
        bits |= i + 1 < len ? (uint32_t)(unsigned char)bytes[i + 1] << 8 : 0;
        bits |= i + 2 < len ? (uint32_t)(unsigned char)bytes[i + 2] : 0;
        buf_putc(out, digits[bits >> 18]);
        buf_putc(out, digits[bits >> 12 & 63]);
        buf_putc(out, i + 1 < len ? digits[bits >> 6 & 63] : '=');
        buf_putc(out, i + 2 < len ? digits[bits & 63] : '=');
    }
}

static int set_part(struct run *run, const struct recorded *all, size_t part, struct err *ret_err)
{
    size_t first = 0;
    for (size_t i = 1; i < part; i++)
        first = end_of_part(all, first);
    size_t end = end_of_part(all, first);
    struct buf array = {0}, blob = {0};
    buf_putc(&array, '[');
    for (size_t i = first; i < end; i++) {
        if (i > first)
            buf_putc(&array, ',');
        buf_add(&array, all->text.data + all->items[i].offset, all->items[i].len);
    }
    buf_putc(&array, ']');
    if (!buf_failed(&array))
        add_base64(&blob, array.data, array.len);
    json_t *text = !buf_failed(&array) && !buf_failed(&blob)
                       ? json_stringn_nocheck(blob.data, blob.len)
                       : NULL;
    buf_done(&array);
    buf_done(&blob);
    if (text == NULL)
        return err_set(ret_err, ERR_MEMORY, NULL, "out of memory");
    json_object_set_new(run->result, "events", json_integer((json_int_t)(end - first)));
    json_object_set_new(run->result, "blob", text);
    return 0;
}

static int refuse_whole(const struct session_place *place, const struct recorded *all, size_t parts,
                        struct err *ret_err)
{
    struct buf id = {0};
    uri_add_encoded(&id, place->id);
    int rc =
        err_set(ret_err, ERR_LIMIT, "session",
                "the recording has %.1f MB, more than the %.1f MB that one resource may have: "
                "read it in %zu parts, sextant://session/%s/replay/1 to %zu, each an array of "
                "events; their order is that of the parts",
                (double)all->text.len / 1e6, (double)PART_BYTES / 1e6, parts, buf_text(&id), parts);
    buf_done(&id);
    return rc;
}

static int choose_part(struct run *run, const struct recorded *all, struct err *ret_err)
{
    const struct session_place *place = run->state;
    size_t parts = count_parts(all);
    size_t part = (size_t)json_get_integer(run->arguments, "part", 0);
    for (size_t i = 0; i < all->count; i++)
        if (all->items[i].len > EVENT_BYTES_MAX)
            return err_set(ret_err, ERR_LIMIT, "session",
                           "one event of the recording has %zu MB, more than fits into a message; "
                           "look at the session with open_session",
                           all->items[i].len / 1000000);
    if (parts == 0)
        return err_set(ret_err, ERR_NOT_FOUND, "session",
                       "no event of the recording of '%.80s' can be read", place->id);
    if (part == 0 && parts > 1)
        return refuse_whole(place, all, parts, ret_err);
    char count[48];
    if (part > parts)
        return err_set(ret_err, ERR_NOT_FOUND, "part", "the recording has %s",
                       text_things(count, sizeof count, (double)parts, "part"));
    part = part == 0 ? 1 : part;
    json_object_set_new(run->result, "part", json_integer((json_int_t)part));
    json_object_set_new(run->result, "parts", json_integer((json_int_t)parts));
    return set_part(run, all, part, ret_err);
}

static int shape_third(struct run *run, struct err *ret_err)
{
    struct session session;
    struct recorded all = {0};
    session_init(&session);
    int rc = session_keep_rows(&session, run_rows(run, 0), &all, ret_err);
    if (rc == 0 && run_rows_truncated(run, 0))
        rc = err_set(ret_err, ERR_LIMIT, "session",
                     "the recording has more rows than can be read at a time; look at it with "
                     "open_session");
    if (rc == 0)
        rc = choose_part(run, &all, ret_err);
    if (rc == 0)
        json_object_set_new(run->result, "incomplete",
                            json_integer((json_int_t)session.incomplete_count));
    recorded_done(&all);
    session_done(&session);
    return rc;
}

const struct tool tool_export_replay = {
    .name = "export_replay",
    .title = "Export a replay",
    .description = "The recording of a session as the array of events that a player takes.",
    .flags = TOOL_WHOLE_PERIOD | TOOL_WHOLE_RESULT,
    .params = params,
    .fields = fields,
    .steps =
        (const struct step[]){
            {plan_first, shape_first}, {plan_second, shape_second}, {plan_third, shape_third}, {0}},
};
