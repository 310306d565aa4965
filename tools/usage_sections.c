/* The sections of a usage report, and the names that they understand: of product telemetry, of
 * analytics libraries, and of OpenTelemetry in the browser. */
#include "usage.h"

const char *const usage_views[] = {"page_viewed", "page_view",   "pageview",    "$pageview",
                                   "Page View",   "Page Viewed", "screen_view", "documentLoad",
                                   "routeChange", NULL};
const char *const usage_interactions[] = {
    "click",    "dblclick",  "input",      "change",       "submit",           "keydown",
    "keypress", "mousedown", "touchstart", "$autocapture", "chart_interacted", "filter_changed",
    NULL};
const char *const usage_session_ends[] = {"session_ended", "session_end", NULL};
const char *const usage_pages[] = {"url",       "$current_url", "page_url", "page",
                                   "page_path", "$pathname",    "path",     NULL};

const char *const usage_agents[] = {"user_agent.original", "http.user_agent", "user_agent",
                                    "userAgent",           "$user_agent",     NULL};
const char *const usage_session_durations[] = {"durationMs", "duration_ms", NULL};
const char *const usage_session_pages[] = {"pagesViewed", "pages_viewed", "pages", NULL};
const char *const usage_session_interactions[] = {"interactions", "interaction_count", NULL};

#define NAMES(...)                                                                                 \
    (const char *const[])                                                                          \
    {                                                                                              \
        __VA_ARGS__, NULL                                                                          \
    }

const struct usage_section usage_of_events[USAGE_EVENT_SECTIONS] = {
    {"pages", usage_views, {{"value", usage_pages}}, USAGE_PAGE},
    {"routes", usage_views, {{"value", NAMES("route_pattern", "route")}}},
    {"features",
     NAMES("feature_viewed", "feature_used"),
     {{"value", NAMES("feature", "feature_id", "feature_name")}, {"surface", NAMES("surface")}}},
    {"filters",
     NAMES("filter_changed", "filter_applied"),
     {{"value", NAMES("filterKey", "filter_key", "filter")}, {"view", NAMES("view")}}},
    {"charts",
     NAMES("chart_interacted", "chart_viewed"),
     {{"value", NAMES("chart", "chart_type", "chart_name")},
      {"action", NAMES("action")},
      {"surface", NAMES("surface")}}},
    {"errors",
     NAMES("client_error", "error", "exception", "$exception", "js_error"),
     {{"value", NAMES("errorClass", "error_class", "exception.type", "error.type", "error.name",
                      "exception.message", "error.message")},
      {"boundary", NAMES("boundary")},
      {"route", NAMES("route_pattern", "route")}}},
};

/* User agents are told apart by the few words that have held for years; the order matters, for a
 * browser names those whose sites it wants to be let into. */
#define AGENT_BROWSER                                                                              \
    "multiIf(_agent = '', '', match(_agent, 'Edg(e|A|iOS)?/'), 'Edge', match(_agent, "             \
    "'OPR/|Opera'), 'Opera', match(_agent, 'SamsungBrowser/'), 'Samsung Internet', match(_agent, " \
    "'Firefox/|FxiOS/'), 'Firefox', match(_agent, 'Chrome/|CriOS/'), 'Chrome', match(_agent, "     \
    "'Version/.*Safari/'), 'Safari', 'other')"
#define AGENT_SYSTEM                                                                               \
    "multiIf(_agent = '', '', match(_agent, 'Windows'), 'Windows', match(_agent, 'Android'), "     \
    "'Android', match(_agent, 'iPhone|iPad|iPod'), 'iOS', match(_agent, 'Mac OS X'), 'macOS', "    \
    "match(_agent, 'CrOS'), 'ChromeOS', match(_agent, 'Linux'), 'Linux', 'other')"
#define AGENT_DEVICE                                                                               \
    "multiIf(_agent = '', '', match(_agent, 'iPad|Tablet|SM-T') OR (match(_agent, 'Android') AND " \
    "NOT match(_agent, 'Mobile')), 'tablet', match(_agent, 'Mobi'), 'mobile', 'desktop')"

const struct usage_section usage_of_visits[USAGE_VISIT_SECTIONS] = {
    {"entries", usage_views, {{"value", usage_pages}}, USAGE_PAGE},
    {"exits", usage_views, {{"value", usage_pages}}, USAGE_PAGE, .is_last = true},
    {"referrers",
     NULL,
     {{"value", NAMES("referrer", "referer", "$referrer", "http.referrer", "http.referer",
                      "document.referrer", "utm_source")}},
     USAGE_HOST},
    {"browsers",
     NULL,
     {{"value", NAMES("browser.name", "browser", "$browser", "user_agent.name", "browser_name")}},
     .from_agent = AGENT_BROWSER},
    {"systems",
     NULL,
     {{"value", NAMES("os.name", "os", "$os", "user_agent.os.name", "os_name")}},
     .from_agent = AGENT_SYSTEM},
    {"devices",
     NULL,
     {{"value", NAMES("device.type", "device", "$device_type", "device_type", "deviceType")}},
     .from_agent = AGENT_DEVICE},
    {"countries",
     NULL,
     {{"value", NAMES("geo.country", "country", "geo.country_name", "geo.country.iso_code",
                      "$geoip_country_name", "country_code", "country_name")}}},
};
