/* The model of conformance_check that is a list of rules, those of Declare and the four eyes.
 *
 * Most are told from the sequence of a case's activities. Who did them is not in it: for rules of
 * four eyes the engine says of each case which of them it keeps. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "align.h"
#include "conformance.h"
#include "json.h"

enum judgement { NOT_ACTIVATED, SATISFIED, VIOLATED };

/* What of a case concerns one rule; places count from 1, 0 = never. */
struct seen {
    size_t len, first_a, last_a, count_a, first_b, last_b, count_b;
    size_t chained; /* how many a have b right behind */
    size_t n;
    bool begins, ends; /* with a */
};

static enum judgement judge(bool is_activated, bool is_satisfied)
{
    return !is_activated ? NOT_ACTIVATED : is_satisfied ? SATISFIED : VIOLATED;
}

static enum judgement judge_init(const struct seen *s)
{
    return judge(true, s->begins);
}

static enum judgement judge_last(const struct seen *s)
{
    return judge(true, s->ends);
}

static enum judgement judge_exists(const struct seen *s)
{
    return judge(true, s->count_a >= s->n);
}

static enum judgement judge_absent(const struct seen *s)
{
    return judge(true, s->count_a < s->n);
}

static enum judgement judge_exactly(const struct seen *s)
{
    return judge(true, s->count_a == s->n);
}

static enum judgement judge_response(const struct seen *s)
{
    return judge(s->count_a > 0, s->last_b > s->last_a);
}

static enum judgement judge_precedence(const struct seen *s)
{
    return judge(s->count_b > 0, s->count_a > 0 && s->first_a < s->first_b);
}

static enum judgement judge_succession(const struct seen *s)
{
    return judge(s->count_a > 0 || s->count_b > 0,
                 judge_response(s) != VIOLATED && judge_precedence(s) != VIOLATED);
}

static enum judgement judge_chain_response(const struct seen *s)
{
    return judge(s->count_a > 0, s->chained == s->count_a);
}

static enum judgement judge_not_coexist(const struct seen *s)
{
    return judge(s->count_a > 0 || s->count_b > 0, s->count_a == 0 || s->count_b == 0);
}

static const struct rule_kind {
    const char *name;
    bool needs_b, takes_n;
    enum judgement (*judge)(const struct seen *s); /* NULL: the engine does */
    const char *words, *words_n; /* what is wrong, where n is 1 and where it is more */
} kinds[] = {
#define RULE_KINDS(row)                                                                            \
    row("init", false, false, judge_init, "does not begin with @a", NULL)                          \
        row("last", false, false, judge_last, "does not end with @a", NULL)                        \
            row("exists", false, true, judge_exists, "@a missing", "@a fewer than @n times")       \
                row("absent", false, true, judge_absent, "@a present", "@a @n times or more")      \
                    row("exactly", false, true, judge_exactly, "@a not exactly once",              \
                        "@a not exactly @n times") row("response", true, false, judge_response,    \
                                                       "@a without @b after it", NULL)             \
                        row("precedence", true, false, judge_precedence,                           \
                            "@b without @a before it", NULL)                                       \
                            row("succession", true, false, judge_succession,                       \
                                "@a and @b not one after the other", NULL)                         \
                                row("chain_response", true, false, judge_chain_response,           \
                                    "@a without @b right behind it", NULL)                         \
                                    row("not_coexist", true, false, judge_not_coexist,             \
                                        "@a and @b in one case", NULL)                             \
                                        row("four_eyes", true, false, NULL,                        \
                                            "@a and @b done by the same resource", NULL)
#define KIND(...) {__VA_ARGS__},
    RULE_KINDS(KIND)};

const char *const conformance_rule_kinds[] = {
#define NAME(name, ...) name,
    RULE_KINDS(NAME) NULL};

struct rule {
    const struct rule_kind *kind;
    const json_t *item; /* of the arguments */
    uint32_t a, b;      /* no_activity: none */
    size_t n;
    size_t eyes; /* which of the engine's judgements */
    int64_t activated, satisfied;
};

struct rules {
    struct rule *items;
    size_t count;
};

static const struct rule_kind *kind_of(const json_t *item)
{
    size_t i = 0;
    while (strcmp(kinds[i].name, json_get_string(item, "kind", "")) != 0)
        i++;
    return &kinds[i];
}

static int refuse(struct err *ret_err, size_t rule, const char *member, const char *text,
                  const char *kind)
{
    char field[48];
    snprintf(field, sizeof field, "rules[%zu].%s", rule, member);
    return err_set(ret_err, ERR_ARGUMENT, field, text, kind);
}

