#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "attribution.h"
#include "cell.h"
#include "json.h"
#include "nameless.h"
#include "text.h"

/* Lines of the text; the result has them all. */
enum { SHOWN = 20 };

static int by_credit(const void *a, const void *b)
{
    const struct channel *x = a, *y = b;
    if (x->credit < y->credit || x->credit > y->credit)
        return x->credit < y->credit ? 1 : -1;
    if (x->conversions != y->conversions)
        return x->conversions < y->conversions ? 1 : -1;
    if (x->touches != y->touches)
        return x->touches < y->touches ? 1 : -1;
    return strcmp(x->value, y->value);
}

static const char *label_of(const char *value)
{
    return value[0] != '\0' ? value : "(no value)";
}

static void add_channel(struct run *run, json_t *channels, const struct channel *c, double total)
{
    char touches[32], conversions[32], credit[32], share[32] = "";
    json_t *item = json_pack("{s:s, s:I, s:I, s:f}", "value", c->value, "touches", c->touches,
                             "conversions", c->conversions, "credit", c->credit);
    if (total > 0) {
        json_object_set_new(item, "share", json_real(c->credit / total));
        text_percent(share, sizeof share, c->credit / total);
    }
    json_array_append_new(channels, item);
    if (json_array_size(channels) <= SHOWN)
        text_row(&run->text,
                 (const char *const[]){
                     label_of(c->value), text_count(touches, sizeof touches, (double)c->touches),
                     text_count(conversions, sizeof conversions, (double)c->conversions),
                     text_number(credit, sizeof credit, c->credit), share},
                 5);
}

static void write_headline(struct run *run, const struct attribution_state *state)
{
    char total[48], touched[48], credit[32], share[32];
    const char *conversion =
        json_get_string(json_object_get(run->arguments, "conversion"), "event", "the conversion");
    const char *touch = json_get_string(json_object_get(run->arguments, "touch"), "event", "touch");
    const struct channel *top = &state->channels[0];
    if (state->total == 0) {
        if (!nameless_shape(run, conversion))
            buf_printf(&run->text, "No conversion (%.100s)%s in this period.\n", conversion,
                       nameless_restriction(run));
        return;
    }
    text_things(total, sizeof total, (double)state->total, "conversion");
    if (state->total == state->unattributed) {
        buf_printf(&run->text,
                   "None of the %s has a touch in the window before it; the period has %s.\n",
                   total, text_things(touched, sizeof touched, (double)state->touches, "touch"));
        if (!run_has_asked(run) || !nameless_warn(run, touch))
            run_warn(run, "no conversion has a touch in its window: is the touch what leads to it, "
                          "and do both name the same actor?");
        return;
    }
    double attributed = (double)(state->total - state->unattributed);
    buf_printf(&run->text,
               "'%.100s' gets most credit: %s of %s (%s) by the model %s; %s of them "
               "%s a touch in the window before.\n",
               label_of(top->value), text_number(credit, sizeof credit, top->credit), total,
               text_percent(share, sizeof share, top->credit / (double)state->total),
               json_get_string(run->arguments, "model", ""),
               text_count(touched, sizeof touched, attributed),
               text_verb(attributed, "has", "have"));
}

static void suggest(struct run *run, const struct attribution_state *state)
{
    const char *model = json_get_string(run->arguments, "model", "");
    const char *other = strcmp(model, "last") == 0    ? "first"
                        : strcmp(model, "first") == 0 ? "position"
                                                      : "last";
    if (state->total == state->unattributed)
        return;
    json_t *arguments = run_same_arguments(run);
    json_object_set_new(arguments, "model", json_string(other));
    run_suggest(run, "attribute_conversions", arguments,
                "whether another model gives the same picture");
    run_suggest(run, "list_actors",
                json_pack("{s:s, s:o, s:{s:s}}", "of", "attribute_conversions", "arguments",
                          run_same_arguments(run), "cell", "value", state->channels[0].value),
                "who converted with credit for it, with sessions to look at");
}

void attribution_shape(struct run *run, const struct attribution_state *state)
{
    qsort(state->channels, state->kept, sizeof *state->channels, by_credit);
    json_t *channels = json_array();
    double total = (double)state->total;
    write_headline(run, state);
    text_table(&run->text,
               (const char *const[]){"channel", "touches", "conversions", "credit", "share", NULL});
    for (size_t i = 0; i < state->kept; i++)
        add_channel(run, channels, &state->channels[i], total);
    if (state->has_other)
        add_channel(run, channels, &state->channels[state->kept], total);
    const struct channel none = {.value = cell_none,
                                 .conversions = state->unattributed,
                                 .credit = (double)state->unattributed};
    if (state->unattributed > 0)
        add_channel(run, channels, &none, total);
    text_more(&run->text, json_array_size(channels), SHOWN);
    json_object_set_new(run->result, "channels", channels);
    suggest(run, state);
}
