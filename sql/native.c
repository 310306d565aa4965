#include "native.h"

#include <stdlib.h>
#include <string.h>

void native_init(struct native *n, const struct names *properties,
                 const struct names *actor_properties, struct numbering *numberings)
{
    *n = (struct native){.numberings = numberings, .block = 1};
    n->maps[NATIVE_PROPERTIES].keys = properties;
    n->maps[NATIVE_ACTOR_PROPERTIES].keys = actor_properties;
}

static void vec_done(struct native_vec *v)
{
    free(v->data);
    *v = (struct native_vec){0};
}

static void map_done(struct native_map_column *m)
{
    vec_done(&m->offsets);
    vec_done(&m->ids);
    vec_done(&m->values);
    vec_done(&m->used);
    free(m->local);
    free(m->stamp);
}

void native_done(struct native *n)
{
    vec_done(&n->time);
    vec_done(&n->start_null);
    vec_done(&n->start);
    vec_done(&n->seqs);
    for (int i = 0; i < NATIVE_TEXTS; i++)
        vec_done(&n->texts[i]);
    for (int i = 0; i < NATIVE_MAPS; i++)
        map_done(&n->maps[i]);
    map_done(&n->objects.types);
    vec_done(&n->objects.offsets);
    vec_done(&n->objects.ids);
    vec_done(&n->objects.qualifiers);
    *n = (struct native){0};
}

/* Room for `len` more bytes, or NULL. */
static inline char *vec_room(struct native *n, struct native_vec *v, size_t len)
{
    if (v->size - v->len >= len)
        return v->data + v->len;
    size_t size = v->size == 0 ? 4096 : v->size;
    while (size - v->len < len)
        size *= 2;
    char *data = realloc(v->data, size);
    if (data == NULL) {
        n->failed = true;
        return NULL;
    }
    v->data = data;
    v->size = size;
    return data + v->len;
}

static inline void vec_add(struct native *n, struct native_vec *v, const void *bytes, size_t len)
{
    char *room = vec_room(n, v, len);
    if (room == NULL)
        return;
    memcpy(room, bytes, len);
    v->len += len;
}

/* LEB128, as every length in the format. */
static inline size_t put_varint(char *out, uint64_t value)
{
    size_t n = 0;
    for (; value >= 0x80; value >>= 7)
        out[n++] = (char)(value | 0x80);
    out[n++] = (char)value;
    return n;
}

static inline void vec_text(struct native *n, struct native_vec *v, const char *text, size_t len)
{
    char *room = vec_room(n, v, len + 10);
    if (room == NULL)
        return;
    size_t head = put_varint(room, len);
    if (len > 0)
        memcpy(room + head, text, len);
    v->len += head + len;
}

/* The key's number in the block's dictionary; 0 is the empty string, which is always there. */
static uint32_t local_key(struct native *n, struct native_map_column *m, uint32_t key)
{
    if (key >= m->local_size) {
        size_t size = (size_t)key * 2 + 64;
        uint32_t *local = realloc(m->local, size * sizeof *local);
        if (local != NULL)
            m->local = local;
        uint32_t *stamp = local != NULL ? realloc(m->stamp, size * sizeof *stamp) : NULL;
        if (stamp == NULL) {
            n->failed = true;
            return 0;
        }
        memset(stamp + m->local_size, 0, (size - m->local_size) * sizeof *stamp);
        m->stamp = stamp;
        m->local_size = size;
    }
    if (m->stamp[key] != n->block) {
        vec_add(n, &m->used, &key, sizeof key);
        m->stamp[key] = n->block;
        m->local[key] = (uint32_t)(m->used.len / sizeof key);
    }
    return m->local[key];
}

static void add_key(struct native *n, struct native_map_column *m, uint32_t key)
{
    uint32_t id = local_key(n, m, key);
    vec_add(n, &m->ids, &id, sizeof id);
    m->count++;
}

void native_add_property(struct native *n, enum native_map map, uint32_t key, const char *text,
                         size_t len)
{
    struct native_map_column *m = &n->maps[map];
    add_key(n, m, key);
    vec_text(n, &m->values, text, len);
}

