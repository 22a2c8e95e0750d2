/* An element of a scenario: what the file says of one thing, checked and immutable.
 *
 * Elements belong to their scenario and live as long as it.  Templates (count="3") are
 * already unfolded: each member is an element of its own. */
#pragma once

#include <glib.h>
#include <stdbool.h>

#include "model/param.h"

typedef struct VsModel VsModel;

struct VsElement {
    const VsModel *model;
    const char *id;   /* Unique in the scenario; NULL where the model takes no id. */
    const char *file; /* For messages: as given by the user. */
    int line;
    unsigned index;     /* Place in document order, from 0: entity ids follow it. */
    unsigned member;    /* Place among the members of its template, from 0. */
    unsigned n_members; /* 1 without count="". */
    const VsElement *parent; /* NULL at the top level. */
    unsigned n_children;
    const VsElement **children; /* In document order. */
    void *config;               /* The model's configuration struct, filled. */
    VsParamSet given;           /* Parameters of the model that the file gave. */
};

/* True when the file gave the attribute 'name' (a parameter of the element's model). */
bool vs_element_has(const VsElement *element, const char *name);

/* Its id, after its parent's where siblings alone are told apart by it: "n1", "shop-1/web".
 * An element without id is named by its model and line: "record:12".  Newly allocated. */
char *vs_element_name(const VsElement *element);

/* "node \"n1\"", or "record" for an element without id: for messages.  Newly allocated. */
char *vs_element_describe(const VsElement *element);

/* Where the file that an attribute names is: 'file' itself if absolute, else in the folder
 * of the file that the element is in (the working folder for one from standard input).
 * Newly allocated. */
char *vs_element_path(const VsElement *element, const char *file);

/* Errors that a scenario's author can cause. */
#define VS_SCENARIO_ERROR (vs_scenario_error_quark())
GQuark vs_scenario_error_quark(void);

typedef enum VsScenarioError {
    VS_SCENARIO_ERROR_IO,      /* The file cannot be read. */
    VS_SCENARIO_ERROR_SYNTAX,  /* It is not well-formed XML, or uses what we refuse. */
    VS_SCENARIO_ERROR_ELEMENT, /* An element that is unknown or in the wrong place. */
    VS_SCENARIO_ERROR_ATTRIBUTE, /* An attribute that is unknown, missing or repeated. */
    VS_SCENARIO_ERROR_VALUE,     /* A value of the wrong shape or out of range. */
    VS_SCENARIO_ERROR_REFERENCE, /* An id that nothing has, or of the wrong kind. */
    VS_SCENARIO_ERROR_CONFLICT,  /* Two things that cannot both be true. */
    VS_SCENARIO_ERROR_NO_EFFECT, /* A setting that cannot act. */
} VsScenarioError;

/* Sets 'error' to "file:line: " of the element followed by the formatted message. */
void vs_set_error_at(GError **error, const VsElement *element, VsScenarioError code,
                     const char *format, ...) G_GNUC_PRINTF(4, 5);

/* The same where there is no element yet. */
void vs_set_error_at_line(GError **error, const char *file, int line,
                          VsScenarioError code, const char *format, ...)
    G_GNUC_PRINTF(5, 6);
