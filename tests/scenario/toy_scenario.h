/* Scenarios in a line, for tests: read against the toy models. */
#pragma once

#include <stdio.h>
#include <string.h>

#include "scenario/scenario.h"
#include "tests/scenario/toy_models.h"

#define TOY_XMLNS "xmlns=\"urn:vethsim:scenario:1\""
#define TOY_HEAD "<scenario version=\"1\" until=\"2s\" " TOY_XMLNS ">"
#define TOY_INCLUDE "<xi:include xmlns:xi=\"http://www.w3.org/2001/XInclude\" href="

/* A scenario file of 'body' that starts in its second line; newly allocated. */
static inline char *
toy_text(const char *body)
{
    return g_strdup_printf(TOY_HEAD "\n%s\n</scenario>\n", body);
}

/* The scenario with this body, which must be good. */
static inline VsScenario *
toy_parse_with(const char *body, const char *const *settings)
{
    g_autofree char *text = toy_text(body);
    g_autoptr(GError) error = NULL;
    VsScenario *scenario = vs_scenario_parse(text, strlen(text), "toy.xml",
                                             &toy_registry, settings, &error);

    if (!scenario) {
        printf("\n    %s", error->message);
    }
    return scenario;
}

static inline VsScenario *
toy_parse(const char *body)
{
    return toy_parse_with(body, NULL);
}

/* True if reading 'text' fails with exactly "toy.xml:" and 'message', with 'code'. */
static inline bool
toy_text_fails(const char *text, const char *const *settings, VsScenarioError code,
               const char *message)
{
    g_autofree char *whole = g_strconcat("toy.xml:", message, NULL);
    g_autoptr(GError) error = NULL;
    g_autoptr(VsScenario) scenario = vs_scenario_parse(text, strlen(text), "toy.xml",
                                                       &toy_registry, settings, &error);

    if (scenario) {
        printf("\n    reads well, but should say: %s", whole);
        return false;
    }
    if (strcmp(error->message, whole) != 0 || error->domain != VS_SCENARIO_ERROR ||
        error->code != (int)code) {
        printf("\n    %s (%d)\n    is not %s (%d)", error->message, error->code, whole,
               (int)code);
        return false;
    }
    return true;
}

/* The same for a body: 'message' starts with its line, from 2. */
static inline bool
toy_fails(const char *body, VsScenarioError code, const char *message)
{
    g_autofree char *text = toy_text(body);

    return toy_text_fails(text, NULL, code, message);
}
