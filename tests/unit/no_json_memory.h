#pragma once
/* Jansson without memory: json_set_alloc_funcs(no_json_memory, free), and malloc to end it. */
#include <stddef.h>

static void *no_json_memory(size_t size)
{
    (void)size;
    return NULL;
}
