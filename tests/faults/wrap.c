#include "wrap.h"

#include <string.h>

char *__wrap_strdup(const char *text)
{
    return __wrap_strndup(text, strlen(text));
}

char *__wrap_strndup(const char *text, size_t max)
{
    size_t len = strnlen(text, max);
    char *got = __wrap_malloc(len + 1);
    if (got != NULL) {
        memcpy(got, text, len);
        got[len] = '\0';
    }
    return got;
}
