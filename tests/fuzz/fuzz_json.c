/* Any bytes as a JSON document: what is read must be written so that it reads as the same again, in
 * one line; what is refused must be refused with a word. */
#include <string.h>

#include "fuzz.h"
#include "json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct err err = {.code = ERR_OK};
    char *bytes = malloc(size > 0 ? size : 1);
    check(bytes != NULL, "memory");
    if (size > 0)
        memcpy(bytes, data, size);
    json_t *value = json_parse(bytes, size, &err);
    free(bytes);
    if (value == NULL) {
        check(err.code == ERR_ARGUMENT && err.text[0] != '\0', "a refusal without a word");
        return 0;
    }
    char *text = json_text(value);
    check(text != NULL && strchr(text, '\n') == NULL, "it cannot be written in one line");
    json_t *again = json_parse(text, strlen(text), &err);
    check(again != NULL, "what was written cannot be read");
    char *once_more = json_text(again);
    check(once_more != NULL && strcmp(text, once_more) == 0, "it reads as something else");
    free(once_more);
    free(text);
    json_decref(again);
    json_decref(value);
    return 0;
}
