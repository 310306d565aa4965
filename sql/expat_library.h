#pragma once
/* libexpat, loaded when the first XES file is read (docs/decisions/xes.md). Nothing links it. */
#include <expat.h>

#include "err.h"

struct expat_library {
    __typeof__(XML_ParserCreate) *ParserCreate;
    __typeof__(XML_ParserReset) *ParserReset;
    __typeof__(XML_ParserFree) *ParserFree;
    __typeof__(XML_SetUserData) *SetUserData;
    __typeof__(XML_SetElementHandler) *SetElementHandler;
    __typeof__(XML_SetStartDoctypeDeclHandler) *SetStartDoctypeDeclHandler;
    __typeof__(XML_Parse) *Parse;
    __typeof__(XML_StopParser) *StopParser;
    __typeof__(XML_ResumeParser) *ResumeParser;
    __typeof__(XML_GetErrorCode) *GetErrorCode;
    __typeof__(XML_ErrorString) *ErrorString;
    __typeof__(XML_GetCurrentLineNumber) *GetCurrentLineNumber;
    __typeof__(XML_GetCurrentByteIndex) *GetCurrentByteIndex;
    __typeof__(XML_GetInputContext) *GetInputContext;
};

/* Loads the library at the first call and keeps it for the life of the process. NULL with
 * ERR_UNAVAILABLE when it is missing or lacks a function. Loop thread only. */
const struct expat_library *expat_library_load(struct err *ret_err);
