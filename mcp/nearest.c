/* The nearest name: what an error suggests instead of a misspelt one. */
#include "bind.h"

#include <ctype.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

enum {
    NEAREST_MAX = 96,  /* bytes compared; names are rarely longer, and the cost is quadratic */
    CONTAINED_MIN = 4, /* a shorter name is contained in too many others to mean anything */
};

static unsigned smaller(unsigned a, unsigned b)
{
    return a < b ? a : b;
}

static bool is_same(char a, char b)
{
    return tolower((unsigned char)a) == tolower((unsigned char)b);
}

/* Insertions, deletions, replacements and swaps of neighbours that turn `a` into `b` (optimal
 * string alignment). Bytes, not characters: a replaced accent counts double, which does no harm
 * here. */
static unsigned distance(const char *a, size_t a_len, const char *b, size_t b_len)
{
    unsigned rows[3][NEAREST_MAX + 1];
    unsigned *older = rows[0], *old = rows[1], *row = rows[2];
    memset(rows, 0, sizeof rows);
    for (size_t j = 0; j <= b_len; j++)
        old[j] = (unsigned)j;
    for (size_t i = 1; i <= a_len; i++) {
        row[0] = (unsigned)i;
        for (size_t j = 1; j <= b_len; j++) {
            unsigned cost = is_same(a[i - 1], b[j - 1]) ? 0 : 1;
            row[j] = smaller(smaller(old[j] + 1, row[j - 1] + 1), old[j - 1] + cost);
            if (i > 1 && j > 1 && is_same(a[i - 1], b[j - 2]) && is_same(a[i - 2], b[j - 1]))
                row[j] = smaller(row[j], older[j - 2] + 1);
        }
        unsigned *free_row = older;
        older = old;
        old = row;
        row = free_row;
    }
    return old[b_len];
}

/* Whether every word of `words` (letters and digits) stands somewhere in `name`, in any order:
 * product_view means view_product. */
static bool has_words_of(const char *name, const char *words)
{
    size_t found = 0;
    for (const char *s = words; *s != '\0';) {
        char word[NEAREST_MAX + 1];
        size_t len = 0;
        for (; isalnum((unsigned char)*s) && len < NEAREST_MAX; s++)
            word[len++] = *s;
        word[len] = '\0';
        if (len > 0 && strcasestr(name, word) == NULL)
            return false;
        found += len > 0;
        s += *s != '\0' && len < NEAREST_MAX;
    }
    return found > 0;
}

const char *bind_nearest(const char *name, const char *const *names, size_t count)
{
    char cut[NEAREST_MAX + 1]; /* a client can send a name of megabytes */
    size_t len = strnlen(name, NEAREST_MAX);
    memcpy(cut, name, len);
    cut[len] = '\0';
    const char *best = NULL, *contained = NULL;
    unsigned best_distance = UINT32_MAX;
    size_t contained_len = SIZE_MAX;
    for (size_t i = 0; i < count; i++) {
        size_t other = strnlen(names[i], NEAREST_MAX);
        size_t longer = len > other ? len : other;
        unsigned d = distance(cut, len, names[i], other);
        /* A third of the letters may differ, and one letter always. */
        if (d < best_distance && d <= (longer < 6 ? 1 : longer / 3)) {
            best_distance = d;
            best = names[i];
        }
        if (len >= CONTAINED_MIN && other >= CONTAINED_MIN && other < contained_len &&
            (has_words_of(names[i], cut) || has_words_of(cut, names[i]))) {
            contained_len = other;
            contained = names[i];
        }
    }
    return best != NULL ? best : contained;
}