void native_add_objects(struct native *n, const struct native_object *objects, size_t count)
{
    struct native_objects *o = &n->objects;
    for (size_t i = 0; i < count; i++) {
        if (i == 0 || objects[i].type != objects[i - 1].type)
            add_key(n, &o->types, objects[i].type);
        vec_text(n, &o->ids, objects[i].id.text, objects[i].id.len);
        vec_text(n, &o->qualifiers, objects[i].qualifier.text, objects[i].qualifier.len);
        o->count++;
        if (i + 1 == count || objects[i].type != objects[i + 1].type)
            vec_add(n, &o->offsets, &o->count, sizeof o->count);
    }
}

void native_add_row(struct native *n, const struct native_row *row)
{
    const char is_null = row->has_start ? 0 : 1;
    const int64_t start_us = row->has_start ? row->start_us : 0;
    vec_add(n, &n->time, &row->time_us, sizeof row->time_us);
    for (int i = 0; i < NATIVE_TEXTS; i++)
        vec_text(n, &n->texts[i], row->texts[i].text, row->texts[i].len);
    vec_add(n, &n->start_null, &is_null, 1);
    vec_add(n, &n->start, &start_us, sizeof start_us);
    vec_add(n, &n->seqs, &n->seq, sizeof n->seq);
    for (int i = 0; i < NATIVE_MAPS; i++)
        vec_add(n, &n->maps[i].offsets, &n->maps[i].count, sizeof n->maps[i].count);
    struct native_map_column *types = &n->objects.types;
    if (n->has_objects)
        vec_add(n, &types->offsets, &types->count, sizeof types->count);
    n->rows++;
    n->seq++;
}

size_t native_size(const struct native *n)
{
    size_t size = n->rows * 64;
    for (int i = 0; i < NATIVE_TEXTS; i++)
        size += n->texts[i].len;
    for (int i = 0; i < NATIVE_MAPS; i++)
        size += n->maps[i].values.len + n->maps[i].ids.len;
    size += n->objects.ids.len + n->objects.qualifiers.len + n->objects.offsets.len;
    return size;
}

/* --- writing ------------------------------------------------------------------------------ */

static void put_text(struct buf *out, const char *text, size_t len)
{
    char head[10];
    buf_add(out, head, put_varint(head, len));
    buf_add(out, text, len);
}

static void put_head(struct buf *out, const char *name, const char *type)
{
    put_text(out, name, strlen(name));
    put_text(out, type, strlen(type));
}

static void put_u64(struct buf *out, uint64_t value)
{
    buf_add(out, &value, sizeof value);
}

/* The indexes in the narrowest of 1, 2 and 4 bytes. */
static void pack_indexes(struct native_map_column *m, int width)
{
    const char *in = m->ids.data;
    char *packed = m->ids.data; /* in place: an index never grows */
    if (m->is_packed)
        return;
    m->is_packed = true;
    for (uint64_t i = 0; i < m->count; i++) {
        uint32_t id;
        memcpy(&id, in + i * sizeof id, sizeof id);
        memcpy(packed + i * (size_t)width, &id, (size_t)width); /* little endian */
    }
}

/* All of a Map but its values. */
static void put_keys(struct native_map_column *m, struct buf *out)
{
    enum { HAS_ADDITIONAL_KEYS = 0x200, NEEDS_UPDATE = 0x400 };
    size_t keys = m->used.len / sizeof(uint32_t);
    put_u64(out, 1); /* version of the dictionary's serialization */
    buf_add(out, m->offsets.data, m->offsets.len);
    if (m->count == 0)
        return; /* an empty dictionary column leaves nothing behind */
    int shift = keys < 0xff ? 0 : keys < 0xffff ? 1 : 2;
    put_u64(out, (uint64_t)shift | HAS_ADDITIONAL_KEYS | NEEDS_UPDATE);
    put_u64(out, keys + 1);
    put_text(out, "", 0);
    for (size_t i = 0; i < keys; i++) {
        uint32_t key;
        memcpy(&key, m->used.data + i * sizeof key, sizeof key);
        put_text(out, m->keys->items[key].text, m->keys->items[key].len);
    }
    put_u64(out, m->count);
    pack_indexes(m, 1 << shift);
    buf_add(out, m->ids.data, m->count << shift);
}

