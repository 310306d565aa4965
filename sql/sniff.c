#include "sniff.h"

#include <stdint.h>
#include <string.h>
#include <strings.h>

const char *const sniff_role_names[] = {"time", "event",    "actor",     "session",
                                        "case", "resource", "start-time"};

static bool begins(const char *bytes, size_t len, const char *magic, size_t magic_len)
{
    return len >= magic_len && memcmp(bytes, magic, magic_len) == 0;
}

/* The length of a frame that decoders of zstd and LZ4 skip, as pzstd begins its files with one; 0 =
 * none, or a longer one than `len`. */
static size_t skippable(const char *bytes, size_t len)
{
    const unsigned char *p = (const unsigned char *)bytes;
    if (len < 8 || p[0] >> 4 != 5 || memcmp(bytes + 1, "\x2a\x4d\x18", 3) != 0)
        return 0;
    uint32_t size = p[4] | (uint32_t)p[5] << 8 | (uint32_t)p[6] << 16 | (uint32_t)p[7] << 24;
    return size <= len - 8 ? 8 + (size_t)size : 0;
}

const char *sniff_compression(const char *bytes, size_t len)
{
    static const struct {
        const char *magic;
        size_t len;
        const char *name;
    } kinds[] = {
        {"\x1f\x8b", 2, "gzip"},
        {"\x28\xb5\x2f\xfd", 4, "zstd"},
        {"BZh", 3, "bz2"},
        {"\xfd"
         "7zXZ\0",
         6, "xz"},
        {"\x04\x22\x4d\x18", 4, "lz4"},
    };
    size_t skipped;
    while ((skipped = skippable(bytes, len)) > 0) {
        bytes += skipped;
        len -= skipped;
    }
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (begins(bytes, len, kinds[i].magic, kinds[i].len))
            return kinds[i].name;
    return NULL;
}

static size_t skip_blanks(const char *bytes, size_t len, size_t i)
{
    while (i < len && bytes[i] != '\0' && strchr(" \t\r\n", bytes[i]) != NULL)
        i++;
    return i;
}

/* What the first member of an object says. */
static enum sniff_format sniff_object(const char *bytes, size_t len, size_t i)
{
    static const struct {
        const char *name;
        enum sniff_format format;
    } lists[] = {{"\"eventTypes\"", SNIFF_OCEL},
                 {"\"objectTypes\"", SNIFF_OCEL},
                 {"\"events\"", SNIFF_JSON},
                 {"\"objects\"", SNIFF_JSON}};
    i = skip_blanks(bytes, len, i);
    if (begins(bytes + i, len - i, "\"ocel:", 6))
        return SNIFF_OCEL1;
    for (size_t k = 0; k < sizeof lists / sizeof lists[0]; k++) {
        size_t n = strlen(lists[k].name);
        if (!begins(bytes + i, len - i, lists[k].name, n))
            continue;
        size_t colon = skip_blanks(bytes, len, i + n);
        size_t value = colon < len ? skip_blanks(bytes, len, colon + 1) : len;
        if (value < len && bytes[colon] == ':' && bytes[value] == '[')
            return lists[k].format;
    }
    return SNIFF_JSONL;
}

