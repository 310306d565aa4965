/* Linked into a program, this lets one of its allocations fail: the one that FAIL_ALLOCATION
 * numbers (from 1), and says on standard error when it does. The linker sends our own code's
 * allocations here (--wrap), jansson is told; libuv keeps its own. */
#include <stdlib.h>
#include <unistd.h>

#include <jansson.h>

#include "wrap.h"

static long countdown;

static int is_refused(void)
{
    static const char note[] = "an allocation fails\n";
    if (countdown == 0 || --countdown > 0)
        return 0;
    if (write(STDERR_FILENO, note, sizeof note - 1) < 0)
        abort();
    return 1;
}

void *__wrap_malloc(size_t size)
{
    return is_refused() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    return is_refused() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *old, size_t size)
{
    return is_refused() ? NULL : __real_realloc(old, size);
}

static void __attribute__((constructor)) choose(void)
{
    const char *number = getenv("FAIL_ALLOCATION");
    countdown = number != NULL ? strtol(number, NULL, 10) : 0;
    json_set_alloc_funcs(__wrap_malloc, free);
}