static void put_objects(struct native_objects *o, struct buf *out)
{
    static const char *const names[] = {"objects", "object_qualifiers"};
    const struct native_vec *const values[] = {&o->ids, &o->qualifiers};
    for (int i = 0; i < 2; i++) {
        put_head(out, names[i], "Map(LowCardinality(String), Array(String))");
        put_keys(&o->types, out);
        buf_add(out, o->offsets.data, o->offsets.len);
        buf_add(out, values[i]->data, values[i]->len);
    }
}

/* The text at *at, which stops behind it. */
static struct bytes take_text(const char **at)
{
    const char *p = *at;
    size_t len = 0;
    for (unsigned shift = 0;; shift += 7) {
        len |= (size_t)(*p & 0x7f) << shift;
        if ((*p++ & 0x80) == 0)
            break;
    }
    *at = p + len;
    return (struct bytes){p, len};
}

/* The numbers of a column's texts. */
static void put_numbers(struct native *n, int i, struct buf *out)
{
    enum { STEP = 256 };
    struct bytes texts[STEP];
    uint32_t numbers[STEP];
    const char *at = n->texts[NATIVE_FIRST_NUMBER + i].data;
    for (size_t row = 0; row < n->rows;) {
        size_t count = n->rows - row < STEP ? n->rows - row : STEP;
        for (size_t k = 0; k < count; k++)
            texts[k] = take_text(&at);
        numbering_add(&n->numberings[i], texts, count, numbers);
        buf_add(out, numbers, count * sizeof numbers[0]);
        row += count;
    }
}

static void reset_map(struct native_map_column *m)
{
    m->offsets.len = m->ids.len = m->values.len = m->used.len = 0;
    m->count = 0;
    m->is_packed = false;
}

static void reset(struct native *n)
{
    n->rows = 0;
    n->time.len = n->start.len = n->start_null.len = n->seqs.len = 0;
    for (int i = 0; i < NATIVE_TEXTS; i++)
        n->texts[i].len = 0;
    for (int i = 0; i < NATIVE_MAPS; i++)
        reset_map(&n->maps[i]);
    reset_map(&n->objects.types);
    n->objects.offsets.len = n->objects.ids.len = n->objects.qualifiers.len = 0;
    n->objects.count = 0;
    n->block++;
}

void native_flush(struct native *n, struct buf *out)
{
    static const char *const text_names[] = {"event", "actor", "session", "case_id", "resource"};
    static const char *const number_names[] = {"actor_number", "session_number", "case_number"};
    static const char *const map_names[] = {"properties", "actor_properties"};
    char head[20];
    if (n->rows == 0)
        return;
    buf_add(out, head,
            put_varint(head, 3U + NATIVE_TEXTS + NATIVE_NUMBERS + NATIVE_MAPS +
                                 (n->has_objects ? 2U : 0U)));
    buf_add(out, head, put_varint(head, n->rows));
    put_head(out, "time", "DateTime64(6, 'UTC')");
    buf_add(out, n->time.data, n->time.len);
    for (int i = 0; i < NATIVE_TEXTS; i++) {
        put_head(out, text_names[i], "String");
        buf_add(out, n->texts[i].data, n->texts[i].len);
    }
    for (int i = 0; i < NATIVE_NUMBERS; i++) {
        put_head(out, number_names[i], "UInt32");
        put_numbers(n, i, out);
    }
    put_head(out, "start_time", "Nullable(DateTime64(6, 'UTC'))");
    buf_add(out, n->start_null.data, n->start_null.len);
    buf_add(out, n->start.data, n->start.len);
    put_head(out, "seq", "UInt64");
    buf_add(out, n->seqs.data, n->seqs.len);
    for (int i = 0; i < NATIVE_MAPS; i++) {
        put_head(out, map_names[i], "Map(LowCardinality(String), String)");
        put_keys(&n->maps[i], out);
        buf_add(out, n->maps[i].values.data, n->maps[i].values.len);
    }
    if (n->has_objects)
        put_objects(&n->objects, out);
    reset(n);
}