static int validate(const struct run *run, struct err *ret_err)
{
    const json_t *list = json_object_get(run->arguments, "rules");
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *item = json_array_get(list, i);
        const struct rule_kind *kind = kind_of(item);
        const char *a = json_get_string(item, "a", ""), *b = json_get_string(item, "b", NULL);
        if (kind->needs_b && b == NULL)
            return refuse(ret_err, i, "b", "missing: %s is about two activities, a and b",
                          kind->name);
        if (!kind->needs_b && b != NULL)
            return refuse(ret_err, i, "b", "%s is about one activity, a", kind->name);
        if (!kind->takes_n && json_object_get(item, "n") != NULL)
            return refuse(ret_err, i, "n", "%s counts nothing: n is for exists, absent, exactly",
                          kind->name);
        if (kind->judge != NULL || b == NULL)
            continue;
        if (strcmp(a, b) == 0)
            return refuse(ret_err, i, "b", "%s needs two different activities", kind->name);
        if (run->source->fields[SOURCE_RESOURCE].count == 0)
            return refuse(ret_err, i, "kind", "%s needs a resource, and the source maps none",
                          kind->name);
    }
    return 0;
}

/* --- four eyes ------------------------------------------------------------------------------- */

/* The resources that did an activity, of one case. */
static void add_resources(struct query *q, const char *resource, const char *event,
                          const char *activity, struct buf *out)
{
    buf_printf(out, "groupUniqArrayIf(%s, %s = ", resource, event);
    query_bind_text(q, out, activity);
    buf_printf(out, " AND %s != '')", resource);
}

static bool needs_plan(const struct run *run)
{
    const json_t *rules = json_object_get(run->arguments, "rules");
    bool has = false;
    for (size_t i = 0; i < json_array_size(rules); i++)
        has = has || kind_of(json_array_get(rules, i))->judge == NULL;
    return has;
}

/* An array of enum judgement, one for each rule of four eyes: not activated where nobody is known
 * to have done one of the two. */
static int add_eyes(const struct run *run, struct query *q, struct buf *out, struct err *ret_err)
{
    const json_t *list = json_object_get(run->arguments, "rules");
    struct buf event = {0}, resource = {0}, a = {0}, b = {0};
    int rc = source_logical(run->source, q, SOURCE_EVENT, &event, ret_err);
    if (rc == 0)
        rc = source_logical(run->source, q, SOURCE_RESOURCE, &resource, ret_err);
    for (size_t i = 0; rc == 0 && i < json_array_size(list); i++) {
        const json_t *item = json_array_get(list, i);
        if (kind_of(item)->judge != NULL)
            continue;
        buf_reset(&a);
        buf_reset(&b);
        add_resources(q, buf_text(&resource), buf_text(&event), json_get_string(item, "a", ""), &a);
        add_resources(q, buf_text(&resource), buf_text(&event), json_get_string(item, "b", ""), &b);
        buf_printf(out, "%smultiIf(empty(%s) OR empty(%s), %d, hasAny(%s, %s), %d, %d)",
                   out->len > 0 ? ", " : "[", buf_text(&a), buf_text(&b), NOT_ACTIVATED,
                   buf_text(&a), buf_text(&b), VIOLATED, SATISFIED);
    }
    buf_putc(out, ']');
    struct buf *all[] = {&event, &resource, &a, &b};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        buf_done(all[i]);
    return rc;
}

static int plan(struct run *run, int64_t ids, struct err *ret_err)
{
    struct query q;
    struct buf eyes = {0};
    query_init(&q);
    int rc = add_eyes(run, &q, &eyes, ret_err);
    if (rc == 0)
        rc = conformance_plan_sequences(run, &q, buf_text(&eyes), ids, ret_err);
    buf_done(&eyes);
    query_done(&q);
    return rc;
}

/* --- the check ------------------------------------------------------------------------------- */

static int init(struct conformance *c)
{
    const json_t *list = json_object_get(c->arguments, "rules");
    struct rules *rules = c->state = calloc(1, sizeof *rules);
    if (rules == NULL)
        return -1;
    rules->items = calloc(json_array_size(list), sizeof *rules->items);
    if (rules->items == NULL)
        return -1;
    size_t eyes = 0;
    for (; rules->count < json_array_size(list); rules->count++) {
        const json_t *item = json_array_get(list, rules->count);
        const char *b = json_get_string(item, "b", NULL);
        struct rule rule = {.kind = kind_of(item),
                            .item = item,
                            .a = conformance_code(c, json_get_string(item, "a", "")),
                            .b = b != NULL ? conformance_code(c, b) : no_activity,
                            .n = (size_t)json_get_integer(item, "n", 1)};
        if (rule.a == no_activity || (b != NULL && rule.b == no_activity))
            return -1;
        if (rule.kind->judge == NULL)
            rule.eyes = eyes++;
        rules->items[rules->count] = rule;
    }
    return 0;
}

static void done(struct conformance *c)
{
    struct rules *rules = c->state;
    free(rules->items);
    free(rules);
}

