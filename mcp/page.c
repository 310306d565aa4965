/* Lists in pages. A cursor is opaque to clients: where the next page begins, and a sum that refuses
 * the cursors of other lists and those that nobody gave out. Nothing is kept, so that any instance
 * can go on with a list. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server_impl.h"

enum { CURSOR_SIZE = 32 };

/* FNV-1a: against mistakes, not against malice, which would gain nothing here. */
static void write_cursor(const char *list, size_t from, char ret_cursor[CURSOR_SIZE])
{
    char text[64];
    snprintf(text, sizeof text, "%.32s:%zu", list, from);
    uint32_t sum = 2166136261u;
    for (const char *c = text; *c != '\0'; c++)
        sum = (sum ^ (unsigned char)*c) * 16777619u;
    snprintf(ret_cursor, CURSOR_SIZE, "%08" PRIx32 "%zx", sum, from);
}

static bool read_cursor(const char *list, const char *cursor, size_t *ret_from)
{
    char expected[CURSOR_SIZE];
    if (strlen(cursor) <= 8 || strlen(cursor) >= CURSOR_SIZE)
        return false;
    size_t from = (size_t)strtoull(cursor + 8, NULL, 16);
    write_cursor(list, from, expected);
    if (strcmp(expected, cursor) != 0)
        return false;
    *ret_from = from;
    return true;
}

bool page_take_cursor(const struct request *request, const char *list, size_t *ret_from)
{
    const json_t *cursor = json_object_get(request->message->params, "cursor");
    if (cursor == NULL || (json_is_string(cursor) && json_string_length(cursor) == 0)) {
        *ret_from = 0;
        return true;
    }
    if (json_is_string(cursor) && read_cursor(list, json_string_value(cursor), ret_from))
        return true;
    answer_invalid(&request->answer, "cursor is not one that this server gave out for this list");
    return false;
}

void page_answer(const struct request *request, const char *list, json_t *items, size_t from,
                 size_t size)
{
    const struct answer *answer = &request->answer;
    json_t *page = page_cut(list, items, from, size, answer->version);
    answer_cacheable(answer, page, LIST_TTL_MS, true);
    answer_result(answer, page);
}

json_t *page_cut(const char *list, json_t *items, size_t from, size_t size, const char *version)
{
    size_t count = json_array_size(items);
    json_t *page = json_array();
    int rc = items != NULL && page != NULL ? 0 : -1;
    size_t end = from < count && count - from > size ? from + size : count;
    for (size_t i = from; rc == 0 && i < end; i++)
        rc = json_array_append_new(page, answer_known(json_array_get(items, i), version));
    json_decref(items);
    if (rc != 0) {
        json_decref(page);
        return NULL;
    }
    char cursor[CURSOR_SIZE];
    write_cursor(list, end, cursor);
    return json_pack("{s:o, s:s*}", list, page, "nextCursor", end < count ? cursor : NULL);
}
