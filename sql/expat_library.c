#include "expat_library.h"

#include "library.h"

static const char *const files[] = {"libexpat.so.1", "libexpat.1.dylib", NULL};

#define SYMBOL(member) LIBRARY_SYMBOL(expat_library, "XML_" #member, member)
static const struct library_symbol symbols[] = {
    SYMBOL(ParserCreate),
    SYMBOL(ParserReset),
    SYMBOL(ParserFree),
    SYMBOL(SetUserData),
    SYMBOL(SetElementHandler),
    SYMBOL(SetStartDoctypeDeclHandler),
    SYMBOL(Parse),
    SYMBOL(StopParser),
    SYMBOL(ResumeParser),
    SYMBOL(GetErrorCode),
    SYMBOL(ErrorString),
    SYMBOL(GetCurrentLineNumber),
    SYMBOL(GetCurrentByteIndex),
    SYMBOL(GetInputContext),
    {0},
};

const struct expat_library *expat_library_load(struct err *ret_err)
{
    static struct library library = {
        .files = files,
        .need = "XES needs, cannot be loaded: install the package libexpat1",
        .version = "2.4",
        .symbols = symbols,
    };
    static struct expat_library loaded;

    return library_load(&library, &loaded, ret_err) == 0 ? &loaded : NULL;
}