static struct seen look(const struct rule *rule, const struct conformance_group *g)
{
    struct seen s = {.len = g->len, .n = rule->n};
    for (size_t i = 0; i < g->len; i++) {
        if (g->trace[i] == rule->a) {
            s.first_a = s.first_a == 0 ? i + 1 : s.first_a;
            s.last_a = i + 1;
            s.count_a++;
            s.chained += i + 1 < g->len && g->trace[i + 1] == rule->b;
        }
        if (g->trace[i] == rule->b) {
            s.first_b = s.first_b == 0 ? i + 1 : s.first_b;
            s.last_b = i + 1;
            s.count_b++;
        }
    }
    s.begins = g->len > 0 && g->trace[0] == rule->a;
    s.ends = g->len > 0 && g->trace[g->len - 1] == rule->a;
    return s;
}

/* What a case costs is how many rules it breaks, its fitness the share of those it does not. */
static int check(struct conformance *c, const struct conformance_group *g,
                 struct verdict *ret_verdict)
{
    struct rules *rules = c->state;
    const json_t *eyes = json_array_get(g->row, GROUP_EXTRA);
    int64_t cost = 0;
    for (size_t i = 0; i < rules->count; i++) {
        struct rule *rule = &rules->items[i];
        enum judgement judgement;
        if (rule->kind->judge == NULL) {
            judgement = (enum judgement)json_at_integer(eyes, rule->eyes);
        } else {
            struct seen seen = look(rule, g);
            judgement = rule->kind->judge(&seen);
        }
        rule->activated += judgement != NOT_ACTIVATED ? g->cases : 0;
        rule->satisfied += judgement == SATISFIED ? g->cases : 0;
        if (judgement != VIOLATED)
            continue;
        cost++;
        if (deviations_note(c, DEVIATION_RULE, (uint32_t)i, 0, g) < 0)
            return -1;
    }
    *ret_verdict =
        (struct verdict){.cost = cost, .fitness = 1 - (double)cost / (double)rules->count};
    return 0;
}

/* --- words ----------------------------------------------------------------------------------- */

static void result(struct run *run, const struct conformance *c)
{
    const struct rules *rules = c->state;
    json_t *list = json_array();
    for (size_t i = 0; i < rules->count; i++) {
        const struct rule *rule = &rules->items[i];
        json_t *item =
            json_pack("{s:s, s:s}", "kind", rule->kind->name, "a", conformance_name(c, rule->a));
        if (rule->b != no_activity)
            json_object_set_new(item, "b", json_string(conformance_name(c, rule->b)));
        if (rule->kind->takes_n)
            json_object_set_new(item, "n", json_integer((json_int_t)rule->n));
        json_object_set_new(item, "activated", json_integer(rule->activated));
        json_object_set_new(item, "satisfied", json_integer(rule->satisfied));
        json_array_append_new(list, item);
        if (rule->activated == 0 && c->cases > 0)
            run_warn(run, "rules[%zu], %s, says nothing about any case: %s", i, rule->kind->name,
                     rule->kind->judge == NULL ? "none names a resource for both activities"
                                               : "none has such an activity");
    }
    json_object_set_new(run->result, "rules", list);
}

static const struct rule *rule_of(const struct conformance *c, const struct deviation *d)
{
    const struct rules *rules = c->state;
    return &rules->items[d->a];
}

static const char *activity(const struct conformance *c, const struct deviation *d)
{
    return conformance_name(c, rule_of(c, d)->a);
}

static void describe(const struct conformance *c, const struct deviation *d, json_t *item)
{
    const struct rule *rule = rule_of(c, d);
    json_object_set_new(item, "rule", json_string(rule->kind->name));
    if (rule->b != no_activity)
        json_object_set_new(item, "expected", json_string(conformance_name(c, rule->b)));
}

static void words(const struct conformance *c, const struct deviation *d,
                  char out[static CONFORMANCE_WORDS])
{
    const struct rule *rule = rule_of(c, d);
    char label[CONFORMANCE_LABEL];
    struct buf text = {0};
    for (const char *s = rule->n > 1 ? rule->kind->words_n : rule->kind->words; *s != '\0'; s++) {
        if (*s != '@')
            buf_putc(&text, *s);
        else if (*++s == 'n')
            buf_printf(&text, "%zu", rule->n);
        else
            buf_printf(&text, "'%s'", conformance_label(c, *s == 'a' ? rule->a : rule->b, label));
    }
    snprintf(out, CONFORMANCE_WORDS, "%s", buf_text(&text));
    buf_done(&text);
}

const struct conformance_model conformance_rules = {
    .argument = "rules",
    .validate = validate,
    .plan = plan,
    .needs_plan = needs_plan,
    .init = init,
    .check = check,
    .done = done,
    .activity = activity,
    .describe = describe,
    .words = words,
    .result = result,
    .max_events = ALIGN_MAX_TRACE,
    .has_variants = true,
};
