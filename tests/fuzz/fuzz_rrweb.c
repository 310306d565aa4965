/* Any lines as the bodies of a recording's events: none may crash or hang the reader, and whatever
 * it says must be whole UTF-8. */
#include <string.h>

#include <jansson.h>

#include "fuzz.h"
#include "rrweb.h"

static void must_be_text(const char *text)
{
    json_t *string = json_string(text); /* refuses what is no UTF-8 */
    check(string != NULL, "no UTF-8");
    json_decref(string);
}

static void read_one(struct rrweb_page *page, const uint8_t *line, size_t len)
{
    struct rrweb_event event;
    char label[RRWEB_LABEL_MAX];
    rrweb_read(page, (const char *)line, len, &event);
    must_be_text(event.text);
    must_be_text(event.name);
    must_be_text(rrweb_label(page, event.node, label, sizeof label));
    for (int64_t node = 0; node < 8; node++) {
        must_be_text(rrweb_label(page, node, label, sizeof label));
        rrweb_is_field(page, node);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct rrweb_page *page = rrweb_page_new();
    if (page == NULL)
        return 0;
    while (size > 0) {
        const uint8_t *newline = memchr(data, '\n', size);
        size_t len = newline != NULL ? (size_t)(newline - data) : size;
        read_one(page, data, len);
        len += newline != NULL ? 1 : 0;
        data += len;
        size -= len;
    }
    rrweb_page_free(page);
    return 0;
}
