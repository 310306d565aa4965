#pragma once
/* JSON in tables of tests. After <cmocka.h> and what that needs. */
#include <stdlib.h>
#include <string.h>

#include "json.h"

/* Apostrophes stand for quotation marks, to keep the tables readable. */
static inline json_t *parse(const char *text)
{
    char *copy = strdup(text);
    for (char *c = copy; *c != '\0'; c++) {
        if (*c == '\'')
            *c = '"';
    }
    struct err err = {0};
    json_t *value = json_parse(copy, strlen(copy), &err);
    if (value == NULL)
        fail_msg("%s: %s", copy, err.text);
    free(copy);
    return value;
}
