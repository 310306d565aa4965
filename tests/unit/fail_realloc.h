#pragma once
/* Buffers and lists grow with realloc(), which the linker sends here (--wrap=realloc): the call to
 * which `realloc_countdown` counts down finds no memory. 0 = none does. For one file of a test. */
#include <stddef.h>

void *__real_realloc(void *old, size_t size);
void *__wrap_realloc(void *old, size_t size);

static size_t realloc_countdown;

void *__wrap_realloc(void *old, size_t size)
{
    if (realloc_countdown > 0 && --realloc_countdown == 0)
        return NULL;
    return __real_realloc(old, size);
}
