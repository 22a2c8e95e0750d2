/* What models that serve TLS share. */
#pragma once

#include "model/model.h"
#include "transport/tls.h"

typedef struct VsTlsParams {
    VsChoice version; /* Of vs_tls_choices. */
    uint64_t certificate_bytes;
    bool is_early;
} VsTlsParams;

/* "none", "1.2", "1.3"; of clients, those from "1.2" on. */
extern const char *const vs_tls_choices[];
extern const char *const vs_tls_client_choices[];

/* The version of a choice of vs_tls_choices. */
VsTlsVersion vs_tls_version(VsChoice choice);

/* Rows for the member 'm' (a VsTlsParams) of a model's configuration. */
#define VS_TLS_PARAM_ROWS(Config, m)                                                  \
    VS_PARAM_CHOICE(Config, m.version, "tls", .def = "none",                          \
                    .choices = vs_tls_choices,                                        \
                    .doc = "Highest version of TLS served at the port; none: HTTP."), \
        VS_PARAM_SIZE(Config, m.certificate_bytes, "tls-certificate", .def = "3KiB",  \
                      .min = "200B", .max = "64KiB",                                  \
                      .doc = "The certificate chain, as sent: 1.5 to 4 KiB."),        \
        VS_PARAM_BOOL(Config, m.is_early, "tls-early-data", .def = "no",              \
                      .doc = "yes: takes early data (0-RTT) of resumed sessions.")

/* Fails where attributes have no effect without TLS. */
bool vs_tls_params_check(const VsTlsParams *params, const VsElement *element,
                         GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* The configuration of a server; version NONE: it speaks none. */
VsTlsConfig vs_tls_params_config(const VsTlsParams *params);