enum sniff_format sniff_content(const char *bytes, size_t len)
{
    if (begins(bytes, len, "PAR1", 4))
        return SNIFF_PARQUET;
    if (begins(bytes, len, "SQLite format 3", 16))
        return SNIFF_OCEL_SQLITE;
    if (begins(bytes, len, "PK\x03\x04", 4))
        return SNIFF_ZIP;
    if (begins(bytes, len, "\xff\xfe", 2) || begins(bytes, len, "\xfe\xff", 2))
        return SNIFF_UTF16;
    size_t i = begins(bytes, len, "\xef\xbb\xbf", 3) ? 3 : 0;
    i = skip_blanks(bytes, len, i);
    if (i == len)
        return SNIFF_UNKNOWN;
    if (bytes[i] == '{')
        return sniff_object(bytes, len, i + 1);
    /* A CSV header may begin with a < too. */
    if (begins(bytes + i, len - i, "<?xml", 5) ||
        (begins(bytes + i, len - i, "<log", 4) && len > i + 4 && bytes[i + 4] != '\0' &&
         strchr(" \t\r\n>/", bytes[i + 4]) != NULL))
        return SNIFF_XES;
    /* A list of objects; a CSV header may begin with a bracket too. */
    if (bytes[i] == '[') {
        i = skip_blanks(bytes, len, i + 1);
        if (i < len && (bytes[i] == '{' || bytes[i] == ']'))
            return SNIFF_JSON_ARRAY;
    }
    return SNIFF_CSV;
}

/* Whether `name` (of `len`) ends with `ending`, any case. */
static bool ends(const char *name, size_t len, const char *ending)
{
    size_t n = strlen(ending);
    return len > n && strncasecmp(name + len - n, ending, n) == 0;
}

enum sniff_format sniff_name(const char *path)
{
    static const char *const compressed[] = {".gz", ".zst", ".zstd", ".bz2", ".xz", ".lz4"};
    static const struct {
        const char *ending;
        enum sniff_format format;
    } formats[] = {
        {".csv", SNIFF_CSV},
        {".tsv", SNIFF_CSV},
        {".tab", SNIFF_CSV},
        {".jsonl", SNIFF_JSONL},
        {".ndjson", SNIFF_JSONL},
        {".parquet", SNIFF_PARQUET},
        {".pq", SNIFF_PARQUET},
        {".xes", SNIFF_XES},
        {".json", SNIFF_JSON},
        {".jsonocel", SNIFF_OCEL},
        {".sqlite", SNIFF_OCEL_SQLITE},
        {".sqlite3", SNIFF_OCEL_SQLITE},
    };
    size_t len = strlen(path);
    for (size_t i = 0; i < sizeof compressed / sizeof compressed[0]; i++)
        if (ends(path, len, compressed[i])) {
            len -= strlen(compressed[i]);
            break;
        }
    for (size_t i = 0; i < sizeof formats / sizeof formats[0]; i++)
        if (ends(path, len, formats[i].ending))
            return formats[i].format;
    return SNIFF_UNKNOWN;
}

char sniff_newline(const char *bytes, size_t len)
{
    return memchr(bytes, '\n', len) == NULL && memchr(bytes, '\r', len) != NULL ? '\r' : '\n';
}

/* --- delimiter ---------------------------------------------------------------------------- */

/* How well a delimiter fits: fields of the first row if the rows agree, less if they do not; -1
 * when out of memory. */
static double fit(const char *bytes, size_t len, char delimiter, enum csv_quoting quoting)
{
    enum { ROWS = 100 };
    struct csv c;
    csv_init(&c, delimiter, quoting);
    c.newline = sniff_newline(bytes, len);
    size_t first = 0, rows = 0, agree = 0;
    enum csv_result result = CSV_BLANK;
    while (rows < ROWS) {
        result = csv_read(&c, bytes, len, false);
        /* A first row longer than the sample still shows its delimiter. */
        if (result == CSV_MORE && rows == 0)
            result = csv_read(&c, bytes, len, true);
        if (result != CSV_ROW && result != CSV_BLANK && result != CSV_BAD)
            break;
        bytes += c.used;
        len -= c.used;
        if (result == CSV_BLANK)
            continue;
        size_t fields = result == CSV_ROW ? c.count : 0;
        if (rows++ == 0)
            first = fields;
        agree += fields == first;
    }
    csv_done(&c);
    if (result == CSV_NO_MEMORY)
        return -1;
    if (first < 2)
        return 0;
    double share = (double)agree / (double)rows;
    return share * share * (1 + (double)(first < 50 ? first : 50) / 100);
}

char sniff_delimiter(const char *bytes, size_t len, enum csv_quoting quoting)
{
    static const char delimiters[] = {',', ';', '\t', '|'};
    char best = ',';
    double best_fit = 0;
    for (size_t i = 0; i < sizeof delimiters; i++) {
        double f = fit(bytes, len, delimiters[i], quoting);
        if (f < 0)
            return '\0';
        if (f > best_fit) {
            best_fit = f;
            best = delimiters[i];
        }
    }
    return best;
}

/* --- columns ------------------------------------------------------------------------------ */

/* Names in normal form (see normal()), the likeliest first; those of XES have a ':'. */
static const char *const role_words[SNIFF_ROLES][24] = {
    [SNIFF_TIME] = {"timestamp", "time:timestamp", "ocel:timestamp", "time", "ts", "eventtime",
                    "eventtimestamp", "occurredat", "datetime", "completetimestamp", "endtimestamp",
                    "endtime", "completetime", "createdat", "receivedat", "sentat", "@timestamp",
                    "date", NULL},
    [SNIFF_EVENT] = {"event", "eventname", "activity", "concept:name", "ocel:activity",
                     "activityname", "action", "eventtype", "name", NULL},
    [SNIFF_ACTOR] = {"userid", "user", "actor", "actorid", "distinctid", "$distinctid",
                     "customerid", "anonymousid", "anonymoususerid", "userpseudoid", "visitorid",
                     "clientid", "username", NULL},
    [SNIFF_SESSION] = {"sessionid", "session", "$sessionid", "rum.sessionid", "visitid", NULL},
    [SNIFF_CASE] = {"caseid", "case:concept:name", "case", "orderid", "caseconceptname", "traceid",
                    NULL},
    [SNIFF_RESOURCE] = {"resource", "org:resource", "operator", "orgresource", NULL},
    [SNIFF_START] = {"starttimestamp", "starttime", "startedat", "starttime:timestamp", NULL},
};

/* Lower case, without blanks, _ and -; false if it does not fit. */
static bool normal(const struct name *name, size_t skip, char *out, size_t size)
{
    size_t n = 0;
    for (size_t i = skip; i < name->len; i++) {
        char c = name->text[i];
        if (c == ' ' || c == '_' || c == '-')
            continue;
        if (n + 1 >= size || c == '\0')
            return false;
        out[n++] = c >= 'A' && c <= 'Z' ? (char)(c + 'a' - 'A') : c;
    }
    out[n] = '\0';
    return n > 0;
}

static int find_word(const struct names *columns, const char *word, const char *prefix,
                     const bool *taken)
{
    char text[64];
    size_t skip = strlen(prefix);
    for (size_t i = 0; i < columns->count; i++) {
        const struct name *name = &columns->items[i];
        if (taken[i] || name->len <= skip || strncmp(name->text, prefix, skip) != 0)
            continue;
        if (normal(name, skip, text, sizeof text) && strcmp(text, word) == 0)
            return (int)i;
    }
    return -1;
}

/* The first of the role's words that a column has; with `is_standard` of those of XES
 * and OCEL only. */
static int find_role(const struct names *columns, enum sniff_role role, const char *prefix,
                     bool is_standard, const bool *taken)
{
    for (const char *const *word = role_words[role]; *word != NULL; word++) {
        if (is_standard && strchr(*word, ':') == NULL)
            continue;
        int column = find_word(columns, *word, prefix, taken);
        if (column >= 0)
            return column;
    }
    return -1;
}

int sniff_column(const struct names *columns, enum sniff_format format, enum sniff_role role,
                 const bool *taken)
{
    bool has_standard = format == SNIFF_XES || format == SNIFF_OCEL || format == SNIFF_OCEL_SQLITE;
    int column = has_standard ? find_role(columns, role, "", true, taken) : -1;
    if (column < 0)
        column = find_role(columns, role, "", false, taken);
    if (column < 0)
        column = find_role(columns, role, "properties.", false, taken);
    return column;
}
